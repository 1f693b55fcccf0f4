package dashcheck

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// endsEarly says in an MPD that segment 46 of 480p, Period 3's last, holds 10000
// ticks only.
func endsEarly(s *spoiler, steps ...int) {
	for _, i := range steps {
		s.once(`(?s)(id="480p".*?)(<SegmentTimeline>)`, `${1}<FailoverContent valid="false"><FCS t="1810000" d="80000"/></FailoverContent>$2`, i)
	}
}

// What a rung lacks of what was expected of it is found by its media, by an MPD
// after that at the latest; what leads, or was whole, has to be as it was listed.
func TestWhatEndsEarly(t *testing.T) {
	const source, rung = "/live/live/source/3/46.m4s", "/live/live/480p/3/46.m4s"
	shorter := func(suffix string) func(string, *Media) {
		return func(url string, m *Media) {
			if strings.HasSuffix(url, suffix) {
				m.Duration = 10_000
			}
		}
	}
	found := func(s *spoiler, until int) map[string]bool {
		s.steps = s.steps[:until+1]
		ids := map[string]bool{}
		for _, v := range s.play() {
			ids[v.Rule.ID] = true
		}
		return ids
	}

	s := observation(t)
	s.media = shorter(rung)
	require.Empty(t, found(s, back), "the next MPD may say so")

	s = observation(t)
	s.media = shorter(rung)
	require.Contains(t, found(s, gap), mediaDuration.ID, "and doesn't")

	s = observation(t)
	s.media = shorter(rung)
	endsEarly(s, gap, closed)
	require.Empty(t, found(s, closed), "and does")

	s = observation(t)
	endsEarly(s, gap, closed)
	require.Contains(t, found(s, gap), mediaDuration.ID, "it was whole")

	s = observation(t)
	s.media = shorter(source)
	require.Contains(t, found(s, back), mediaDuration.ID, "nobody expected it of what leads")

	s = observation(t)
	s.media = func(url string, m *Media) {
		if strings.HasSuffix(url, rung) {
			m.Duration, m.Size = 10_000, 10*m.Size
		}
	}
	require.Contains(t, found(s, back), mediaBandwidth.ID, "that it ends early is no excuse")
}

func TestMayLack(t *testing.T) {
	p := &Period{}
	leader, rung := &Representation{period: p}, &Representation{period: p}
	for n := range uint64(10) {
		rung.Segments = append(rung.Segments, Segment{Number: n, Duration: 10})
	}
	leader.Segments = rung.Segments
	p.Sets = []*Set{{}, {Representations: []*Representation{leader, rung}}}
	m := &MPD{Dynamic: true}
	require.True(t, m.mayLack(rung, rung.Segments[9]))
	require.True(t, m.mayLack(rung, rung.Segments[4]))
	require.False(t, m.mayLack(rung, rung.Segments[3]), "no rung is that far behind")
	require.False(t, m.mayLack(leader, rung.Segments[9]))
	require.False(t, m.mayLack(rung, Segment{Number: 9, Duration: 10, Missing: 5}), "it has come already")
	require.False(t, (&MPD{}).mayLack(rung, rung.Segments[9]), "nothing more comes")
}
