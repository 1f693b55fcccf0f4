package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/packager/timeline"
	"sluice/web"
)

// The stages of the end, and what each may take. Together they stay under five
// seconds.
const (
	// 1. Listeners for publishers close, sessions are told, and their streams' last
	// epochs end; beside them those of which a slate is on air.
	endIngest = 1200 * time.Millisecond
	// 2. Ladders put out what they still have, and every ffmpeg ends.
	endTranscode = 800 * time.Millisecond
	// 3. Streams end: manifests say so.
	endPackager = 300 * time.Millisecond
	// 4. If anybody was live, players have this long to ask once more and see it.
	endNotice = 1300 * time.Millisecond
	// 5. HTTP: no new requests, and those under way are finished.
	endHTTP = 650 * time.Millisecond
	// Beside 4 and 5: what became whole last is stored, and that nothing is to follow.
	endArchive = endNotice + endHTTP
	// 6. Numbers that were reserved and not used are given back.
	endJournal = 500 * time.Millisecond
	// Beside stages 2 to 6 the application is told of the sessions' ends.
	endAdmission = endTranscode + endPackager + endHTTP + endJournal
	// Beside all that: nothing is renewed any more from the beginning of the end on.
	endCertificates = 2 * time.Second
)

// errLate says that something outlived its stage.
var errLate = errors.New("did not end in time")

// room is a part of the gateway that runs.
type room struct {
	name string
	wg   sync.WaitGroup
	stop context.CancelFunc
	ctx  context.Context
}

// start runs f; an error other than the context's is told to failed.
func (r *room) start(failed chan<- error, f func(context.Context) error) {
	r.wg.Go(func() {
		err := f(r.ctx)
		if err == nil || errors.Is(err, http.ErrServerClosed) || r.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		select {
		case failed <- fmt.Errorf("%s: %w", r.name, err):
		default: // the first failure ends the gateway; others follow from it
		}
	})
}

// end stops the room and waits for it.
func (r *room) end(limit time.Duration) error {
	r.stop()
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s: %w", r.name, errLate)
	}
}

// Serve runs the gateway until ctx ends or a part of it fails, and then ends it in
// stages. It returns nil after an orderly end.
func (g *Gateway) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	// Each room has a context of its own, since they end one after the other.
	open := func(name string) *room {
		r := &room{name: name}
		r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
		return r
	}
	journal, packaging, transcoding := open("journal"), open("packager"), open("transcode")
	taking, serving, admitting, certs := open("ingest"), open("http"), open("admission"), open("certificates")
	airing, slates, keeping := open("on air"), open("slate"), open("archive")

	certs.start(failed, g.certs.Serve)
	journal.start(failed, g.journal.Serve)
	packaging.start(failed, func(ctx context.Context) error {
		g.resume(ctx)
		return g.packager.Serve(ctx)
	})
	keeping.start(failed, g.archive.Serve)
	transcoding.start(failed, g.transcoder.Serve)
	airing.start(failed, g.air.control.Serve)
	slates.start(failed, g.air.serve)
	admitting.start(failed, g.policy.Serve)
	g.startIngest(taking, failed)
	servers := g.startHTTP(serving, failed)

	var err error
	select {
	case <-ctx.Done():
		g.log.Info("shutting down")
	case err = <-failed:
		g.log.Error("shutting down", "err", err)
	}
	g.ending.Store(true)
	renewing := make(chan error, 1)
	go func() { renewing <- certs.end(endCertificates) }()
	live := g.live(journal.ctx)
	off := make(chan error, 1)
	go func() { off <- airing.end(endIngest) }()
	shutdown, cancel := context.WithTimeout(taking.ctx, endIngest)
	g.ingest.Shutdown(shutdown)
	cancel()
	errs := []error{err, taking.end(endIngest), <-off}
	ended := make(chan error, 1)
	go func() { ended <- admitting.end(endAdmission) }()
	drawn := make(chan error, 1)
	go func() { drawn <- slates.end(endTranscode) }()
	errs = append(errs, transcoding.end(endTranscode), <-drawn, packaging.end(endPackager))
	kept := make(chan error, 1)
	go func() { kept <- keeping.end(endArchive) }()
	if live {
		time.Sleep(endNotice)
	}
	errs = append(errs, endServers(servers), serving.end(endHTTP), <-kept, journal.end(endJournal), <-ended, <-renewing)
	return errors.Join(errs...)
}

func (g *Gateway) startIngest(r *room, failed chan<- error) {
	l := g.listeners
	if l.rtmps != nil {
		r.start(failed, func(ctx context.Context) error {
			return g.ingest.ServeTLS(ctx, l.rtmps, g.certs.RTMPS())
		})
	}
	plain := []net.Listener{l.rtmp}
	if g.picture != nil {
		plain = append(plain, g.picture.listener)
	}
	if g.tunnel != nil {
		plain = append(plain, g.tunnel)
	}
	for _, ln := range plain {
		if ln != nil {
			r.start(failed, func(ctx context.Context) error { return g.ingest.Serve(ctx, ln) })
		}
	}
}

func (g *Gateway) startHTTP(r *room, failed chan<- error) []*http.Server {
	var servers []*http.Server
	var handler http.Handler = g.web
	if g.tunnel != nil {
		handler = g.tunnel.Handler(handler)
	}
	if ln := g.listeners.http; ln != nil {
		s := web.NewServer(g.certs.Challenges(handler), g.log)
		servers = append(servers, s)
		door := g.web.NewDoor(ln, false, g.publishAt())
		r.start(failed, func(context.Context) error { return s.Serve(door) })
	}
	if ln := g.listeners.https; ln != nil {
		s := web.NewServer(handler, g.log)
		s.TLSConfig = g.certs.HTTPS()
		servers = append(servers, s)
		door := g.web.NewDoor(ln, true, g.publishAt())
		door.Watch(s)
		r.start(failed, func(context.Context) error { return s.ServeTLS(door, "", "") })
	}
	return servers
}

// endServers lets requests finish, and cuts off what takes too long: a viewer that
// reads a segment slowly is no failure.
func endServers(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), endHTTP)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(servers))
	for i, s := range servers {
		wg.Go(func() {
			if s.Shutdown(ctx) != nil {
				errs[i] = s.Close()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// live reports whether any stream has viewers to tell of its end. Streams that
// nobody published to aren't asked for: following one reserves numbers for it.
func (g *Gateway) live(ctx context.Context) (found bool) {
	g.admitter.granted.Range(func(name, _ any) bool {
		feed, err := g.journal.Follow(ctx, name.(string))
		if err == nil {
			s := feed.Current().State
			found = found || s == timeline.Live || s == timeline.Away
		}
		return true
	})
	return found
}
