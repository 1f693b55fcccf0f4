package transcode

import (
	"cmp"
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.Logf("%s", b)
	return len(b), nil
}

// fullHD is 1920x1080, 60 fields a second in its VUI's eyes.
func fullHD(t testing.TB) media.Track {
	t.Helper()
	return videoTrack(t, "67640028acd940780227e5c044000003000400000300f03c60c658", "68ef8fcb")
}

func videoTrack(t testing.TB, sps, pps string) media.Track {
	t.Helper()
	raw := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	codec, err := media.NewH264(raw(sps), raw(pps))
	require.NoError(t, err)
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func aacTrack(t testing.TB) media.Track {
	t.Helper()
	codec, err := media.NewAAC([]byte{0x11, 0x90})
	require.NoError(t, err)
	return media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: codec}
}

// publisher publishes made-up pictures in real time: 30 a second, I b P b P ….
type publisher struct {
	testing.TB
	sink  media.Sink
	track media.Track
	next  int         // frames so far
	base  media.Ticks // of the present run
	gop   int
	frame media.Ticks
}

func newPublisher(t testing.TB, sink media.Sink, track media.Track) *publisher {
	return &publisher{TB: t, sink: sink, track: track, gop: 60, frame: 3000}
}

func (p *publisher) begin(tracks ...media.Track) {
	p.Helper()
	require.NoError(p, p.sink.Begin(p.Context(), append([]media.Track{p.track}, tracks...)))
}

// restart makes the clock go on from another time, in a new run.
func (p *publisher) restart(at media.Ticks) {
	p.Helper()
	p.base, p.next = at, 0
	p.begin()
}

// picture returns frame n in decode order: within a GOP I, then pairs of P and b.
func (p *publisher) picture(n int) media.Sample {
	s := media.Sample{DTS: p.base + media.Ticks(n)*p.frame, Duration: p.frame, Sync: n%p.gop == 0, Data: []byte{0, 0, 0, 2, 0x41, 1}}
	shown := n
	switch k := n % p.gop; {
	case k == 0:
		s.Data = []byte{0, 0, 0, 2, 0x65, 1}
	case k%2 == 1 && k+1 < p.gop:
		shown = n + 1
	case k%2 == 0:
		shown = n - 1
	}
	s.CTSOffset = p.base + media.Ticks(shown+1)*p.frame - s.DTS
	return s
}

// frames publishes n frames, one at a time.
func (p *publisher) frames(n int) {
	p.Helper()
	for range n {
		p.one()
		time.Sleep(media.Ticks(p.frame).Duration(media.VideoClock))
	}
}

func (p *publisher) one() {
	p.Helper()
	s := p.picture(p.next)
	p.next++
	require.NoError(p, p.sink.WriteSample(context.WithoutCancel(p.Context()), p.track.ID, s, time.Now()))
}

func (p *publisher) end() {
	p.Helper()
	require.NoError(p, p.sink.End(p.Context(), nil))
}

func shownOrder(w []written) []written {
	w = slices.Clone(w)
	slices.SortStableFunc(w, func(a, b written) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.at, b.at))
	})
	return w
}

// times are epochs and times alone.
func times(w []written) []place {
	p := make([]place, 0, len(w))
	for _, s := range w {
		p = append(p, place{s.epoch, s.at})
	}
	return p
}

type place struct {
	epoch uint64
	at    media.Ticks
}

// requireSame says where two renditions' times part.
func requireSame(t testing.TB, want, got []written, why ...any) {
	t.Helper()
	w, g := times(want), times(got)
	for i := range min(len(w), len(g)) {
		require.Equal(t, w[i], g[i], "frame %d of %d and %d", i, len(w), len(g))
	}
	require.Equal(t, len(w), len(g), why...)
}
