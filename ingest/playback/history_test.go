package playback

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
)

// Whatever happens, and whenever somebody looks: no track's clock goes back, nothing
// comes twice, and after a hole comes a keyframe.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(300) {
		if history(t, rand.New(rand.NewPCG(seed, 1))); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzHistory has the history's turns chosen by bytes.
func FuzzHistory(f *testing.F) {
	f.Add([]byte("any"))
	f.Add([]byte{200, 10, 90, 0, 120, 7, 250, 30, 60, 90, 120, 150, 180, 210, 240})
	f.Fuzz(func(t *testing.T, in []byte) { history(t, rand.New(&dice{in, rand.NewPCG(1, uint64(len(in)))})) })
}

// dice throws what the bytes say, and then something.
type dice struct {
	bytes []byte
	then  rand.Source
}

// Uint64 implements rand.Source.
func (d *dice) Uint64() uint64 {
	if len(d.bytes) == 0 {
		return d.then.Uint64()
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return uint64(b)<<56 | 1<<55 | 1<<23
}

// history is a stream's, and a player's of it, by whatever turns they take.
func history(t *testing.T, r *rand.Rand) {
	t.Helper()
	s := newStudio(t)
	w := watch(t, Options{MaxLag: time.Duration(1+r.IntN(5)) * time.Second})
	said := uint32(0)
	for range 1 + r.IntN(4) {
		s.delay = time.Duration(r.IntN(3)) * 40 * time.Millisecond
		tracks := [][]media.Track{{videoTrack(avc360), audioTrack(aac)}, {videoTrack(avc720)}, {videoTrack(avc360), audioTrack(opus)}}[r.IntN(3)]
		s.begin(nil, tracks...)
		s.emsgs = nil
		for range r.IntN(6) {
			said++
			s.says(said, time.Duration(r.IntN(15_000))*time.Millisecond, "custom", fmt.Sprint("event ", said))
		}
		s.run(time.Duration(1+r.IntN(15))*time.Second, func() {
			switch r.IntN(12) {
			case 0:
				w.p.Pause(true)
			case 1:
				w.p.Pause(false)
			case 2:
				w.p.Resync()
			case 3, 4, 5:
				w.look(s.tl)
			}
		})
		s.end(time.Duration(r.IntN(5)-1) * time.Second)
	}
	w.p.Pause(false)
	s.apply(timeline.StreamEnded{At: s.now})
	w.look(s.tl)
	require.True(t, w.last == Over || len(w.got) == 0)
	last, seen, before := map[string]uint32{}, map[string]bool{}, ""
	for i, g := range w.script() {
		require.GreaterOrEqual(t, g.at, last["script"], "script tag %d", i)
		require.False(t, seen[g.values[1].(string)], "event %v again", g.values)
		last["script"], seen[g.values[1].(string)] = g.at, true
	}
	for i, g := range w.got {
		if g.kind != "video" && g.kind != "audio" {
			continue
		}
		require.GreaterOrEqual(t, g.at, last[g.kind], "tag %d", i)
		require.False(t, seen[g.data], "%s again", g.data)
		last[g.kind], seen[g.data] = g.at, true
		if g.kind == "video" {
			var epoch, n int
			fmt.Sscanf(g.data, "source %d.%d", &epoch, &n)
			require.True(t, g.sync || before == fmt.Sprintf("source %d.%d", epoch, n-1), "%s after %s", g.data, before)
			before = g.data
		}
	}
}
