package dash

import (
	"math"

	"sluice/media"
)

// bandwidth is the highest bit rate of a whole segment in the broadcast, in
// bits a second; before there is one, that of what has come so far. It is
// never 0, which the schema allows and ABR rules divide by.
func (rep *representation) bandwidth() uint64 {
	if rep.r.PeakBandwidth > 0 {
		return rep.r.PeakBandwidth
	}
	g := rep.last
	seconds := g.Duration.Duration(g.Init.Track.Timescale).Seconds()
	if g.Size == 0 || seconds <= 0 {
		return 1
	}
	return uint64(float64(g.Size)*8/seconds + 0.5)
}

// frameRate gives the frame rate as a fraction: the one that the parameter sets
// declare where the measured one (in frames a second times 1000) is within 2 %
// of it or not known yet, else the nearest of the usual ones, else what was
// measured. It returns 0, 0 where nothing is known.
func frameRate(measured uint32, declared float64) (n, d int) {
	rate := float64(measured) / 1000
	switch {
	case measured == 0 && declared < 1:
		return 0, 0
	case measured == 0 || math.Abs(rate-declared) <= 0.02*rate:
		rate = declared
	}
	const near = 0.005
	if whole := math.Round(rate); whole >= 1 {
		// 29.97 is nearer to 30 than any measurement is exact: the fraction of
		// the television standards goes first.
		if math.Abs(rate-whole*1000/1001) < whole*0.0003 {
			return int(whole) * 1000, 1001
		}
		if math.Abs(rate-whole) < whole*near {
			return int(whole), 1
		}
	}
	return int(math.Round(rate * 1000)), 1000
}

// soundOf gives the sampling rate that a decoder puts out and the channel
// configuration of ISO/IEC 23091-3, 0 where the stream itself tells it.
func soundOf(c media.Sound) (rate, configuration int) {
	rate, channels := c.Output()
	switch {
	case channels <= 6:
		return rate, channels
	case channels == 8:
		return rate, 7
	}
	return rate, 0
}
