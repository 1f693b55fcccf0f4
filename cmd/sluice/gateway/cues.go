package gateway

import (
	"context"
	"errors"
	"fmt"

	"sluice/packager"
	"sluice/web"
)

var cueKinds = map[string]packager.CueKind{
	web.CueSection: packager.CueSection, web.CueOut: packager.CueOut, web.CueOpportunity: packager.CueOpportunity,
	web.CueIn: packager.CueIn, web.CueCancel: packager.CueCancel,
}

// cue hands a cue on to the packager, and its answer back.
func (g *Gateway) cue(ctx context.Context, stream string, c web.Cue) ([]string, error) {
	ids, err := g.packager.Cue(ctx, stream, packager.Cue{
		Kind: cueKinds[c.Kind], Section: c.Section, ID: c.ID, Duration: c.Duration, Returns: c.Returns, At: c.At, Ahead: c.Ahead,
	})
	switch {
	case errors.Is(err, packager.ErrCue):
		err = fmt.Errorf("%w: %w", web.ErrCue, err)
	case errors.Is(err, packager.ErrNotLive), errors.Is(err, packager.ErrClosed):
		err = web.ErrNotLive
	}
	return ids, err
}
