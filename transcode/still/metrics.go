package still

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	made    *prometheus.CounterVec
	seconds prometheus.Histogram
	bytes   prometheus.Gauge
}

// What became of a picture that was asked for.
const (
	encoded = "encoded"
	cached  = "cached" // or shared with somebody who had asked already
	failed  = "failed"
	refused = "refused" // too many waited
)

// newMetrics panics where r has metrics of these names already.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		made: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_stills_total", Help: "Posters, thumbnails and sheets of them that were asked for.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_still_encoding_seconds", Help: "How long making a poster, a thumbnail or a sheet took.",
			Buckets: []float64{.05, .1, .2, .5, 1, 2, 5, 20},
		}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_stills_bytes", Help: "Bytes of the stills that are kept.",
		}),
	}
	for _, result := range [...]string{encoded, cached, failed, refused} {
		m.made.WithLabelValues(result)
	}
	if r != nil {
		r.MustRegister(m.made, m.seconds, m.bytes)
	}
	return m
}
