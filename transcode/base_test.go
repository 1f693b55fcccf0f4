package transcode

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sluice/media"
)

// origin is where the recorder's epochs begin.
const origin = 10 * 90_000

// recorder is a media.Base that keeps what it's given. It places pictures as the
// packager does: an epoch begins with the first sync sample after a Begin.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	busy     bool // a call of the Sink is being made
	expected media.Expectation
	known    []media.Expectation // by epoch, from 1
	tracks   []media.Track
	begins   [][]media.Track
	epoch    uint64
	open     bool
	shift    media.Ticks
	placed   bool
	led      []written // the leading track's
	sound    []written
	events   []recordedEvent
	rungs    map[string]*recordedRung
	ended    bool
	reorders bool  // rungs may have B-frames
	fail     error // of the Sink's calls
	changed  chan struct{}
}

// written is a sample that came through, on its epoch's clock.
type written struct {
	epoch    uint64
	at       media.Ticks // presentation time
	duration media.Ticks
	sync     bool
	data     []byte
	lag      time.Duration
	when     time.Time
}

// recordedRung is one rung's samples.
type recordedRung struct {
	recorder *recorder
	tracks   []media.Track
	samples  []written
	ends     []uint64
	leaves   int
	away     bool
	busy     bool
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{TB: t, rungs: map[string]*recordedRung{}, changed: make(chan struct{})}
}

// call guards the contract: one call of the Sink at a time.
func (r *recorder) call(do func() error) error {
	r.mu.Lock()
	if r.busy {
		r.Error("two calls of the Sink at once")
	}
	if r.ended {
		r.Error("call of the Sink after its end")
	}
	r.busy = true
	err := r.fail
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.busy = false
		r.notify()
		r.mu.Unlock()
	}()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return do()
}

func (r *recorder) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) Expect(x media.Expectation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = x
}

func (r *recorder) Begin(_ context.Context, tracks []media.Track) error {
	return r.call(func() error {
		r.tracks, r.open, r.placed = tracks, false, false
		r.begins = append(r.begins, tracks)
		r.known = append(r.known, r.expected)
		return nil
	})
}

func (r *recorder) WriteSample(_ context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	return r.call(func() error {
		kind, found := media.Kind(0), false
		for _, t := range r.tracks {
			if t.ID == id {
				kind, found = t.Kind, true
			}
		}
		if !found {
			r.Errorf("sample of track %d, which there isn't", id)
		}
		w := written{at: s.PTS(), duration: s.Duration, sync: s.Sync, data: s.Data, lag: time.Since(arrived), when: time.Now()}
		if kind == media.Audio {
			w.epoch = r.epoch
			r.sound = append(r.sound, w)
			return nil
		}
		r.placed = r.open || s.Sync
		if !r.placed {
			return nil
		}
		if !r.open {
			r.open = true
			r.epoch++
			r.shift = origin - s.PTS()
		}
		w.epoch, w.at = r.epoch, s.PTS()+r.shift
		r.led = append(r.led, w)
		return nil
	})
}

// recordedEvent is one that came through, before so many Begins.
type recordedEvent struct {
	media.Event
	begins int
}

func (r *recorder) WriteEvent(_ context.Context, e media.Event) error {
	return r.call(func() error {
		if len(r.begins) == 0 {
			r.Error("event before Begin")
		}
		r.events = append(r.events, recordedEvent{e, len(r.begins)})
		return nil
	})
}

func (r *recorder) End(context.Context, error) error {
	err := r.call(func() error { return nil })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return err
}

func (r *recorder) Placed() (media.Place, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return media.Place{Epoch: r.epoch, Shift: r.shift}, r.placed
}

func (r *recorder) Open(t media.Track) media.Rung {
	r.mu.Lock()
	defer r.mu.Unlock()
	expected := false
	for _, x := range r.expected.Rungs {
		expected = expected || x.Name == t.Name
	}
	if !expected {
		r.Errorf("rung %s isn't expected", t.Name)
	}
	g := r.rungs[t.Name]
	if g == nil {
		g = &recordedRung{recorder: r}
		r.rungs[t.Name] = g
	}
	g.tracks = append(g.tracks, t)
	return g
}

func (g *recordedRung) WriteSample(_ context.Context, epoch uint64, s media.Sample, arrived time.Time) error {
	r := g.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.CTSOffset != 0 && (!r.reorders || s.Sync) {
		r.Error("a rung's sample has a composition offset")
	}
	if n := len(g.samples); n > 0 {
		if last := g.samples[n-1]; epoch < last.epoch || epoch == last.epoch && s.DTS <= last.at {
			r.Errorf("rung's sample at %d of epoch %d comes after %d of %d", s.DTS, epoch, last.at, last.epoch)
		}
	}
	if n := len(g.ends); n > 0 && epoch <= g.ends[n-1] {
		r.Errorf("sample of epoch %d, which has ended", epoch)
	}
	g.away = false
	g.samples = append(g.samples, written{epoch, s.DTS, s.Duration, s.Sync, s.Data, time.Since(arrived), time.Now()})
	r.notify()
	return nil
}

func (g *recordedRung) End(_ context.Context, epoch uint64) error {
	g.recorder.mu.Lock()
	defer g.recorder.mu.Unlock()
	g.ends = append(g.ends, epoch)
	g.recorder.notify()
	return nil
}

func (g *recordedRung) Leave(context.Context) error {
	g.recorder.mu.Lock()
	defer g.recorder.mu.Unlock()
	g.leaves++
	g.away = true
	g.recorder.notify()
	return nil
}

// until waits for a condition, which is looked at with the mutex held.
func (r *recorder) until(what string, limit time.Duration, ok func() bool) {
	r.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			r.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// count is how many samples a rung has got. The mutex is held.
func (r *recorder) count(name string) int {
	if g := r.rungs[name]; g != nil {
		return len(g.samples)
	}
	return 0
}

// of returns a rung's samples.
func (r *recorder) of(name string) []written {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.rungs[name]; g != nil {
		return append([]written(nil), g.samples...)
	}
	return nil
}

// rung returns what there was beside a rung's samples.
func (r *recorder) rung(name string) recordedRung {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.rungs[name]; g != nil {
		return *g
	}
	return recordedRung{}
}

// lead returns the leading track's samples in the order in which they're shown.
func (r *recorder) lead() []written {
	r.mu.Lock()
	defer r.mu.Unlock()
	return shownOrder(r.led)
}

func (r *recorder) all() (begins [][]media.Track, expected []media.Expectation, sound []written) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(begins, r.begins...), append(expected, r.known...), append(sound, r.sound...)
}

var errFake = errors.New("made up")
