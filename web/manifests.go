package web

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/stills"
	"sluice/packager/timeline"
	"sluice/web/cmcd"
)

// timePath is the clock that MPDs name.
const timePath = "/api/v1/time"

// errNoMedia says that nothing can be listed, and that nothing is about to be.
var errNoMedia = fmt.Errorf("the stream is offline: %w", errUnknown)

// attempt makes a manifest of t. Its error is errAwaited where t doesn't hold
// what was asked for, and a renderer's ErrNotReady where there is nothing to
// list yet.
type attempt func(t *timeline.Timeline) (*rendered, error)

// manifest holds the request until try succeeds, for at most limit once the
// stream can be played, and for startHold while it is starting. Of a stream
// that isn't, it says so at once.
func (x *exchange) manifest(f *timeline.Feed, id timeline.RenditionID, limit time.Duration, try attempt) (*rendered, error) {
	var made *rendered
	var err error
	ready := func(t *timeline.Timeline) bool {
		made, err = try(t)
		switch {
		case errors.Is(err, errAwaited):
			return false
		case errors.Is(err, hls.ErrNotReady), errors.Is(err, dash.ErrNotReady), errors.Is(err, stills.ErrNotReady):
			err = errNoMedia
			return t.State != timeline.Live
		}
		return true
	}
	if !f.Current().Ready() {
		limit = max(limit, startHold)
	}
	if _, waited := x.hold(f, id, limit, ready); waited != nil {
		return nil, waited
	}
	return made, err
}

