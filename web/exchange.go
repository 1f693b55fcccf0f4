package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// exchange is a request on its way to its response. Handlers write through it,
// so that what was sent is known without a wrapper around the ResponseWriter,
// and so that every write has a deadline of its own.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	group   *group
	status  int   // 0 until the header is written
	bytes   int64 // of body
	timed   bool  // the next write has its deadline already
	signed  bool  // the URL has a token
	varies  bool  // by the page's origin, too
	aborted bool  // the response can't be finished: the client must not take it for whole
}

// handler answers a request, or returns an error and has written nothing; an
// error after it has begun to write cuts the connection.
type handler func(x *exchange) error

// endpoint makes a handler an http.HandlerFunc: errors become answers, a panic
// costs this request only, and everything is counted.
func (s *Server) endpoint(g *group, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{w: w, r: r, group: g}
		defer s.conclude(x, time.Now())
		if g.open {
			allowOrigins(w.Header())
		}
		if r.ContentLength != 0 {
			// Errors say that there is no such deadline: a test's recorder.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		err := h(x)
		if err == nil && x.status == 0 {
			err = errors.New("a handler answered nothing")
		}
		if err != nil {
			s.fail(x, err)
		}
	}
}

// conclude is deferred by endpoint.
func (s *Server) conclude(x *exchange, began time.Time) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		x.aborted = true
	default:
		s.log.Error("a request panicked", "err", p, "path", target(x.r.URL), "stack", string(debug.Stack()))
		s.fail(x, errPanicked)
	}
	x.group.count(x.r.ProtoMajor, x.status, x.bytes)
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("request", "method", x.r.Method, "path", target(x.r.URL), "remote", x.r.RemoteAddr,
			"status", x.status, "bytes", x.bytes, "dur", time.Since(began))
	}
	if x.aborted {
		panic(http.ErrAbortHandler)
	}
}

var errPanicked = errors.New("a handler panicked")

// fail answers with an error, or cuts the connection where it is too late for that.
func (s *Server) fail(x *exchange, err error) {
	p := problemOf(err)
	if x.status != 0 {
		x.aborted = true
		return
	}
	if p.status == statusClientGone {
		x.status, x.aborted = p.status, true
		return
	}
	if p.status == http.StatusInternalServerError && !errors.Is(err, errPanicked) {
		s.logFailure(x, err)
	}
	h := x.w.Header()
	for _, name := range [...]string{"Etag", "Accept-Ranges", "Content-Encoding", "Content-Disposition"} {
		delete(h, name)
	}
	h["Cache-Control"] = p.cache
	h["X-Content-Type-Options"] = nosniff
	if p.retry {
		h["Retry-After"] = oneSecond
	}
	if p.asks {
		h["Www-Authenticate"] = bearer
	}
	if x.group.json {
		body, _ := json.Marshal(map[string]string{"error": p.text}) // a map of strings has no way to fail
		_ = x.send(p.status, typeJSON, append(body, '\n'))
		return
	}
	_ = x.send(p.status, typeText, []byte(p.text+"\n")) // nobody is left to hear of a failed write
}

// logFailure logs a failure of ours, and not more than one in failureLog.
func (s *Server) logFailure(x *exchange, err error) {
	now := time.Now().UnixNano()
	last := s.failed.Load()
	if now-last < int64(failureLog) || !s.failed.CompareAndSwap(last, now) {
		s.unlogged.Add(1)
		return
	}
	s.log.Error("a request failed", "path", target(x.r.URL), "err", err, "unlogged", s.unlogged.Swap(0))
}

// begin writes the header.
func (x *exchange) begin(status int) {
	x.deadline(0)
	x.timed = true
	x.status = status
	x.w.WriteHeader(status)
}

// deadline gives the next write its time, which begins after a pause. Over
// HTTP/2 a deadline that runs out resets the stream even where nothing is being
// written, so a pause in the middle of a response must be told.
func (x *exchange) deadline(pause time.Duration) {
	stall := writeStall
	if x.r.ProtoMajor > 1 {
		stall = streamStall
	}
	// Errors say that there is no such deadline: a test's recorder.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(pause + stall))
}

// write sends a piece of the body. Large ones go in several writes, each with
// its own deadline, so that a slow client isn't cut while it makes progress. Over
// HTTP/1.1 the connection sees to it within a write, too.
func (x *exchange) write(b []byte) error {
	if x.r.Method == http.MethodHead {
		return nil
	}
	for len(b) > 0 {
		n := min(len(b), writePiece)
		if !x.timed {
			x.deadline(0)
		}
		x.timed = false
		sent, err := x.w.Write(b[:n])
		x.bytes += int64(sent)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// flush pushes out what has been written.
func (x *exchange) flush() error {
	x.deadline(0)
	return http.NewResponseController(x.w).Flush()
}

// send answers with a body that is there as a whole.
func (x *exchange) send(status int, contentType []string, body []byte) error {
	h := x.w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.begin(status)
	return x.write(body)
}

// Header, WriteHeader and Write make an exchange an http.ResponseWriter, for
// the handlers of other packages.
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		if status >= 400 { // net/http takes the header away from its errors
			x.w.Header()["Cache-Control"] = noStore
		}
		x.begin(status)
	}
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	before := x.bytes
	err := x.write(b)
	if x.r.Method == http.MethodHead {
		return len(b), nil
	}
	return int(x.bytes - before), err
}
