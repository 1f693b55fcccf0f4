package transcode

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/sei"
	"sluice/transcode/rung"
)

// Closed captions of a source come with each of its rungs, all of them, in the order in
// which they are shown, and at the time of their picture or the next one that there is.
func TestRealCaptions(t *testing.T) {
	m := newRealMachine(t)
	ladder := "source,240p,144p15"
	if _, ok := m.For(rung.HEVC, rung.AnyEncoder); ok {
		ladder += ",240p:hevc"
	}
	base := newRecorder(t)
	tr := fakeTranscoder(t, m)
	p := &rush{TB: t, sink: tr.Ladder("live", mustSpec(t, ladder), Timing{}, base), base: base, slowest: "144p15", every: 2}
	c := makeClip(t, "testsrc2=s=640x360:r=30:d=4", "-bf", "2", "-g", "48")
	order := make([]media.Ticks, len(c.samples))
	for i, s := range c.samples {
		order[i] = s.PTS()
	}
	slices.Sort(order)
	said := func(at media.Ticks) []byte { // of the picture at that time
		n := slices.Index(order, at)
		return []byte{0xfc, byte(n), 0x01, 0xfd, 0, 0, 0xff, 0, byte(n)}
	}
	for i := range c.samples {
		s := &c.samples[i]
		s.Data = sei.InsertCaptions(s.Data, false, said(s.PTS()))
	}
	p.publish(c)
	p.end(tr)
	shift := base.lead()[0].at - order[0]
	for name, g := range base.rungs {
		next := 0
		for _, w := range base.of(name) {
			var want []byte
			for next < len(order) && order[next]+shift <= w.at {
				want = append(want, said(order[next])...)
				next++
			}
			require.Equal(t, want, captionsOf(g.tracks[0].Codec, w.data), "%s at %d", name, w.at)
		}
		require.GreaterOrEqual(t, next, len(order)-1, name)
		requirePlays(t, g.tracks[0], base.of(name), name)
	}
	require.GreaterOrEqual(t, len(base.rungs), 2)
}
