package ingest

import "github.com/prometheus/client_golang/prometheus"

// counters are what the server measures of itself.
type counters struct {
	sessions      prometheus.Gauge
	publishing    prometheus.Gauge
	in, out       prometheus.Counter
	video         prometheus.Counter
	audio         prometheus.Counter
	events        prometheus.Counter
	repaired      prometheus.Counter
	epochs        prometheus.Counter
	takeovers     prometheus.Counter
	jumps         prometheus.Counter
	players       prometheus.Gauge
	played        prometheus.Counter
	skips         prometheus.Counter
	watched       *prometheus.CounterVec // by reason
	dropped       *prometheus.CounterVec // by reason
	eventsDropped *prometheus.CounterVec // by reason
	ends          *prometheus.CounterVec // by reason
	refused       *prometheus.CounterVec // by reason
}

// Why a sample isn't handed on: values of a label.
const (
	dropNoConfig  = "no-config"     // before its track's configuration
	dropMalformed = "malformed"     // its NAL units don't fit their lengths, or it is no tag
	dropEmpty     = "empty"         // nothing in it
	dropClock     = "clock"         // it has no place in time
	dropTrack     = "track"         // of a track too many, or beside the first in a codec that isn't served
	dropWaiting   = "awaiting-sync" // of new tracks, before a decoder can start
	dropDamage    = "damage"        // it may refer to a picture that was malformed
)

// Why timed metadata isn't handed on: values of a label.
const (
	dropEventSize = "size" // it is too long
	dropEventRate = "rate" // there is more than may come
	dropEventTime = "time" // it has no place in time
)

// newCounters panics where r has metrics of these names already.
func newCounters(r prometheus.Registerer) *counters {
	c := &counters{
		sessions:      gauge("sluice_sessions", "Connections of publishers, those that neither publish nor play yet included."),
		publishing:    gauge("sluice_sessions_publishing", "Sessions that publish."),
		in:            counter("sluice_ingest_bytes_in_total", "Bytes read from publishers, TLS included."),
		out:           counter("sluice_ingest_bytes_out_total", "Bytes written to publishers, TLS included."),
		repaired:      counter("sluice_ingest_timestamps_repaired_total", "Timestamps that were repeated, went back, or left the count of audio."),
		events:        counter("sluice_ingest_events_total", "Timed metadata handed on."),
		epochs:        counter("sluice_ingest_epochs_total", "Epochs begun."),
		jumps:         counter("sluice_ingest_clock_jumps_total", "Epochs that ended because the publisher's clock jumped."),
		takeovers:     counter("sluice_ingest_takeovers_total", "Silent sessions that gave way to another of their stream."),
		players:       gauge("sluice_rtmp_players", "Connections that play."),
		played:        counter("sluice_rtmp_played_bytes_total", "Bytes written to players while they play, TLS included."),
		skips:         counter("sluice_rtmp_player_skips_total", "Jumps to the newest keyframe because a player was behind."),
		watched:       counterVec("sluice_rtmp_players_ended_total", "Connections that had played, by how that ended.", "reason"),
		dropped:       counterVec("sluice_ingest_samples_dropped_total", "Samples that were not handed on.", "reason"),
		eventsDropped: counterVec("sluice_ingest_events_dropped_total", "Timed metadata that was not handed on.", "reason"),
		ends:          counterVec("sluice_ingest_sessions_ended_total", "Sessions that had published, by how they ended.", "reason"),
		refused:       counterVec("sluice_ingest_refused_total", "Connections that never came to publish or play, by reason.", "reason"),
	}
	samples := counterVec("sluice_ingest_samples_total", "Samples handed on.", "kind")
	c.video, c.audio = samples.WithLabelValues("video"), samples.WithLabelValues("audio")
	if r != nil {
		r.MustRegister(c.sessions, c.publishing, c.in, c.out, samples, c.events, c.eventsDropped, c.repaired, c.epochs,
			c.jumps, c.takeovers, c.players, c.played, c.skips, c.watched, c.dropped, c.ends, c.refused)
	}
	return c
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counterVec(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}
