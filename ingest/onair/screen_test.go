package onair

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is where outputs end: it notes what is shown, and checks what must always hold.
type screen struct {
	t       *testing.T
	slow    atomic.Int64 // what each call takes, as a time.Duration
	fails   error
	calling atomic.Bool

	mu      sync.Mutex
	outputs []*output
	epochs  []*shownEpoch
	ends    []error
	ended   time.Time // on the wall: of the picture or, without one, the sound
}

// output is one broadcast's.
type output struct {
	screen *screen
	begun  int
	over   bool
}

// shownEpoch is what came after one Begin.
type shownEpoch struct {
	tracks []media.Track
	at     time.Time // of its Begin
	who    byte
	start  time.Time // date of its first picture
	gap    time.Duration
	sent   time.Time // of the newest picture that had come, when the first was written
	frames []frameShown
	sounds int
	first  media.Ticks // presentation time of the first picture
	last   map[media.TrackID]media.Ticks
	events []media.Event
}

type frameShown struct {
	n    int
	sync bool
	pts  media.Ticks
	date time.Time
}

func newScreen(t *testing.T) *screen { return &screen{t: t} }

func (s *screen) open() media.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outputs {
		require.True(s.t, o.over, "an output is opened while another is there")
	}
	o := &output{screen: s}
	s.outputs = append(s.outputs, o)
	return o
}

// call is around each call of an output.
func (o *output) call(f func()) error {
	s := o.screen
	require.True(s.t, s.calling.CompareAndSwap(false, true), "two calls of the output at once")
	defer s.calling.Store(false)
	if slow := time.Duration(s.slow.Load()); slow > 0 {
		time.Sleep(slow)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	require.False(s.t, o.over, "the output has ended")
	f()
	return s.fails
}

func (o *output) Begin(_ context.Context, tracks []media.Track) error {
	return o.call(func() {
		o.begun++
		o.screen.epochs = append(o.screen.epochs, &shownEpoch{tracks: tracks, at: time.Now(), last: map[media.TrackID]media.Ticks{}})
	})
}

func (o *output) WriteSample(_ context.Context, id media.TrackID, m media.Sample, arrived time.Time) error {
	return o.call(func() {
		s := o.screen
		require.True(s.t, len(s.epochs) > 0)
		e := s.epochs[len(s.epochs)-1]
		var track *media.Track
		for i := range e.tracks {
			if e.tracks[i].ID == id {
				track = &e.tracks[i]
			}
		}
		require.NotNil(s.t, track, "a sample of a track that there is not")
		if last, ok := e.last[id]; ok {
			require.Greater(s.t, m.DTS, last, "decode times rise")
		}
		e.last[id] = m.DTS
		leads := track.Kind == media.Video || len(e.tracks) == 1
		if !leads {
			e.sounds++
			return
		}
		n := int(binary.BigEndian.Uint32(m.Data[1:]))
		if len(e.frames) == 0 && !m.Sync && e.sounds > 0 {
			return // a packager waits for a keyframe
		}
		if len(e.frames) == 0 {
			require.True(s.t, m.Sync || len(s.epochs) == 1, "an epoch starts with a keyframe")
			require.True(s.t, !m.Sync || track.Kind == media.Audio || m.CTSOffset == 7200 || e.who == 's' || m.Data[0] == 's', "with the offset that it had")
			e.who, e.start, e.first = m.Data[0], arrived, m.PTS()
			if !s.ended.IsZero() {
				e.gap = e.start.Sub(s.ended)
				// The packager sees to the rest of a frame.
				require.Greater(s.t, e.gap, -frame, "an epoch overlaps the one before")
			}
		}
		require.Equal(s.t, e.who, m.Data[0], "one publisher in one epoch")
		date := e.start.Add((m.PTS() - e.first).Duration(track.Timescale))
		// What was seen last may last for another frame, and be followed by what's squeezed.
		require.LessOrEqual(s.t, time.Until(date), 2*frame, "a date in the future")
		e.frames = append(e.frames, frameShown{n, m.Sync, m.PTS(), date})
		if end := date.Add(m.Duration.Duration(track.Timescale)); end.After(s.ended) {
			s.ended = end
		}
	})
}

func (o *output) WriteEvent(_ context.Context, v media.Event) error {
	return o.call(func() {
		e := o.screen.epochs[len(o.screen.epochs)-1]
		e.events = append(e.events, v)
	})
}

func (o *output) End(_ context.Context, cause error) error {
	return o.call(func() {
		o.over = true
		o.screen.ends = append(o.screen.ends, cause)
	})
}

// shows is who is on, as of the newest picture.
func (s *screen) shows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.outputs); n == 0 || s.outputs[n-1].over {
		return "-"
	}
	if n := len(s.epochs); n > 0 && s.epochs[n-1].who != 0 {
		return string(s.epochs[n-1].who)
	}
	return "?"
}

// order is who has been on, epoch by epoch; those without a picture don't count.
func (s *screen) order() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for _, e := range s.epochs {
		if e.who != 0 {
			all = append(all, e.who)
		}
	}
	return string(all)
}

func (s *screen) epoch(i int) *shownEpoch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < 0 {
		i += len(s.epochs)
	}
	return s.epochs[i]
}

const frame = 40 * time.Millisecond

// publisher sends a picture each 40 ms, and sound beside it, on a clock of its own.
type publisher struct {
	t    *testing.T
	name byte
	role Role
	sink media.Sink
	zero media.Ticks // of its clock
	gop  int
	only media.Kind // of what it sends; 0: both
	dark bool       // it says that it would send a picture, and doesn't

	n       atomic.Int32 // pictures sent
	begun   bool
	start   time.Time
	stopped atomic.Bool // it sends nothing, and is there
	quit    chan error
	gone    chan struct{}
	failed  atomic.Pointer[error]
}

