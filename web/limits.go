package web

import "time"

// How long requests may wait for what is still to come.
const (
	// startHold is for a manifest of a stream that is starting: its first GOP
	// is waited for, and that is at most so long (DESIGN D5).
	startHold = 10 * time.Second
	// pollHold is for an MPD's long poll.
	pollHold = 8 * time.Second
	// reloadTargets is for a blocking playlist reload, in target durations
	// (RFC 8216bis §6.2.5.2).
	reloadTargets = 3
	// stillHold is for a poster or thumbnail that nobody has asked for before; an older
	// poster is shown instead of one that isn't there after posterHold, or is posterAge old
	// at most.
	stillHold  = 10 * time.Second
	posterHold = time.Second
	posterAge  = 4 * time.Second
	// defaultAbsence is for media: as long as a publisher may be away, and the
	// time until its first part.
	defaultAbsence = 35 * time.Second
)

// maxStarts is of how many points to begin at a stream's manifests are kept, and startMemory
// bounds them in bytes, but for the last. Those of more are made for each who asks.
const (
	maxStarts   = 64
	startMemory = 4 << 20
)

// Content steering.
const (
	// MaxWeight is the largest weight of a CDN.
	MaxWeight = 1000
	// steeringTTL is after how long players ask again: so soon weights have their effect.
	steeringTTL  = 30 * time.Second
	sessionBytes = 8
	maxWeights   = 8 << 10 // bytes of a body
)

// transportReads is how many segments are read from storage at once to make MPEG-TS of them.
const transportReads = 16

// MPD patches.
const (
	// patchWindow is from which length of a stream's window on its MPDs have patches.
	patchWindow = 10 * time.Minute
	// patchMemory and maxEditions bound the MPDs that are kept to make patches of, for
	// each stream.
	patchMemory = 4 << 20
	maxEditions = 256
	// patchAge is how old an MPD may be of which a patch is asked for: beyond
	// dash.PatchLife by what players' clocks may be off.
	patchAge = 5 * time.Minute
)

// How long and how large a write may be: a client that takes no byte of a
// piece for so long is dead, one that takes a piece in it is only slow.
const (
	writeStall = 20 * time.Second
	writePiece = 128 << 10
	// writeLeast is what a client has to take in that time, over HTTP/1.1 of the
	// connection, to be slow and not dead, in bytes.
	writeLeast = 4 << 10
	// streamStall is the same for a piece on a stream of HTTP/2 or 3, whose progress isn't
	// seen here. That the peer is alive their connections see to.
	streamStall = 2 * time.Minute
	// maxUnsent is how much of a connection the kernel holds beyond what is under way, in
	// bytes: a quarter of a second of a source in 4 Mb/s.
	maxUnsent = 128 << 10
	// bodyTime is what a client has for a request's body. Nobody needs one.
	bodyTime = 5 * time.Second
)

// Limits of what an encoder may ask for.
const (
	maxWish     = 64 << 10 // bytes
	maxWishSide = 16_384   // pixels
	maxWishRate = 1000     // frames a second
)

// Limits of a cue.
const (
	maxCue     = 8 << 10 // bytes
	maxCueSpan = 24 * time.Hour
)

// Limits of connections.
const (
	readHeaderTime = 10 * time.Second
	idleTime       = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	// maxHalfOpen is how many connections of HTTPS may have asked for nothing yet,
	// maxHalfOpenPerAddress how many of one address, and maxHandshakes how many TLS
	// handshakes a second one may begin, but for bursts of five seconds' worth. Many
	// viewers may come from behind one address at once.
	maxHalfOpen           = 2048
	maxHalfOpenPerAddress = 512
	maxHandshakes         = 200
	// streamsOfTCP are a connection's requests at once over HTTP/2, where a proxy may send
	// many viewers' by one.
	streamsOfTCP = 250
	// pingTime is after how much silence a peer of HTTP/2 or 3 is asked if it is there.
	pingTime = 15 * time.Second
	// DefaultConnections is how many one address may have: of viewers behind one router,
	// or of a proxy that holds one for each request that waits.
	DefaultConnections = 2048
)

// Limits of HTTP/3.
const (
	// shakeTime is for how long a handshake may stand still; twice that is its end.
	shakeTime = 5 * time.Second
	// unprovenShakes are how many handshakes of addresses that may be made up are
	// under way at once without Retry, shakesOfOne those of one that isn't, and allShakes all of them.
	unprovenShakes = 64
	shakesOfOne    = 64
	allShakes      = 1024
	// silenceTime is after how much silence, pings included, a peer is gone.
	silenceTime = 2 * pingTime
	// streamsOfOne are a connection's requests at once, and controlsOfOne its streams of
	// other kinds, of which there are three and what clients invent (RFC 9114 §6.2).
	streamsOfOne  = 128
	controlsOfOne = 16
	// What a client may send before it is read, in bytes: on a stream a wish and its
	// framing, and in all.
	receiveStream = 2 * maxWish
	receiveAll    = 4 * maxWish
	// announced is for how long a client may believe that there is HTTP/3: who switches
	// it off is asked for it no longer.
	announced = time.Hour
)

// How long the directory's answer is believed, and how soon it is asked again
// because of a name that isn't in it.
const (
	listingAge   = time.Second
	listingRetry = 100 * time.Millisecond
)

// followAtOnce is how many streams are followed for the first time at once.
const followAtOnce = 64

// Limits of what players' reports take, for each stream: together some 400 KB.
const (
	// maxSessions is how many viewers are told apart. Of more, a fair sample is.
	maxSessions = 2048
	// viewerAge is for how long a viewer counts as one after its last report.
	viewerAge = 30 * time.Second
	// pictureAge is how long after a request for pictures those for sound don't count for a viewer.
	pictureAge = 10 * time.Second
	// viewersTold is how long what is told of the viewers holds.
	viewersTold = time.Second
)

// failureLog is how often failed requests are logged: a broken disk must not
// fill another one.
const failureLog = time.Second

// collectTime bounds what a scrape of the metrics may wait for the journal.
const collectTime = 2 * time.Second

// spareCompressors is how many gzip writers are kept for the next manifest;
// each holds about 800 KB.
const spareCompressors = 2

// transportCache bounds the segments of MPEG-TS that are kept once they are made, in
// bytes: of some tens of variants, what players ask for at about the same time.
const transportCache = 128 << 20
