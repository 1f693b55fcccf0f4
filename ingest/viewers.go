package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"net/url"
	"time"

	"sluice/packager/timeline"
)

// Viewers decides who may play what over RTMP. It is called by many goroutines at
// once.
type Viewers interface {
	// Watch returns a seat before the stream of that public name, or an error: one that
	// wraps ErrUnknownStream or ErrForbidden is told to the player as that, with the
	// reason of a ForbiddenError; any other as a failure of ours. It's asked again while
	// the player plays (Limits.PlayPermit), whom the first two end, and others don't.
	Watch(ctx context.Context, w Watch) (Seat, error)
}

// Seat is what a player is let to.
type Seat struct {
	Feed  *timeline.Feed
	Until time.Time // when the right to play ends, and with it the playing; zero: never
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

// ForbiddenError is an ErrForbidden of which the player may hear why, in a line without
// a full stop.
type ForbiddenError struct{ Reason string }

func (e *ForbiddenError) Error() string { return ErrForbidden.Error() + ": " + e.Reason }

// Unwrap makes it an ErrForbidden.
func (*ForbiddenError) Unwrap() error { return ErrForbidden }

// Other ends of playing.
var (
	errLapsed  = errors.New("the right to play has ended")
	errEnded   = errors.New("the broadcast is over")
	errNotLive = errors.New("nothing was published for too long")
	errForeign = errors.New("nothing is published in a codec that the player takes")
	errSlow    = errors.New("the player takes nothing")
)
