// Package memory is the journal of a single process: an append is a function
// call, and followers share its bytes. Entries are folded at once and not kept.
//
// Numbers outlive the process through a NumberStore: they are reserved ahead,
// so that a crash skips some and never repeats one.
package memory

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/journal"
)

// reservation is how far ahead numbers are reserved, and headroom how many of
// them are left when more are asked for: at a segment a second, saving may
// take a quarter of an hour before a crash could repeat one.
const (
	reservation = 2000
	headroom    = 1000
)

// saveRetry is the pause after a reservation that could not be saved.
const saveRetry = 5 * time.Second

// Options configure a Journal.
type Options struct {
	Numbers journal.NumberStore // nil: numbers start at 1 with each process
	// Restore, if given, returns what is left of a stream from an earlier process, or nil;
	// next is what Numbers says. What fails is logged, and the stream begins anew with next.
	Restore func(ctx context.Context, stream string, next timeline.Numbers) (*timeline.Timeline, error)
	Log     *slog.Logger
}

// Journal implements journal.Journal. Serve must run for reservations to be renewed.
type Journal struct {
	options Options
	mu      sync.Mutex
	records map[string]*record
	due     chan *record // records that need a reservation
}

type record struct {
	stream string
	feed   *timeline.Feed

	mu       sync.Mutex       // held by the writer, and while numbers are read
	reserved timeline.Numbers // durable: the next process starts here; zero before the first entry
	asked    bool             // a reservation is under way
	released bool             // nobody reserves ahead any more
}

var _ journal.Journal = (*Journal)(nil)

// New returns an empty journal.
func New(o Options) *Journal {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Journal{options: o, records: map[string]*record{}, due: make(chan *record, 64)}
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, stream string, e timeline.Entry) error {
	r, err := j.record(ctx, stream)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := timeline.Apply(r.feed.Current(), e)
	if err != nil {
		return fmt.Errorf("append to %s: %w", stream, err)
	}
	if err := j.reserveFirst(ctx, r); err != nil {
		return fmt.Errorf("append to %s: %w", stream, err)
	}
	r.feed.Publish(next)
	if r.released {
		j.save(ctx, r)
		return nil
	}
	if j.options.Numbers != nil && !r.asked && r.low(next.Next) {
		select {
		case j.due <- r:
			r.asked = true
		default: // the next entry asks again
		}
	}
	return nil
}

// reserveFirst reserves a record's first numbers before anybody can see them. A
// stream that is only followed needs none. The record's lock is held.
func (j *Journal) reserveFirst(ctx context.Context, r *record) error {
	if j.options.Numbers == nil || r.reserved != (timeline.Numbers{}) {
		return nil
	}
	reserved := ahead(r.feed.Current().Next)
	if err := j.options.Numbers.SaveNumbers(ctx, r.stream, reserved); err != nil {
		return fmt.Errorf("reserve numbers: %w", err)
	}
	r.reserved = reserved
	return nil
}

func (r *record) low(next timeline.Numbers) bool {
	return next.MSN+headroom > r.reserved.MSN || next.Epoch+headroom > r.reserved.Epoch
}

// Follow implements journal.Journal.
func (j *Journal) Follow(ctx context.Context, stream string) (*timeline.Feed, error) {
	r, err := j.record(ctx, stream)
	if err != nil {
		return nil, err
	}
	return r.feed, nil
}

// record returns the stream's record; a new one starts at the numbers that the
// last process left.
func (j *Journal) record(ctx context.Context, stream string) (*record, error) {
	j.mu.Lock()
	r := j.records[stream]
	j.mu.Unlock()
	if r != nil {
		return r, nil
	}
	var start timeline.Numbers
	if j.options.Numbers != nil {
		var err error
		if start, err = j.options.Numbers.LoadNumbers(ctx, stream); err != nil {
			return nil, fmt.Errorf("load numbers of %s: %w", stream, err)
		}
	}
	t := timeline.New(start)
	if j.options.Restore != nil {
		switch restored, err := j.options.Restore(ctx, stream, start); {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("restore %s: %w", stream, context.Cause(ctx))
		case err != nil:
			j.options.Log.Error("what was kept of a stream can't be used: it begins anew", "stream", stream, "err", err)
		case restored != nil:
			t = restored
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.records[stream]; r != nil {
		return r, nil
	}
	r = &record{stream: stream, feed: timeline.NewFeed(t)}
	j.records[stream] = r
	return r, nil
}

func ahead(n timeline.Numbers) timeline.Numbers {
	return timeline.Numbers{Epoch: max(n.Epoch, 1) + reservation, MSN: max(n.MSN, 1) + reservation}
}

// Serve renews reservations until ctx ends, and then gives back what was
// reserved and not used. It returns ctx's error.
func (j *Journal) Serve(ctx context.Context) error {
	for {
		select {
		case r := <-j.due:
			j.reserve(ctx, r)
		case <-ctx.Done():
			j.release(context.WithoutCancel(ctx))
			return ctx.Err()
		}
	}
}

func (j *Journal) reserve(ctx context.Context, r *record) {
	reserved := ahead(r.feed.Current().Next)
	err := j.options.Numbers.SaveNumbers(ctx, r.stream, reserved)
	if err != nil {
		j.options.Log.Warn("numbers of a stream could not be reserved: a crash may repeat some",
			"stream", r.stream, "err", err)
		select { // asked stays set meanwhile: no busy loop
		case <-time.After(saveRetry):
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = false
	if err == nil {
		r.reserved = reserved
	}
}

// release saves the exact next numbers of every stream: an orderly stop skips
// none. What is still appended later saves its numbers at once.
func (j *Journal) release(ctx context.Context) {
	if j.options.Numbers == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.records {
		r.mu.Lock()
		r.released = true
		if r.reserved != (timeline.Numbers{}) {
			j.save(ctx, r)
		}
		r.mu.Unlock()
	}
}

// save makes the record's next numbers durable, if they aren't. Its lock is held.
func (j *Journal) save(ctx context.Context, r *record) {
	next := r.feed.Current().Next
	if next == r.reserved {
		return
	}
	if err := j.options.Numbers.SaveNumbers(ctx, r.stream, next); err != nil {
		j.options.Log.Warn("numbers of a stream could not be saved", "stream", r.stream, "err", err)
		return
	}
	r.reserved = next
}
