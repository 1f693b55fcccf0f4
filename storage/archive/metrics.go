package archive

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	segments, bytes, lost, failures, cut prometheus.Counter
	pending                              prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_archive_" + name, Help: help})
	}
	m := &metrics{
		segments: counter("segments_total", "Segments that were stored."),
		bytes:    counter("bytes_total", "Bytes of the segments that were stored."),
		lost:     counter("lost_segments_total", "Segments that were lost, since storage was slow, full or gone for too long."),
		failures: counter("failures_total", "Operations of the storage that failed."),
		cut:      counter("cut_segments_total", "Numbers of segments by which windows were cut short, since storage was full."),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_archive_pending_bytes", Help: "Bytes of whole segments that aren't stored yet.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.segments, m.bytes, m.lost, m.failures, m.cut, m.pending)
	}
	return m
}
