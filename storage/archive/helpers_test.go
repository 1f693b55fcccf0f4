package archive

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/journal/memory"
	"sluice/storage/objects"
)

var began = time.Unix(1_700_000_000, 0).UTC()

// publisher appends a stream of pictures and sound: segments of two seconds, in ten parts
// and one.
type publisher struct {
	*testing.T
	journal *memory.Journal
	stream  string
	window  time.Duration
	bytes   int // of a part
	epoch   uint64
	at      time.Duration // media so far
	from    time.Duration // when the epoch began
	feed    *timeline.Feed
}

func newPublisher(t *testing.T, j *memory.Journal, stream string, window time.Duration) *publisher {
	feed, err := j.Follow(t.Context(), stream)
	require.NoError(t, err)
	return &publisher{T: t, journal: j, stream: stream, window: window, bytes: 10, feed: feed}
}

func (p *publisher) append(e timeline.Entry) {
	p.Helper()
	require.NoError(p, p.journal.Append(p.Context(), p.stream, e), "%T", e)
}

func (p *publisher) tracks() []timeline.RenditionTrack {
	sps, err := hex.DecodeString("6764000dacd941419f9f0110000003001000000303c0f1429960")
	require.NoError(p, err)
	video, err := media.NewH264(sps, []byte{0x68, 0xeb})
	require.NoError(p, err)
	sound, err := media.NewAAC([]byte{0x11, 0x90})
	require.NoError(p, err)
	return []timeline.RenditionTrack{
		{Rendition: timeline.Source, Track: media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: video}},
		{Rendition: timeline.Audio, Track: media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: sound}},
	}
}

func (p *publisher) start() {
	p.Helper()
	p.epoch, p.from = p.feed.Current().Next.Epoch, p.at
	tracks := p.tracks()
	p.append(timeline.EpochStarted{Epoch: p.epoch, At: began.Add(p.at), Window: p.window, Tracks: tracks})
	for _, rt := range tracks {
		p.append(timeline.InitWritten{Epoch: p.epoch, InitEpoch: p.epoch, Rendition: rt.Rendition, Data: []byte(fmt.Sprintf("init %s %d", rt.Rendition, p.epoch))})
	}
	if !p.feed.Current().Ready() {
		p.append(timeline.TargetsFixed{Targets: timeline.Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond, PartHoldBack: 600 * time.Millisecond, HoldBack: 6 * time.Second}})
	}
}

const segment = 2 * time.Second

// part appends parts to the next segment of a rendition.
func (p *publisher) parts(rt timeline.RenditionTrack, from, to, of int) {
	p.Helper()
	ts := rt.Track.Timescale
	start := media.TicksOf(timeline.Origin+p.at-p.from, ts)
	step := media.TicksOf(segment, ts) / media.Ticks(of)
	for i := from; i < to; i++ {
		t := p.feed.Current()
		n := t.Rendition(rt.Rendition).NextPosition(t)
		at := start + media.Ticks(i)*step
		p.append(timeline.PartWritten{Epoch: p.epoch, Rendition: rt.Rendition, MSN: n.MSN, Index: n.Part, Part: timeline.Part{
			Start: at, Duration: step, Samples: 6, Independent: i == 0,
			Time: began.Add(p.at + (media.Ticks(i) * step).Duration(ts)),
			Data: content(rt.Rendition, n.MSN, n.Part, p.bytes), Key: keyOf(rt.Rendition, n.Part),
		}})
	}
}

// keyOf is how many bytes of a part are its first picture's.
func keyOf(id timeline.RenditionID, part int) int {
	if id == timeline.Source && part == 0 {
		return 9
	}
	return 0
}

// content is what a part has: of a size of its own.
func content(id timeline.RenditionID, msn uint64, part, size int) []byte {
	head := fmt.Sprintf("%s %d.%d ", id, msn, part)
	return []byte(head + strings.Repeat("x", size+int(msn%3)))
}

// whole is what a segment of the publisher's has.
func (p *publisher) whole(id timeline.RenditionID, msn uint64) []byte {
	var b bytes.Buffer
	for i := range partsOf(id) {
		b.Write(content(id, msn, i, p.bytes))
	}
	return b.Bytes()
}

func partsOf(id timeline.RenditionID) int {
	if id == timeline.Audio {
		return 1
	}
	return 10
}

// segment appends one to both renditions.
func (p *publisher) segments(n int) {
	p.Helper()
	for range n {
		for _, rt := range p.tracks() {
			from := 0
			if open := p.feed.Current().Rendition(rt.Rendition).Open; open != nil {
				from = len(open.Parts)
			}
			p.parts(rt, from, partsOf(rt.Rendition), partsOf(rt.Rendition))
			p.close(rt)
		}
		p.at += segment
	}
}

