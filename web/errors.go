package web

import (
	"context"
	"errors"
	"net/http"

	"sluice/packager/hls"
	"sluice/packager/stills"
)

// What Permit answers with.
var (
	ErrForbidden   = errors.New("forbidden")
	ErrUnavailable = errors.New("can't be said now, try again")
)

// What Cue answers with.
var (
	ErrCue     = errors.New("bad cue")
	ErrNotLive = errors.New("the stream isn't live")
)

// What handlers answer with, beside success. Wrapping adds what a person would
// like to read: the text of 4xx errors goes out.
var (
	errUnknown    = errors.New("not found")
	errGone       = errors.New("no longer available")
	errAbsent     = errors.New("not available at present") // of a rung that has left and may be back
	errBadRequest = errors.New("bad request")
	errNotYet     = errors.New("not there yet, try again") // a wait ran out
	errStopping   = errors.New("the server is stopping")
	errMethod     = errors.New("method not allowed")
	errNoMatch    = errors.New("it is another one than If-Match names")
	// errUnauthorized says nothing of what was shown.
	errUnauthorized = errors.New("the API token is missing, or isn't this one")
	// errAwaited never reaches a client: what was asked for may still come.
	errAwaited = errors.New("still to come")
)

// statusClientGone counts requests whose client left before the answer; nobody
// gets to see it.
const statusClientGone = 499

// problem is an error as a client sees it.
type problem struct {
	status int
	text   string
	cache  []string
	retry  bool // say when to try again
	asks   bool // for credentials
}

// problemOf maps an error to what is answered. What it doesn't know is our
// own fault, and its text stays here.
func problemOf(err error) problem {
	p := problem{status: http.StatusInternalServerError, text: "internal error", cache: noStore}
	var refused *refusal
	switch {
	case errors.Is(err, errUnknown), errors.Is(err, hls.ErrNoRendition), errors.Is(err, hls.ErrNoTransport),
		errors.Is(err, stills.ErrNone):
		// It may exist in a second: a stream that starts.
		p.status, p.cache = http.StatusNotFound, cacheSecond
	case errors.Is(err, hls.ErrGone), errors.Is(err, errAbsent):
		// It may be back in a few seconds.
		p.status, p.cache = http.StatusGone, cacheSecond
	case errors.Is(err, errGone):
		p.status, p.cache = http.StatusGone, cacheShort
	case errors.Is(err, errBadRequest), errors.Is(err, hls.ErrAhead), errors.Is(err, ErrCue):
		p.status = http.StatusBadRequest
	case errors.Is(err, errMethod):
		p.status = http.StatusMethodNotAllowed
	case errors.Is(err, errNoMatch):
		p.status = http.StatusPreconditionFailed
	case errors.Is(err, errUnauthorized):
		p.status, p.asks = http.StatusUnauthorized, true
	case errors.Is(err, ErrNotLive):
		p.status = http.StatusConflict
	case errors.As(err, &refused):
		p.status, p.cache = http.StatusForbidden, refused.cache
	case errors.Is(err, ErrForbidden):
		p.status = http.StatusForbidden
	case errors.Is(err, errNotYet), errors.Is(err, errStopping), errors.Is(err, ErrUnavailable),
		errors.Is(err, stills.ErrBusy):
		p.status, p.retry = http.StatusServiceUnavailable, true
	case errors.Is(err, context.Canceled):
		p.status = statusClientGone
	default:
		return p
	}
	p.text = err.Error()
	return p
}
