package dash_test

import (
	"fmt"
	"regexp"
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
					if dash.Ready(tl, got) {
						require.True(t, late(tl, got), "only those who follow may be told less")
					}
					newest = got
				}
			}
			s.play(p)
		})
	}
}

// A rung that is late holds the MPD of everybody up no longer than its lag and a
// part; then whoever follows is told without it, and again as soon as he asks.
func TestReadyWaitsForRungsALittle(t *testing.T) {
	p := newTape(t)
	at := laddered(p, 1)
	ready := func(after uint64, want bool, why string) {
		t.Helper()
		require.Equal(t, want, dash.Ready(p.t, after), why)
	}
	others := []timeline.RenditionID{timeline.Source, "720p", timeline.Audio}
	ready(41, false, "nothing of 42 is there")
	p.parts(at, at+200*time.Millisecond, others...)
	ready(41, false, "480p may be as late as that")
	p.parts(at+200*time.Millisecond, at+400*time.Millisecond, others...)
	ready(41, true, "it is later than its lag and a part")
	require.Equal(t, "41", location(t, p.t), "to who watches it, 42 is new yet")
	p.parts(at, at+200*time.Millisecond, "480p")
	require.Equal(t, "42", location(t, p.t))
	ready(42, false, "")

	// One that hangs is not waited for at all, and nobody asks because of it.
	p.parts(at+400*time.Millisecond, at+2*sec, others...)
	p.shut(at+2*sec, others...)
	require.True(t, p.t.Rendition("480p").Behind)
	for _, id := range others {
		ready(42, false, string(id))
		p.part(id, at+2200*time.Millisecond)
	}
	ready(42, true, "")
	require.Equal(t, "43", location(t, p.t))
	p.leave("480p")
	ready(43, false, "")
	require.Equal(t, "43", location(t, p.t))
}

// N doesn't fall where a rung that was left out of account is back.
func TestLocationNeverFalls(t *testing.T) {
	p := newTape(t)
	at := laddered(p, 1)
	others := []timeline.RenditionID{timeline.Source, "720p", timeline.Audio}
	all := append(others[:len(others):len(others)], "480p")
	p.parts(at, at+1400*time.Millisecond, all...)
	p.parts(at+1400*time.Millisecond, at+2*sec, others...)
	p.shut(at+2*sec, others...)
	require.Equal(t, "42", location(t, p.t))
	p.parts(at+2*sec, at+2200*time.Millisecond, others...)
	require.True(t, p.t.Rendition("480p").Behind)
	require.Equal(t, "43", location(t, p.t), "nobody waits for it")
	p.parts(at+1400*time.Millisecond, at+2*sec, "480p")
	require.False(t, p.t.Rendition("480p").Behind)
	require.Equal(t, "43", location(t, p.t), "it has caught up, though not begun 43")

	p.shut(0, "480p")
	at += 2 * sec
	p.parts(at, at+200*time.Millisecond, "480p")
	at = p.segments(at, 2*sec, 1, all...)
	p.parts(at, at+200*time.Millisecond, others...)
	require.Equal(t, "43", location(t, p.t), "what is new is waited for again")
	p.leave("480p")
	require.Equal(t, "44", location(t, p.t))
	p.apply(timeline.RenditionJoined{Epoch: p.epoch, RenditionTrack: rung480, MSN: 44})
	require.Equal(t, "44", location(t, p.t), "it is back, though not begun 44")
	at = p.segments(at, 2*sec, 1, all...)
	p.parts(at, at+200*time.Millisecond, others...)
	require.Equal(t, "44", location(t, p.t))
	p.part("480p", at+200*time.Millisecond)
	require.Equal(t, "45", location(t, p.t))
}

// The first MPD waits for the rungs that are expected, and a Period that goes
// out never gets another Representation.
func TestFirstMPDWaitsForRungs(t *testing.T) {
	p := newTape(t)
	p.expect(lag, rung720, rung480)
	p.begin(0, window, both())
	p.join(rung720)
	at := p.segments(0, 2*sec, 1, timeline.Source, "720p", timeline.Audio)
	p.parts(at, at+800*time.Millisecond, timeline.Source, "720p", timeline.Audio)
	require.False(t, dash.Ready(p.t, 0))
	require.Empty(t, location(t, p.t))
	p.parts(at+800*time.Millisecond, at+sec, timeline.Source, "720p", timeline.Audio)
	require.True(t, dash.Ready(p.t, 0), "a second past the first segment is enough")
	names := func() []string {
		return regexp.MustCompile(`Representation id="(\w+)"`).FindAllString(string(mpdOf(t, p.t)), -1)
	}
	told := names()
	require.Len(t, told, 3)
	p.apply(timeline.RenditionJoined{Epoch: p.epoch, RenditionTrack: rung480, MSN: 41})
	p.init(rung480)
	p.at["480p"] = p.t.Rendition(timeline.Source).Segments.First().Start
	p.segments(0, 2*sec, 1, "480p")
	require.Equal(t, told, names(), "it comes with the next Period")
}

func mpdOf(t *testing.T, tl *timeline.Timeline) []byte {
	b, err := dash.AppendMPD(nil, tl, options)
	require.NoError(t, err)
	return b
}

// late reports whether a rung hasn't begun what comes after segment n.
func late(tl *timeline.Timeline, n uint64) bool {
	for _, r := range tl.Renditions {
		if r.Follows && r.NextPosition(tl) == (timeline.Position{MSN: n + 1}) {
			return true
		}
	}
	return false
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
