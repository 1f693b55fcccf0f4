package archive

import "time"

const (
	// DefaultMemory is how much of a window stays in memory.
	DefaultMemory = 30 * time.Second
	// memoryTargets is so too, in target durations: playlists list the parts of the
	// newest three segments, and players ask for them one by one.
	memoryTargets = 4
	// defaultPending bounds the bytes of a stream that wait for the store.
	defaultPending = 128 << 20
	// pageSegments are the numbers of a page. A page is put again for each segment.
	pageSegments = 32
	// folderSegments are those that share a folder.
	folderSegments = 1024
	// maxPage bounds a page that is read, in bytes.
	maxPage = 16 << 20
	// unsaved is how many segments manifests can have told of that no page has, where
	// the store kept up: one that is being stored, and the open one.
	unsaved = 2
	// leastReserved and mostReserved are how far ahead a journal reserves numbers, at the
	// least and at the most; mostSince is how many are used after the last page of a
	// process that ended in good order.
	leastReserved, mostReserved, mostSince = 500, 5000, 64
	// retry is the pause after a failure of the store.
	retry = time.Second
	// nameInterval is how often it is asked which streams there are.
	nameInterval = time.Second
	// idlePause is how often it is looked at most whether a stream has something to keep.
	idlePause = time.Second
	// leastRoom is how much is deleted at once where the store is full, in bytes.
	leastRoom = 8 << 20
	// leastListed is how many segments a window has that is cut short: as many as the
	// timeline insists on, and some more.
	leastListed = 12
	// unknownWindow is for how long what is left of a stream is kept of which nobody knows
	// how long its window was: as long as windows can be.
	unknownWindow = 7 * 24 * time.Hour
	// orphanRetry is the pause after what is left of a stream could not be deleted.
	orphanRetry = time.Hour
	// endTime is what the last round may take when the process ends.
	endTime = time.Second
)
