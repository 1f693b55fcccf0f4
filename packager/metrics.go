package packager

import "github.com/prometheus/client_golang/prometheus"

// Reasons for dropping a sample.
const (
	dropBeforeKeyframe = "before-keyframe" // nothing can be decoded yet
	dropBeforePicture  = "before-picture"  // sound before the epoch's first picture
	dropLate           = "late"            // its segment is closed
	dropAbsent         = "absent-track"    // the epoch was made without the track
	dropMalformed      = "malformed"
)

type metrics struct {
	latency  prometheus.Histogram
	parts    *prometheus.CounterVec
	segments *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	repaired prometheus.Counter
}

// newMetrics panics where r has metrics of these names already.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sluice_part_latency_seconds",
			Help:    "From the arrival of a part's last byte to its publication.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, 1},
		}),
		parts:    counters("sluice_parts_total", "Parts published.", "kind"),
		segments: counters("sluice_segments_total", "Segments closed, gaps included.", "kind"),
		bytes:    counters("sluice_part_bytes_total", "Bytes of published parts.", "kind"),
		dropped:  counters("sluice_samples_dropped_total", "Samples that were not published.", "reason"),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_samples_repaired_total", Help: "Samples whose timing had to be repaired.",
		}),
	}
	if r != nil {
		r.MustRegister(m.latency, m.parts, m.segments, m.bytes, m.dropped, m.repaired)
	}
	return m
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

// laneMetrics are those of one kind of track, looked up once.
type laneMetrics struct {
	latency                prometheus.Observer
	parts, segments, bytes prometheus.Counter
}

func (m *metrics) of(kind string) laneMetrics {
	return laneMetrics{
		latency: m.latency, parts: m.parts.WithLabelValues(kind),
		segments: m.segments.WithLabelValues(kind), bytes: m.bytes.WithLabelValues(kind),
	}
}
