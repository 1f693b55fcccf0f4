package dash_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/timeline"
)

var published = regexp.MustCompile(`publishTime="[^"]*"`)

// follower asks for patches as players do: from the MPD that it has to a later one.
type follower struct {
	t       *testing.T
	random  *rand.Rand
	has     []byte
	patched int
	whole   int
}

// look may ask for what has come.
func (v *follower) look(tl *timeline.Timeline) {
	o := options
	o.Patches = true
	next, err := dash.AppendMPD(nil, tl, o)
	if err != nil || tl.State == timeline.Ended || v.has != nil && v.random.IntN(6) > 0 {
		return
	}
	if v.has != nil {
		patch, err := dash.AppendPatch([]byte("x"), v.has, next)
		if err == nil {
			require.Equal(v.t, byte('x'), patch[0], "AppendPatch appends")
			require.NoError(v.t, dashcheck.CheckPatch(v.has, patch[1:], next))
			v.patched++
		} else {
			require.ErrorIs(v.t, err, dash.ErrWhole)
			require.Equal(v.t, "x", string(patch))
			v.whole++
			none := dash.AppendNoPatch(nil, next)
			require.NoError(v.t, dashcheck.CheckPatch(next, none, next))
			if published.FindString(string(v.has)) != published.FindString(string(next)) {
				require.ErrorIs(v.t, dashcheck.CheckPatch(v.has, none, next), dashcheck.ErrOtherBase)
			}
		}
	}
	v.has = next
}

// Whatever becomes of a ladder, a patch makes of any MPD the one that it is for.
func TestPatchesOfAnyLadder(t *testing.T) {
	all := follower{t: t}
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 5))
		v := follower{t: t, random: random}
		p := newTape(t)
		p.seen = v.look
		p.expect(lag, rung720, rung480)
		after := time.Duration(0)
		for range 1 + random.IntN(3) {
			p.begin(after, 10*sec, both())
			at := time.Duration(0)
			p.join(rung720)
			for range 3 + random.IntN(9) {
				at = p.anySegment(random, at)
			}
			after += at + time.Duration(500+random.IntN(5000))*time.Millisecond
			p.away(after - 100*time.Millisecond)
		}
		all.patched, all.whole = all.patched+v.patched, all.whole+v.whole
	}
	require.Greater(t, all.patched, all.whole, "most of the time media comes and goes, and nothing else")
	require.Positive(t, all.whole)
}

// A window that goes on costs a few lines, however long it is, and segments that are never
// alike cost no more.
func TestPatchGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		length func(i int) time.Duration
	}{
		{"patch_steady", func(int) time.Duration { return 2 * sec }},
		{"patch_irregular", func(i int) time.Duration { return 1500*time.Millisecond + time.Duration(i*i%7)*200*time.Millisecond }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTape(t)
			o := options
			o.Patches = true
			p.begin(0, 5*time.Minute, both())
			at := time.Duration(0)
			for i := range 210 {
				at = p.segments(at, c.length(i), 1, timeline.Source, timeline.Audio)
			}
			p.parts(at, at+200*time.Millisecond, timeline.Source, timeline.Audio)
			base, err := dash.AppendMPD(nil, p.t, o)
			require.NoError(t, err)
			_, faults := dashcheck.Parse(mpdURL, base)
			require.Empty(t, faults)
			p.parts(at+200*time.Millisecond, at+2*sec, timeline.Source, timeline.Audio)
			p.shut(at+2*sec, timeline.Source, timeline.Audio)
			p.parts(at+2*sec, at+2200*time.Millisecond, timeline.Source, timeline.Audio)
			next, err := dash.AppendMPD(nil, p.t, o)
			require.NoError(t, err)
			patch, err := dash.AppendPatch(nil, base, next)
			require.NoError(t, err)
			require.NoError(t, dashcheck.CheckPatch(base, patch, next))
			require.Less(t, len(patch), len(next)/2)
			t.Logf("%d bytes for %d", len(patch), len(next))
			path := filepath.Join("testdata", c.name+".mpp")
			if *update {
				require.NoError(t, os.WriteFile(path, patch, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(patch))
		})
	}
}

// An MPD with patches is one that says where they are, and from which MPD.
func TestPatchLocation(t *testing.T) {
	p := newTape(t)
	p.begin(0, window, both())
	p.segments(0, 2*sec, 3, timeline.Source, timeline.Audio)
	o := options
	plain, err := dash.AppendMPD(nil, p.t, o)
	require.NoError(t, err)
	require.NotContains(t, string(plain), "PatchLocation")
	_, err = dash.AppendPatch(nil, plain, plain)
	require.ErrorIs(t, err, dash.ErrWhole)
	o.Patches = true
	body, err := dash.AppendMPD(nil, p.t, o)
	require.NoError(t, err)
	m, faults := dashcheck.Parse(mpdURL, body)
	require.Empty(t, faults)
	require.Contains(t, m.Patch, strings.TrimSuffix(mpdURL, "mpd")+"mpp?")
	p.away(7 * sec)
	p.over(9 * sec)
	body, err = dash.AppendMPD(nil, p.t, o)
	require.NoError(t, err)
	require.NotContains(t, string(body), "PatchLocation")
}
