package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"sluice/packager/hls/hlscheck"
)

// frame is a sample as a fragment gives it, in ticks of its track.
type frame struct {
	pts, duration int64
	sync          bool
	data          []byte
}

// span is a segment, read by an independent library.
type span struct {
	epoch, msn    uint64
	timescale     int64
	width, height int
	gap           bool
	listed        float64 // EXTINF, in seconds
	start         int64   // tfdt of the first fragment
	frames        []frame // in decode order
	fragments     int
}

// first is the earliest presentation time.
func (s span) first() int64 { return slices.Min(s.times()) }

// length is the sum of the durations.
func (s span) length() int64 {
	var sum int64
	for _, f := range s.frames {
		sum += f.duration
	}
	return sum
}

// shown is how long the pictures take: other than the sum of the durations where
// an epoch has ended between pictures that were to be shown in another order.
func (s span) shown() int64 {
	first, end := s.first(), int64(0)
	for _, f := range s.frames {
		end = max(end, f.pts+f.duration)
	}
	return end - first
}

// torn reports whether such an end is what the segment has.
func (s span) torn() bool { return s.shown() != s.length() }

// times are the presentation times, in rising order.
func (s span) times() []int64 {
	all := make([]int64, 0, len(s.frames))
	for _, f := range s.frames {
		all = append(all, f.pts)
	}
	slices.Sort(all)
	return all
}

// keys are the presentation times of the sync samples.
func (s span) keys() []int64 {
	var all []int64
	for _, f := range s.frames {
		if f.sync {
			all = append(all, f.pts)
		}
	}
	return all
}

// everySecond are the presentation times that a rung of half the rate has: from
// each sync sample on, one of two.
func (s span) everySecond() []int64 {
	keys := s.keys()
	var all []int64
	n := 0
	for _, at := range s.times() {
		if slices.Contains(keys, at) {
			n = 0
		}
		if n%2 == 0 {
			all = append(all, at)
		}
		n++
	}
	return all
}

func (s span) String() string {
	return fmt.Sprintf("segment %d of epoch %d, %d frames from %d on", s.msn, s.epoch, len(s.frames), s.start)
}

// playlist fetches a rendition's.
func (g *gateway) playlist(rendition string) (*hlscheck.Media, error) {
	body, _, err := g.get("/live/live/" + rendition + "/index.m3u8")
	if err != nil {
		return nil, err
	}
	m, _, _ := hlscheck.Parse(body)
	if m == nil {
		err = fmt.Errorf("not a media playlist:\n%s", body)
	}
	return m, err
}

// read fetches all that a rendition's playlist lists.
func (g *gateway) read(rendition string) []span {
	g.t.Helper()
	base := g.url("/live/live/" + rendition + "/index.m3u8")
	m, err := g.playlist(rendition)
	require.NoError(g.t, err)
	inits := map[string]*mp4.InitSegment{}
	var all []span
	for _, s := range m.Segments {
		one := span{msn: s.MSN, gap: s.Gap, listed: s.Duration.Seconds()}
		if s.Gap {
			all = append(all, one)
			continue
		}
		var msn uint64
		_, err := fmt.Sscanf(s.URI, "%d/%d.m4s", &one.epoch, &msn)
		require.NoError(g.t, err, s.URI)
		require.Equal(g.t, s.MSN, msn, s.URI)
		if inits[s.Map] == nil {
			inits[s.Map] = g.readInit(resolve(base, s.Map))
		}
		body, _, err := fetch(g.t.Context(), resolve(base, s.URI))
		require.NoError(g.t, err)
		readSegment(g.t, &one, inits[s.Map], body)
		all = append(all, one)
	}
	return all
}

func (g *gateway) readInit(u string) *mp4.InitSegment {
	g.t.Helper()
	body, _, err := fetch(g.t.Context(), u)
	require.NoError(g.t, err)
	f, err := mp4.DecodeFile(bytes.NewReader(body))
	require.NoError(g.t, err)
	require.NotNil(g.t, f.Init, u)
	return f.Init
}

func readSegment(t *testing.T, s *span, init *mp4.InitSegment, body []byte) {
	t.Helper()
	track := init.Moov.Trak
	s.timescale = int64(track.Mdia.Mdhd.Timescale)
	if entry := track.Mdia.Minf.Stbl.Stsd.AvcX; entry != nil {
		s.width, s.height = int(entry.Width), int(entry.Height)
	}
	f, err := mp4.DecodeFile(bytes.NewReader(body))
	require.NoError(t, err)
	s.start = -1
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			s.fragments++
			samples, err := fragment.GetFullSamples(init.Moov.Mvex.Trex)
			require.NoError(t, err)
			for _, sample := range samples {
				if s.start < 0 {
					s.start = int64(sample.DecodeTime)
				}
				s.frames = append(s.frames, frame{
					pts: sample.PresentationTime(), duration: int64(sample.Dur), sync: sample.IsSync(), data: sample.Data,
				})
			}
		}
	}
	require.NotEmpty(t, s.frames, "%v", s)
}

