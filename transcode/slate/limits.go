package slate

import "time"

// What is looked at, made and kept.
const (
	// longest is how much of a clip is used.
	longest = time.Minute
	// maxFile bounds a picture or clip, in bytes.
	maxFile = 1 << 30
	// lookEvery is how often the picture's file is looked at.
	lookEvery = 3 * time.Second

	// usualSegment is the distance of keyframes where none is asked for; others are brought
	// between the bounds.
	usualSegment = 2 * time.Second
	leastSegment = time.Second / 2
	mostSegment  = 10 * time.Second
	// builtInLength is the least that the built-in picture's loop lasts.
	builtInLength = 6 * time.Second
	// trimmed is what a clip may lose at its end, so that it needn't be filled up to the
	// next keyframe.
	trimmed = time.Second / 4

	// usualRate is what a picture gets of which nobody knows how many there are in a second, and
	// leastRate and mostRate are what is believed.
	usualRate           = 30
	leastRate, mostRate = 1, 120
	// sameRate is by how much of it a rate may be measured wrongly: less than 30 and 29.97
	// are apart.
	sameRate = 4e-4
	// mostDivision bounds how much slower than the first size another one may be.
	mostDivision = 4
	// maxSampleRate is the highest there is, in Hz.
	maxSampleRate = 384_000
	// maxSide bounds a picture's width and height, in pixels.
	maxSide = 8192

	// silentFrames are enough of silence; settled is how many frames an encoder gets before
	// those, until they are all alike.
	silentFrames = 32
	settled      = 16

	// maxReel bounds one track's loop, maxMemory all that are kept in memory, in bytes.
	maxReel   = 48 << 20
	maxMemory = 192 << 20
	// maxFrames bounds the pictures, or the frames of sound, of a loop.
	maxFrames = 32 << 10
	// maxWants bounds the sets of tracks that are remembered, and maxTracks each.
	maxWants  = 64
	maxTracks = 32
	// maxCached bounds the files in the data folder, maxCachedBytes their sum.
	maxCached      = 256
	maxCachedBytes = 1 << 30
	// leftOver is when a file that was never finished is nobody's any more.
	leftOver = time.Hour

	// maxEncoding is how many loops are encoded at once: ffmpeg uses several processors for one.
	maxEncoding = 2
	// maxMaking is how many a Maker has begun, with those that wait for their turn.
	maxMaking = maxEncoding + 1
	// slowAfter is when encoding one is slow, so that it has to leave room for others, and
	// slowAgain how often it's seen to then.
	slowAfter = 20 * time.Second
	slowAgain = time.Second
	// makeLimit is how long encoding one loop may take, and quietLimit how long nothing may
	// come out meanwhile.
	makeLimit  = 30 * time.Minute
	quietLimit = time.Minute
	// retryAfter is when what failed is tried again.
	retryAfter = 5 * time.Minute

	// maxLate is how late a sample may be. Beyond that, the slate begins anew.
	maxLate = time.Second
)
