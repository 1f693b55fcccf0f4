package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/admit"
	"sluice/ingest/tunnel"
	"sluice/packager"
	"sluice/packager/stills"
	"sluice/packager/timeline"
	"sluice/storage/archive"
	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
	"sluice/storage/certificates"
	"sluice/storage/journal/memory"
	"sluice/storage/objects/disk"
	"sluice/transcode"
	"sluice/transcode/still"
	"sluice/web"
)

// holdMargin is how much longer than the grace time a viewer's request for media
// may wait: a publisher that comes back needs a GOP before there is any.
const holdMargin = 5 * time.Second

// Options are what isn't configuration.
type Options struct {
	Log *slog.Logger
	// TestPicture opens a listener on loopback, with a key that lasts for this run
	// alone, for whoever publishes the test picture.
	TestPicture bool
}

// Gateway is one gateway.
type Gateway struct {
	config config.Config
	log    *slog.Logger

	catalog   *sqlite.Catalog
	streams   catalog.Store // the catalog, and over it the configuration's
	firstKey  catalog.Key
	certs     *certificates.Set
	listeners *listeners
	picture   *picture // nil without a test picture

	objects    *disk.Store
	archive    *archive.Archive
	registry   *prometheus.Registry
	journal    *memory.Journal
	packager   *packager.Packager
	transcoder *transcode.Transcoder
	policy     *admit.Policy
	admitter   *admitter
	air        *airing
	stills     *still.Maker // nil without thumbnails
	ingest     *ingest.Server
	tunnel     *tunnel.Tunnel // nil without RTMPT
	web        *web.Server
	quic       *web.QUIC // nil without HTTP/3
	ending     atomic.Bool
}

// TLSDir is where the local CA lies.
func TLSDir(c config.Config) string { return filepath.Join(c.Data, "tls") }

// keyFile is where the first stream's key is noted.
func keyFile(c config.Config) string { return filepath.Join(c.Data, catalog.FirstStream+".key") }

var errEnding = errors.New("shutting down")

// Open reads what is kept, makes what is missing, and binds the addresses.
func Open(ctx context.Context, c config.Config, o Options) (_ *Gateway, err error) {
	g := &Gateway{config: c, log: o.Log, registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			g.Close()
		}
	}()
	if g.catalog, err = sqlite.Open(ctx, c.Data); err != nil {
		return nil, err
	}
	if err := g.openObjects(ctx); err != nil {
		return nil, err
	}
	if err := g.openStreams(ctx); err != nil {
		return nil, err
	}
	if g.listeners, err = bind(ctx, c.Listen, c.HTTP3); err != nil {
		return nil, err
	}
	if g.certs, err = g.openCertificates(); err != nil {
		return nil, err
	}
	if o.TestPicture {
		if g.picture, err = g.openPicture(ctx); err != nil {
			return nil, err
		}
	}
	return g, g.wire()
}

// openStreams lays the configuration's streams over the catalog's. Where there
// are none at all, the first one is made.
func (g *Gateway) openStreams(ctx context.Context) error {
	if len(g.config.Streams) == 0 {
		key, err := catalog.First(ctx, g.catalog, keyFile(g.config))
		if err != nil {
			return err
		}
		g.firstKey, g.streams = key, g.catalog
		return nil
	}
	var fixed []catalog.Stream
	var guessable []string
	for _, s := range g.config.Streams {
		fixed = append(fixed, s.Catalog())
		if s.Guessable() {
			guessable = append(guessable, s.Name)
		}
	}
	if len(guessable) > 0 {
		g.log.Warn("stream keys shorter than 16 characters can be guessed: anybody who does can publish", "streams", guessable)
	}
	streams, err := catalog.Overlay(g.catalog, fixed)
	if err != nil {
		return err
	}
	g.streams = streams
	return nil
}