// close ends a rendition's open segment.
func (p *publisher) close(rt timeline.RenditionTrack) {
	p.Helper()
	open := p.feed.Current().Rendition(rt.Rendition).Open
	p.append(timeline.SegmentClosed{
		Epoch: p.epoch, Rendition: rt.Rendition, MSN: open.MSN, Duration: media.TicksOf(segment, rt.Track.Timescale),
	})
}

func (p *publisher) endEpoch() {
	p.Helper()
	if p.feed.Current().Rendition(timeline.Source).Open != nil {
		p.segments(1)
	}
	p.append(timeline.EpochEnded{Epoch: p.epoch, At: began.Add(p.at)})
}

func (p *publisher) end() {
	p.Helper()
	p.endEpoch()
	p.append(timeline.StreamEnded{At: began.Add(p.at)})
}

// settled waits until storage has what it is to have.
func (p *publisher) settled(ready func(*timeline.Timeline) bool) *timeline.Timeline {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	t, err := p.feed.Await(ctx, "", ready)
	require.NoError(p, err)
	return t
}

// run runs an archive until stop is called.
func run(t *testing.T, o Options) (a *Archive, stop func()) {
	a = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx) }()
	return a, sync.OnceFunc(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func names(all ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return all, nil }
}

// store is a Store in memory whose operations can fail, and which can die at any of them.
type store struct {
	mu    sync.Mutex
	all   map[objects.Key][]byte
	limit int64 // of bytes; 0: none
	puts  int   // until it dies; negative: it doesn't
	// modified is when an object was put.
	modified map[objects.Key]time.Time
	err      error // what Put says
	// listing is what List says.
	listing error
}

func newStore() *store {
	return &store{all: map[objects.Key][]byte{}, modified: map[objects.Key]time.Time{}, puts: -1}
}

var errDead = errors.New("killed")

func (s *store) Put(ctx context.Context, key objects.Key, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(key.Check(), ctx.Err(), s.err); err != nil {
		return err
	}
	if s.puts == 0 {
		return errDead
	}
	var used int64
	for _, b := range s.all {
		used += int64(len(b))
	}
	if s.limit > 0 && used+int64(len(data)) > s.limit {
		return objects.ErrFull
	}
	s.puts--
	s.all[key], s.modified[key] = bytes.Clone(data), time.Now()
	return nil
}

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *store) Open(_ context.Context, key objects.Key, off, n int64) (io.ReadCloser, objects.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.all[key]
	switch {
	case !ok:
		return nil, objects.Info{}, objects.ErrNotFound
	case off > int64(len(b)):
		return nil, objects.Info{}, objects.ErrRange
	}
	info := objects.Info{Key: key, Size: int64(len(b))}
	b = b[off:]
	if n >= 0 {
		b = b[:min(n, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), info, nil
}

func (s *store) Delete(_ context.Context, key objects.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts == 0 {
		return errDead
	}
	delete(s.all, key)
	return nil
}

// Move implements objects.Mover.
func (s *store) Move(_ context.Context, from, to objects.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, b := range s.all {
		if rest, below := strings.CutPrefix(string(key), string(from)+"/"); below {
			s.all[objects.NewKey(string(to), rest)] = b
			s.modified[objects.NewKey(string(to), rest)] = s.modified[key]
			delete(s.all, key)
		}
	}
	return s.err
}

func (s *store) List(_ context.Context, prefix objects.Key) iter.Seq2[objects.Info, error] {
	s.mu.Lock()
	all, modified, listing := maps.Clone(s.all), maps.Clone(s.modified), s.listing
	s.mu.Unlock()
	return func(yield func(objects.Info, error) bool) {
		if listing != nil {
			yield(objects.Info{}, listing)
			return
		}
		for key, b := range all {
			if key.Below(prefix) && !yield(objects.Info{Key: key, Size: int64(len(b)), Modified: modified[key]}, nil) {
				return
			}
		}
	}
}

// requireKept checks that each segment which t says is stored is, byte for byte.
func requireKept(t *testing.T, s objects.Store, p *publisher, tl *timeline.Timeline) (n int) {
	t.Helper()
	for _, r := range tl.Renditions {
		for g := range r.Segments.All() {
			if g.Stored == nil {
				continue
			}
			n++
			f, err := Open(t.Context(), s, p.stream, r.ID, g.MSN, 0, -1)
			require.NoError(t, err, "%s %d", r.ID, g.MSN)
			data, err := io.ReadAll(f)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			require.Equal(t, string(p.whole(r.ID, g.MSN)), string(data))
			require.Equal(t, len(data), g.Size)
			require.Equal(t, keyOf(r.ID, 0), g.Key())
			require.Equal(t, partsOf(r.ID), g.NumParts())
			off, size := g.PartRange(g.NumParts() - 1)
			require.Equal(t, string(content(r.ID, g.MSN, g.NumParts()-1, p.bytes)), string(data[off:off+size]))
		}
	}
	return n
}
