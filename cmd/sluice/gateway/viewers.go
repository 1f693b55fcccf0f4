package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
	"sluice/storage/journal"
	"sluice/web"
	"sluice/web/pass"
)

// viewers lets players of RTMP watch what HTTP serves, by the same rules: every stream
// of the catalog, by its public name, with a token where it is signed, and where the
// application lets them.
type viewers struct {
	streams catalog.Store
	journal journal.Journal
	rules   rules
	passes  *pass.Verifier // nil: no token is valid
	plays   *webhook.Plays // nil: nobody is asked
}

// Watch implements ingest.Viewers.
func (v *viewers) Watch(ctx context.Context, w ingest.Watch) (ingest.Seat, error) {
	if catalog.ValidateName(w.Stream) != nil {
		return ingest.Seat{}, ingest.ErrUnknownStream
	}
	_, err := v.streams.Stream(ctx, w.Stream)
	if errors.Is(err, catalog.ErrNotFound) {
		return ingest.Seat{}, ingest.ErrUnknownStream
	}
	if err != nil {
		return ingest.Seat{}, fmt.Errorf("look up stream: %w", err)
	}
	until, err := v.admit(ctx, w)
	if err != nil {
		return ingest.Seat{}, err
	}
	if v.plays != nil {
		viewer := webhook.Viewer{Stream: w.Stream, Address: w.Remote.Addr()}
		if err := v.plays.Permit(ctx, viewer, w.Player, w.TLS != nil); err != nil {
			return ingest.Seat{}, forbids(err, ingest.ErrForbidden)
		}
	}
	feed, err := v.journal.Follow(ctx, w.Stream)
	return ingest.Seat{Feed: feed, Until: until}, err
}

// newPlays returns what asks the application about viewers; nil where it isn't asked.
func newPlays(c config.Config, hooks *webhook.Client) *webhook.Plays {
	if c.Webhooks.OnPlay == "" {
		return nil
	}
	return webhook.NewPlays(hooks, c.Webhooks.AdmitOnFailure)
}

// permit is the same for viewers over HTTP.
func permit(plays *webhook.Plays) func(*http.Request, string) error {
	if plays == nil {
		return nil
	}
	return func(r *http.Request, stream string) error {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return err
		}
		viewer := webhook.Viewer{Stream: stream, Address: from.Addr()}
		// Who hangs up before there is an answer has asked all the same: others may wait for
		// it, and the next one is a minute away. The client's own limit ends it.
		err = plays.Permit(context.WithoutCancel(r.Context()), viewer, r.UserAgent(), r.TLS != nil)
		if errors.Is(err, webhook.ErrFailed) {
			return web.ErrUnavailable
		}
		return forbids(err, web.ErrForbidden)
	}
}

// forbids makes an application's no the error that forbidden is, with the reason if
// there is one. Other errors stay what they are.
func forbids(err, forbidden error) error {
	var denied *webhook.Denied
	switch {
	case !errors.As(err, &denied):
		return err
	case denied.Reason == "":
		return forbidden
	}
	return fmt.Errorf("%w: %s", forbidden, denied.Reason)
}
