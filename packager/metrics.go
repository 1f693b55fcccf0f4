package packager

import "github.com/prometheus/client_golang/prometheus"

// Reasons for dropping a sample, or an event.
const (
	dropBeforeKeyframe = "before-keyframe" // nothing can be decoded yet
	dropBeforePicture  = "before-picture"  // sound before the epoch's first picture
	dropLate           = "late"            // its segment is closed
	dropAbsent         = "absent-track"    // the epoch was made without the track
	dropChanged        = "changed-track"   // the epoch has the rung with another
	dropMalformed      = "malformed"
	dropUnreached      = "unreached" // an event of a time that never came
	dropFull           = "full"      // too many events wait for their time
	dropUnknown        = "unknown"   // an event of a scheme that can't be told
)

type metrics struct {
	latency  prometheus.Histogram
	rungs    *prometheus.HistogramVec
	parts    *prometheus.CounterVec
	segments *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	repaired prometheus.Counter
	told     prometheus.Counter
	events   *prometheus.CounterVec
}

// newMetrics panics where r has metrics of these names already.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sluice_part_latency_seconds",
			Help:    "From the arrival of a part's last byte to its publication.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, 1},
		}),
		rungs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sluice_rung_part_latency_seconds",
			Help:    "From the arrival of the last byte that a rung's part was made from to its publication.",
			Buckets: []float64{.01, .02, .05, .075, .1, .15, .2, .3, .4, .6, 1, 2, 5},
		}, []string{"rung"}),
		parts:    counters("sluice_parts_total", "Parts published.", "kind"),
		segments: counters("sluice_segments_total", "Segments closed, gaps included.", "kind"),
		bytes:    counters("sluice_part_bytes_total", "Bytes of published parts.", "kind"),
		dropped:  counters("sluice_samples_dropped_total", "Samples that were not published.", "reason"),
		told: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_events_total", Help: "Timed metadata that was published in the leading rendition.",
		}),
		events: counters("sluice_events_dropped_total", "Timed metadata that was not published.", "reason"),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_samples_repaired_total", Help: "Samples whose timing had to be repaired.",
		}),
	}
	if r != nil {
		r.MustRegister(m.latency, m.rungs, m.parts, m.segments, m.bytes, m.dropped, m.repaired, m.told, m.events)
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
	told                   prometheus.Counter
}

// ofRung are those of a rung, whose latency is counted by itself.
func (m *metrics) ofRung(kind, name string) laneMetrics {
	l := m.of(kind)
	l.latency = m.rungs.WithLabelValues(name)
	return l
}

func (m *metrics) of(kind string) laneMetrics {
	return laneMetrics{
		latency: m.latency, told: m.told, parts: m.parts.WithLabelValues(kind),
		segments: m.segments.WithLabelValues(kind), bytes: m.bytes.WithLabelValues(kind),
	}
}
