package admit

import "time"

const (
	// freeFailures is how many wrong keys an address may show without waiting; from
	// then on each doubles the pause, from firstPause to maxPause.
	freeFailures = 3
	firstPause   = time.Second
	maxPause     = time.Minute
	// maxWait is how long an attempt waits for its turn; where that's further off, it
	// is refused at once.
	maxWait = 5 * time.Second
	// forgetAfter is how long an address must show no wrong key to be forgotten.
	forgetAfter = 10 * time.Minute
	// maxAddresses bounds those that are remembered, and maxTrusted the pairs of key
	// and address that have been let in; the oldest goes first.
	maxAddresses, maxTrusted = 4096, 4096
	trustFor                 = 24 * time.Hour

	checkEvery = time.Second // how often what may have ended is looked at
	noteEvery  = time.Minute // how often the catalog is told of uses
	noteTime   = 2 * time.Second

	maxQuery = 4096 // bytes of query parameters that the application is told
)
