package still

import "time"

const (
	// maxKept bounds the pictures that are kept, in bytes: some two thousand thumbnails, or
	// four hundred sheets.
	maxKept = 64 << 20
	// maxWaiting bounds the pictures that wait to be made, of either kind.
	maxWaiting = 64
	// maxFailed bounds the failures that are remembered, and failedFor is for how long.
	maxFailed = 1024
	failedFor = 30 * time.Second
	// retryAfter is when ffmpeg is looked for again.
	retryAfter = 5 * time.Minute
)
