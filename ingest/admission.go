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
	"sluice/ingest/gate"
	"sluice/media"
)

// Admitter decides who may publish. It is called by many goroutines at once, and
// may be called without a publish following: for an application that isn't
// ServedApp, connect asks whether it is a key.
type Admitter interface {
	// Admit returns where the publisher's media goes, or an error: one that wraps
	// one of those below, up to ErrBusy, or ErrClient is told to the encoder as that;
	// any other as a failure of ours. It may take its time, as long as Limits.Publish.
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
	TLS     *tls.ConnectionState // of RTMPS or RTMPTS; nil where the key came in clear
	Peer    Peer                 // by a verified client certificate
	Probe   bool                 // connect asks whether App is a key; publish asks again
}

// LogValue implements slog.LogValuer: nothing that may be secret.
func (p Publish) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("client", p.Peer),
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
	Backup bool   // it's a spare beside the stream's publisher, and has rivals of its own
	Key    string // names the key that let it in, in a log; may be empty
	// Bind, if given, is called once, before anything else is done with the Grant, with
	// a function that ends the session for a cause (ErrRevoked, ErrExpired); that may
	// be called at any time, by anybody, and doesn't wait. What Bind returns is called
	// once, when the publication is over, or didn't come about: with nil where the
	// publisher wanted that, else with the cause.
	Bind func(end func(cause error)) (done func(cause error))
}

// Why a publisher is refused. ErrCodec comes from the media itself, the others
// from admission. What the encoder is told of a key is the same whatever is wrong
// with it: a log tells which it was, and whoever guesses learns nothing.
var (
	ErrUnknownKey = errors.New("unknown stream key")
	ErrRevoked    = errors.New("stream key was revoked")
	ErrExpired    = errors.New("stream key has expired")
	ErrAddress    = errors.New("stream key is not for this address")
	ErrToken      = errors.New("token not accepted")
	ErrThrottled  = errors.New("too many wrong keys from this address")
	ErrDenied     = errors.New("denied by the application")
	ErrWrongApp   = errors.New("no such application")
	ErrBusy       = errors.New("stream is being published already")
	ErrCodec      = errors.New("codec not served")
	ErrBitrate    = errors.New("bitrate above the limit")
)

// What ends a session that had been let in by a token, or had shown a certificate.
// The first is an ErrExpired, the second an ErrRevoked.
var (
	ErrTokenExpired error = &end{"token has expired", ErrExpired}
	ErrClientEnded  error = &end{"client certificate is accepted no more", ErrRevoked}
)

// end is an error that is a special case of another.
type end struct {
	text string
	of   error
}

// Error implements error.
func (e *end) Error() string { return e.text }

// Unwrap makes it what it's a case of.
func (e *end) Unwrap() error { return e.of }

// DeniedError is an ErrDenied with a reason that the encoder is told.
type DeniedError struct{ Reason string }

// Error implements error.
func (e *DeniedError) Error() string { return fmt.Sprintf("%v: %s", ErrDenied, e.Reason) }

// Unwrap makes it an ErrDenied.
func (e *DeniedError) Unwrap() error { return ErrDenied }

// Why a session ends that was well. A Sink's End is told too.
var (
	ErrShutdown  = errors.New("server is shutting down")
	ErrTakenOver = errors.New("another publisher took over")
)

