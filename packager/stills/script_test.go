package stills_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/stills"
	"sluice/packager/timeline"
)

var clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// script builds a timeline of pictures, and of sound where it's told to.
type script struct {
	tb    testing.TB
	t     *timeline.Timeline
	at    media.Ticks
	now   time.Time
	codec *media.H264
	key   int // of the parts that come: Part.Key
	// length is that of the segments that come.
	length media.Ticks
}

func newScript(tb testing.TB) *script {
	return &script{
		tb: tb, t: timeline.New(timeline.Numbers{}), now: clock, key: 100, length: 180_000,
		codec: &media.H264{SPS: []byte{0x67}, PPS: []byte{0x68}, Width: 1920, Height: 1080, SARWidth: 1, SARHeight: 1},
	}
}

func (s *script) apply(e timeline.Entry) {
	s.tb.Helper()
	next, err := timeline.Apply(s.t, e)
	require.NoError(s.tb, err, "%T", e)
	s.t = next
}

func (s *script) start(window time.Duration) {
	s.tb.Helper()
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: s.codec}
	epoch := s.t.Next.Epoch
	s.apply(timeline.EpochStarted{Epoch: epoch, At: s.now, Window: window, Tracks: []timeline.RenditionTrack{{Rendition: timeline.Source, Track: track}}})
	s.apply(timeline.InitWritten{Epoch: epoch, InitEpoch: epoch, Rendition: timeline.Source, Data: []byte("init")})
	if s.t.Targets.Segment == 0 {
		s.apply(timeline.TargetsFixed{Targets: timeline.Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond}})
	}
	s.at = media.TicksOf(timeline.Origin, media.VideoClock)
}

// part opens a segment, which shut closes.
func (s *script) part() {
	s.tb.Helper()
	s.apply(timeline.PartWritten{Epoch: s.t.Current().Number, Rendition: timeline.Source, MSN: s.t.Next.MSN, Part: timeline.Part{
		Start: s.at, Duration: s.length, Samples: 60, Independent: true, Key: s.key, Time: s.now, Data: make([]byte, 200),
	}})
}

func (s *script) shut() {
	s.tb.Helper()
	s.apply(timeline.SegmentClosed{Epoch: s.t.Current().Number, Rendition: timeline.Source, MSN: s.t.Next.MSN - 1, Duration: s.length})
	s.at += s.length
	s.now = s.now.Add(s.length.Duration(media.VideoClock))
}

func (s *script) segments(n int) {
	s.tb.Helper()
	for range n {
		s.part()
		s.shut()
	}
}

// leave ends the epoch for a while.
func (s *script) leave() {
	s.tb.Helper()
	s.apply(timeline.EpochEnded{Epoch: s.t.Current().Number, At: s.now})
	s.now = s.now.Add(5 * time.Second)
}

// slide begins anew with a short window, and goes on until a sheet's beginning has left it.
func (s *script) slide() {
	s.tb.Helper()
	*s = *newScript(s.tb)
	s.start(20 * time.Second)
	s.segments(stills.PerSheet + 10)
	require.Greater(s.tb, s.t.Kept, uint64(1))
	require.Less(s.tb, s.t.Kept, uint64(stills.PerSheet))
}
