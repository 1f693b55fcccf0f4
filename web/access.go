package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"sluice/web/pass"
)

// refusal is why somebody may not watch, and how long caches may say so to others.
type refusal struct {
	text  string
	cache []string
}

func (r *refusal) Error() string { return ErrForbidden.Error() + ": " + r.text }

// Unwrap makes it an ErrForbidden.
func (*refusal) Unwrap() error { return ErrForbidden }

// Refusals. One that depends on more than the URL isn't kept by anybody.
var (
	errUnsigned = &refusal{"this stream needs a URL with a token: /live/{stream}/~{token}/…", cacheSecond}
	errExpired  = &refusal{pass.ErrExpired.Error(), cacheShort} // for good
	errInvalid  = &refusal{pass.ErrInvalid.Error(), cacheSecond}
	errAddress  = &refusal{pass.ErrAddress.Error(), noStore}
	errReferer  = &refusal{"this stream isn't shown on that page, or the page isn't named (Referer)", noStore}
)

// tildes undoes the escaping of a character that needs none (RFC 3986 §2.3), as some
// players and proxies do it.
var tildes = strings.NewReplacer("%7E", "~", "%7e", "~")

// withTildes returns the request with the tilde in front of its token as such.
func withTildes(r *http.Request) *http.Request {
	path := tildes.Replace(r.URL.RawPath)
	if path == r.URL.RawPath {
		return r
	}
	plain, at := *r, *r.URL
	at.RawPath = path
	plain.URL = &at
	return &plain
}

// withToken is a handler of URLs that have a token.
func withToken(h handler) handler {
	return func(x *exchange) error {
		x.signed = true
		return h(x)
	}
}

// admit refuses who may not have what the stream's viewers have, and tells the browser
// which pages may read the answer. Nearly always there is nothing to be done.
func (s *Server) admit(x *exchange, st *stream) error {
	if st.rules == nil && !x.signed {
		return nil
	}
	if r := st.rules; r != nil {
		x.allowOrigin(r)
		if !r.AllowsReferer(x.r.Referer(), x.r.Host) {
			return errReferer
		}
		if r.Signed && !x.signed {
			return errUnsigned
		}
	}
	if !x.signed {
		return nil
	}
	if s.passes == nil {
		return errUnknown // a second spelling of a public stream's URLs
	}
	from, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return fmt.Errorf("read the viewer's address: %w", err)
	}
	_, err = s.passes.Verify(x.r.Context(), x.r.PathValue("token"), st.name, from.Addr(), s.now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pass.ErrExpired):
		return errExpired
	case errors.Is(err, pass.ErrInvalid):
		return errInvalid
	case errors.Is(err, pass.ErrAddress):
		return errAddress
	case errors.Is(err, context.Canceled):
		return err
	}
	// The keys can't be read, which whoever reads them logs.
	return ErrUnavailable
}

// allowOrigin is allowOrigins for a stream that only some pages may read. Where that is
// one origin, all are told the same, and caches need one copy only.
func (x *exchange) allowOrigin(r *pass.Rules) {
	if !x.group.open || r.AnyOrigin() {
		return
	}
	h := x.w.Header()
	if one := r.One(); one != "" {
		h["Access-Control-Allow-Origin"] = []string{one}
		return
	}
	x.varies = true
	h["Vary"] = varyOrigin
	if origin := x.r.Header.Get("Origin"); r.AllowsOrigin(origin) {
		h["Access-Control-Allow-Origin"] = []string{origin}
		return
	}
	delete(h, "Access-Control-Allow-Origin")
	delete(h, "Access-Control-Expose-Headers")
}

// preflight answers a preflight for a stream's URLs: yes to the origins that may read it.
// The URLs themselves still want their tokens.
func (s *Server) preflight(next http.HandlerFunc) http.HandlerFunc {
	open := preflight(nil, next)
	listed := preflight(func(r *http.Request, origin string) bool {
		rules := s.rulesOf(r)
		return rules == nil || rules.AllowsOrigin(origin)
	}, next)
	return func(w http.ResponseWriter, r *http.Request) {
		if rules := s.rulesOf(r); rules == nil || rules.AnyOrigin() {
			open(w, r)
			return
		}
		listed(w, r)
	}
}

// rulesOf returns those of the stream that a URL names, nil where there are none.
func (s *Server) rulesOf(r *http.Request) *pass.Rules {
	st, err := s.streams.find(r.Context(), r.PathValue("stream"))
	if err != nil {
		return nil
	}
	return st.rules
}
