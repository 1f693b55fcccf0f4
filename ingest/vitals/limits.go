package vitals

import "time"

const (
	// seconds are kept; each has its own count.
	seconds = 60
	// recent is the number of them that "now" means.
	recent = 3
	// steady is the number of them that frame rates and speeds are taken over.
	steady = 10

	// bucket is the time of which the earliest arrival counts, and buckets is how
	// many are kept for a drift.
	bucket  = 10 * time.Second
	buckets = 60
	// leastDrift is the number of them before a drift is told.
	leastDrift = 6

	// maxReasons bounds the reasons for which samples are dropped.
	maxReasons = 16
	// standstill is a pause between two arrivals that viewers can notice.
	standstill = time.Second
)

// What advice is given about.
const (
	// slowSpeed is media a second below which the encoder, or the line, can't keep up.
	slowSpeed = 0.95
	// lostFrames is the part of the declared frame rate that may be missing.
	lostFrames = 0.1
	// farApart is the offset of sound and picture that encoders' own buffers don't explain.
	farApart = 700 * time.Millisecond
	// muchDrift is a clock's drift, in parts per million, that no crystal has.
	muchDrift = 500
	// manyBFrames is more than encoders for live use need.
	manyBFrames = 3
	// manyStops is the number of standstills within a minute that are no accident.
	manyStops = 3
)
