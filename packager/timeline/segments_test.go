package timeline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSegments compares the persistent sequence with a plain slice.
func FuzzSegments(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 1, 2, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var s Segments
		var model []*Segment
		msn := uint64(1)
		for _, op := range ops {
			switch n := int(op); {
			case op < 200: // so many appends
				for range n + 1 {
					g := &Segment{MSN: msn}
					msn++
					s, model = s.append(g), append(model, g)
				}
				msn += uint64(op % 3) // holes
			default:
				for range min((n-199)*20, len(model)) {
					s, model = s.drop(), model[1:]
				}
			}
			require.Equal(t, len(model), s.Len())
		}
		i := 0
		for g := range s.All() {
			require.Same(t, model[i], g)
			require.Same(t, g, s.ByMSN(g.MSN))
			i++
		}
		require.Equal(t, len(model), i)
		if len(model) == 0 {
			require.Nil(t, s.First())
			require.Nil(t, s.Last())
			return
		}
		require.Same(t, model[0], s.First())
		require.Same(t, model[len(model)-1], s.Last())
		middle := model[len(model)/2].MSN
		for g := range s.From(middle) {
			require.Equal(t, middle, g.MSN)
			break
		}
		require.Nil(t, s.ByMSN(msn))
		require.Nil(t, s.ByMSN(model[0].MSN-1))
	})
}

func TestSegmentsPersist(t *testing.T) {
	var versions []Segments
	var s Segments
	for msn := uint64(1); msn <= 3000; msn++ {
		versions = append(versions, s)
		s = s.append(&Segment{MSN: msn})
	}
	for range 2500 {
		s = s.drop()
	}
	for n, v := range versions {
		require.Equal(t, n, v.Len())
		if n > 0 {
			require.EqualValues(t, 1, v.First().MSN)
			require.EqualValues(t, n, v.Last().MSN)
		}
	}
	require.EqualValues(t, 2501, s.First().MSN)
}
