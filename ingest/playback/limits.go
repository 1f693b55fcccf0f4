package playback

import "time"

const (
	// batchBytes is how much one call of Next gives, but for a frame that is
	// larger: what is written between two looks at whether the client keeps up.
	batchBytes = 48 << 10
	// keptArena is the largest buffer that is kept for the next call.
	keptArena = 256 << 10
	// hold is how long a track's frames wait for those of the other one that belong
	// before them, beyond the time that two parts take.
	hold = 300 * time.Millisecond
	// toldEvents is how many events are remembered: who changes from a rung to what leads may
	// meet one again.
	toldEvents = 64
	// hope is how much of an epoch may pass before a rendition that is expected, and
	// wanted, is given up.
	hope = 3 * time.Second
)
