package slate

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// Options configure a Maker.
type Options struct {
	// Picture is the path of a picture or clip; empty: the built-in picture. It's read again
	// when it changes.
	Picture string
	// Data is the folder in which what was made is kept, in a folder of its own; empty: nowhere.
	Data    string
	FFmpeg  string        // the program; empty: found in PATH
	Segment time.Duration // the distance of keyframes; 0: two seconds
	Slots   *Slots        // shared with other Makers; nil: its own
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: counted and shown nowhere
}

// Maker makes slates for any number of streams.
type Maker struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	cache   cache
	wake    chan struct{}
	quiet   time.Duration // quietLimit, but for tests
	every   time.Duration // lookEvery, likewise

	// Of the goroutine that looks at the picture.
	seen   stamp // of the last look
	looked bool

	// finding is held by who reads or writes these.
	finding   chan struct{}
	tool      *ffmpeg.Tool
	toolAfter time.Time // when ffmpeg is looked for again

	// Of Serve's goroutine: what is being made, and what was set aside because it's slow.
	making map[form]struct{}
	aside  map[form]struct{}

	mu      sync.Mutex
	stamp   stamp   // of the picture that was read last, readable or not
	wants   []want  // the last one that was asked for stands at the end
	shown   source  // what is to be shown
	before  *source // what was shown before that
	reels   map[form]*kept
	bytes   int // of reels
	uses    uint64
	failed  map[form]time.Time // until when it isn't tried again
	refused map[string]struct{}
}

// want is a set of tracks that somebody has asked for.
type want struct {
	tracks []media.Track
	rates  map[media.TrackID]float64 // as they were measured
	forms  []form                    // with the built-in picture: it's by these that sets are told apart
}

// kept is a reel in memory, and when it was used last.
type kept struct {
	*reel
	used uint64
}

// New returns a Maker. It panics where o.Metrics has metrics of its names already.
func New(o Options) *Maker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Segment <= 0 {
		o.Segment = usualSegment
	}
	o.Segment = min(max(o.Segment, leastSegment), mostSegment)
	if o.Slots == nil {
		o.Slots = NewSlots()
	}
	return &Maker{
		options: o, log: o.Log, metrics: newMetrics(o.Metrics), cache: newCache(o.Data), wake: make(chan struct{}, 1),
		quiet: quietLimit, every: lookEvery, finding: make(chan struct{}, 1), making: map[form]struct{}{}, aside: map[form]struct{}{},
		reels: map[form]*kept{}, failed: map[form]time.Time{}, refused: map[string]struct{}{},
	}
}

