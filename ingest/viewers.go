package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"net/url"

	"sluice/packager/timeline"
)

// Viewers decides who may play what over RTMP. It is called by many goroutines at
// once.
type Viewers interface {
	// Watch returns the feed of the stream of that public name, or an error: one that
	// wraps ErrUnknownStream or ErrForbidden is told to the player as that; any other
	// as a failure of ours. It's asked again while the player plays (Limits.PlayPermit), whom
	// the first two end, and others don't.
	Watch(ctx context.Context, w Watch) (*timeline.Feed, error)
}

// Watch is a player's wish.
type Watch struct {
	Stream    string     // the public name, as it came: anything
	Rendition string     // the one that is asked for; empty: what leads
	Query     url.Values // of the URL: tokens
	TCURL     string     // as the player gave it
	Player    string     // flashVer
	Remote    netip.AddrPort
	TLS       *tls.ConnectionState // of RTMPS or RTMPTS; else nil
}

// Why a player is refused.
var (
	ErrUnknownStream = errors.New("unknown stream")
	ErrForbidden     = errors.New("playback is not allowed")
)

// Other ends of playing.
var (
	errEnded   = errors.New("the broadcast is over")
	errNotLive = errors.New("nothing was published for too long")
	errForeign = errors.New("nothing is published in a codec that the player takes")
	errSlow    = errors.New("the player takes nothing")
)
