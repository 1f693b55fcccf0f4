package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/vitals"
)

func TestWhatIsNotKnownIsNull(t *testing.T) {
	p := describe(ingest.Status{Stream: "live"})
	require.Nil(t, p.Video)
	require.Nil(t, p.Audio)
	require.Nil(t, p.Speed)
	require.Nil(t, p.SoundAheadMS)
	require.Nil(t, p.DriftPPM)
	require.Nil(t, p.RoundTripMS)
	require.Nil(t, p.ReceiveQueue)
	require.NotNil(t, p.Dropped)
}

func TestFiguresOfAPublisher(t *testing.T) {
	p := describe(ingest.Status{
		Session: 3, Over: "rtmps", Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)), Idle: 40 * time.Millisecond,
		Vitals: vitals.Vitals{
			Bitrate: 4.5e6, Speed: 0.998, Offset: -21 * time.Millisecond, OffsetKnown: true, DriftKnown: true,
			Video: &vitals.Video{FPS: 29.97003, Keyframes: 2 * time.Second, KeyframesMost: 2500 * time.Millisecond, BFrames: 2},
			Audio: &vitals.Audio{SampleRate: 48000, Channels: 2},
		},
		Line: ingest.Line{RTT: 12345 * time.Microsecond, Queue: 0},
	})
	require.Equal(t, "2026-03-01T11:00:00Z", p.Since)
	require.Equal(t, int64(40), p.IdleMS)
	require.Equal(t, int64(4_500_000), p.Bitrate)
	require.Equal(t, 1.0, *p.Speed)
	require.Equal(t, -21.0, *p.SoundAheadMS)
	require.Zero(t, *p.DriftPPM)
	require.Equal(t, 29.97, p.Video.FPS)
	require.Equal(t, 2000.0, *p.Video.KeyframesMS)
	require.Equal(t, 2500.0, *p.Video.KeyframesMaxMS)
	require.Equal(t, 12.3, *p.RoundTripMS)
	require.Zero(t, *p.ReceiveQueue)
}
