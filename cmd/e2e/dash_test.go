package e2e

import "context"

type dashViewer struct{ n int }

func (v *dashViewer) updates() int { return 1 }

func (g *gateway) watchDASH(ctx context.Context, stream string) (*dashViewer, func()) {
	return &dashViewer{}, func() {}
}
