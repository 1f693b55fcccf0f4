package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// collector tells of each session that publishes when it is asked: a stream that
// ends leaves nothing behind.
type collector struct{ server *Server }

// publisherMetric is a figure of a session; ok is false where it isn't known.
type publisherMetric struct {
	desc  *prometheus.Desc
	value func(Status) (v float64, ok bool)
}

func publisherGauge(name, help string, value func(Status) (float64, bool)) publisherMetric {
	return publisherMetric{prometheus.NewDesc("sluice_publisher_"+name, help, []string{"stream", "input"}, nil), value}
}

var publisherMetrics = []publisherMetric{
	publisherGauge("bits_per_second", "Media that came in the last seconds.",
		func(s Status) (float64, bool) { return s.Bitrate, true }),
	publisherGauge("bits_per_second_minute", "Media that came in the last minute.",
		func(s Status) (float64, bool) { return s.BitrateMinute, true }),
	publisherGauge("speed_ratio", "Seconds of media that come in a second.",
		func(s Status) (float64, bool) { return s.Speed, s.Speed > 0 }),
	publisherGauge("frames_per_second", "Pictures that come in a second of media.",
		func(s Status) (float64, bool) { return ofVideo(s).fps, s.Video != nil }),
	publisherGauge("declared_frames_per_second", "Pictures a second that the encoder has announced.",
		func(s Status) (float64, bool) { return ofVideo(s).declared, ofVideo(s).declared > 0 }),
	publisherGauge("b_frames", "B-frames in a row, the most.",
		func(s Status) (float64, bool) { return ofVideo(s).bFrames, s.Video != nil }),
	publisherGauge("keyframe_interval_seconds", "Between the newest two keyframes.",
		func(s Status) (float64, bool) { return ofVideo(s).keyframes, s.Video != nil }),
	publisherGauge("sound_ahead_seconds", "By how much sound comes before the picture of the same time.",
		func(s Status) (float64, bool) { return s.Offset.Seconds(), s.OffsetKnown }),
	publisherGauge("clock_drift_ppm", "By how much the encoder's clock is faster than the server's.",
		func(s Status) (float64, bool) { return s.Drift, s.DriftKnown }),
	publisherGauge("timestamps_repaired", "Timestamps that were repaired in this session.",
		func(s Status) (float64, bool) { return float64(s.Repaired), true }),
	publisherGauge("samples_dropped", "Samples of this session that were not handed on.",
		func(s Status) (float64, bool) { return float64(total(s.Dropped)), true }),
	publisherGauge("round_trip_seconds", "The kernel's estimate for the connection.",
		func(s Status) (float64, bool) { return s.RTT.Seconds(), s.RTT > 0 }),
	publisherGauge("receive_queue_bytes", "Bytes that have come and aren't read yet.",
		func(s Status) (float64, bool) { return float64(s.Queue), s.RTT > 0 }),
	publisherGauge("idle_seconds", "Since bytes last came.",
		func(s Status) (float64, bool) { return s.Idle.Seconds(), true }),
}

// publisherTrack tells what a session's tracks are; its value is 1.
var publisherTrack = prometheus.NewDesc("sluice_publisher_track_info", "What a track of the session is.",
	[]string{"stream", "input", "kind", "codec", "profile", "size"}, nil)

// tracksOf are the values of publisherTrack's last labels.
func tracksOf(s Status) (all [][]string) {
	if v := s.Video; v != nil {
		all = append(all, []string{"video", v.Codec, v.Profile, fmt.Sprintf("%dx%d", v.Width, v.Height)})
	}
	if a := s.Audio; a != nil {
		all = append(all, []string{"audio", a.Codec, "", ""})
	}
	return all
}

// ofVideo are the figures of a picture; zero where there is none.
func ofVideo(s Status) (v struct{ fps, declared, keyframes, bFrames float64 }) {
	if p := s.Video; p != nil {
		v.fps, v.declared, v.keyframes, v.bFrames = p.FPS, p.DeclaredFPS, p.Keyframes.Seconds(), float64(p.BFrames)
	}
	return v
}

func total(dropped map[string]uint64) (n uint64) {
	for _, d := range dropped {
		n += d
	}
	return n
}

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range publisherMetrics {
		out <- m.desc
	}
	out <- publisherTrack
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.server.Statuses() {
		input := "primary"
		if s.Backup {
			input = "backup"
		}
		for _, m := range publisherMetrics {
			if v, ok := m.value(s); ok {
				out <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, v, s.Stream, input)
			}
		}
		for _, track := range tracksOf(s) {
			labels := append([]string{s.Stream, input}, track...)
			out <- prometheus.MustNewConstMetric(publisherTrack, prometheus.GaugeValue, 1, labels...)
		}
	}
}