// Prepare asks for what such tracks need. rates are how many pictures come in a second, of those
// tracks where that was measured. It never waits: Serve makes it.
func (m *Maker) Prepare(tracks []media.Track, rates map[media.TrackID]float64) {
	wanted, err := forms(tracks, rates, source{}, m.options.Segment)
	if err != nil {
		m.refuse(err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remember(want{slices.Clone(tracks), maps.Clone(rates), wanted})
}

// refuse tells once of tracks of which nothing can be made.
func (m *Maker) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, told := m.refused[err.Error()]; told || len(m.refused) >= maxWants {
		return
	}
	m.refused[err.Error()] = struct{}{}
	m.log.Warn("no slate can be made for such a stream", "err", err)
}

// remember puts a want at the end, and wakes Serve. The mutex is held.
func (m *Maker) remember(w want) {
	if i := slices.IndexFunc(m.wants, func(o want) bool { return slices.Equal(o.forms, w.forms) }); i >= 0 {
		w = m.wants[i]
		m.wants = slices.Delete(m.wants, i, i+1)
	} else if len(m.wants) == maxWants {
		m.wants = slices.Delete(m.wants, 0, 1)
	}
	m.wants = append(m.wants, w)
	m.signal()
}

// signal wakes Serve.
func (m *Maker) signal() {
	select {
	case m.wake <- struct{}{}:
	default: // it's known
	}
}

// Clip returns the slate for such tracks, and rates as Prepare has them. It's false while there's none yet, and where none can be
// made; then it's asked for.
func (m *Maker) Clip(tracks []media.Track, rates map[media.TrackID]float64) (*Clip, bool) {
	m.mu.Lock()
	sources := m.sources()
	m.mu.Unlock()
	for _, s := range sources {
		wanted, err := forms(tracks, rates, s, m.options.Segment)
		if err != nil {
			break
		}
		if reels := m.take(wanted); reels != nil {
			return newClip(tracks, reels, m.metrics), true
		}
	}
	m.Prepare(tracks, rates)
	return nil, false
}

// sources are those of which a slate may be: the picture, the one before it until there's
// something of the new one, and the built-in one. The mutex is held.
func (m *Maker) sources() []source {
	all := []source{m.shown}
	if m.before != nil {
		all = append(all, *m.before)
	}
	if m.shown.path != "" {
		all = append(all, source{})
	}
	return all
}

// take returns reels that are all there, or nil.
func (m *Maker) take(wanted []form) []*reel {
	m.mu.Lock()
	defer m.mu.Unlock()
	var reels []*reel
	for _, f := range wanted {
		k, ok := m.reels[f]
		if !ok {
			return nil
		}
		m.uses++
		k.used = m.uses
		reels = append(reels, k.reel)
	}
	return reels
}

// put keeps a reel. What was used longest ago makes room for it, and isn't made again until somebody
// asks for it.
func (m *Maker) put(r *reel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.reels[r.form]; ok {
		return
	}
	m.uses++
	m.reels[r.form] = &kept{r, m.uses}
	m.bytes += r.bytes
	for m.bytes > maxMemory {
		var oldest *kept
		for _, k := range m.reels {
			if oldest == nil || k.used < oldest.used {
				oldest = k
			}
		}
		m.bytes -= oldest.bytes
		delete(m.reels, oldest.form)
		m.wants = slices.DeleteFunc(m.wants, func(w want) bool { return m.needs(w, oldest.form) })
	}
	m.metrics.bytes.Set(float64(m.bytes))
}

// needs reports whether a form is one of a want's. The mutex is held.
func (m *Maker) needs(w want, f form) bool {
	for _, s := range m.sources() {
		if wanted, err := forms(w.tracks, w.rates, s, m.options.Segment); err == nil && slices.Contains(wanted, f) {
			return true
		}
	}
	return false
}

// next returns what is to be made now, and isn't being made: for who asked last, of the picture, or
// where that failed, of the built-in one.
func (m *Maker) next(now time.Time) (form, source, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.wants) - 1; i >= 0; i-- {
		for _, s := range [...]source{m.shown, {}} {
			f, missing, hopeless := m.missing(m.wants[i], s, now)
			if missing {
				return f, s, true
			}
			if !hopeless {
				break // it's all there, or will be
			}
		}
	}
	return form{}, source{}, false
}

// missing returns a form that isn't there yet, and may be begun. It's hopeless where one has failed.
// The mutex is held.
func (m *Maker) missing(w want, s source, now time.Time) (f form, missing, hopeless bool) {
	wanted, err := forms(w.tracks, w.rates, s, m.options.Segment)
	if err != nil {
		return f, false, true
	}
	for _, o := range wanted {
		if now.Before(m.failed[o]) {
			return f, false, true
		}
	}
	for _, o := range wanted {
		if _, ok := m.reels[o]; !ok && m.mayBegin(o) {
			return o, true, false
		}
	}
	return f, false, false
}

// mayBegin reports whether a form isn't being made, nor waits, set aside, behind another one.
func (m *Maker) mayBegin(f form) bool {
	if _, ok := m.making[f]; ok {
		return false
	}
	if _, ok := m.aside[f]; !ok {
		return true
	}
	for o := range m.making {
		if _, ok := m.aside[o]; ok {
			return false
		}
	}
	return true
}

