package rung

// Limits of a ladder.
const (
	MaxRungs             = 8
	MinHeight, MaxHeight = 72, 4320
	MaxFPS               = 240
	MinBitrate           = 50_000      // b/s
	MaxBitrate           = 200_000_000 // b/s
	MaxWord              = 32          // of a name, a profile, a preset; in bytes

	maxList   = 1024 // of what Parse reads, in bytes
	maxQuoted = 80   // of what errors repeat of that, likewise
	// maxSide is the longest side that every H.264 encoder takes at some level.
	maxSide = 8192
	// maxSource bounds a source's sides; there's no plan for larger ones.
	maxSource = 1 << 16
	// maxRate is the highest frame rate that a source is believed.
	maxRate = 1000
)
