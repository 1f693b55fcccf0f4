package hls

// knownRates are the frame rates in use, in thousandths of a frame a second.
var knownRates = [...]uint32{
	10_000, 12_000, 12_500, 14_985, 15_000, 20_000, 23_976, 24_000, 25_000, 29_970, 30_000,
	47_952, 48_000, 50_000, 59_940, 60_000, 100_000, 119_880, 120_000,
}

// frameRate decides on FRAME-RATE, in thousandths, from what was measured and
// what the bitstream declares in frames a second; either may be 0. A source on
// an exact grid measures exactly, and then the measurement counts: encoders
// declare 30 for 29.97. One with millisecond timestamps measures somewhere
// near, and then what it declares counts, if it is near too.
func frameRate(measured uint32, declared float64) uint32 {
	const exact, near = 1, 0.01
	said := uint32(declared*1000 + 0.5)
	if measured == 0 {
		return nearestRate(said)
	}
	known := nearestRate(measured)
	if difference(known, measured) <= exact {
		return known
	}
	if said > 0 && float64(difference(said, measured)) <= near*float64(measured) {
		return nearestRate(said)
	}
	return known
}

// nearestRate returns the known rate next to rate, or rate itself where none is
// within half a percent.
func nearestRate(rate uint32) uint32 {
	const tolerance = 0.005
	best, distance := rate, uint32(tolerance*float64(rate))+1
	for _, known := range knownRates {
		if d := difference(known, rate); d < distance {
			best, distance = known, d
		}
	}
	return best
}

func difference(a, b uint32) uint32 { return max(a, b) - min(a, b) }
