package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/stills"
	"sluice/storage/catalog"
	"sluice/storage/certificates"
	"sluice/storage/journal"
	"sluice/web/pass"
)

// Options configure a Server. Journal and Streams must be set.
type Options struct {
	Journal  journal.Journal
	Streams  Directory
	Registry *prometheus.Registry // what /metrics serves; a new one where nil
	Log      *slog.Logger
	Ready    func() error     // what /readyz says; always ready where nil
	Now      func() time.Time // the server's clock; time.Now where nil
	// Absence is how long a request for media that isn't there yet may wait:
	// the grace that a publisher has to come back, and a little more.
	Absence time.Duration
	// Advice says what a stream's broadcaster should change, in plain words; nil is none.
	Advice func(stream string) []string
	// Publisher tells of the session that publishes a stream, or of its backup: nil where
	// there is none, or the field itself is nil.
	Publisher func(stream string, backup bool) *Publisher
	// OnAir tells what a stream's viewers see; likewise.
	OnAir func(stream string) *OnAir
	// Certificates tells of the TLS certificates; nil is none.
	Certificates func() []certificates.Status
	// Permit, if given, is asked for each request of a manifest whether it may be
	// answered: nil, or an error that wraps ErrForbidden or ErrUnavailable. Its text
	// goes out. Media isn't asked for: who has no manifest doesn't find it.
	Permit func(r *http.Request, stream string) error
	// Rules, if given, say who may watch a stream; it is asked once for each. Passes
	// checks the tokens of URLs: nil, and no URL with one is known.
	Rules  func(stream string) pass.Rules
	Passes *pass.Verifier
	// Stills makes posters and thumbnails: the JPEG of a job, which is waited for until ctx
	// ends. Its error wraps stills.ErrNone or stills.ErrBusy, or is the cause of ctx's end. Where
	// it's nil there are none.
	Stills func(ctx context.Context, j stills.Job) ([]byte, error)
	// Multitrack answers encoders that can send several sizes at once; nil: none is answered.
	Multitrack *Multitrack
	// Cue, if given, splices a stream, and returns the IDs of what the cue is about. Its
	// error wraps ErrCue, ErrNotLive, or is a failure. It is called for who shows Token.
	Cue   func(ctx context.Context, stream string, c Cue) ([]string, error)
	Token Token
	// Connections is how many connections one address may have: none, or negative, is
	// DefaultConnections, and no limit.
	Connections int
	// Stored opens the media of segments whose bytes the journal doesn't hold; nil: there are none.
	Stored Opener
	// CDNs, if given, are what viewers are steered to, and PublicURL is where they reach the
	// gateway, as in https://live.example.
	CDNs      []CDN
	PublicURL string
	// CA is the certificate, in PEM, that /ca.crt hands out; none where empty.
	CA []byte
}

// Directory knows the public names of the streams that exist. It is asked at
// most a few times a second.
type Directory interface {
	Names(ctx context.Context) ([]string, error)
}

// Catalog is the directory of the streams in a catalog.
func Catalog(s catalog.Store) Directory { return catalogDirectory{s} }

type catalogDirectory struct{ store catalog.Store }

func (d catalogDirectory) Names(ctx context.Context) ([]string, error) {
	streams, err := d.store.Streams(ctx)
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = s.Name
	}
	return names, nil
}
