package ingest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/gate"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
)

// session is one connection, from its acceptance to its end. Its goroutine alone
// uses it; evict and silence may be called by others once it publishes, and while it
// plays, the writer is its player's.
//
//	handshakes ──▶ commands ──publish──▶ publishing ──FCUnpublish, deleteStream──▶ commands
//	     │             │                      │
//	     │             ├───────play──▶ playing ──closeStream, deleteStream──▶ commands
//	     └─────────────┴──────── end ─────────┘
type session struct {
	server *Server
	limits *Limits
	log    *slog.Logger
	id     uint64
	remote netip.AddrPort
	from   netip.Prefix
	start  time.Time

	socket *socket
	conn   net.Conn // the socket, or TLS or RTMPE over it
	tls    *tls.Conn
	rtmpe  bool

	reader *chunk.Reader // nil until the handshake is done
	writer *chunk.Writer
	parser message.Parser
	window uint64 // bytes between two acknowledgements of ours
	acked  uint64

	cancel context.CancelCauseFunc
	commands
	pub *publication // nil unless it publishes
	// publishing is what others may know of that; nil unless it publishes.
	publishing atomic.Pointer[publishing]
	player     *player        // nil unless it plays
	asks       sync.WaitGroup // whether it may still play
	place      *gate.Place    // in the gate
	once       bool           // it has published
	rate       allowance
}

const (
	// handshakeBytes is what the handshake adds to the bytes received: C0, C1, C2.
	handshakeBytes = 1 + 2*1536
	// defaultWindow is the acknowledgement window of a peer that sets none, and
	// the one that we set: Wirecast stops after some seconds without.
	defaultWindow = 2_500_000
	minWindow     = 4096
)

func newSession(s *Server, c net.Conn, config *tls.Config) *session {
	now := time.Now()
	ss := &session{
		server: s,
		limits: &s.limits,
		id:     s.ids.Add(1),
		start:  now,
		window: defaultWindow,
		rate:   newAllowance(s.limits.Bitrate, now),
	}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		// A socket for both versions of IP gives IPv4 addresses as mapped ones.
		ss.remote = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	ss.from = gate.Network(ss.remote.Addr())
	ss.log = s.log.With("session", ss.id, "remote", ss.remote.String())
	ss.socket = newSocket(c, config != nil, &s.limits, s.counts, now)
	ss.socket.most = s.mostLowWater
	ss.conn = ss.socket
	if config != nil {
		ss.tls = tls.Server(ss.socket, config)
		ss.conn = ss.tls
	}
	return ss
}

// serve runs the session to its end.
func (s *session) serve(ctx context.Context) {
	defer s.asks.Wait()
	ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	unhook := context.AfterFunc(ctx, s.socket.interrupt)
	defer unhook()
	defer s.socket.Close()
	err := s.guarded(func() error { return s.run(ctx) })
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	logged := s.pub != nil || s.player != nil
	if s.player != nil {
		s.guarded(func() error { s.leave(err); return nil })
	}
	if s.pub != nil {
		s.guarded(func() error { s.unpublish(ctx, err); return nil })
	}
	s.report(err, logged)
	s.guarded(func() error { s.farewell(err); return nil })
}

// guarded runs a step and makes an error of a panic.
func (s *session) guarded(step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			s.log.Error("panic in a session", "err", err, "stack", string(debug.Stack()))
		}
	}()
	return step()
}

// run goes through the protocol in its order. It returns nil where the peer said
// goodbye, or hung up without having anything to lose.
func (s *session) run(ctx context.Context) error {
	s.socket.phase(s.limits.Handshake)
	if s.tls != nil {
		if err := s.tls.Handshake(); err != nil {
			return s.tlsError(err)
		}
	}
	if err := s.handshake(); err != nil {
		return s.handshakeError(err)
	}
	s.socket.phase(s.limits.Publish)
	s.reader = chunk.NewReader(metered{s}, chunk.Options{Limits: s.limits.stranger(), Want: s.socket.setWant})
	s.writer = chunk.NewWriter(s.conn)
	for {
		m, err := s.reader.ReadMessage()
		if err != nil {
			return s.readError(err)
		}
		s.socket.finished()
		if err := s.acknowledge(s.reader.BytesRead() + handshakeBytes); err != nil {
			return err
		}
		if err := s.take(ctx, m); err != nil {
			return err
		}
		allowed := uint64(s.limits.BeforePublish) + uint64(s.socket.sent.Load())/playerShare
		if s.pub == nil && !s.once && s.reader.BytesRead() > allowed {
			return fmt.Errorf("%w: %d bytes before publish, or beside playing", errLimit, s.reader.BytesRead())
		}
	}
}

