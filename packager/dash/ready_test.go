package dash_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/timeline"
)

// location is the N of the MPD's Location, or "" where there is none.
func location(t *testing.T, tl *timeline.Timeline) string {
	b, err := dash.AppendMPD(nil, tl, options)
	if err != nil {
		require.ErrorIs(t, err, dash.ErrNotReady)
		return ""
	}
	_, rest, ok := strings.Cut(string(b), "<Location>manifest.mpd?after=")
	if !ok {
		return ""
	}
	n, _, _ := strings.Cut(rest, "<")
	return n
}

func TestReady(t *testing.T) {
	p := newTape(t)
	ready := func(after uint64, want bool) {
		t.Helper()
		require.Equal(t, want, dash.Ready(p.t, after), "after %d", after)
	}
	ready(0, true) // offline: there is nothing to wait for
	p.begin(0, window, both())
	ready(0, false)
	require.Empty(t, location(t, p.t))
	p.part(timeline.Source, 200*time.Millisecond)
	ready(0, false)
	require.Empty(t, location(t, p.t), "nothing is listed until every track has media")
	p.part(timeline.Audio, 200*time.Millisecond)
	ready(0, true)
	ready(40, true)
	ready(41, false)
	require.Equal(t, "41", location(t, p.t))

	p.parts(200*time.Millisecond, 2*sec, timeline.Source, timeline.Audio)
	p.shut(2*sec, timeline.Source, timeline.Audio)
	ready(41, false)
	p.part(timeline.Source, 2200*time.Millisecond)
	ready(41, false)
	require.Equal(t, "41", location(t, p.t), "the audio of 42 is still to be told of")
	p.part(timeline.Audio, 2200*time.Millisecond)
	ready(41, true)
	ready(42, false)
	require.Equal(t, "42", location(t, p.t))

	// Audio stops: the leading track's whole segment is reason enough.
	p.parts(2200*time.Millisecond, 4*sec, timeline.Source)
	p.shut(4*sec, timeline.Source)
	p.part(timeline.Source, 4200*time.Millisecond)
	ready(42, false)
	p.parts(4200*time.Millisecond, 6*sec, timeline.Source)
	p.shut(6*sec, timeline.Source)
	ready(42, true)
	ready(43, false)
	p.shut(4*sec, timeline.Audio)
	p.shut(6*sec, timeline.Audio)

	// Away: held until the next epoch's first parts.
	p.away(6 * sec)
	ready(42, true)
	ready(43, false)
	p.begin(9*sec, window, both())
	ready(43, false)
	p.part(timeline.Source, 200*time.Millisecond)
	ready(43, false)
	require.Equal(t, "43", location(t, p.t))
	p.part(timeline.Audio, 200*time.Millisecond)
	ready(43, true)
	require.Equal(t, "44", location(t, p.t))

	p.shut(2*sec, timeline.Source, timeline.Audio)
	p.away(10 * sec)
	ready(44, false)
	p.over(40 * sec)
	ready(44, true)
	ready(99, true)
	require.Empty(t, location(t, p.t), "nothing comes after the end")
	p.apply(timeline.Cleared{})
	ready(44, true)
	_, err := dash.AppendMPD(nil, p.t, options)
	require.ErrorIs(t, err, dash.ErrNotReady)
}

// TestEveryStep renders after each single entry of every scene: whatever a
// follower sees, AppendMPD and Ready agree, and N never falls.
func TestEveryStep(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			p := newTape(t)
			newest := uint64(0)
			p.seen = func(tl *timeline.Timeline) {
				n := location(t, tl)
				switch {
				case tl.State == timeline.Ended || tl.State == timeline.Offline:
					require.Empty(t, n)
				case n == "":
					require.False(t, dash.Ready(tl, 0))
				default:
					var got uint64
					_, err := fmt.Sscan(n, &got)
					require.NoError(t, err)
					require.GreaterOrEqual(t, got, newest)
					require.True(t, dash.Ready(tl, got-1))
					require.False(t, dash.Ready(tl, got))
					newest = got
				}
			}
			s.play(p)
		})
	}
}

func BenchmarkAppendMPD(b *testing.B) {
	for _, w := range []time.Duration{30 * time.Second, time.Hour} {
		b.Run(w.String(), func(b *testing.B) {
			p := newTape(b)
			p.begin(0, w, both())
			at := p.segments(0, 2*sec, int(w/(2*sec))+5, timeline.Source, timeline.Audio)
			p.parts(at, at+400*time.Millisecond, timeline.Source, timeline.Audio)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buf, err = dash.AppendMPD(buf[:0], p.t, options); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func TestAppendMPDAllocations(t *testing.T) {
	p := newTape(t)
	p.begin(0, window, both())
	p.segments(0, 2*sec, 20, timeline.Source, timeline.Audio)
	buf := make([]byte, 0, 16<<10)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, _ = dash.AppendMPD(buf, p.t, options)
	}), 6.0)
	require.Zero(t, testing.AllocsPerRun(100, func() { dash.Ready(p.t, 1<<40) }))
}
