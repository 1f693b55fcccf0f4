package ffmpeg

import "time"

// Limits of what a process may take, say, and cost.
const (
	niceness = 10
	// stillNiceness is of who makes a still: ladders go first.
	stillNiceness = 19
	// pipeSize is each pipe's: what is smaller makes one slow reader stop every
	// rung. Users that aren't root get it for some sixty pipes.
	pipeSize = 1 << 20
	// maxSaid bounds what is kept of a process's messages, maxQuoted the lines of
	// them in an error.
	maxSaid   = 8 << 10
	maxQuoted = 3
	// maxLine bounds a line of progress and of lists.
	maxLine = 1 << 10
	// maxListed bounds what -version and -encoders may say.
	maxListed = 256 << 10
	// maxInspected bounds what is listed of a clip: a line for each frame.
	maxInspected = 4 << 20
	// maxOutputs bounds the outputs of a job.
	maxOutputs = 16

	// answerLimit is how long -version and -encoders may take: a cold disk's time
	// to read a hundred libraries.
	answerLimit = 20 * time.Second
	// trialLimit is how long one encoder's trial may take.
	trialLimit = 15 * time.Second
	// measureLimit is how long all that Measure does may take.
	measureLimit = 2 * time.Minute
	// inspectLimit is how long looking through a picture or clip may take.
	inspectLimit = 5 * time.Minute
	// stillLimit is how long making one JPEG may take, and maxStill bounds it, in bytes.
	stillLimit = 20 * time.Second
	maxStill   = 4 << 20
)