// wire makes the rooms; none of them runs yet.
func (g *Gateway) wire() error {
	registry := g.registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.journal = memory.New(memory.Options{Numbers: g.catalog, Restore: g.restore, Log: g.log})
	g.archive = archive.New(archive.Options{
		Journal: g.journal, Store: g.objects, Names: g.StreamNames, Log: g.log, Metrics: registry,
	})
	g.packager = packager.New(g.journal, packager.Options{Settings: settings(g.config), Log: g.log, Metrics: registry})
	g.transcoder = transcode.New(transcode.Options{Log: g.log, Metrics: registry, Data: g.config.Data, Early: transcodes(g.config)})
	hooks := newHooks(g.config, g.log, registry)
	var err error
	if g.policy, err = g.newPolicy(hooks); err != nil {
		return err
	}
	if g.air, err = newAiring(g.config, g.log, registry); err != nil {
		return err
	}
	g.admitter = &admitter{
		policy: g.policy, streams: g.streams, packager: g.packager, transcoder: g.transcoder,
		timing: g.config.Timing, ladder: g.config.Ladder, air: g.air, picture: g.picture,
	}
	plays, rules := newPlays(g.config, hooks), newRules(g.config)
	passes, err := newPasses(g.config.Signing, g.log)
	if err != nil {
		return err
	}
	g.ingest = ingest.New(ingest.Options{
		Viewers: &viewers{streams: g.streams, journal: g.journal, rules: rules, passes: passes, plays: plays},
		Admit:   g.admitter, Log: g.log, Metrics: registry, Ports: ingest.Ports(g.Addresses()),
		RTMPE: g.config.Compat.RTMPE, Newest: g.config.Takeover == config.TakeoverNewest,
		Limits: ingest.Limits{Bitrate: int64(g.config.MaxBitrate)},
	})
	if g.config.Compat.RTMPT {
		g.tunnel = tunnel.New(g.listeners.web().Addr())
	}
	var pictures func(context.Context, stills.Job) ([]byte, error)
	if g.config.Thumbnails {
		g.stills = still.New(still.Options{Log: g.log, Metrics: registry})
		pictures = g.stills.Make
	}
	g.web = web.New(web.Options{
		Stills:  pictures,
		Journal: g.journal, Streams: web.Catalog(g.streams), Registry: registry, Log: g.log,
		Ready: g.ready, Absence: g.config.Grace + holdMargin, CA: g.certs.CA(), Certificates: g.certs.List,
		Cue: g.cue, Token: web.NewToken(string(g.config.APIToken)), CDNs: cdns(g.config.CDNs), PublicURL: g.config.PublicURL,
		Rules: rules.of, Passes: passes, Permit: permit(plays), Multitrack: g.multitrack(),
		Advice: func(stream string) []string {
			var line []string
			if s, ok := g.ingest.Status(stream, false); ok {
				line = s.Advice()
			}
			if s, ok := g.ingest.Status(stream, true); ok {
				for _, a := range s.Advice() {
					line = append(line, "backup: "+a)
				}
			}
			return slices.Concat(g.packager.Health(stream).Advice, g.transcoder.Advice(stream), g.archive.Advice(stream), line)
		},
		Publisher: g.publisher, OnAir: g.air.onAir, Connections: connections(g.config),
		Stored: func(ctx context.Context, stream string, id timeline.RenditionID, msn uint64, off, n int64) (io.ReadCloser, error) {
			return archive.Open(ctx, g.objects, stream, id, msn, off, n)
		},
	})
	return g.wireHTTP3()
}

// connections is how many viewers' connections one address may have, as web has it.
func connections(c config.Config) int {
	if c.HTTPConnections == 0 {
		return -1
	}
	return c.HTTPConnections
}

// transcodes reports whether streams are to have ladders.
func transcodes(c config.Config) bool {
	return !c.Ladder.Untouched() || slices.ContainsFunc(c.Streams, func(s config.Stream) bool {
		return s.Ladder != nil && !s.Ladder.Untouched()
	})
}

// ready is what /readyz asks.
func (g *Gateway) ready() error {
	if g.ending.Load() {
		return errEnding
	}
	return nil
}

// Close gives back what Open took. It may be called more than once.
func (g *Gateway) Close() error {
	if g.listeners != nil {
		g.listeners.close()
	}
	if g.picture != nil {
		g.picture.listener.Close()
	}
	var errs []error
	if g.objects != nil {
		errs = append(errs, g.objects.Close())
	}
	if g.catalog != nil {
		errs = append(errs, g.catalog.Close())
		g.catalog = nil
	}
	return errors.Join(errs...)
}

// Addresses are where the gateway listens; those that are off are empty.
type Addresses struct{ RTMPS, RTMP, HTTP, HTTPS string }

// Addresses returns the bound addresses, with the ports that the system chose.
func (g *Gateway) Addresses() Addresses {
	text := func(l net.Listener) string {
		if l == nil {
			return ""
		}
		return l.Addr().String()
	}
	l := g.listeners
	return Addresses{text(l.rtmps), text(l.rtmp), text(l.http), text(l.https)}
}

// StreamNames lists the streams.
func (g *Gateway) StreamNames(ctx context.Context) ([]string, error) {
	return web.Catalog(g.streams).Names(ctx)
}

// FirstKey returns the first stream's key and the file that notes it, as long as
// that is there; else the zero Key.
func (g *Gateway) FirstKey() (catalog.Key, string) { return g.firstKey, keyFile(g.config) }

// picture is the way in for the test picture.
type picture struct {
	listener net.Listener
	key      catalog.Key
	stream   string
}

// openPicture lets one more key publish to the first stream, for as long as this
// process lives: a command line, ffmpeg's, is public on its machine, so it must
// not hold a key that lasts. The listener is plain RTMP on loopback.
func (g *Gateway) openPicture(ctx context.Context) (*picture, error) {
	streams, err := g.streams.Streams(ctx)
	if err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		return nil, errors.New("there is no stream to publish the test picture to")
	}
	s := streams[max(0, slices.IndexFunc(streams, func(s catalog.Stream) bool { return s.Name == catalog.FirstStream }))]
	p := &picture{key: catalog.NewKey(), stream: s.Name}
	if p.listener, err = tcp().Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen for the test picture: %w", err)
	}
	return p, nil
}

// TestPicture returns where the test picture is published to: the URL, and the
// part of it that no log may show.
func (g *Gateway) TestPicture() (url, secret string) {
	secret = g.picture.key.Reveal()
	return fmt.Sprintf("rtmp://%s/%s/%s", g.picture.listener.Addr(), ingest.ServedApp, secret), secret
}
