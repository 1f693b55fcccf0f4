package gateway

import (
	"math"
	"time"

	"sluice/ingest"
	"sluice/web"
)

// publisher is what the API tells of the session that publishes a stream, or is its backup.
func (g *Gateway) publisher(stream string, backup bool) *web.Publisher {
	s, ok := g.ingest.Status(stream, backup)
	if !ok {
		return nil
	}
	return describe(s)
}

func describe(s ingest.Status) *web.Publisher {
	p := &web.Publisher{
		Session: s.Session, Protocol: s.Over, Encoder: s.Encoder,
		Since: s.Since.UTC().Format(time.RFC3339), IdleMS: s.Idle.Milliseconds(),
		Bitrate: bits(s.Bitrate), BitrateMinute: bits(s.BitrateMinute),
		Speed:        known(s.Speed > 0, hundredth(s.Speed)),
		SoundAheadMS: known(s.OffsetKnown, millis(s.Offset)),
		DriftPPM:     known(s.DriftKnown, math.Round(s.Drift)),
		Epochs:       s.Epochs, Repaired: s.Repaired, Dropped: s.Dropped, Stops: s.Stops,
		RoundTripMS: known(s.RTT > 0, millis(s.RTT)), ReceiveQueue: known(s.RTT > 0, s.Queue),
	}
	if p.Dropped == nil {
		p.Dropped = map[string]uint64{}
	}
	if v := s.Video; v != nil {
		seen := v.Keyframes > 0
		p.Video = &web.PublisherVideo{
			Codec: v.Codec, Profile: v.Profile, Width: v.Width, Height: v.Height,
			FPS: hundredth(v.FPS), DeclaredFPS: hundredth(v.DeclaredFPS), Bitrate: bits(v.Bitrate),
			KeyframesMS: known(seen, millis(v.Keyframes)), KeyframesMaxMS: known(seen, millis(v.KeyframesMost)),
			BFrames: v.BFrames,
		}
	}
	if a := s.Audio; a != nil {
		p.Audio = &web.PublisherAudio{Codec: a.Codec, SampleRate: a.SampleRate, Channels: a.Channels, Bitrate: bits(a.Bitrate)}
	}
	return p
}

// known returns v, or nil where it isn't known.
func known[T any](ok bool, v T) *T {
	if !ok {
		return nil
	}
	return &v
}

func bits(rate float64) int64 { return int64(math.Round(rate)) }

func hundredth(v float64) float64 { return math.Round(v*100) / 100 }

// millis rounds to tenths.
func millis(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Millisecond)*10) / 10 }
