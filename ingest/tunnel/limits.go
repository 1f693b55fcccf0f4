package tunnel

import "time"

const (
	maxSessions = 4096     // of one Tunnel
	maxWaiting  = 64       // that nobody has accepted yet
	maxBody     = 16 << 20 // bytes of one request; they are handed on as they come
	maxOut      = 1 << 20  // bytes that wait for the client's next request
	maxAnswer   = 256 << 10
	maxEarly    = 8 // requests of one session that wait for others

	bodyTime   = 10 * time.Second       // for a request's body to come, and to be taken
	earlyTime  = 2 * time.Second        // for the requests before an early one
	answerTime = 100 * time.Millisecond // for the reader to say something
)

// intervals are what idle clients are told, one after the other.
var intervals = [...]byte{0x01, 0x03, 0x05, 0x09, 0x11, 0x21}
