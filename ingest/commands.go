package ingest

import (
	"context"
	"fmt"
	"strings"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
)

// commands is what a session has heard so far of connect and its kin.
type commands struct {
	connected  bool
	app, tcURL string
	encoder    string
	enhanced   enhancement
	streams    uint32 // message streams created
	published  uint32 // the message stream of the publication
	watched    uint32 // that of what is, or was, played; 0: nothing
}

const (
	ourChunkSize = 60_000
	// ourVersion is what Flash Media Server 3.5 says, which every encoder knows.
	ourVersion   = "FMS/3,5,7,7009"
	capabilities = 31
	maxEncoder   = 64 // bytes of its name that are kept
)

// command acts on one command. Encoders send them in many orders, and not all of
// them: only publish needs something before it.
func (s *session) command(ctx context.Context, c message.Command) error {
	if known, err := s.playCommand(ctx, c); known {
		return err
	}
	switch c.Name {
	case "connect":
		return s.connect(ctx, c)
	case "createStream":
		return s.createStream(c)
	case "publish":
		return s.publish(ctx, c)
	case "FCUnpublish", "unpublish":
		return s.closeStream(ctx, c, true)
	case "closeStream":
		return s.closeStream(ctx, c, c.StreamID == s.published)
	case "deleteStream":
		id, _ := c.Arg(0).(float64)
		return s.closeStream(ctx, c, uint32(id) == s.published)
	case "FCPublish":
		return s.answer(c, nil, amf0.Undefined{})
	case "_result", "_error", "onStatus", "onBWDone", "onFCPublish":
		return nil // answers, to questions that we don't ask
	default:
		// releaseStream, _checkbw, and what else there may be:
		// what an encoder waits for is any answer.
		return s.answer(c, nil, amf0.Undefined{})
	}
}

// answer answers a command that asks for it.
func (s *session) answer(c message.Command, args ...any) error {
	if c.Transaction == 0 {
		return nil
	}
	return s.write(message.Command{Name: "_result", Transaction: c.Transaction, Args: args})
}

// connect is NetConnection.connect, section 7.2.1.1.
func (s *session) connect(ctx context.Context, c message.Command) error {
	if s.pub != nil || s.player != nil {
		return nil
	}
	o := c.Object()
	s.app, s.tcURL, s.encoder = o.String("app"), o.String("tcUrl"), printable(o.String("flashVer"))
	s.enhanced = readEnhancement(o)
	if served, key := appServed(s.app); !served {
		p := s.wish(target{app: ServedApp, key: key}, "")
		p.Probe = true
		asking, cancel := context.WithTimeout(ctx, s.limits.Publish)
		_, err := s.server.admit.Admit(asking, p)
		cancel()
		if err != nil {
			return s.reject(c, fmt.Errorf("%w: %w", ErrWrongApp, err))
		}
	}
	s.connected = true
	return s.write(
		message.WindowAckSize{Size: defaultWindow},
		message.SetPeerBandwidth{Size: defaultWindow, Limit: message.LimitDynamic},
		message.UserControl{Event: message.EventStreamBegin},
		message.SetChunkSize{Size: ourChunkSize},
		message.Command{Name: "_result", Transaction: c.Transaction, Args: []any{
			append(amf0.Object{{Key: "fmsVer", Value: ourVersion}, {Key: "capabilities", Value: float64(capabilities)}},
				s.enhanced.answer()...),
			statusObject(status{levelStatus, "NetConnection.Connect.Success", "Connection succeeded."},
				amf0.Pair{Key: "objectEncoding", Value: 0.0}),
		}},
	)
}

// reject answers a connect that is refused, and ends the session.
func (s *session) reject(c message.Command, err error) error {
	st := status{levelError, "NetConnection.Connect.InvalidApp", refusal(ErrWrongApp).description}
	s.write(message.Command{Name: "_error", Transaction: c.Transaction, Args: []any{nil, statusObject(st)}})
	return told{err}
}

// createStream is NetConnection.createStream, section 7.2.1.3.
func (s *session) createStream(c message.Command) error {
	if s.streams >= maxMessageStreams {
		return fmt.Errorf("%w: more than %d message streams", errLimit, maxMessageStreams)
	}
	s.streams++
	return s.answer(c, nil, float64(s.streams))
}

// publish is NetStream.publish, section 7.2.2.6.
func (s *session) publish(ctx context.Context, c message.Command) error {
	if !s.connected {
		return s.end(c.StreamID, errOrder)
	}
	if s.pub != nil {
		st := status{levelError, "NetStream.Publish.BadName", "This connection is publishing already."}
		return s.write(onStatus(c.StreamID, st))
	}
	if s.player != nil {
		return s.write(onStatus(c.StreamID, status{levelError, "NetStream.Publish.BadName", "This connection is playing."}))
	}
	t := resolve(s.app, s.tcURL, c.StringArg(0))
	err := s.enter(ctx, s.wish(t, c.StringArg(1)))
	if err != nil {
		return s.end(c.StreamID, err)
	}
	s.published = c.StreamID
	return s.write(
		message.Command{Name: "onFCPublish", Args: []any{nil, statusObject(
			status{levelStatus, "NetStream.Publish.Start", "Publishing."})}},
		message.UserControl{Event: message.EventStreamBegin, Value: c.StreamID},
		onStatus(c.StreamID, status{levelStatus, "NetStream.Publish.Start", "Publishing."}),
	)
}

// wish puts together what the Admitter is asked.
func (s *session) wish(t target, kind string) Publish {
	p := Publish{
		App: t.app, Key: t.key, Query: t.query, Type: kind,
		TCURL: s.tcURL, Encoder: s.encoder, Remote: s.remote, TLS: s.secure(),
	}
	if s.tls != nil { // HTTPS vouches for nobody's certificate
		p.Peer = peerOf(*p.TLS)
	}
	return p
}

// closeStream ends the publication where the command means it.
func (s *session) closeStream(ctx context.Context, c message.Command, meant bool) error {
	if s.pub == nil || !meant {
		return s.answer(c, nil, amf0.Undefined{})
	}
	id := s.published
	s.unpublish(ctx, nil)
	s.socket.phase(s.limits.Publish)
	done := status{levelStatus, "NetStream.Unpublish.Success", "Stopped publishing."}
	err := s.write(message.Command{Name: "onFCUnpublish", Args: []any{nil, statusObject(done)}}, onStatus(id, done))
	if err != nil {
		return err
	}
	return s.answer(c, nil, amf0.Undefined{})
}

// end tells a stream of an error, which ends the session.
func (s *session) end(stream uint32, err error) error {
	s.write(onStatus(stream, refusal(err)))
	return told{err}
}

// told is an error that the peer has been told of.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

func onStatus(stream uint32, st status) message.Command {
	return message.Command{StreamID: stream, Name: "onStatus", Args: []any{nil, statusObject(st)}}
}

func statusObject(st status, more ...amf0.Pair) amf0.Object {
	return append(amf0.Object{
		{Key: "level", Value: st.level},
		{Key: "code", Value: st.code},
		{Key: "description", Value: st.description},
	}, more...)
}

// printable makes text of a peer fit for a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s[:min(len(s), maxEncoder)])
	return s
}
