package web

import (
	"sluice/packager/hls"
	"sluice/packager/mpegts"
	"sluice/packager/timeline"
)

// transportMultivariant answers /live/{stream}/ts.m3u8.
func (s *Server) transportMultivariant(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	start, err := parseStart(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	r, err := x.manifest(feed, "", startHold, func(t *timeline.Timeline) (*rendered, error) {
		return st.multivariantOf(t, start, true)
	})
	if err != nil {
		return err
	}
	return x.deliver(r, typeHLS, r.steady)
}

// transportPlaylist answers /live/{stream}/{rendition}/ts.m3u8.
func (s *Server) transportPlaylist(x *exchange) error {
	return s.wholePlaylist(x, func(p *playlists) *document { return &p.transport }, hls.AppendTransportMedia)
}

// transport answers …/{epoch}/{n}.ts. A segment that isn't whole is waited for.
func (s *Server) transport(x *exchange, feed *timeline.Feed, p place) error {
	var t *timeline.Timeline
	var segment *mpegts.Segment
	var err error
	ready := func(now *timeline.Timeline) bool {
		t = now
		var g *timeline.Segment
		if g, err = p.find(t); err == nil {
			if segment, err = hls.Transport(t, t.Rendition(p.rendition), g); err == nil && segment == nil {
				err = errAwaited
			}
		}
		return err != errAwaited
	}
	if _, waited := x.hold(feed, "", s.absence, ready); waited != nil {
		return waited
	}
	if err != nil {
		return err
	}
	body, err := s.transports.get(x.r.Context(), transportKey{stream: x.r.PathValue("stream"), place: p}, func() ([]byte, error) {
		if !segment.Whole() {
			here, ctx := t, x.r.Context()
			err := s.transports.apart(ctx, func() (err error) {
				here, err = s.load(ctx, x.r.PathValue("stream"), t, p)
				return err
			})
			if err != nil {
				return nil, err
			}
			r := here.Rendition(p.rendition)
			if segment, err = hls.Transport(here, r, r.Segment(p.msn)); err != nil {
				return nil, err
			}
			if !segment.Whole() {
				return nil, errGone
			}
		}
		return segment.AppendTo(nil)
	})
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Content-Type"] = typeTS
	h["Cache-Control"] = cacheImmutable
	tag := p.etag()
	h["Etag"] = []string{tag}
	return x.parts([]timeline.Part{{Data: body}}, len(body), tag)
}
