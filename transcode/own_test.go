package transcode

import (
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// pictureOf is a codec by its SPS.
func pictureOf(t testing.TB, sps string) media.Codec {
	t.Helper()
	b, err := hex.DecodeString(sps)
	require.NoError(t, err)
	c, err := media.NewH264(b, []byte{0x68, 0xeb})
	require.NoError(t, err)
	return c
}

// A film of 60 fps in three sizes: 1080p with B-frames, 180p (twice) without.
const (
	sps1080 = "67640028acd940780227e5c044000003000400000300f03c60c658"
	sps180  = "6764000dacd941419f9f0110000003001000000303c0f1429960"
)

// multitrack sends several sizes at once.
type multitrack struct {
	t      testing.TB
	sink   media.Sink
	tracks []media.Track
	at     media.Ticks // of the next frame
	n      int
}

func newMultitrack(t testing.TB, sink media.Sink, sps ...string) *multitrack {
	m := &multitrack{t: t, sink: sink}
	for i, s := range sps {
		m.tracks = append(m.tracks, media.Track{ID: media.TrackID(1 + 2*i), Kind: media.Video, Timescale: media.VideoClock, Codec: pictureOf(t, s)})
	}
	return m
}

func (m *multitrack) begin() { require.NoError(m.t, m.sink.Begin(m.t.Context(), m.tracks)) }

// frames sends so many of every track, with keyframes each second. The first has
// I P b P b ..., shown one frame later; the others I P P, of which the timestamps are off
// by less than a millisecond. turn orders the tracks within a frame.
func (m *multitrack) frames(count int, turn func(n int) []int) {
	const frame = 3000
	for range count {
		for _, i := range turn(m.n) {
			s := media.Sample{DTS: m.at, Duration: frame, Sync: m.n%30 == 0, Data: []byte{byte(i), byte(m.n)}}
			if i == 0 {
				switch inGOP := m.n % 30; {
				case inGOP == 0:
					s.CTSOffset = frame
				case inGOP%2 == 1 && inGOP < 29:
					s.CTSOffset = 2 * frame
				case inGOP%2 == 1:
					s.CTSOffset = frame
				}
			} else {
				s.DTS += frame + media.Ticks(40*i) // shown when the others are
			}
			require.NoError(m.t, m.sink.WriteSample(m.t.Context(), m.tracks[i].ID, s, time.Now()))
		}
		m.at += frame
		m.n++
		time.Sleep(time.Second / 30)
	}
}

func inOrder(order ...int) func(int) []int { return func(int) []int { return order } }

// What a publisher sends in several sizes is a ladder: nothing is encoded.
func TestOwnRungs(t *testing.T) {
	for name, turn := range map[string]func(int) []int{
		"in order": inOrder(0, 1, 2), "the leading one last": inOrder(2, 1, 0),
		"as it comes": func(n int) []int { return [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}}[n%3] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, base := &fakeMachine{}, newRecorder(t)
				base.reorders = true
				l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,720p,360p"), Timing{}, base)
				p := newMultitrack(t, l, sps1080, sps180, sps180)
				p.begin()
				p.frames(90, turn)
				p.at += 200 * 90_000 // the publisher's clock jumps
				p.begin()
				p.frames(60, turn)
				require.NoError(t, l.End(t.Context(), nil))
				require.Zero(t, m.started())
				begins, expected, _ := base.all()
				require.Len(t, begins, 2)
				require.Len(t, begins[0], 1)
				require.Equal(t, []media.ExpectedRung{{Name: "180p", Kind: media.Video}, {Name: "180p-2", Kind: media.Video}}, expected[0].Rungs)
				keyframes := map[uint64][]media.Ticks{}
				for _, w := range base.lead() {
					if w.sync {
						keyframes[w.epoch] = append(keyframes[w.epoch], w.at)
					}
				}
				require.Len(t, keyframes[1], 3)
				for i, name := range []string{"180p", "180p-2"} {
					got := base.of(name)
					require.Len(t, got, 150, "%s", name)
					have := map[uint64][]media.Ticks{}
					for n, w := range got {
						require.Equal(t, []byte{byte(i + 1), byte(n)}, w.data)
						if w.sync {
							have[w.epoch] = append(have[w.epoch], w.at)
						}
					}
					require.Equal(t, keyframes, have, "to the tick")
					ends := base.rung(name).ends
					require.EqualValues(t, 2, ends[len(ends)-1])
				}
			})
		})
	}
}

// A size that the publisher sends no more is no rung any more; one that is another picture
// altogether costs nothing but itself.
func TestOwnRungsThatStray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		base.reorders = true
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,720p"), Timing{}, base)
		p := newMultitrack(t, l, sps1080, sps180)
		p.begin()
		p.frames(30, inOrder(1)) // nothing leads
		require.Empty(t, base.of("180p"))
		for n := range media.Ticks(2 * maxOwnSamples) {
			s := media.Sample{DTS: p.at + 1<<40 + n*3000, Duration: 3000, Sync: true, Data: make([]byte, 1<<16)}
			require.NoError(t, l.WriteSample(t.Context(), p.tracks[1].ID, s, time.Now()))
		}
		p.frames(60, inOrder(0))
		require.Len(t, base.lead(), 60)
		require.Empty(t, base.of("180p"))
		p.tracks = p.tracks[:1]
		p.begin()
		p.frames(30, inOrder(0))
		require.NoError(t, l.End(t.Context(), nil))
		require.Len(t, base.lead(), 90)
		_, expected, _ := base.all()
		require.Len(t, expected[0].Rungs, 1)
	})
}