// multivariantPlaylist answers /live/{stream}/index.m3u8.
func (s *Server) multivariantPlaylist(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	start, err := parseStart(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	r, err := x.manifest(feed, "", startHold, func(t *timeline.Timeline) (*rendered, error) {
		if !t.Ready() {
			return nil, hls.ErrNotReady
		}
		return st.multivariantOf(t, start, false)
	})
	if err != nil {
		return err
	}
	return x.deliver(r, typeHLS, r.steady)
}

// mediaPlaylist answers /live/{stream}/{rendition}/index.m3u8.
func (s *Server) mediaPlaylist(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	want, err := parseDirectives(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	id := timeline.RenditionID(x.r.PathValue("rendition"))
	limit := startHold
	if t := feed.Current(); t.Ready() {
		limit = reloadTargets * t.Targets.Segment
	}
	r, err := x.manifest(feed, id, limit, func(t *timeline.Timeline) (*rendered, error) {
		if !t.Ready() {
			return nil, hls.ErrNotReady
		}
		if want.blocks {
			there, err := hls.Blocks(t, id, want.msn, want.part)
			if err != nil {
				return nil, err
			}
			if !there {
				return nil, errAwaited
			}
		}
		return st.playlist(t, id, want.skip)
	})
	if err != nil {
		return err
	}
	if want.blocks {
		return x.deliver(r, typeHLS, r.lasted)
	}
	return x.deliver(r, typeHLS, r.fresh)
}

// iframesPlaylist answers /live/{stream}/{rendition}/iframes.m3u8.
func (s *Server) iframesPlaylist(x *exchange) error {
	return s.wholePlaylist(x, func(p *playlists) *document { return &p.iframes }, hls.AppendIFrames)
}

// wholePlaylist answers with a playlist that is of whole segments only, those of several
// renditions perhaps: so any of them may change it.
func (s *Server) wholePlaylist(x *exchange, of func(*playlists) *document,
	render func([]byte, *timeline.Timeline, timeline.RenditionID) ([]byte, error)) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	id := timeline.RenditionID(x.r.PathValue("rendition"))
	r, err := x.manifest(feed, "", startHold, func(t *timeline.Timeline) (*rendered, error) {
		if !t.Ready() {
			return nil, hls.ErrNotReady
		}
		if err := listed(t, id); err != nil {
			return nil, err
		}
		return of(st.playlistsOf(t, id)).at(t, t.Whole, func(dst []byte, t *timeline.Timeline) ([]byte, error) {
			return render(dst, t, id)
		})
	})
	if err != nil {
		return err
	}
	return x.deliver(r, typeHLS, r.fresh)
}

// playlist returns the media playlist of a rendition of t, which is ready. It
// says something new when the rendition changes; that it says a little more
// about the others can wait for that.
func (st *stream) playlist(t *timeline.Timeline, id timeline.RenditionID, skip bool) (*rendered, error) {
	if err := listed(t, id); err != nil {
		return nil, err
	}
	r, p := t.Rendition(id), st.playlistsOf(t, id)
	if skip {
		return p.delta.at(t, r.Version, func(dst []byte, t *timeline.Timeline) ([]byte, error) {
			return hls.AppendMediaDelta(dst, t, id)
		})
	}
	return p.full.at(t, r.Version, func(dst []byte, t *timeline.Timeline) ([]byte, error) {
		return hls.AppendMedia(dst, t, id)
	})
}

// listed returns why a rendition has no playlist, if it is so.
func listed(t *timeline.Timeline, id timeline.RenditionID) error {
	switch r := t.Rendition(id); {
	case r == nil || !r.Left && !r.IsListed(t):
		return fmt.Errorf("rendition %.64q: %w", id, errUnknown)
	case r.Absent():
		return fmt.Errorf("%w: %.64q", hls.ErrGone, id)
	}
	return nil
}

// mpd answers /live/{stream}/manifest.mpd.
func (s *Server) mpd(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	after, following, err := parseAfter(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	start, err := parseStart(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	of := func(t *timeline.Timeline) (*rendered, error) {
		if start.isSet() {
			return st.startedMPD(t, start, following)
		}
		return st.manifestOf(t, following)
	}
	polled := false
	try := func(t *timeline.Timeline) (*rendered, error) {
		if polled = dash.Ready(t, after); !polled && following {
			return nil, errAwaited
		}
		return of(t)
	}
	r, err := x.manifest(feed, "", pollHold, try)
	if following && isNotYet(err) {
		r, err = of(feed.Current())
		if errors.Is(err, dash.ErrNotReady) {
			err = errNotYet
		}
	}
	if err != nil {
		return err
	}
	if following && !polled {
		return x.deliver(r, typeMPD, noStore) // its URL promises a newer one
	}
	return x.deliver(r, typeMPD, r.fresh)
}

// isNotYet reports whether a request was held for as long as it may be.
func isNotYet(err error) bool { return errors.Is(err, errNotYet) }

// manifestOf returns the MPD of t, in the form for those who follow or for those who come.
func (st *stream) manifestOf(t *timeline.Timeline, following bool) (*rendered, error) {
	if !t.Ready() {
		return nil, dash.ErrNotReady
	}
	d := &st.mpd
	if following = following && t.State == timeline.Ended; following {
		d = &st.closing
	}
	return d.at(t, t.Version, func(dst []byte, t *timeline.Timeline) ([]byte, error) {
		patches := hasPatches(t) && !following
		body, err := dash.AppendMPD(dst, t, dash.Options{TimePath: timePath, Following: following, Patches: patches, Steering: st.steering.url(st.name)})
		if err == nil && patches {
			st.history.keep(t.Version, body)
		}
		return body, err
	})
}

// feed returns the stream that the URL names, and its feed.
func (s *Server) feed(x *exchange) (*stream, *timeline.Feed, error) {
	st, err := s.streams.find(x.r.Context(), x.r.PathValue("stream"))
	if err != nil {
		return nil, nil, err
	}
	feed, err := st.follow(x.r.Context())
	return st, feed, err
}

// served is feed for somebody who may have what the URL names.
func (s *Server) served(x *exchange) (*stream, *timeline.Feed, error) {
	st, err := s.streams.find(x.r.Context(), x.r.PathValue("stream"))
	if err == nil {
		err = s.admit(x, st)
	}
	if err != nil {
		return nil, nil, err
	}
	feed, err := st.follow(x.r.Context())
	return st, feed, err
}

// watched is served for somebody whom the application lets watch the stream.
func (s *Server) watched(x *exchange) (*stream, *timeline.Feed, error) {
	st, feed, err := s.served(x)
	if err == nil && s.permit != nil {
		err = s.permit(x.r, st.name)
	}
	if err == nil {
		s.note(x, st, feed.Current(), "")
	}
	return st, feed, err
}

// directives are the delivery directives of a playlist request (RFC 8216bis §6.2.5).
type directives struct {
	blocks bool
	msn    uint64
	part   int // negative: the whole segment
	skip   bool
}

// parseDirectives reads a query. Parameters that it doesn't know are not ours.
func parseDirectives(query string) (directives, error) {
	d := directives{part: -1}
	parts := false
	for key, value := range pairs(query) {
		var err error
		switch key {
		case "_HLS_msn":
			d.blocks = true
			d.msn, err = parseCount(value, 63)
		case "_HLS_part":
			parts = true
			var n uint64
			n, err = parseCount(value, 31)
			d.part = int(n)
		case "_HLS_skip":
			if d.skip = value == "YES" || value == "v2"; !d.skip {
				err = errors.New("it's YES or v2")
			}
		}
		if err != nil {
			return d, fmt.Errorf("%w: %s: %v", errBadRequest, key, err)
		}
	}
	if parts && !d.blocks {
		return d, fmt.Errorf("%w: _HLS_part without _HLS_msn", errBadRequest)
	}
	return d, nil
}

// parseAfter reads an MPD's query.
func parseAfter(query string) (after uint64, following bool, err error) {
	for key, value := range pairs(query) {
		if key != "after" {
			continue
		}
		if after, err = parseCount(value, 63); err != nil {
			return 0, false, fmt.Errorf("%w: after: %v", errBadRequest, err)
		}
		following = true
	}
	return after, following, nil
}

var errNoCount = errors.New("not a whole number, or too large")

// parseCount reads a number of at most so many bits.
func parseCount(s string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		return 0, errNoCount // what strconv says is for programmers
	}
	return n, nil
}

// pairs yields a query's keys and values. It makes no map, as url.ParseQuery
// does, and leaves out what can't be unescaped, and what players say of themselves.
func pairs(query string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		for item := range strings.SplitSeq(query, "&") {
			key, value, _ := strings.Cut(item, "=")
			if key == cmcd.Argument {
				continue
			}
			key, err := url.QueryUnescape(key)
			if err != nil || key == "" {
				continue
			}
			if value, err = url.QueryUnescape(value); err != nil {
				continue
			}
			if !yield(key, value) {
				return
			}
		}
	}
}
