// Package tunnel takes in RTMPT: RTMP in the bodies of HTTP POST requests, for
// encoders behind proxies that let nothing else through. Over HTTPS that is RTMPTS.
//
// There is no public specification; this is what Flash Media Server's clients,
// ffmpeg and librtmp do. A session is opened, and from then on each request
// carries what the client has to say and is answered with what it is to hear:
//
//	POST /open/1            answer: the session's id and a line feed
//	POST /send/{id}/{n}     body: bytes of RTMP; answer: interval, bytes of RTMP
//	POST /idle/{id}/{n}     body: one byte of no meaning; answer likewise
//	POST /close/{id}/{n}    answer: one zero byte
//	POST /fcs/ident2        answered 404: the client is to stay with this host
//
// n rises by one from request to request. The interval is one byte that tells the
// client how long to wait before it asks again: the longer there is nothing to
// hear, the longer. A request that comes twice (a proxy tried again) is answered as
// before; one that comes early waits for those before it.
//
// In go requests, by Handler; out come connections, by the net.Listener that a
// Tunnel is. All methods may be called at once. No goroutine is started; an answer
// is ready when the reader of the connection has taken the request's bytes and
// waits for more. A session ends when its client or the connection's reader
// closes it: who never asks again is ended by the reader's own deadline. Limits
// stand in limits.go.
package tunnel
