package dashcheck

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The observation that faults are made in: two renditions of video and one of
// audio, that break off once, end, and begin again.
const (
	first  = iota
	second // the long poll's answer
	back   // a new Period after 3 s
	gap    // audio misses a segment; the first two have left the window
	closed // static, for followers
	vod    // static, for those who come later
	again  // the next broadcast
	steps
)

var dynamics = []int{first, second, back, gap, again}

// step is one fetch of the MPD.
type step struct {
	url, contentType, body string
	asked, at              time.Time
}

// spoiler breaks an observation.
type spoiler struct {
	t     *testing.T
	steps []step
	media func(url string, m *Media) // spoils what segments hold
	init  func(*Init)
	clock string
	gone  string // a URL that can't be fetched
}

var published = regexp.MustCompile(`publishTime="([^"]*)"`)

func observation(t *testing.T) *spoiler {
	s := &spoiler{t: t, media: func(string, *Media) {}, init: func(*Init) {}}
	for i := range steps {
		body, err := os.ReadFile(fmt.Sprintf("testdata/%d.mpd", i+1))
		require.NoError(t, err)
		at, err := parseDate(published.FindStringSubmatch(string(body))[1])
		require.NoError(t, err)
		url := "https://127.0.0.1:8443/live/live/manifest.mpd"
		if i > first && i < vod {
			url += fmt.Sprintf("?after=%d", []int{0, 45, 46, 47, 49}[i])
		}
		s.steps = append(s.steps, step{url, "application/dash+xml", string(body), at.Add(-time.Second), at})
	}
	return s
}

// change replaces what pattern matches, everywhere in the steps named; it must
// be there.
func (s *spoiler) change(pattern, with string, steps ...int) {
	s.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for _, i := range steps {
		require.True(s.t, re.MatchString(s.steps[i].body), "step %d has no %s", i, pattern)
		s.steps[i].body = re.ReplaceAllString(s.steps[i].body, with)
	}
}

// once replaces the first match only.
func (s *spoiler) once(pattern, with string, steps ...int) {
	s.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for _, i := range steps {
		at := re.FindStringSubmatchIndex(s.steps[i].body)
		require.NotNil(s.t, at, "step %d has no %s", i, pattern)
		body := s.steps[i].body
		s.steps[i].body = body[:at[0]] + string(re.ExpandString(nil, with, body, at)) + body[at[1]:]
	}
}

// play shows it all to an observer, and returns what that finds.
func (s *spoiler) play() []Violation {
	o := NewObserver(Options{})
	for i, step := range s.steps {
		m := o.MPD(Fetch{URL: step.url, Body: []byte(step.body), Asked: step.asked, At: step.at, ContentType: step.contentType})
		if m == nil {
			continue
		}
		if i == first {
			clock := s.clock
			if clock == "" {
				clock = step.at.Format(time.RFC3339Nano)
			}
			o.Clock(m.Clock, []byte(clock), step.at)
		}
		s.fetch(o, m)
	}
	if s.gone != "" {
		o.Missing(s.gone, 404)
	}
	return o.Violations()
}

// fetch feeds the media that an MPD lists, as it should be.
func (s *spoiler) fetch(o *Observer, m *MPD) {
	entries := map[string]string{"source": "avc1", "480p": "avc1", "audio": "mp4a"}
	scales := map[string]uint32{"source": 90000, "480p": 90000, "audio": 48000}
	for i, p := range m.Periods {
		for _, set := range p.Sets {
			for _, r := range set.Representations {
				init := Init{Timescale: scales[r.ID], Entry: entries[r.ID]}
				s.init(&init)
				o.Init(r.Init, init)
				for j, g := range r.Segments {
					if m.Dynamic && i == len(m.Periods)-1 && j == len(r.Segments)-1 {
						continue // it isn't whole yet
					}
					media := Media{
						Size: int(float64(r.Bandwidth) * r.ticks(g.Duration).Seconds() / 8), Empty: g.Gap,
						Start: g.Time, Duration: g.Duration, Sync: true,
					}
					s.media(g.URL, &media)
					o.Segment(g.URL, media)
				}
			}
		}
	}
}

func TestSoundObservation(t *testing.T) {
	for _, v := range observation(t).play() {
		t.Error(v)
	}
}

// TestRules breaks each rule, and demands that it is found.
func TestRules(t *testing.T) {
	broken := map[*Rule]bool{}
	for _, fault := range faults {
		t.Run(strings.TrimSpace(fault.rule.ID+" "+fault.name), func(t *testing.T) {
			s := observation(t)
			fault.spoil(s)
			found := map[string]bool{}
			for _, v := range s.play() {
				found[v.Rule.ID] = true
				require.NotEmpty(t, v.String())
			}
			require.True(t, found[fault.rule.ID], "found only %v", found)
		})
		broken[fault.rule] = true
	}
	for _, r := range Rules() {
		require.True(t, broken[r], "no fault breaks %s", r.ID)
	}
}

func TestRulesAreDistinct(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range Rules() {
		require.False(t, ids[r.ID], r.ID)
		require.NotEmpty(t, r.Section)
		require.NotEmpty(t, r.Says)
		ids[r.ID] = true
	}
}
