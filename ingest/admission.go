package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"

	"sluice/ingest/flv"
	"sluice/media"
)

// Admitter decides who may publish. It is called by many goroutines at once, and
// may be called without a publish following: for an application that isn't
// ServedApp, connect asks whether it is a key.
type Admitter interface {
	// Admit returns where the publisher's media goes, or an error: one that wraps
	// ErrUnknownKey, ErrWrongApp or ErrBusy is told to the encoder as that; any
	// other as a failure of ours.
	Admit(ctx context.Context, p Publish) (Grant, error)
}

// Publish is a publisher's wish. It logs as what may be known of it.
type Publish struct {
	App     string // ServedApp in every accepted form of URL
	Key     Key
	Query   url.Values // of URL and key fields: tokens, user names
	Type    string     // live, record, append, or nothing
	TCURL   string     // as the encoder gave it; may hold the key
	Encoder string     // flashVer
	Remote  netip.AddrPort
	TLS     *tls.ConnectionState // nil over plain RTMP
}

// LogValue implements slog.LogValuer: nothing that may be secret.
func (p Publish) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("remote", p.Remote.String()),
		slog.Any("key", p.Key),
		slog.String("encoder", p.Encoder),
		slog.Bool("tls", p.TLS != nil),
	)
}

// Grant lets a publisher in. Its Sink isn't touched before the session owns the
// stream; from then on its End is called once, whether there was a Begin or not.
// A Grant that came too late to own the stream is dropped.
type Grant struct {
	Stream string // the public name
	Sink   media.Sink
}

// Why a publisher is refused. ErrCodec comes from the media itself, the others
// from admission.
var (
	ErrUnknownKey = errors.New("unknown stream key")
	ErrWrongApp   = errors.New("no such application")
	ErrBusy       = errors.New("stream is being published already")
	ErrCodec      = errors.New("codec not served")
)

// Why a session ends that was well. A Sink's End is told too.
var (
	ErrShutdown  = errors.New("server is shutting down")
	ErrTakenOver = errors.New("another publisher took over")
)

// Other ends.
var (
	errIdle        = errors.New("nothing came for too long")
	errPhase       = errors.New("took too long")
	errLimit       = errors.New("limit exceeded")
	errPlay        = errors.New("playback is not served over RTMP")
	errOrder       = errors.New("publish or play before connect")
	errPanic       = errors.New("panic")
	errPlainToTLS  = errors.New("a plain RTMP client on the RTMPS port: use an rtmps URL, or rtmp on the RTMP port")
	errTLSToPlain  = errors.New("a TLS client on the RTMP port: use rtmps on the RTMPS port (1936)")
	errHTTP        = errors.New("an HTTP client on a port for publishers")
	errTLSFailed   = errors.New("TLS handshake failed")
	errNotRTMP     = errors.New("not an RTMP client")
	errSink        = errors.New("the stream could not be taken in")
	errAdmission   = errors.New("admission failed")
	errGone        = errors.New("the connection ended without a goodbye")
	errCrowded     = errors.New("too many connections")
	errCrowdedAddr = errors.New("too many connections of one address")
)

// status is an outcome as RTMP tells it: NetStream's in onStatus, and
// NetConnection's in the answer to connect.
type status struct {
	level, code, description string
}

const (
	levelStatus = "status"
	levelError  = "error"
)

// refusal maps an error to what the encoder shows its user. BadName is what OBS,
// vMix and ffmpeg tell from a network fault: they don't try again by themselves.
func refusal(err error) status {
	var codec *flv.NotServedError
	switch {
	case errors.Is(err, ErrUnknownKey):
		return status{levelError, "NetStream.Publish.BadName", "Unknown stream key."}
	case errors.Is(err, ErrBusy):
		return status{levelError, "NetStream.Publish.BadName", "The stream is being published already."}
	case errors.Is(err, ErrWrongApp):
		return status{levelError, "NetStream.Publish.BadName", "No such application: use " + ServedApp + "."}
	case errors.As(err, &codec):
		return status{levelError, "NetStream.Publish.Rejected", fmt.Sprintf("Not served: %s. Use H.264 video and AAC audio.", codec.What)}
	case errors.Is(err, ErrCodec):
		return status{levelError, "NetStream.Publish.Rejected", "Codec not served. Use H.264 video and AAC audio."}
	case errors.Is(err, errPlay):
		return status{levelError, "NetStream.Play.Failed", "Playback is not served over RTMP: watch by HLS or DASH."}
	case errors.Is(err, ErrUnknownStream):
		return status{levelError, "NetStream.Play.StreamNotFound", "No such stream."}
	case errors.Is(err, errNotLive):
		return status{levelError, "NetStream.Play.StreamNotFound", "The stream is not being published."}
	case errors.Is(err, ErrForbidden):
		return status{levelError, "NetStream.Play.Failed", "You may not play this stream."}
	case errors.Is(err, errForeign):
		return status{levelError, "NetStream.Play.Failed", "The stream's codecs need a player that says in connect that it knows them (Enhanced RTMP)."}
	case errors.Is(err, ErrTakenOver):
		return status{levelError, "NetStream.Publish.BadName", "Another publisher took over this stream."}
	case errors.Is(err, ErrShutdown):
		return status{levelStatus, "NetConnection.Connect.Closed", "The server is shutting down."}
	default:
		return status{levelError, "NetStream.Publish.Failed", "The stream can't be taken in now."}
	}
}

// playEnd is what a player is told of an end.
func playEnd(err error) status {
	st := refusal(err)
	if strings.HasPrefix(st.code, "NetStream.Publish.") {
		return status{levelError, "NetStream.Play.Failed", "The stream can't be played now."}
	}
	return st
}

// reason names an end in a metric's label, and keys the rate of its log lines.
// Every value is one of these.
func reason(err error) string {
	var codec *flv.NotServedError
	for _, r := range [...]struct {
		err  error
		name string
	}{
		{ErrWrongApp, "wrong_app"},
		{ErrUnknownKey, "unknown_key"},
		{ErrBusy, "busy"},
		{ErrCodec, "codec"},
		{ErrShutdown, "shutdown"},
		{ErrTakenOver, "taken_over"},
		{errIdle, "idle"},
		{errPhase, "slow"},
		{errLimit, "limit"},
		{errPlay, "play"},
		{errOrder, "order"},
		{errPanic, "panic"},
		{errPlainToTLS, "plain_on_tls"},
		{errTLSToPlain, "tls_on_plain"},
		{errHTTP, "http"},
		{errTLSFailed, "tls"},
		{errNotRTMP, "not_rtmp"},
		{errSink, "sink"},
		{errAdmission, "admission"},
		{ErrUnknownStream, "unknown_stream"},
		{ErrForbidden, "forbidden"},
		{errEnded, "ended"},
		{errNotLive, "not_live"},
		{errForeign, "foreign_codec"},
		{errSlow, "slow_reader"},
		{errGone, "gone"},
		{errCrowded, "crowded"},
		{errCrowdedAddr, "crowded_address"},
	} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	switch {
	case errors.As(err, &codec):
		return "codec"
	case isMalformed(err):
		return "malformed"
	default:
		return "network"
	}
}
