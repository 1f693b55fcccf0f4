package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"sluice/ingest/gate"
)

// farewell tells the peer why the session ends, if it can be told, and gives it
// time to read that: a connection closed with bytes unread is reset, and what
// was written last is lost.
func (s *session) farewell(err error) {
	var knows told
	switch {
	case err == nil, s.writer == nil, errors.Is(err, errGone), errors.Is(err, errSlow), errors.Is(err, gate.ErrEvicted):
		return
	case errors.As(err, &knows):
	case errors.Is(err, ErrShutdown) && s.enhanced.caps&capsReconnect != 0:
		// Enhanced RTMP v2, "Reconnect Request". It is NetConnection's: stream 0.
		s.write(onStatus(0, status{levelStatus, "NetConnection.Connect.ReconnectRequest", "The server restarts or moves: connect again."}))
	case s.watched != 0:
		s.write(onStatus(s.watched, playEnd(err)))
	case s.published != 0 || s.once:
		s.write(onStatus(s.published, parting(err, s.enhanced.spoken)))
	}
	s.linger()
}

// apologise answers a peer that speaks HTTP in its own language, over what it
// speaks that: the socket, or TLS.
func (s *session) apologise(to io.Writer) {
	io.WriteString(to, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"+
		"This port speaks RTMP.\n")
	s.linger()
}

// linger closes our half of the connection, and waits until the peer has closed
// its own.
func (s *session) linger() {
	s.socket.resume()
	s.socket.setWant(0)
	s.socket.phase(s.limits.Linger)
	if s.tls != nil && s.tls.ConnectionState().HandshakeComplete {
		s.tls.CloseWrite()
	}
	s.socket.closeWrite()
	io.CopyN(io.Discard, s.socket.Conn, maxDrained)
}

// report writes the line about a session's end, unless there is one, and counts it.
func (s *session) report(err error, logged bool) {
	switch {
	case s.once:
	case s.watched != 0:
		if err != nil && !logged {
			s.say(levelOf(err), "session ended", reason(err), err)
		}
		return
	default:
		if err != nil {
			s.refuse(err)
		}
		return
	}
	r := "unpublished"
	if err != nil {
		r = reason(err)
	}
	s.server.counts.ends.WithLabelValues(r).Inc()
	if r == "taken_over" {
		s.server.counts.takeovers.Inc()
	}
	if err != nil && !logged {
		s.say(levelOf(err), "session ended", r, err)
	}
}

// levelOf says how much an operator wants to know of an end.
func levelOf(err error) slog.Level {
	if err == nil {
		return slog.LevelInfo
	}
	switch reason(err) {
	case "network", "gone", "shutdown", "taken_over", "revoked", "expired",
		"ended", "not_live", "unknown_stream", "foreign_codec", "slow_reader":
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// refuse reports a connection that never published.
func (s *session) refuse(err error) {
	r := reason(err)
	s.server.counts.refused.WithLabelValues(r).Inc()
	s.say(levelOf(err), "connection refused", r, err)
}

// say writes a line unless one like it, of the same address, was written just now.
func (s *session) say(level slog.Level, text, reason string, err error) {
	from := s.from
	if reason == "crowded" || reason == "evicted" {
		from = netip.Prefix{} // it's about all of them
	}
	missed, ok := s.server.lines.May(from, reason, time.Now())
	if !ok {
		return
	}
	args := []any{"err", err}
	if s.encoder != "" {
		args = append(args, "encoder", s.encoder)
	}
	if missed > 0 {
		args = append(args, "attempt", missed+1) // since the last line
	}
	s.log.Log(context.Background(), level, text, args...)
}
