package hlscheck

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseMedia(t *testing.T) {
	m, mv, violations := Parse([]byte(page{rendition: "source", first: 3, last: 14, open: 4}.String()))
	require.Nil(t, mv)
	require.Empty(t, violations)
	require.Equal(t, uint64(9), m.Version)
	require.Equal(t, 2*time.Second, m.Target)
	require.Equal(t, 200*time.Millisecond, m.PartTarget)
	require.Equal(t, Control{true, 12 * time.Second, 6 * time.Second, 600 * time.Millisecond}, m.Control)
	require.Len(t, m.Segments, 12)
	g := m.Segments[5]
	require.Equal(t, Segment{
		MSN: 8, Discontinuity: 2, Breaks: 1, URI: "2/8.m4s", Duration: 2 * time.Second,
		Date: begins(8), Map: "2/init.mp4", line: g.line,
	}, g)
	require.Equal(t, uint64(15), m.Open.MSN)
	require.Len(t, m.Open.Parts, 4)
	require.Equal(t, "2/15.4.m4s", m.Hints[0].URI)
	require.Equal(t, uint64(15), m.Reports[0].LastMSN)
	require.Equal(t, int64(3), m.Reports[0].LastPart)
}

func TestParseMultivariant(t *testing.T) {
	m, mv, violations := Parse([]byte(masterText))
	require.Nil(t, m)
	require.Empty(t, violations)
	require.True(t, mv.Independent)
	require.Len(t, mv.Renditions, 2)
	require.Equal(t, []string{"avc1.640028", "mp4a.40.2"}, mv.Variants[0].Codecs)
	require.Equal(t, "source/index.m3u8", mv.Variants[0].URI)
}

func TestParseSeconds(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "2": 2 * time.Second, "2.00533": 2_005_330_000, "0.000000001": 1, "1.9999999999": 1_999_999_999,
	} {
		got, err := parseSeconds(s)
		require.NoError(t, err)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", ".", ".5", "1.", "-1", "1e3", "1,5", "99999999999"} {
		_, err := parseSeconds(s)
		require.ErrorIs(t, err, errNumber, s)
	}
}

func TestDirectivesAreNoPartOfTheName(t *testing.T) {
	require.Equal(t, "https://h/a.m3u8", withoutDirectives("https://h/a.m3u8?_HLS_msn=3&_HLS_part=1&_HLS_skip=YES"))
	require.Equal(t, "https://h/a.m3u8?t=x", withoutDirectives("https://h/a.m3u8?_HLS_msn=3&t=x"))
}

// Each thing is reported once, however often it is fetched, and one rule does
// not drown the others.
func TestReportsAreBounded(t *testing.T) {
	s := step{path: "source/index.m3u8", at: start}
	o := NewObserver(Options{})
	for range 3 {
		o.Playlist(Fetch{URL: origin + s.path, Body: []byte("#EXTM3U\n" + "#EXT-X-NOPE\n"), At: start})
	}
	n := len(o.Violations())
	require.Equal(t, 2, n) // doc.kind, tag.unknown
	for i := range 1000 {
		body := append([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-"), byte('A'+i%26), byte('A'+i/26))
		o.Playlist(Fetch{URL: origin + s.path, Body: append(body, '\n'), At: start})
	}
	require.LessOrEqual(t, len(o.Violations()), n+maxRepeat+5)
}

// A viewer that was away for long may not ask for a delta update; if it gets
// one all the same, that is nobody's fault here.
func TestLateDeltaIsIgnored(t *testing.T) {
	late := page{rendition: "source", first: 40, last: 55, open: 2, skip: 7}
	o := observe(observation()[:video2])
	o.Playlist(Fetch{URL: origin + "source/index.m3u8", Body: []byte(late.String()), At: late.at()})
	require.Empty(t, o.Violations())
}

// A rendition that has left is reported no more, and may be seen to have left
// only after that; one that is still offered is missed.
func TestReportsEndWithTheirRendition(t *testing.T) {
	s := &spoiler{t: t, steps: observation()}
	s.drop("#EXT-X-RENDITION-REPORT", video2, videoDelta, video3)
	o := observe(s.steps[:audio2])
	o.Gone(origin+"audio/index.m3u8", s.steps[audio2].at)
	last := s.steps[video3]
	o.Playlist(Fetch{URL: origin + last.path, Body: []byte(last.body), At: last.at, ContentType: last.contentType})
	require.Empty(t, o.Violations())

	found := observe(s.steps).Violations()
	require.Len(t, found, 1)
	require.Equal(t, reportMissing, found[0].Rule)
	require.Equal(t, s.steps[video2].at, found[0].At)

	once := &spoiler{t: t, steps: observation()}
	once.drop("#EXT-X-RENDITION-REPORT", video2)
	found = observe(once.steps).Violations()
	require.Len(t, found, 1, "it is back in the next playlist")
	require.Equal(t, reportMissing, found[0].Rule)
}

// A segment may be over before the part that was hinted (§6.2.6).
func TestHintMayStayUnfulfilled(t *testing.T) {
	steps := observation()[:video2]
	s := &spoiler{t: t, steps: steps}
	s.page(page{rendition: "source", first: 3, last: 13, open: 10}, video1) // hints at 14.10
	s.steps = append(s.steps, page{rendition: "source", first: 3, last: 14, open: 1}.step())
	require.Empty(t, observe(s.steps).Violations())
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(page{rendition: "source", first: 3, last: 14, open: 4}.String()))
	f.Add([]byte(page{rendition: "source", first: 4, last: 15, skip: 5}.String()))
	f.Add([]byte(masterText))
	files, _ := filepath.Glob("../testdata/*.golden")
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		for _, doc := range bytes.Split(data, []byte("== ")) {
			if _, body, ok := bytes.Cut(doc, []byte("\n")); ok && len(body) > 0 {
				f.Add(body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, mv, violations := Parse(body)
		require.False(t, m != nil && mv != nil)
		require.False(t, m == nil && mv == nil && len(violations) == 0)
		if m != nil {
			require.LessOrEqual(t, len(m.Segments), bytes.Count(body, []byte("\n"))+1)
		}
	})
}

// An observer survives any two playlists, in any order.
func FuzzReload(f *testing.F) {
	a := page{rendition: "source", first: 3, last: 14, open: 4}
	b := page{rendition: "source", first: 4, last: 15, open: 2, skip: 5}
	f.Add([]byte(a.String()), []byte(b.String()))
	f.Add([]byte(b.String()), []byte(a.String()))
	f.Add([]byte(a.String()), []byte(masterText))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		o := NewObserver(Options{})
		o.Playlist(Fetch{URL: origin + "index.m3u8", Body: []byte(masterText), At: start})
		o.Playlist(Fetch{URL: origin + "source/index.m3u8", Body: first, At: start})
		o.Playlist(Fetch{URL: origin + "audio/index.m3u8", Body: second, At: start})
		o.Playlist(Fetch{URL: origin + "source/index.m3u8", Body: second, At: start.Add(time.Second)})
		require.LessOrEqual(t, len(o.Violations()), maxViolations+maxMasters*maxRepeat)
	})
}
