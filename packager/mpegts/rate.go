package mpegts

import "time"

// Load is what a track has, for Rates.
type Load struct {
	// Most and About are bits a second of its fragments: at their peak, and on average.
	Most, About uint64
	// Units are pictures or frames of sound a second.
	Units float64
	// Picture tells video from sound, and Segment is how long segments are.
	Picture bool
	Segment time.Duration
}

// What is added to a picture, or to some frames of sound: headers, and what is left of
// the last packet, at most and about.
const (
	pictureMost  = dtsHeader + len("\x00\x00\x00\x01\x46\x01\x50") + 2*pcrField + payloadSize
	pictureAbout = pictureMost - payloadSize/2 - pcrField
	soundMost    = ptsHeader + pcrField + payloadSize
	soundAbout   = soundMost - payloadSize/2
)

// soundUnits is how many PES packets of sound there are a second because none is longer
// than soundSpan.
const soundUnits = 90_000/soundSpan + 1

// Rates returns how many bits a second a track takes in MPEG-TS, at its peak and on
// average. It is an upper bound, and an estimate, as segments are not made for it: what
// is said of a stream must be the same on every machine. Tables are a load of their own.
func (l Load) Rates() (most, about uint64) {
	bits := func(fragments uint64, unit, cycles float64) uint64 {
		bytes, units := float64(fragments)/8, l.Units
		if !l.Picture {
			bytes += adtsSize * l.Units
			units = 1.3*bytes/soundBytes + soundUnits
		}
		bytes += units * unit
		packets := bytes/payloadSize + cycles*cycle/l.Segment.Seconds()
		if l.Picture {
			const clocks = 90_000 / pcrInterval
			packets += max(clocks-l.Units, 0) // where pictures are few, PCRs come alone
		}
		return uint64(packets*packetSize*8 + 1)
	}
	if l.Segment <= 0 {
		return l.Most, l.About
	}
	if l.Picture {
		return bits(l.Most, float64(pictureMost), 1), bits(l.About, float64(pictureAbout), 0.5)
	}
	return bits(l.Most, soundMost, 1), bits(l.About, soundAbout, 0.5)
}

// TableRate returns how many bits a second the tables take in segments of that length,
// and what makes events' packets a whole number of cycles.
func TableRate(segment time.Duration) (most, about uint64) {
	if segment <= 0 {
		return 0, 0
	}
	cycles := 2 * float64(int(segment.Seconds()*90_000)/(cycle*tableInterval)+1)
	bits := func(cycles float64) uint64 { return uint64(cycles * cycle * packetSize * 8 / segment.Seconds()) }
	return bits(cycles + 1), bits(cycles)
}
