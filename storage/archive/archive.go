package archive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/storage/journal"
	"sluice/storage/objects"
)

// Options configure an Archive. Journal, Store and Names must be set.
type Options struct {
	Journal journal.Journal
	Store   objects.Store
	// Names lists the streams that there are.
	Names  func(ctx context.Context) ([]string, error)
	Memory time.Duration // what stays in memory of a stream; DefaultMemory where 0
	// Pending bounds the bytes of a stream that are in memory beyond that, since the store
	// hasn't taken them; 128 MiB where 0.
	Pending int64
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// Archive keeps the windows of a journal's streams.
type Archive struct {
	options Options
	metrics *metrics

	mu        sync.Mutex
	followers map[string]*follower
	damaged   map[string]bool // streams that Restore could not restore

	orphans orphans

	least int64      // bytes that are deleted at once where there is no room
	room  sync.Mutex // held by who makes room
	alone bool       // what nobody knows has been deleted; guarded by room
}

// New returns an archive; Serve runs it.
func New(o Options) *Archive {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.Pending == 0 {
		o.Pending = defaultPending
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Archive{
		options: o, metrics: newMetrics(o.Metrics), followers: map[string]*follower{}, least: leastRoom,
		damaged: map[string]bool{},
		orphans: orphans{until: map[string]time.Time{}, leaving: map[string]bool{}},
	}
}

// Serve follows all streams until ctx ends, and then puts what became whole meanwhile.
// It returns ctx's error.
func (a *Archive) Serve(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { a.findOrphans(ctx) })
	tick := time.NewTicker(nameInterval)
	defer tick.Stop()
	said := false
	for {
		names, err := a.options.Names(ctx)
		switch {
		case err == nil:
			said = false
			a.follow(ctx, &all, names)
		case !said && ctx.Err() == nil:
			said = true
			a.options.Log.Warn("streams could not be listed: windows of new ones aren't kept", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow follows the streams that aren't followed yet, and no longer those that are gone.
func (a *Archive) follow(ctx context.Context, all *sync.WaitGroup, names []string) {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
		a.mu.Lock()
		known := a.followers[name] != nil
		a.mu.Unlock()
		if known || a.isLeaving(name) {
			continue
		}
		feed, err := a.options.Journal.Follow(ctx, name)
		if err != nil {
			a.options.Log.Warn("stream could not be followed: its window isn't kept", "stream", name, "err", err)
			continue
		}
		inner, cancel := context.WithCancel(ctx)
		f := newFollower(a, name, feed, cancel)
		a.mu.Lock()
		a.followers[name] = f
		a.mu.Unlock()
		all.Go(func() {
			f.serve(ctx, inner)
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.followers, name)
		})
	}
	a.expire(ctx, all, there)
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, f := range a.followers {
		if !there[name] {
			f.dismiss()
		}
	}
}

// Advice says what the operator should know of a stream's window, in plain words.
func (a *Archive) Advice(stream string) []string {
	a.mu.Lock()
	f := a.followers[stream]
	a.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.advice()
}

// all returns the followers.
func (a *Archive) all() []*follower {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*follower, 0, len(a.followers))
	for _, f := range a.followers {
		all = append(all, f)
	}
	return all
}