// startsWithIDR reports whether a sample's first slice is one of an IDR picture
// (ITU-T H.264 §7.4.1; four length bytes before each NAL unit).
func startsWithIDR(data []byte) bool {
	const slice, idr = 1, 5
	for len(data) > 4 {
		size := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
		switch data[4] & 0x1f {
		case idr:
			return true
		case slice:
			return false
		}
		if size > len(data)-4 {
			return false
		}
		data = data[4+size:]
	}
	return false
}

// alignment is how a rung compares with the rendition that leads: from the
// rung's first segment on, each segment is there, starts and ends with the
// leader's, and shows the same pictures at the same times.
type alignment struct {
	half bool // every second picture
	// varies: what a part's last frame lasts is a guess, and with B-frames a segment's
	// decode times needn't begin with its first picture's time.
	varies bool
}

// require compares, and returns how many segments it has compared.
func (a alignment) require(t *testing.T, leader, rung []span) int {
	t.Helper()
	require.NotEmpty(t, rung, "nothing is listed")
	byMSN := map[uint64]span{}
	for _, s := range rung {
		byMSN[s.msn] = s
	}
	n := 0
	for _, want := range leader {
		got, ok := byMSN[want.msn]
		if !ok || got.gap {
			require.Zero(t, n, "segment %d is missing, after %d that are there", want.msn, n)
			continue
		}
		n++
		require.Equal(t, want.epoch, got.epoch, "%v", got)
		require.Equal(t, want.timescale, got.timescale, "%v", got)
		require.True(t, got.frames[0].sync && startsWithIDR(got.frames[0].data), "%v doesn't start with an IDR picture", got)
		require.Equal(t, got.start, got.frames[0].pts, "%v", got)
		require.Equal(t, want.first(), got.first(), "the first picture of %v", got)
		require.Equal(t, want.keys(), got.keys(), "the IDR pictures of %v", got)
		times := want.times()
		if a.half {
			times = want.everySecond()
		}
		require.Equal(t, times, got.times(), "the pictures of %v", got)
		if !a.varies {
			require.Equal(t, want.start, got.start, "the start of %v", got)
			length := want.shown()
			if a.half && len(want.frames)%2 == 1 {
				length += want.frames[0].duration // the last one is shown as long as two
			}
			// Of each fragment the last frame's nominal duration is rounded.
			require.InDelta(t, length, got.length(), float64(got.fragments), "the duration of %v", got)
		}
		if !want.torn() && (!a.half || len(want.frames)%2 == 0) {
			require.InDelta(t, want.listed, got.listed, 2e-5, "EXTINF of %v", got)
		}
		require.True(t, slices.IsSortedFunc(got.frames, func(a, b frame) int { return int(a.pts - b.pts) }), "%v is reordered", got)
	}
	return n
}

// requireWhole looks at the rendition that leads: nothing of it is missing.
// Within an epoch every segment starts where the one before has ended.
func requireWhole(t *testing.T, spans []span) {
	t.Helper()
	require.NotEmpty(t, spans)
	for i, s := range spans {
		require.False(t, s.gap, "segment %d is a gap", s.msn)
		require.True(t, s.frames[0].sync, "%v doesn't start with a sync sample", s)
		if i == 0 {
			continue
		}
		before := spans[i-1]
		require.Equal(t, before.msn+1, s.msn)
		if before.epoch == s.epoch {
			require.Equal(t, before.start+before.length(), s.start, "%v, after %v", s, before)
		}
	}
}

// count is the number of pictures.
func count(spans []span) int {
	n := 0
	for _, s := range spans {
		n += len(s.frames)
	}
	return n
}

// whole returns what a rendition's playlist lists as one file: the init segment,
// and the segments of its last epoch.
func (g *gateway) whole(rendition string) []byte {
	g.t.Helper()
	base := g.url("/live/live/" + rendition + "/index.m3u8")
	m, err := g.playlist(rendition)
	require.NoError(g.t, err)
	require.NotEmpty(g.t, m.Segments)
	last := m.Segments[len(m.Segments)-1]
	uris := []string{last.Map}
	for _, s := range m.Segments {
		if s.Discontinuity == last.Discontinuity && !s.Gap {
			uris = append(uris, s.URI)
		}
	}
	var file []byte
	for _, uri := range uris {
		body, _, err := fetch(g.t.Context(), resolve(base, uri))
		require.NoError(g.t, err)
		file = append(file, body...)
	}
	return file
}
