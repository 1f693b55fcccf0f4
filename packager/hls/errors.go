package hls

import "errors"

var (
	// ErrNotReady says that there is nothing to list yet: the stream is offline,
	// its targets aren't fixed, or the rendition has no media so far.
	ErrNotReady = errors.New("playlist not ready")
	// ErrNoRendition says that the broadcast has no such rendition.
	ErrNoRendition = errors.New("no such rendition")
	// ErrGone says that the rendition was there and has left, or is too far
	// behind: its players are to go on with another (timeline.Rendition.Absent).
	ErrGone = errors.New("rendition is gone")
	// ErrNoTransport says that there is no MPEG-TS of this.
	ErrNoTransport = errors.New("not to be had as MPEG-TS")
	// ErrAhead says that a blocking reload asks for what lies further ahead than
	// a client may ask (RFC 8216bis §6.2.5.2): a bad request.
	ErrAhead = errors.New("too far ahead of the live edge")
)
