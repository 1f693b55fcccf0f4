// Package webhook asks an application over HTTP whether somebody may publish or
// watch, and tells it when a publication is over.
//
// In go Messages; out come POST requests with a JSON body (Message), to URLs of the
// configuration alone: no redirect is followed, and nothing that a publisher says
// becomes a part of a URL. Each is signed:
//
//	Sluice-Signature: t=SECONDS,v1=HEX
//
// where SECONDS is the time since 1970 and HEX the HMAC-SHA256, under the shared
// secret, of SECONDS, a full stop, and the body (RFC 2104, RFC 6234). A receiver that
// refuses what is older than five minutes, and ids that it has seen, can't be fooled
// by repetition. Verify does the first.
//
// What is answered to a question (Ask):
//
//	2xx, no body, or one that doesn't begin with {    yes
//	2xx, {"allow": true, "stream": "NAME"}            yes, and this is the stream; both may be left out
//	2xx, {"allow": false, "reason": "TEXT"}           no, and the encoder is shown TEXT, if there is one
//	4xx, the same or anything                         no; but 408, 425 and 429 are failures
//	anything else, a broken object, no answer in time a failure
//
// An event (Tell) is delivered when it's answered by 2xx. Until then it's tried six
// times within about six minutes, from a queue of 1,024; what is more, the oldest goes.
// Serve delivers; it must run for events to be sent.
//
// About a viewer of a stream (Plays) it's asked at most once a minute, whatever is
// fetched meanwhile.
//
// A Client may be used by any number of goroutines at once. A question costs the one
// that asks, and no other.
package webhook
