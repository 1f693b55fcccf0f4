package slate

import "github.com/prometheus/client_golang/prometheus"

// metrics are those of all slates.
type metrics struct {
	made    *prometheus.CounterVec
	seconds prometheus.Histogram
	bytes   prometheus.Gauge
	playing prometheus.Gauge
}

// How a loop came about.
const (
	encoded = "encoded"
	cached  = "cached"
	failed  = "failed"
)

// newMetrics panics where r has metrics of these names already.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		made: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_slate_loops_total", Help: "Loops of slates, one for each set of a track's parameters.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_slate_encoding_seconds", Help: "How long encoding a loop of a slate took.",
			Buckets: []float64{.5, 1, 2, 5, 10, 20, 60, 180, 600},
		}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_slate_bytes", Help: "Bytes of slates in memory.",
		}),
		playing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_slate_playing", Help: "Slates that are on air.",
		}),
	}
	for _, result := range [...]string{encoded, cached, failed} {
		m.made.WithLabelValues(result)
	}
	if r != nil {
		r.MustRegister(m.made, m.seconds, m.bytes, m.playing)
	}
	return m
}
