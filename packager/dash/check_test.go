package dash_test

import (
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/timeline"
)

const mpdURL = "http://127.0.0.1/live/live/manifest.mpd"

// viewer feeds what one who follows a stream sees to a checker.
type viewer struct {
	*dashcheck.Observer
	t    *testing.T
	next string // where the MPD is asked for next
}

func newViewer(t *testing.T) *viewer {
	// A fast encoder is ahead by up to timeline's step before it is anchored anew.
	return &viewer{dashcheck.NewObserver(dashcheck.Options{Skew: 250 * time.Millisecond}), t, mpdURL}
}

// look feeds the MPD of tl, and the media that it lists.
func (v *viewer) look(tl *timeline.Timeline) {
	o := options
	o.Following = v.next != mpdURL
	body, err := dash.AppendMPD(nil, tl, o)
	if err != nil {
		require.ErrorIs(v.t, err, dash.ErrNotReady)
		return
	}
	var now time.Time
	for _, r := range tl.Renditions {
		for _, g := range []*timeline.Segment{r.Segments.Last(), r.Open} {
			if g != nil && len(g.Parts) > 0 && g.Parts[len(g.Parts)-1].Arrived.After(now) {
				now = g.Parts[len(g.Parts)-1].Arrived
			}
		}
	}
	m := v.MPD(dashcheck.Fetch{URL: v.next, Body: body, At: now, ContentType: dash.ContentType})
	require.NotNil(v.t, m)
	if m.Next != "" {
		v.next = m.Next
	} else {
		v.next = mpdURL
	}
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				for _, g := range r.Segments {
					v.fetch(tl, timeline.RenditionID(r.ID), g)
				}
			}
		}
	}
}

func (v *viewer) fetch(tl *timeline.Timeline, id timeline.RenditionID, listed dashcheck.Segment) {
	r := tl.Rendition(id)
	g := r.Segment(listed.Number)
	if g == nil { // what a Period that is over lists ahead of a rung that still comes
		require.True(v.t, r.Follows && !r.Left, "segment %d of %s isn't there", listed.Number, id)
		require.GreaterOrEqual(v.t, listed.Number, r.NextPosition(tl).MSN, "segment %d of %s", listed.Number, id)
		led := tl.Rendition(timeline.Source).Segment(listed.Number)
		require.True(v.t, led != nil && led.Closed, "segment %d of %s, which the source doesn't have whole", listed.Number, id)
		return
	}
	if !g.Closed {
		return
	}
	m := dashcheck.Media{Size: g.Size, Empty: len(g.Parts) == 0, Start: uint64(g.Start), Sync: true}
	for _, p := range g.Parts {
		m.Duration += uint64(p.Duration)
	}
	v.Segment(listed.URL, m)
}

// TestScenesKeepTheRules shows every single step of every scene to the checker.
func TestScenesKeepTheRules(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			p, v := newTape(t), newViewer(t)
			p.seen = v.look
			s.play(p)
			for _, found := range v.Violations() {
				if s.name == "audio_stops" && found.Rule.ID == "timeline.even" {
					continue
				}
				t.Error(found)
			}
		})
	}
}

// A Period keeps the frame rate that it was told with, whatever comes; the next one has
// what was measured.
func TestFrameRateOfAPeriodStays(t *testing.T) {
	p, v := newTape(t), newViewer(t)
	p.seen = v.look
	p.begin(0, window, both())
	at := p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
	p.frame = 1500
	at = p.segments(at, 2*sec, 2, timeline.Source, timeline.Audio)
	require.Equal(t, uint32(60_000), p.t.Rendition(timeline.Source).FrameRate)
	rates := func() (all []string) {
		body, err := dash.AppendMPD(nil, p.t, options)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`frameRate="(\d+)"`).FindAllSubmatch(body, -1) {
			all = append(all, string(m[1]))
		}
		return all
	}
	require.Equal(t, []string{"30"}, rates())
	p.drift = time.Second // it is anchored anew
	p.segments(at, 2*sec, 2, timeline.Source, timeline.Audio)
	require.Equal(t, []string{"30", "60"}, rates())
	require.Empty(t, v.Violations())
}

