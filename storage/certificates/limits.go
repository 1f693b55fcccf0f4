package certificates

import "time"

// Files on disk.
const (
	maxFile  = 1 << 20 // bytes read of one PEM file
	maxPairs = 256     // certificates given as files
	maxLinks = 40      // symbolic links followed in one path, as Linux does

	settleFor  = 250 * time.Millisecond // after a change, for its companion to be written too
	settleMost = 2 * time.Second        // though changes go on
	pollEvery  = 30 * time.Second       // for file systems that tell of no changes
	patience   = 5 * time.Second        // before a change that can't be used is logged
)

// Expiry.
const (
	// WarnBefore is how long before its end a certificate is warned of; one that
	// lives for less than four times as long, in its last quarter: those of 45 days
	// are renewed when 15 are left, and that is no news.
	WarnBefore = 21 * 24 * time.Hour
	warnShare  = 4
	warnEvery  = 24 * time.Hour
	warnCheck  = time.Hour // how often anybody looks
)

// ACME.
const (
	// loadWait is how long a handshake waits for the first look into the storage.
	loadWait = time.Second
	// renewCheck is how often certificates are looked at for renewal.
	renewCheck = 10 * time.Minute
	maxDomains = 100
	// stopTime is how long an end waits for certmagic's.
	stopTime = time.Second
)

// maxRevoked bounds the entries of a revocation list.
const maxRevoked = 1 << 20
