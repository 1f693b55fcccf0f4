package web

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthz says that the process answers.
func (s *Server) healthz(x *exchange) error {
	x.w.Header()["Cache-Control"] = noStore
	return x.send(http.StatusOK, typeText, []byte("ok\n"))
}

// readyz says whether the gateway can take publishers and viewers.
func (s *Server) readyz(x *exchange) error {
	x.w.Header()["Cache-Control"] = noStore
	if err := s.ready(); err != nil {
		return x.send(http.StatusServiceUnavailable, typeText, fmt.Appendf(nil, "not ready: %v\n", err))
	}
	return x.send(http.StatusOK, typeText, []byte("ok\n"))
}

// metrics answers with everything in the registry.
func (s *Server) metrics() handler {
	h := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		// A stream that can't be read must not hide everything else.
		ErrorHandling: promhttp.ContinueOnError,
		Registry:      s.registry,
	})
	return func(x *exchange) error {
		x.w.Header()["Cache-Control"] = noStore
		h.ServeHTTP(x, x.r)
		return nil
	}
}

// authority hands out the certificate of the local CA, so that it can be trusted.
func (s *Server) authority(x *exchange) error {
	h := x.w.Header()
	h["Cache-Control"] = revalidate
	h["Content-Disposition"] = []string{`attachment; filename="sluice-ca.crt"`}
	return x.send(http.StatusOK, typeCertificate, s.ca)
}

var typeCertificate = []string{"application/x-x509-ca-cert"}
