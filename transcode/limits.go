package transcode

import "time"

// Defaults of what a stream says about its segments and parts.
const (
	defaultSegment = 2 * time.Second
	defaultPart    = 200 * time.Millisecond
)

// The feed's clock.
const (
	// feedOrigin is where it starts: composition offsets may be negative.
	feedOrigin = 10 * time.Second
	// maxFeedStep is the longest step between two frames of a run; what is
	// longer, or goes back by more than maxFeedBack, is left out of the clock.
	maxFeedStep = 10 * time.Second
	maxFeedBack = 100 * time.Millisecond
)

// maxOffset is the longest composition offset that is believed, here as in the packager.
const maxOffset = 10 * time.Second

// Bounds of the backlog of one engine. What a healthy ladder keeps is the newest
// GOP; the rest is for a process that has to be started again.
const (
	backlogBytes  = 32 << 20
	backlogTime   = 15 * time.Second
	backlogFrames = 4096 // 15 s of the fastest that anybody films, and more
	// fresh is how old a frame may be with which a rung begins that viewers don't
	// know of: two segments, as a rule.
	fresh = 4 * time.Second
)

// Bounds of what a rung that the publisher sends itself keeps until the leading track
// has come as far: senders interleave by time.
const (
	maxOwnBytes   = 8 << 20
	maxOwnSamples = 600
	maxOwnAhead   = time.Second // of what is written when the leading track has ended
)

// Supervision of a process.
const (
	// lookEvery is how often a running process is judged.
	lookEvery = 100 * time.Millisecond
	// hangAfter is how long frames go in and none comes out of a process that hangs.
	hangAfter = 3 * time.Second
	// leaveAfter is how long rungs that should come don't, before manifests stop
	// naming them.
	leaveAfter = 10 * time.Second
	// stopGrace is what a process has to end when its outputs have.
	stopGrace = 300 * time.Millisecond
	// wornAfter is after how many frames a process gives way to a new one: its
	// demuxer keeps some 150 bytes of each fragment for ever.
	wornAfter = 1 << 20
	// drainLimit is what an engine has, once there are no more frames, to put
	// out what it still has.
	drainLimit = 5 * time.Second
	// shutdownLimit likewise, where the program ends: its ffmpegs are gone within
	// this and stopGrace.
	shutdownLimit = 300 * time.Millisecond
	// turnLimit is how long the publisher waits, where a source is hidden no
	// more, for the last of the pictures that led instead.
	turnLimit = time.Second
	// endLimit likewise, at the end of a broadcast whose source is hidden: less than
	// the gateway has for that when it ends.
	endLimit = time.Second
)

// Restarts. Each failure counts one, and counts half after each backoffHalf; the
// first backoffFree restart at once.
const (
	backoffHalf  = time.Minute
	backoffFree  = 2
	backoffFirst = 500 * time.Millisecond
	backoffMax   = 30 * time.Second
)

// Overload. A rung's backlog is the media that went in and hasn't come out.
const (
	// overloadParts is the backlog, in parts, that is too long, over and above
	// reorderFrames, which decoders hold back.
	overloadParts = 2
	reorderFrames = 4
	// overloadFor is for how long it has to be, without getting shorter by
	// catchUp at least.
	overloadFor = time.Second
	catchUp     = 50 * time.Millisecond
	// overloadsOfLast is for how many times as long where only one rung is left.
	overloadsOfLast = 3
	// settleTime is what a process has after its start before it's judged.
	settleTime = 5 * time.Second
	// retryAfter is how long there must be head-room before a rung that was
	// dropped is tried again. It doubles, up to maxRetryAfter, where that was of no use.
	retryAfter    = time.Minute
	maxRetryAfter = 16 * time.Minute
)

// What a ladder's rungs are behind the source: a process's own reorder and wake
// times, and more where the work of one frame takes longer.
const (
	leastLag = 100 * time.Millisecond
	mostLag  = 400 * time.Millisecond
	lagStep  = 50 * time.Millisecond
	// lagForCPU is what work of one CPU-second a second makes of it.
	lagForCPU = 400 * time.Millisecond
)

// Bounds of the sound that waits for a hidden source's first picture.
const (
	maxHeldSound = 2048
	maxHeldBytes = 8 << 20 // more than so many frames at half a megabit a second
)

// maxCaptions bounds the captions that a picture gets, in bytes: what a second of the
// slowest frame rate has, and more. Beyond are those of frames that were lost.
const maxCaptions = 3 * 31 * 8

// Bounds of the timed metadata that waits likewise.
const (
	maxHeldEvents     = 256
	maxHeldEventBytes = 1 << 20
)

// nearTarget is the part of a segment's target, one in so many, by which a
// keyframe may come late and still be one for each segment. The packager's cutter
// allows as much the other way.
const nearTarget = 20

// cpuShare is how much of the machine's CPUs ladders may take together. The rest
// is for streams and viewers.
const cpuShare = 0.8

// What is believed about frame rates.
const (
	// maxFrameRate is the highest that parameter sets may declare: beyond are
	// clocks that were taken for it.
	maxFrameRate = 240
	// sameRate is how much a frame's nominal duration may differ from the rate
	// that is declared, as a part of it.
	sameRate = 0.2
)

// Sound that is made AAC.
const (
	// soundBitrate is for each channel.
	soundBitrate = 64_000
	// soundBound is the sound that may be owed: coders hold back a tenth of a second.
	soundBound = 500 * time.Millisecond
	// soundBytes bounds, with backlogTime, the sound that may have to be fed again.
	soundBytes = 8 << 20
	// maxMarks bounds the epochs that are remembered within one run.
	maxMarks = 16
	// maxTime is beyond all times of samples.
	maxTime = 1 << 52
)