// handshake is RTMP's, and RTMPE's where that is let in.
func (s *session) handshake() error {
	if !s.server.rtmpe {
		_, err := handshake.Server(s.conn)
		return err
	}
	_, ciphers, err := handshake.ServerEncrypted(s.conn)
	if err == nil && ciphers != nil {
		s.conn, s.rtmpe = ciphers.Over(s.conn), true
	}
	return err
}

// tunnelled is a connection of package tunnel's.
type tunnelled interface {
	Protocol() string
	TLS() *tls.ConnectionState // nil where HTTP is plain
}

// protocol names what the session came by, for its log line.
func (s *session) protocol() string {
	t, ok := s.socket.Conn.(tunnelled)
	switch {
	case ok:
		return t.Protocol()
	case s.tls != nil:
		return "rtmps"
	case s.rtmpe:
		return "rtmpe"
	}
	return "rtmp"
}

// secure is the TLS that the session came by, be it HTTP's; nil without any.
func (s *session) secure() *tls.ConnectionState {
	if s.tls != nil {
		state := s.tls.ConnectionState()
		return &state
	}
	if t, ok := s.socket.Conn.(tunnelled); ok {
		return t.TLS()
	}
	return nil
}

// take acts on one message.
func (s *session) take(ctx context.Context, m chunk.Message) error {
	parsed, err := s.parser.Parse(m)
	if errors.Is(err, amf0.ErrLimit) {
		return fmt.Errorf("%w: %w", errLimit, err)
	}
	if err != nil {
		// The chunk layer knows where the next message begins. A command with
		// something odd behind what it says is still that command.
		s.server.counts.dropped.WithLabelValues(dropMalformed).Inc()
		s.log.Debug("message not understood", "err", err)
		if c, ok := parsed.(message.Command); !ok || c.Name == "" {
			return nil
		}
	}
	switch v := parsed.(type) {
	case *message.Video:
		if s.pub != nil {
			return s.pub.videoMessage(ctx, v.Timestamp, v.Body, s.socket.arrived)
		}
	case *message.Audio:
		if s.pub != nil {
			return s.pub.audioMessage(ctx, v.Timestamp, v.Body, s.socket.arrived)
		}
	case message.Aggregate:
		return s.takeAll(ctx, v)
	case message.Data:
		if s.pub != nil {
			err := s.pub.dataMessage(ctx, v.Timestamp, v.Values, s.socket.arrived)
			s.introduce(s.pub.meta.Encoder)
			return err
		}
	case message.Command:
		return s.command(ctx, v)
	case message.WindowAckSize:
		s.window = max(uint64(v.Size), minWindow)
	case message.UserControl:
		if v.Event == message.EventPingRequest {
			return s.write(message.UserControl{Event: message.EventPingResponse, Value: v.Value})
		}
	}
	return nil
}