// fail notes that a form can't be made for now.
func (m *Maker) fail(f form, err error) {
	m.metrics.made.WithLabelValues(failed).Inc()
	m.log.Warn("no slate for a track", "track", f.String(), "err", err, "dur", retryAfter)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for o, until := range m.failed {
		if !now.Before(until) {
			delete(m.failed, o)
		}
	}
	m.failed[f] = now.Add(retryAfter)
}

// verdict is what became of a loop.
type verdict uint8

const (
	finished verdict = iota // it's there, or has failed
	mustWait                // for ffmpeg, or for the picture
	setAside                // others go first
)

// outcome is a verdict on a form.
type outcome struct {
	form
	verdict
}

// Serve makes what is asked for until ctx ends, one loop beside another as far as there are slots. It
// owns all processes.
func (m *Maker) Serve(ctx context.Context) error {
	m.look(ctx)
	made := make(chan outcome, maxMaking)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { m.follow(ctx) })
	for rest := false; ctx.Err() == nil; {
		for !rest && len(m.making) < maxMaking {
			f, shown, ok := m.next(time.Now())
			if !ok {
				break
			}
			m.making[f] = struct{}{}
			_, aside := m.aside[f]
			all.Go(func() { made <- outcome{f, m.make(ctx, f, shown, aside)} })
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
			rest = false
		case o := <-made:
			m.note(o)
			rest = o.verdict == mustWait // until somebody asks, or the picture was looked at
		}
	}
	return ctx.Err()
}

// note takes note of what became of a loop.
func (m *Maker) note(o outcome) {
	delete(m.making, o.form)
	switch o.verdict {
	case finished:
		delete(m.aside, o.form)
	case setAside:
		if len(m.aside) == maxWants { // of forms that nobody asks for any more
			clear(m.aside)
		}
		m.aside[o.form] = struct{}{}
	}
}

// make makes a reel, or finds it in the data folder.
func (m *Maker) make(ctx context.Context, f form, shown source, aside bool) verdict {
	r, err := m.cache.load(f)
	if err == nil {
		m.metrics.made.WithLabelValues(cached).Inc()
		m.put(r)
		return finished
	}
	if !errors.Is(err, fs.ErrNotExist) {
		m.log.Warn("a slate that was kept can't be used: it's made again", "track", f.String(), "err", err)
	}
	tool := m.find(ctx)
	if tool == nil || shown.path != "" && m.changed() {
		return mustWait
	}
	var took time.Duration
	err = m.options.Slots.do(ctx, aside, func(ctx context.Context) error {
		began := time.Now()
		var err error
		r, err = workshop{tool, m.quiet}.reel(ctx, f, shown)
		took = time.Since(began)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return mustWait
	case errors.Is(err, errSlow):
		m.log.Info("a slate takes long: others go first", "track", f.String(), "dur", took.Round(time.Millisecond))
		return setAside
	case shown.path != "" && m.changed():
		return mustWait // nobody knows what that was made of
	case err != nil:
		m.fail(f, err)
		return finished
	}
	m.metrics.made.WithLabelValues(encoded).Inc()
	m.metrics.seconds.Observe(took.Seconds())
	m.log.Info("slate made", "track", f.String(), "bytes", r.bytes, "dur", took.Round(time.Millisecond))
	m.put(r)
	if err := m.cache.save(r); err != nil {
		m.log.Warn("a slate can't be kept: it will be made again after the next start", "err", err)
	}
	return finished
}

// find returns ffmpeg, or nil where there's none.
func (m *Maker) find(ctx context.Context) *ffmpeg.Tool {
	if !occupy(ctx, m.finding) {
		return nil
	}
	defer func() { <-m.finding }()
	if m.tool != nil || time.Now().Before(m.toolAfter) {
		return m.tool
	}
	tool, err := ffmpeg.Find(ctx, m.options.FFmpeg)
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("no slates can be made", "err", err)
		}
		m.toolAfter = time.Now().Add(retryAfter)
		return nil
	}
	m.tool = tool
	return tool
}