// The longest segment that was promised stays so when such a one has left the window.
func TestLongSegmentLeaves(t *testing.T) {
	p, v := newTape(t), newViewer(t)
	p.seen = v.look
	p.begin(0, window, both())
	at := p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
	at = p.segments(at, 5*sec, 1, timeline.Source, timeline.Audio)
	long := p.t.Next.MSN - 1
	for p.t.First <= long {
		at = p.segments(at, 2*sec, 1, timeline.Source, timeline.Audio)
	}
	require.Empty(t, v.Violations())
}

// TestAnyLadderKeepsTheRules lets rungs join, hang, catch up and leave as they like.
func TestAnyLadderKeepsTheRules(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 3))
		p, v := newTape(t), newViewer(t)
		p.seen = v.look
		p.expect(lag, rung720, rung480)
		after := time.Duration(0)
		for range 1 + random.IntN(3) {
			p.begin(after, window, both())
			at := time.Duration(0)
			if random.IntN(3) > 0 {
				p.join(rung720)
			}
			for range 3 + random.IntN(12) {
				at = p.anySegment(random, at)
			}
			after += at + time.Duration(500+random.IntN(5000))*time.Millisecond
			p.away(after - 100*time.Millisecond)
		}
		p.over(after + 30*sec)
		for _, found := range v.Violations() {
			t.Errorf("seed %d: %v", seed, found)
		}
	}
}

// anySegment lets something happen to a rung, and the stream go on by a segment.
func (p *tape) anySegment(random *rand.Rand, at time.Duration) time.Duration {
	p.tb.Helper()
	rt := []timeline.RenditionTrack{rung720, rung480}[random.IntN(2)]
	r := p.t.Rendition(rt.Rendition)
	joined := r != nil && !r.Left && r.Epoch == p.epoch
	end, from := at+2*sec, at
	what := random.IntN(7)
	if what == 0 && !joined {
		p.join(rt)
	}
	var all, others []timeline.RenditionID
	for _, t := range p.t.Current().Tracks {
		if p.t.Rendition(t.Rendition).Left {
			continue
		}
		all = append(all, t.Rendition)
		if t.Rendition != rt.Rendition {
			others = append(others, t.Rendition)
		}
	}
	switch {
	case what == 1 && joined:
		from += time.Duration(random.IntN(5)) * partSpan
		p.parts(at, from, all...)
		p.leave(rt.Rendition)
		all = others
	case what == 2 && joined: // the rung has the beginning of a segment only
		p.parts(at, at+partSpan*time.Duration(1+random.IntN(5)), rt.Rendition)
		p.parts(at, end, others...)
		p.shut(end, others...)
		p.at[rt.Rendition] = p.at[timeline.Source]
		p.shut(end, rt.Rendition)
		return end
	case what == 3 && joined: // the rung has nothing of it
		p.parts(at, end, others...)
		p.shut(end, others...)
		p.shut(end, rt.Rendition)
		return end
	case what == 4 && joined: // the rung is late
		p.parts(at, end, others...)
		p.shut(end, others...)
		p.parts(at, end, rt.Rendition)
		p.shut(end, rt.Rendition)
		return end
	case what == 5 && joined: // its process hangs in the middle, and another catches up
		stuck := at + partSpan*time.Duration(random.IntN(5))
		p.parts(at, stuck, rt.Rendition)
		for range random.IntN(3) {
			p.parts(end-2*sec, end, others...)
			p.shut(end, others...)
			end += 2 * sec
		}
		p.parts(end-2*sec, end, others...)
		p.shut(end, others...)
		for b := at + 2*sec; b <= end; b += 2 * sec {
			p.parts(stuck, b, rt.Rendition)
			p.shut(b, rt.Rendition)
			stuck = b
		}
		return end
	}
	p.parts(from, end, all...)
	p.shut(end, all...)
	return end
}
