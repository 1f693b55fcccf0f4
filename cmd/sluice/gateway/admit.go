package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/media"
	"sluice/packager"
	"sluice/storage/catalog"
	"sluice/transcode"
	"sluice/transcode/rung"
)

// admitter lets in whoever shows a key of the catalog.
type admitter struct {
	streams    catalog.Store
	packager   *packager.Packager
	transcoder *transcode.Transcoder
	timing     catalog.Timing // of streams that have none of their own
	ladder     rung.Spec      // likewise
	granted    sync.Map       // names of streams that somebody was let in to; at most all there are
}

// Admit implements ingest.Admitter.
func (a *admitter) Admit(ctx context.Context, p ingest.Publish) (ingest.Grant, error) {
	s, err := a.streams.ByKey(ctx, catalog.HashKey(string(p.Key)))
	if errors.Is(err, catalog.ErrNotFound) {
		if p.App != ingest.ServedApp {
			return ingest.Grant{}, ingest.ErrWrongApp
		}
		return ingest.Grant{}, ingest.ErrUnknownKey
	}
	if err != nil {
		return ingest.Grant{}, fmt.Errorf("look up key: %w", err)
	}
	a.granted.Store(s.Name, nil)
	return ingest.Grant{Stream: s.Name, Sink: a.sink(s)}, nil
}

// sink is where a session's samples go: to the packager, through the ladder that
// makes the stream's rungs of them.
func (a *admitter) sink(s catalog.Stream) media.Sink {
	out := a.packager.Stream(s.Name, timing(s.Timing))
	cut := s.Timing.Or(a.timing)
	return a.transcoder.Ladder(s.Name, a.spec(s), transcode.Timing{Segment: cut.Segment, Part: cut.Part}, out)
}

// spec is the ladder of a stream: its own, or the gateway's default.
func (a *admitter) spec(s catalog.Stream) rung.Spec {
	if s.Ladder != nil {
		return *s.Ladder
	}
	return a.ladder
}

// timing gives the packager a stream's own settings; zero ones are its defaults.
func timing(t catalog.Timing) packager.Settings {
	return packager.Settings{Segment: t.Segment, Part: t.Part, Window: t.Window}
}

// settings gives the packager the gateway's defaults.
func settings(c config.Config) packager.Settings {
	s := timing(c.Timing)
	s.Grace = c.Grace
	if s.Grace == 0 {
		s.Grace = -1 // not at all: zero would mean the packager's own default
	}
	return s
}
