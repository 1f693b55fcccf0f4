package transcode

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// metrics are those of all ladders. Streams are labels: there are as many as are
// configured.
type metrics struct {
	in, lost, restarts        *prometheus.CounterVec
	out, unknown, sheds       *prometheus.CounterVec
	lag                       *prometheus.HistogramVec
	fps, speed                *prometheus.GaugeVec
	framesDropped, duplicated *prometheus.GaugeVec
	capacity, booked          prometheus.Gauge
	encoders, rungs           *prometheus.GaugeVec
}

// newMetrics panics where r has metrics of these names already.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		in:       counters("sluice_ladder_frames_in_total", "Source frames taken for the ladder.", "stream"),
		lost:     counters("sluice_ladder_frames_lost_total", "Source frames that the ladder left out: too much was waiting.", "stream"),
		restarts: counters("sluice_ladder_restarts_total", "Failures of a ladder's process.", "stream", "reason"),
		out:      counters("sluice_rung_frames_out_total", "Frames of rungs handed on.", "stream", "rung"),
		unknown:  counters("sluice_rung_frames_unknown_total", "Frames of rungs whose time is no source frame's.", "stream", "rung"),
		sheds:    counters("sluice_rung_sheds_total", "Times that a rung was dropped.", "stream", "rung", "reason"),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sluice_rung_lag_seconds",
			Help:    "From the arrival of a source frame to the rung's frame made from it.",
			Buckets: []float64{.005, .01, .02, .05, .1, .2, .4, .8, 1.6, 5},
		}, []string{"stream", "rung"}),
		fps:           gauges("sluice_ladder_ffmpeg_fps", "Frames a second, as ffmpeg says.", "stream"),
		speed:         gauges("sluice_ladder_ffmpeg_speed", "Media seconds a second since its start, as ffmpeg says.", "stream"),
		framesDropped: gauges("sluice_ladder_ffmpeg_dropped_frames", "Frames that the present ffmpeg dropped.", "stream"),
		duplicated:    gauges("sluice_ladder_ffmpeg_duplicated_frames", "Frames that the present ffmpeg repeated.", "stream"),
		capacity: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_ladder_capacity_cpus", Help: "CPU-seconds a second that all ladders may take.",
		}),
		booked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_ladder_booked_cpus", Help: "CPU-seconds a second that the ladders are expected to take.",
		}),
		rungs: gauges("sluice_ladder_auto_rungs",
			"Rungs that an automatic ladder would add to a source of that kind if nothing else ran.", "source"),
		encoders: gauges("sluice_ladder_encoders", "Encoders in use: 1 for each codec's.", "codec", "encoder"),
	}
	if r != nil {
		r.MustRegister(m.in, m.lost, m.restarts, m.out, m.unknown, m.sheds, m.lag, m.fps, m.speed,
			m.framesDropped, m.duplicated, m.capacity, m.booked, m.encoders, m.rungs)
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// engineMetrics are those of one stream, looked up once.
type engineMetrics struct {
	in, lost                        prometheus.Counter
	restarts                        *prometheus.CounterVec // by reason
	fps, speed, dropped, duplicated prometheus.Gauge
}

func (m *metrics) ofStream(stream string) engineMetrics {
	return engineMetrics{
		in: m.in.WithLabelValues(stream), lost: m.lost.WithLabelValues(stream),
		restarts: m.restarts.MustCurryWith(prometheus.Labels{"stream": stream}),
		fps:      m.fps.WithLabelValues(stream), speed: m.speed.WithLabelValues(stream),
		dropped: m.framesDropped.WithLabelValues(stream), duplicated: m.duplicated.WithLabelValues(stream),
	}
}

// restart counts a failure.
func (m *engineMetrics) restart(err error) {
	reason := "error"
	var exit *ffmpeg.ExitError
	switch {
	case errors.Is(err, errHang):
		reason = "hang"
	case errors.As(err, &exit), errors.Is(err, errEarly):
		reason = "exit"
	}
	m.restarts.WithLabelValues(reason).Inc()
}

// report takes over what a process says of itself.
func (m *engineMetrics) report(p ffmpeg.Progress) {
	if p.At.IsZero() {
		return
	}
	m.fps.Set(p.FPS)
	m.speed.Set(p.Speed)
	m.dropped.Set(float64(p.Dropped))
	m.duplicated.Set(float64(p.Duplicated))
}

// Reasons for dropping a rung.
const (
	shedOverload = "overload" // it fell behind
	shedCapacity = "capacity" // there was no room for it from the start
)

// outletMetrics are those of one rung, looked up once.
type outletMetrics struct {
	out, unknown, sheds prometheus.Counter
	lag                 prometheus.Observer
}

func (m *metrics) ofRung(stream string, o rung.Output) outletMetrics {
	return outletMetrics{
		out: m.out.WithLabelValues(stream, o.Name), unknown: m.unknown.WithLabelValues(stream, o.Name),
		sheds: m.sheds.WithLabelValues(stream, o.Name, shedOverload), lag: m.lag.WithLabelValues(stream, o.Name),
	}
}

// soundMetrics are those of sound that is made, which is a rung too.
type soundMetrics struct {
	lost, out prometheus.Counter
	lag       prometheus.Observer
}

func (m *metrics) ofSound(stream string) soundMetrics {
	return soundMetrics{
		lost: m.lost.WithLabelValues(stream), out: m.out.WithLabelValues(stream, soundName),
		lag: m.lag.WithLabelValues(stream, soundName),
	}
}