var (
	picture = media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: &media.VP9{}}
	sound   = media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: &media.Opus{}}
)

func (p *publisher) tracks() []media.Track {
	switch p.only {
	case media.Video:
		return []media.Track{picture}
	case media.Audio:
		return []media.Track{sound}
	}
	return []media.Track{picture, sound}
}

// tick sends what belongs to one picture's time.
func (p *publisher) tick(ctx context.Context) error {
	now, n := time.Now(), int(p.n.Load())
	if !p.begun {
		p.begun, p.start = true, now
		if err := p.sink.Begin(ctx, p.tracks()); err != nil {
			return err
		}
	}
	at := now.Sub(p.start) // a clock that runs while nothing is sent
	data := make([]byte, 100)
	data[0] = p.name
	binary.BigEndian.PutUint32(data[1:], uint32(n))
	if p.only != media.Audio && !p.dark {
		s := media.Sample{
			DTS: p.zero + media.TicksOf(at, media.VideoClock), CTSOffset: 7200, Duration: 3600, Sync: n%p.gop == 0, Data: data,
		}
		if n%p.gop == 2 {
			s.CTSOffset = 3600
		}
		if err := p.sink.WriteSample(ctx, 1, s, now); err != nil {
			return err
		}
	}
	p.n.Add(1)
	if p.only == media.Video {
		return nil
	}
	zero := p.zero.Rescale(media.VideoClock, 48_000)
	return p.sink.WriteSample(ctx, 2, media.Sample{DTS: zero + media.TicksOf(at, 48_000), Duration: 1920, Sync: true, Data: data}, now)
}

func (p *publisher) run(ctx context.Context) {
	defer close(p.gone)
	every := time.NewTicker(frame)
	defer every.Stop()
	for {
		if !p.stopped.Load() {
			if err := p.tick(ctx); err != nil {
				p.failed.Store(&err)
				p.sink.End(context.WithoutCancel(ctx), err)
				return
			}
		}
		select {
		case <-every.C:
		case cause := <-p.quit:
			require.NoError(p.t, p.sink.End(context.WithoutCancel(ctx), cause))
			return
		}
	}
}

// leave ends the session.
func (p *publisher) leave(cause error) {
	select {
	case p.quit <- cause:
	case <-p.gone:
	}
	<-p.gone
}

// studio is a Control with publishers and a screen, in a bubble.
type studio struct {
	*testing.T
	*screen
	control  *Control
	settings Settings
	slates   *fakeSlates
	stop     func()
}

func newStudio(t *testing.T, change ...func(*Settings)) *studio {
	s := &studio{T: t, screen: newScreen(t), control: New(Options{}), slates: &fakeSlates{}}
	s.settings = Settings{Grace: 30 * time.Second}
	for _, f := range change {
		f(&s.settings)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.control.Serve(ctx) }()
	s.stop = func() { cancel(); <-done }
	return s
}

func (s *studio) withSlate() *studio {
	s.settings.Slates = s.slates
	return s
}

// in lets a publisher in.
func (s *studio) in(name byte, role Role, change ...func(*publisher)) *publisher {
	p := &publisher{
		t: s.T, name: name, role: role, gop: 50, quit: make(chan error), gone: make(chan struct{}),
		sink: s.control.Input("show", role, s.settings, s.open),
	}
	for _, f := range change {
		f(p)
	}
	go p.run(context.Background())
	synctest.Wait()
	return p
}

func (s *studio) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *studio) on(who string) {
	s.T.Helper()
	require.Equal(s.T, who, s.shows())
}

// empty says that nothing is remembered.
func (s *studio) empty() {
	s.T.Helper()
	s.control.mu.Lock()
	defer s.control.mu.Unlock()
	require.Empty(s.T, s.control.airs)
}

// fakeSlates has a slate of one GOP a second.
type fakeSlates struct {
	mu       sync.Mutex
	unready  bool
	fails    error
	prepared int
	rates    []map[media.TrackID]float64 // of each Prepare
	asked    map[media.TrackID]float64   // of the newest Clip
	playing  int
	plays    int
}

func (f *fakeSlates) Prepare(_ []media.Track, rates map[media.TrackID]float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prepared++
	f.rates = append(f.rates, rates)
}

func (f *fakeSlates) Clip(tracks []media.Track, rates map[media.TrackID]float64) (Clip, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = rates
	return &fakeClip{f, tracks}, !f.unready
}

type fakeClip struct {
	slates *fakeSlates
	tracks []media.Track
}

func (c *fakeClip) Play(ctx context.Context, sink media.Sink, start time.Time) error {
	f := c.slates
	f.mu.Lock()
	f.playing++
	f.plays++
	err := f.fails
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.playing--; f.mu.Unlock() }()
	if err != nil {
		return err
	}
	if err := sink.Begin(ctx, c.tracks); err != nil {
		return fmt.Errorf("slate: %w", err)
	}
	every := time.NewTicker(frame)
	defer every.Stop()
	for n := 0; ; n++ {
		data := make([]byte, 10)
		data[0] = 's'
		binary.BigEndian.PutUint32(data[1:], uint32(n))
		at := start.Add(time.Duration(n) * frame)
		s := media.Sample{DTS: media.TicksOf(at.Sub(start), media.VideoClock), Duration: 3600, Sync: n%25 == 0, Data: data}
		if err := sink.WriteSample(ctx, 1, s, at); err != nil {
			return fmt.Errorf("slate: %w", err)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
