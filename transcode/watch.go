package transcode

import (
	"context"
	"time"
)

// watch judges one process by what comes out of it.
type watch struct {
	start time.Time
	skip  time.Duration // media that is decoded before anything can come out
	since time.Time     // overloaded since then; zero: not
	then  time.Duration // the backlog at that time
	times int           // it has been so for the whole patience, one time after the other
}

func newWatch(now time.Time, skip time.Duration) *watch { return &watch{start: now, skip: skip} }

// judge returns why a process has to end; nil where it needn't.
func (e *engine) judge(w *watch, now time.Time, outlets []*outlet) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed.IsZero() {
		e.state = draining
		if now.Sub(e.closed) > e.drain {
			return errLate
		}
	}
	if e.hangs(w, now) {
		return errHang
	}
	worst := e.worst(outlets)
	e.retry.observe(now, worst <= e.bound())
	overloads := w.overloads(now, worst, e.bound(), e.owing, e.patience)
	if e.closed.IsZero() && overloads >= enough(outlets) && e.sheddable(outlets) != nil {
		return errOverload
	}
	return nil
}

// hangs reports that nothing comes out although more went in than a decoder
// holds back. The engine's mutex is held.
func (e *engine) hangs(w *watch, now time.Time) bool {
	since := w.start.Add(w.skip)
	if e.owing.After(since) {
		since = e.owing
	}
	return !e.owing.IsZero() && now.Sub(since) > hangAfter
}

// worst is the longest backlog of the outlets. The engine's mutex is held.
func (e *engine) worst(outlets []*outlet) time.Duration {
	var worst time.Duration
	for _, o := range outlets {
		worst = max(worst, e.behind(o))
	}
	return worst
}

// enough is how often in a row there must be an overload before a rung of those
// outlets is dropped: to drop the only one would help no other.
func enough(outlets []*outlet) int {
	if len(outlets) == 1 {
		return overloadsOfLast
	}
	return 1
}

// overloads counts how often in a row the backlog has been too long for all of the
// patience, and not got shorter. A burst, which a publisher's network makes, is
// worked off; and where nothing comes out any more, since out, the process hangs.
func (w *watch) overloads(now time.Time, behind, bound time.Duration, out time.Time, patience time.Duration) int {
	switch {
	case behind <= bound || now.Sub(w.start) < settleTime:
		w.since, w.times = time.Time{}, 0
	case w.since.IsZero():
		w.since, w.then = now, behind
	case now.Sub(w.since) >= patience:
		if worked := w.then - behind; worked < catchUp && now.Sub(out) < overloadFor/2 {
			w.times++
		} else {
			w.times = 0
		}
		w.since, w.then = now, behind
	}
	return w.times
}

// sheddable returns the costliest of the outlets that fall behind, the highest
// where costs aren't known; nil where there is none. What takes a hidden source's
// place stays. The engine's mutex is held.
func (e *engine) sheddable(outlets []*outlet) *outlet {
	var costliest *outlet
	for _, o := range outlets {
		if o.leads || e.behind(o) <= e.bound() {
			continue
		}
		if costliest == nil || o.price > costliest.price {
			costliest = o
		}
	}
	return costliest
}

// shed drops the costliest rung that falls behind.
func (e *engine) shed(ctx context.Context) {
	active := e.active()
	e.mu.Lock()
	o := e.sheddable(active)
	if o == nil { // it has caught up meanwhile
		e.mu.Unlock()
		return
	}
	behind := e.behind(o)
	o.outside = true
	if !e.owes() {
		e.owing = time.Time{}
	}
	e.retry.shed(time.Now())
	e.mu.Unlock()
	e.book(e.cost(nil))
	o.counts.sheds.Inc()
	e.log.Warn("ladder falls behind: a rung is dropped", "rung", o.Name,
		"dur", behind.Round(time.Millisecond), "attempt", e.retry.after)
	if err := o.leave(ctx); err != nil {
		e.log.Debug("rung leaves", "rung", o.Name, "err", err)
	}
}

// candidate returns the cheapest rung that may be tried again by now, or nil. The
// engine's mutex is held.
func (e *engine) candidate(now time.Time) *outlet {
	if !e.closed.IsZero() || !e.retry.due(now) {
		return nil
	}
	var cheapest *outlet
	for _, o := range e.outlets {
		if o.outside && (cheapest == nil || o.price <= cheapest.price) {
			cheapest = o
		}
	}
	return cheapest
}

// takeBack tries a rung again that was dropped, if that is due and the machine
// has room for it.
func (e *engine) takeBack(now time.Time) bool {
	e.mu.Lock()
	o := e.candidate(now)
	e.mu.Unlock()
	if o == nil {
		return false
	}
	room := e.book(e.cost(o))
	e.mu.Lock()
	if room {
		o.outside, o.done = false, e.newest
		e.retry.tried(now)
	} else {
		e.retry.wait(now)
	}
	e.mu.Unlock()
	if !room {
		return false
	}
	e.log.Info("a rung that was left out is tried", "rung", o.Name)
	return true
}

// cost is what the active outlets take, in CPU-seconds a second, and one more
// that isn't, if not nil.
func (e *engine) cost(more *outlet) float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	cost, any := e.full, false
	for _, o := range e.outlets {
		if o.outside && o != more {
			cost -= o.price
		} else {
			any = true
		}
	}
	if !any {
		return 0 // there's nothing to decode either
	}
	return max(cost, 0)
}

// retry says when a rung that was dropped, or had no room from the start, is tried
// again: after a minute of head-room, and later each time that it has to be dropped
// again soon.
type retry struct {
	after time.Duration // how long there must be head-room
	since time.Time     // there is since then
	last  time.Time     // a rung was taken back
}

// lack takes note that there are rungs without room from the start.
func (r *retry) lack(now time.Time) { r.after, r.since = retryAfter, now }

// observe takes note of whether there is head-room.
func (r *retry) observe(now time.Time, room bool) {
	if !room || r.since.IsZero() {
		r.since = now
	}
}

// shed takes note that a rung was dropped.
func (r *retry) shed(now time.Time) {
	if !r.last.IsZero() && now.Sub(r.last) < r.after {
		r.after = min(2*r.after, maxRetryAfter)
	} else {
		r.after = retryAfter
	}
	r.since = now
}

func (r *retry) due(now time.Time) bool {
	return r.after > 0 && !r.since.IsZero() && now.Sub(r.since) >= r.after
}

func (r *retry) tried(now time.Time) { r.last, r.since = now, now }

// wait puts the next try off.
func (r *retry) wait(now time.Time) { r.since = now }
