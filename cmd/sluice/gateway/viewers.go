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
	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/journal"
	"sluice/web"
)

// viewers lets players of RTMP watch what HTTP serves, by the same rules: every stream
// of the catalog, by its public name, where the application lets them.
type viewers struct {
	streams catalog.Store
	journal journal.Journal
	plays   *webhook.Plays // nil: nobody is asked
}

// Watch implements ingest.Viewers.
func (v *viewers) Watch(ctx context.Context, w ingest.Watch) (*timeline.Feed, error) {
	if catalog.ValidateName(w.Stream) != nil {
		return nil, ingest.ErrUnknownStream
	}
	_, err := v.streams.Stream(ctx, w.Stream)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, ingest.ErrUnknownStream
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream: %w", err)
	}
	if err := mayPlay(ctx, v.plays, w.Stream, w.Remote.Addr(), w.Player, w.TLS != nil, ingest.ErrForbidden, nil); err != nil {
		return nil, err
	}
	return v.journal.Follow(ctx, w.Stream)
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
		return mayPlay(r.Context(), plays, stream, from.Addr(), r.UserAgent(), r.TLS != nil, web.ErrForbidden, web.ErrUnavailable)
	}
}

// mayPlay asks the application. A no wraps forbidden, with the reason if there is
// one; no answer is failed, where that isn't nil.
func mayPlay(ctx context.Context, plays *webhook.Plays, stream string, from netip.Addr, player string, secure bool, forbidden, failed error) error {
	if plays == nil {
		return nil
	}
	err := plays.Permit(ctx, webhook.Viewer{Stream: stream, Address: from}, player, secure)
	var denied *webhook.Denied
	switch {
	case errors.As(err, &denied) && denied.Reason != "":
		return fmt.Errorf("%w: %s", forbidden, denied.Reason)
	case denied != nil:
		return forbidden
	case failed != nil && errors.Is(err, webhook.ErrFailed):
		return failed
	}
	return err
}
