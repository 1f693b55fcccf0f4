package web

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/web/pass"
)

// streams are those that the directory names. Finding one takes no lock; what
// the directory said is asked again when it is old, by one request at a time
// while the others go on with the old answer.
type streams struct {
	journal   journal.Journal
	directory Directory
	rules     func(stream string) pass.Rules // may be nil
	steering  *steering
	log       *slog.Logger

	current atomic.Pointer[listing]
	asking  chan struct{} // takes a token from who asks the directory; guards failing
	failing bool          // the directory's failure has been logged
}

// listing is an answer of the directory, in its order.
type listing struct {
	asked  time.Time
	all    []*stream
	byName map[string]*stream
}

// stream is one stream's feed, its rendered manifests, and what its players say.
type stream struct {
	name     string
	journal  journal.Journal
	rules    *pass.Rules // nil where they let everybody
	feed     atomic.Pointer[timeline.Feed]
	viewers  viewers
	steering *steering
	manifests
	shown atomic.Pointer[poster] // the newest
}

// find returns the stream of that name; the error wraps errUnknown where there is none.
func (s *streams) find(ctx context.Context, name string) (*stream, error) {
	l, err := s.list(ctx, listingAge)
	if err != nil {
		return nil, err
	}
	if st := l.byName[name]; st != nil {
		return st, nil
	}
	if l, err = s.list(ctx, listingRetry); err != nil {
		return nil, err
	}
	if st := l.byName[name]; st != nil {
		return st, nil
	}
	return nil, fmt.Errorf("stream %.64q: %w", name, errUnknown)
}

// all returns the streams in the directory's order, every one with its feed.
// Journals may write when a stream is followed first, and save together what
// is asked for together.
func (s *streams) all(ctx context.Context) ([]*stream, error) {
	l, err := s.list(ctx, listingAge)
	if err != nil {
		return nil, err
	}
	following, ctx := errgroup.WithContext(ctx)
	following.SetLimit(followAtOnce)
	for _, st := range l.all {
		if st.feed.Load() == nil {
			following.Go(func() error {
				_, err := st.follow(ctx)
				return err
			})
		}
	}
	return l.all, following.Wait()
}

// list returns a listing; one older than age is renewed first, if nobody else
// is at it.
func (s *streams) list(ctx context.Context, age time.Duration) (*listing, error) {
	l := s.current.Load()
	if l != nil && time.Since(l.asked) < age {
		return l, nil
	}
	if l == nil {
		select {
		case s.asking <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	} else {
		select {
		case s.asking <- struct{}{}:
		default:
			return l, nil
		}
	}
	defer func() { <-s.asking }()
	if l = s.current.Load(); l != nil && time.Since(l.asked) < age {
		return l, nil
	}
	return s.ask(ctx, l)
}

// ask asks the directory. Where it fails, the listing before goes on.
func (s *streams) ask(ctx context.Context, l *listing) (*listing, error) {
	names, err := s.directory.Names(ctx)
	if err != nil {
		if l == nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return l, nil
		}
		if !s.failing {
			s.log.Warn("the list of streams can't be read: serving those known before", "err", err)
		}
		s.failing = true
		stale := *l
		stale.asked = time.Now()
		s.current.Store(&stale)
		return &stale, nil
	}
	s.failing = false
	next := &listing{asked: time.Now(), byName: make(map[string]*stream, len(names))}
	for _, name := range names {
		if next.byName[name] != nil {
			continue
		}
		var st *stream
		if l != nil {
			st = l.byName[name]
		}
		if st == nil {
			st = &stream{name: name, journal: s.journal, steering: s.steering}
			if s.rules != nil {
				if r := s.rules(name); !r.Open() {
					st.rules = &r
				}
			}
		}
		next.byName[name] = st
		next.all = append(next.all, st)
	}
	s.current.Store(next)
	return next, nil
}

// follow returns the stream's feed.
func (st *stream) follow(ctx context.Context) (*timeline.Feed, error) {
	if feed := st.feed.Load(); feed != nil {
		return feed, nil
	}
	feed, err := st.journal.Follow(ctx, st.name)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", st.name, err)
	}
	st.feed.Store(feed)
	return feed, nil
}

// manifests are a stream's rendered manifests.
type manifests struct {
	multivariant, mpd, closing document
	transports                 document // the multivariant playlist of MPEG-TS
	thumbnails                 document // where the stills are
	history                    history
	starts                     starts
	mu                         sync.Mutex // guards changes of renditions, not its readers
	renditions                 atomic.Pointer[map[timeline.RenditionID]*playlists]
}

// playlists are a rendition's media playlist, its delta update, that of MPEG-TS, and that
// of its I-frames.
type playlists struct{ full, delta, transport, iframes document }

// playlistsOf returns those of a rendition of t. What has left t is forgotten.
func (m *manifests) playlistsOf(t *timeline.Timeline, id timeline.RenditionID) *playlists {
	if known := m.renditions.Load(); known != nil && (*known)[id] != nil {
		return (*known)[id]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[timeline.RenditionID]*playlists{}
	if known := m.renditions.Load(); known != nil {
		if p := (*known)[id]; p != nil {
			return p
		}
		for other, p := range *known {
			if slices.ContainsFunc(t.Renditions, func(r *timeline.Rendition) bool { return r.ID == other }) {
				next[other] = p
			}
		}
	}
	p := &playlists{}
	next[id] = p
	m.renditions.Store(&next)
	return p
}