// takeAll acts on the messages of an aggregate. Each gets bytes of its own: a
// sample that is kept must not keep all that came with it.
func (s *session) takeAll(ctx context.Context, a message.Aggregate) error {
	for m, err := range a.Messages() {
		if err != nil {
			s.server.counts.dropped.WithLabelValues(dropMalformed).Inc()
			return nil
		}
		m.Body = bytes.Clone(m.Body)
		if err := s.take(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// acknowledge reports the bytes received in all, twice a window, since some
// senders stop at its end. The number wraps at 4 GiB.
func (s *session) acknowledge(total uint64) error {
	if total-s.acked < s.window/2 {
		return nil
	}
	s.acked = total
	return s.write(message.Acknowledgement{Sequence: uint32(total)})
}

// write sends messages in one write. A publisher that has hung up need not hear
// them, but what it sent before counts: it is read to its end, which tells how
// the session ended.
func (s *session) write(ms ...message.Message) error {
	out := marshal(ms...)
	if s.player != nil {
		return s.player.post(order{say: out})
	}
	err := s.writer.WriteMessage(out...)
	if s.once && !isTimeout(err) {
		return nil
	}
	return err
}

func marshal(ms ...message.Message) []chunk.Message {
	out := make([]chunk.Message, len(ms))
	for i, m := range ms {
		out[i] = m.Marshal()
	}
	return out
}

// silence implements owner.
func (s *session) silence() time.Duration { return s.socket.silence() }

// evict implements owner.
func (s *session) evict(cause error) { s.cancel(cause) }

// tlsError says why a TLS handshake failed.
func (s *session) tlsError(err error) error {
	var notTLS tls.RecordHeaderError
	if refused := cmp.Or(clientError(err), distrusted(err)); refused != nil {
		return refused
	}
	switch {
	case errors.As(err, &notTLS):
		switch first := notTLS.RecordHeader[0]; {
		case first == 3:
			return s.server.ports.wrong(errPlainToTLS)
		case 'A' <= first && first <= 'Z':
			s.apologise(s.socket)
			return s.server.ports.wrong(errHTTP)
		}
		return fmt.Errorf("%w: %w", errTLSFailed, errNotRTMP)
	case isTimeout(err):
		return fmt.Errorf("%w: TLS handshake", errPhase)
	case s.socket.last.Load() == 0:
		return nil // it hung up before a first byte: a port check
	}
	return fmt.Errorf("%w: %w", errTLSFailed, err)
}

// handshakeError says why an RTMP handshake failed.
func (s *session) handshakeError(err error) error {
	var version *handshake.VersionError
	if refused := distrusted(err); refused != nil {
		return refused
	}
	switch {
	case errors.Is(err, handshake.ErrTLS):
		io.WriteString(s.socket, tlsAlert)
		s.linger()
		return s.server.ports.wrong(errTLSToPlain)
	case errors.Is(err, handshake.ErrHTTP):
		s.apologise(s.conn)
		return s.server.ports.wrong(errHTTP)
	case errors.Is(err, handshake.ErrEncrypted), errors.Is(err, handshake.ErrKey), errors.As(err, &version):
		return fmt.Errorf("%w: %w", errNotRTMP, err)
	case isTimeout(err):
		return fmt.Errorf("%w: RTMP handshake", errPhase)
	case s.socket.last.Load() == 0, errors.Is(err, io.EOF) && s.tls != nil:
		return nil
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

// readError says why no further message comes.
func (s *session) readError(err error) error {
	switch {
	case errors.Is(err, chunk.ErrLimit):
		return fmt.Errorf("%w: %w", errLimit, err)
	case isMalformed(err), errors.Is(err, ErrBitrate):
		return err
	case s.pub == nil && s.player == nil && (s.once || s.watched != 0):
		return nil // it has said goodbye: how it hangs up, or forgets to, is all the same
	case isTimeout(err) && s.pub == nil && s.player == nil:
		return fmt.Errorf("%w: no publish", errPhase)
	case isTimeout(err) && s.socket.stalled(time.Now()):
		return fmt.Errorf("%w: bytes did, but no message was finished", errIdle)
	case isTimeout(err):
		return errIdle
	case errors.Is(err, io.EOF) && s.pub == nil:
		return nil
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

// isMalformed says whether a peer's bytes made no sense, as opposed to a network
// that failed.
func isMalformed(err error) bool {
	return errors.Is(err, chunk.ErrMalformed) || errors.Is(err, message.ErrMalformed) ||
		errors.Is(err, amf0.ErrMalformed) || errors.Is(err, flv.ErrMalformed)
}

// isTimeout says whether a deadline passed, however deep that is wrapped.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
