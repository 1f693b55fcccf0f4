package gateway

import (
	"context"
	"fmt"
	"slices"

	"sluice/ingest"
	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/journal"
	"sluice/web"
)

// viewers lets players of RTMP watch what HTTP serves: every stream of the catalog, by
// its public name.
type viewers struct {
	streams catalog.Store
	journal journal.Journal
}

// Watch implements ingest.Viewers.
func (v *viewers) Watch(ctx context.Context, w ingest.Watch) (*timeline.Feed, error) {
	if catalog.ValidateName(w.Stream) != nil {
		return nil, ingest.ErrUnknownStream
	}
	names, err := web.Catalog(v.streams).Names(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up stream: %w", err)
	}
	if !slices.Contains(names, w.Stream) {
		return nil, ingest.ErrUnknownStream
	}
	return v.journal.Follow(ctx, w.Stream)
}
