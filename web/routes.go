package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
)

// router holds every URL that the gateway answers.
func (s *Server) router() http.Handler {
	r := chi.NewRouter()
	g := s.groups
	get := func(pattern string, g *group, h handler) {
		f := s.endpoint(g, h)
		r.Get(pattern, f)
		r.Head(pattern, f)
	}

	// What a stream's viewers fetch is there with a token in the path, too. All URLs in
	// it are relative, so they keep the token.
	viewers := func(prefix, rest string, g *group, h handler) {
		get(prefix+rest, g, h)
		get(prefix+"/~{token}"+rest, g, withToken(h))
	}
	viewers("/live/{stream}", "/index.m3u8", g.multivariant, s.multivariantPlaylist)
	viewers("/live/{stream}", "/ts.m3u8", g.multivariant, s.transportMultivariant)
	viewers("/live/{stream}", "/manifest.mpd", g.mpd, s.mpd)
	viewers("/live/{stream}", "/manifest.mpp", g.mpd, s.mpdPatch)
	viewers("/live/{stream}", "/"+steeringName, g.steering, s.steer)
	viewers("/live/{stream}", "/{rendition}/index.m3u8", g.playlist, s.mediaPlaylist)
	viewers("/live/{stream}", "/{rendition}/ts.m3u8", g.playlist, s.transportPlaylist)
	viewers("/live/{stream}", "/{rendition}/iframes.m3u8", g.playlist, s.iframesPlaylist)
	viewers("/live/{stream}", "/{rendition}/{epoch}/init.mp4", g.init, s.initSegment)
	viewers("/live/{stream}", "/poster.jpg", g.still, s.poster)
	viewers("/live/{stream}", "/thumbnails.vtt", g.still, s.thumbnailIndex)
	viewers("/live/{stream}", "/thumbnails/{epoch}/{file}", g.still, s.thumbnail) // {n}.jpg and sheet-{a}-{s}.jpg
	// {n}.m4s, {n}.{part}.m4s and {n}.ts
	viewers("/live/{stream}", "/{rendition}/{epoch}/{file}", g.segment, s.media)

	get("/api/v1/streams", g.api, s.listStreams)
	get("/api/v1/streams/{stream}", g.api, s.describeStream)
	get("/api/v1/streams/{stream}/cues", g.api, s.listCues)
	r.Post("/api/v1/streams/{stream}/cues", s.endpoint(g.api, s.authorized(s.addCue)))
	get("/api/v1/certificates", g.api, s.listCertificates)
	get("/api/v1/steering", g.api, s.describeSteering)
	r.Post("/api/v1/steering", s.endpoint(g.api, s.authorized(s.setSteering)))
	get("/api/v1/time", g.api, s.time)
	get("/api/v1/openapi.json", g.api, s.describeAPI)

	if s.multitrack != nil {
		r.Post("/api/v1/multitrack", s.endpoint(g.api, s.configureMultitrack))
	}

	get("/", g.page, s.index)
	viewers("/watch/{stream}", "", g.page, s.watch)
	viewers("/embed/{stream}", "", g.page, s.embed)
	get("/assets/*", g.asset, s.asset)

	get("/healthz", g.system, s.healthz)
	get("/readyz", g.system, s.readyz)
	get("/metrics", g.system, s.metrics())
	if len(s.ca) > 0 {
		get("/ca.crt", g.system, s.authority)
	}

	options := s.endpoint(g.other, s.options)
	r.Options("/live/{stream}/*", s.preflight(options))
	r.Options("/live/*", preflight(nil, options))
	r.Options("/api/*", preflight(nil, options))
	r.Options("/*", options)

	r.NotFound(s.endpoint(g.other, func(*exchange) error { return errUnknown }))
	r.MethodNotAllowed(s.endpoint(g.other, func(x *exchange) error {
		asks := x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
		if asks && !s.takes(http.MethodPost, x.r) {
			return errUnknown // only a preflight would match
		}
		x.w.Header()["Allow"] = s.allowed(x.r)
		return errMethod
	}))
	return r
}

// preflight answers a CORS preflight for pages of the origins that allowed lets, of all
// where it is nil; other requests are next's.
func preflight(allowed func(r *http.Request, origin string) bool, next http.HandlerFunc) http.HandlerFunc {
	return cors.Handler(cors.Options{
		AllowOriginFunc: allowed,
		AllowedMethods:  []string{http.MethodGet, http.MethodHead},
		AllowedHeaders:  []string{"*"},
		MaxAge:          24 * 60 * 60,
	})(next).ServeHTTP
}

// takes reports whether there is a route for the method at a request's path.
func (s *Server) takes(method string, r *http.Request) bool {
	routes, ok := s.routes.(chi.Routes)
	return ok && routes.Match(chi.NewRouteContext(), method, r.URL.Path)
}

// allowed returns the methods of a path, for the header Allow. Little can be changed by HTTP.
func (s *Server) allowed(r *http.Request) []string {
	switch {
	case !s.takes(http.MethodPost, r):
		return []string{"GET, HEAD, OPTIONS"}
	case !s.takes(http.MethodGet, r):
		return []string{"POST, OPTIONS"}
	}
	return []string{"GET, HEAD, POST, OPTIONS"}
}

// options answers an OPTIONS request that is no preflight.
func (s *Server) options(x *exchange) error {
	x.w.Header()["Allow"] = s.allowed(x.r)
	x.begin(http.StatusNoContent)
	return nil
}
