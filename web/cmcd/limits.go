package cmcd

import "time"

// Limits of one report.
const (
	// MaxLength is of its text as it is sent, all headers together, in bytes.
	MaxLength = 4096
	// maxMembers is how many keys it may have. Version 2 has 38 for requests.
	maxMembers = 64
	maxKey     = 64 // bytes
	// maxSession is of a session's id (CTA-5004, sid), in bytes.
	maxSession = 64
	// maxDigits is before a number's point, and behind it (RFC 8941 §3.3.1 has fewer behind).
	maxDigits = 15
)

// What is believed of a value.
const (
	maxTime = 24 * time.Hour
	maxRate = 1_000_000_000_000 // bits a second
)