// Other ends.
var (
	errIdle      = errors.New("nothing came for too long")
	errPhase     = errors.New("took too long")
	errLimit     = errors.New("limit exceeded")
	errPlay      = errors.New("playback is not served over RTMP")
	errOrder     = errors.New("publish or play before connect")
	errPanic     = errors.New("panic")
	errTLSFailed = errors.New("TLS handshake failed")
	errNotRTMP   = errors.New("not an RTMP client")
	errSink      = errors.New("the stream could not be taken in")
	errAdmission = errors.New("admission failed")
	errGone      = errors.New("the connection ended without a goodbye")
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
	var denied *DeniedError
	var forbidden *ForbiddenError
	switch {
	case errors.As(err, &denied) && denied.Reason != "":
		return status{levelError, "NetStream.Publish.BadName", denied.Reason}
	case refusedKey(err):
		return status{levelError, "NetStream.Publish.BadName", "Stream key not accepted: check it, or ask for a new one."}
	case errors.Is(err, ErrBusy):
		return status{levelError, "NetStream.Publish.BadName", "The stream is being published already."}
	case errors.Is(err, ErrWrongApp):
		return status{levelError, "NetStream.Publish.BadName", "No such application: use " + ServedApp + "."}
	case errors.As(err, &codec), errors.Is(err, ErrCodec):
		return refusedCodec(err, false)
	case errors.Is(err, ErrBitrate):
		return status{levelError, "NetStream.Publish.Rejected", "The bitrate is above this server's limit: lower it."}
	case errors.Is(err, errPlay):
		return status{levelError, "NetStream.Play.Failed", "Playback is not served over RTMP: watch by HLS or DASH."}
	case errors.Is(err, ErrUnknownStream):
		return status{levelError, "NetStream.Play.StreamNotFound", "No such stream."}
	case errors.Is(err, errNotLive):
		return status{levelError, "NetStream.Play.StreamNotFound", "The stream is not being published."}
	case errors.Is(err, errLapsed):
		return status{levelError, "NetStream.Play.Failed", "The token has expired: ask for a new one."}
	case errors.As(err, &forbidden):
		return status{levelError, "NetStream.Play.Failed", "You may not play this stream: " + forbidden.Reason + "."}
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

// refusedCodec says what isn't served, and what is: of that, what the encoder can send.
func refusedCodec(err error, enhanced bool) status {
	what := "Codec not served."
	var codec *flv.NotServedError
	if errors.As(err, &codec) {
		what = fmt.Sprintf("Not served: %s.", codec.What)
		enhanced = enhanced || codec.Enhanced
	}
	video, audio := videoServed[:1], []flv.AudioCodec{flv.AudioAAC, flv.AudioMP3}
	if enhanced {
		video, audio = videoServed, audioServed
	}
	return status{levelError, "NetStream.Publish.Rejected", fmt.Sprintf("%s Use %s video, and %s audio.", what, oneOf(video), oneOf(audio))}
}

// oneOf puts names into a sentence: "A, B or C".
func oneOf[T fmt.Stringer](list []T) string {
	var b strings.Builder
	for i, v := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(v.String())
	}
	return b.String()
}

// parting is what a publisher is told whose session ends: as a refusal, but for what
// only its owner can hear, and by whether it speaks Enhanced RTMP.
func parting(err error, enhanced bool) status {
	var codec *flv.NotServedError
	switch {
	case errors.As(err, &codec), errors.Is(err, ErrCodec):
		return refusedCodec(err, enhanced)
	case errors.Is(err, ErrTokenExpired):
		return status{levelError, "NetStream.Publish.BadName", "The token has expired: ask for a new one."}
	case errors.Is(err, ErrClientEnded):
		return status{levelError, "NetStream.Publish.BadName", "The client certificate is accepted no more: ask for a new one."}
	case errors.Is(err, ErrRevoked):
		return status{levelError, "NetStream.Publish.BadName", "The stream key was withdrawn: ask for a new one."}
	case errors.Is(err, ErrExpired):
		return status{levelError, "NetStream.Publish.BadName", "The stream key has expired: ask for a new one."}
	}
	return refusal(err)
}

// playEnd is what a player is told of an end.
func playEnd(err error) status {
	st := refusal(err)
	if strings.HasPrefix(st.code, "NetStream.Publish.") {
		return status{levelError, "NetStream.Play.Failed", "The stream can't be played now."}
	}
	return st
}

// refusedKey says whether an error is one about the key, token or certificate: who
// lacks the certificate that a stream wants besides its key doesn't learn that the
// key was right.
func refusedKey(err error) bool {
	for _, e := range [...]error{ErrUnknownKey, ErrRevoked, ErrExpired, ErrAddress, ErrToken, ErrClient, ErrThrottled, ErrDenied} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
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
		{ErrThrottled, "throttled"},
		{ErrDenied, "denied"},
		{ErrRevoked, "revoked"},
		{ErrExpired, "expired"},
		{ErrAddress, "address"},
		{ErrToken, "token"},
		{ErrUnknownKey, "unknown_key"},
		{ErrBusy, "busy"},
		{ErrClient, "client"},
		{errClientCert, "client_certificate"},
		{ErrCodec, "codec"},
		{ErrBitrate, "bitrate"},
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
		{errLapsed, "expired"},
		{errEnded, "ended"},
		{errNotLive, "not_live"},
		{errForeign, "foreign_codec"},
		{errSlow, "slow_reader"},
		{errGone, "gone"},
	} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	if name := gate.Reason(err); name != "" {
		return name
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

// Reason names why a publication ended, as metrics do; empty where its publisher
// wanted that.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	return reason(err)
}
