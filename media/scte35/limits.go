package scte35

const (
	// MaxSection is the longest section: 3 bytes, and the 4093 that section_length
	// may count (§9.6.1).
	MaxSection = 3 + 4093
	// maxDescriptors is far beyond what is in use: a segmentation_descriptor has at
	// least 11 bytes.
	maxDescriptors = 128
	// maxComponents is that of component_count, 8 bits.
	maxComponents = 255
	// maxPTS is the highest time: 33 bits of a 90 kHz clock, which wraps after 26.5 hours.
	maxPTS = 1<<33 - 1
)

// ClockRate is that of all times in a section, in ticks a second.
const ClockRate = 90_000
