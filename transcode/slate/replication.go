package slate

import (
	"encoding/hex"
	"errors"

	"sluice/media"
)

// HE-AAC is AAC-LC at half the rate, with a description of what belongs above it (spectral band
// replication, ISO/IEC 14496-3 §4.6.18) in each frame. No encoder of it is to be had, but none is
// needed: in a slate there's nothing above. So the core is encoded as AAC-LC, and each frame gets the
// same description, of as little as there can be:
//
//	| core | fill element: one envelope at its least, noise at its least | end |
//
// Of more than two channels (ISO/IEC 14496-3 table 1.19) the pair in front is encoded, and the others are
// written here, as silence: each element but the low frequencies' has a description of its own.
//
// Its tracks have the source's AudioSpecificConfig, to the bit.

// replicated returns that configuration, for a form; empty where a source isn't HE-AAC, or one of
// which no slate of its own kind can be made.
func replicated(c *media.AAC) string {
	if _, ok := bandsOf(c); !ok {
		return ""
	}
	return hex.EncodeToString(c.Raw)
}

// configOf reads it back; nil where there's none.
func (f form) configOf() *media.AAC {
	raw, err := hex.DecodeString(f.Config)
	if err != nil || len(raw) == 0 {
		return nil
	}
	c, err := media.NewAAC(raw)
	if err != nil {
		return nil
	}
	return c
}

// coded is how many channels are encoded: with parametric stereo it's one, of HE-AAC's many it's two.
func (f form) coded() int {
	if c := f.configOf(); c != nil {
		return min(int(c.Config.ChannelConfig), 2)
	}
	return f.Channels
}

const (
	highestStart  = 15 // bs_start_freq
	twiceTheStart = 14 // bs_stop_freq
	replication   = 5  // audio object types
	stereo        = 29
)

// starts are what bs_start_freq = highestStart adds to the lowest of the bands that may be
// replicated, in bands, by the rate that comes out (§4.6.18.3.2.1).
var starts = map[int]int{16_000: 7, 22_050: 13, 24_000: 16, 32_000: 16, 44_100: 20, 48_000: 20, 64_000: 20, 88_200: 24, 96_000: 24}

// bandsOf returns how many envelope bands there are in low resolution, where they begin as far up as
// possible, end at twice that, and are all alike. It's false of what isn't HE-AAC in channels that
// its configuration names, at twice the core's rate.
func bandsOf(c *media.AAC) (bands int, ok bool) {
	a := c.Config
	rate := a.ExtensionSampleRate
	above, known := starts[rate]
	switch {
	case a.ExtensionType != replication && a.ExtensionType != stereo, a.FrameLengthFlag,
		int(a.ChannelConfig) >= len(elements), a.ChannelConfig < 1, a.ChannelConfig > 1 && a.ExtensionType == stereo,
		!known, rate != 2*a.SampleRate:
		return 0, false
	}
	lowest := 4000
	switch {
	case rate < 32_000:
		lowest = 3000
	case rate >= 64_000:
		lowest = 5000
	}
	first := (lowest*128+rate/2)/rate + above // as many bands again are replicated
	return (first + 2) / 4, true
}

// bitString is bits, from the highest of the first byte on.
type bitString struct {
	b []byte
	n int
}

// put appends the lowest bits of a number.
func (s *bitString) put(v uint, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[s.n/8] |= byte(v>>i&1) << (7 - s.n%8)
		s.n++
	}
}

// add appends others.
func (s *bitString) add(o bitString) {
	for i := range o.n {
		s.put(uint(o.b[i/8]>>(7-i%8)), 1)
	}
}

// element is a syntactic element of a frame (§4.4.2.1).
type element uint

const (
	single element = 0 // id_syn_ele
	pair   element = 1
	low    element = 3 // frequencies: it has no description
	fill   element = 6
	end    element = 7
)

// elements are those of a frame, by channelConfiguration.
var elements = [...][]element{
	1: {single}, 2: {pair}, 3: {single, pair}, 4: {single, pair, single}, 5: {single, pair, pair},
	6: {single, pair, pair, low}, 7: {single, pair, pair, pair, low},
}

// replica is what belongs around the core of each frame.
type replica struct{ before, behind bitString }

// replicaOf is a configuration's; its core is the pair in front, or the only channel.
func replicaOf(c *media.AAC) *replica {
	bands, ok := bandsOf(c)
	if !ok {
		return nil
	}
	var r replica
	to, seen := &r.before, map[element]uint{}
	all := elements[c.Config.ChannelConfig]
	for _, e := range all {
		channels := 1
		if e == pair {
			channels = 2
		}
		if to == &r.before && (e == pair || len(all) == 1) { // what is encoded
			to = &r.behind
		} else {
			to.silence(e, seen[e])
		}
		seen[e]++
		if e != low {
			to.add(description(channels, bands, c.Config.ExtensionType == stereo))
		}
	}
	return &r
}

// silence is an element without a line of the spectrum (tables 4.4, 4.5, 4.9, 4.50).
func (s *bitString) silence(e element, tag uint) {
	info := func() { s.put(0, 1+2+1+6+1) } // ics_info: one long window, a sine; max_sfb 0; no prediction
	s.put(uint(e), 3)
	s.put(tag, 4)
	channels := 1
	if e == pair {
		channels = 2
		s.put(1, 1) // common_window
		info()
		s.put(0, 2) // ms_mask_present
	}
	for range channels {
		s.put(0, 8) // global_gain
		if e != pair {
			info()
		}
		s.put(0, 3) // no pulses, no temporal noise shaping, no gain control
	}
}

// description returns the fill element behind an element of the core (§4.4.2.7, tables 4.57 and 4.62 to 4.73).
func description(channels, bands int, parametric bool) bitString {
	var d bitString
	d.put(0b1101, 4) // EXT_SBR_DATA
	d.put(1, 1)      // a header follows
	d.put(0, 1)      // bs_amp_res
	d.put(highestStart, 4)
	d.put(twiceTheStart, 4)
	d.put(0, 3+2) // bs_xover_band: none are left out; reserved
	d.put(0b10, 2)
	d.put(0, 2) // bs_freq_scale: linear
	d.put(1, 1) // bs_alter_scale: by two
	d.put(0, 2) // bs_noise_bands: one
	d.put(0, 1) // bs_data_extra
	if channels == 2 {
		d.put(0, 1) // bs_coupling
	}
	d.put(0, channels*(2+2+1)) // sbr_grid: FIXFIX, one envelope, low resolution
	d.put(0, channels*(1+1))   // sbr_dtdf: by frequency
	d.put(0, channels*2)       // sbr_invf: off
	for range channels {
		d.put(0, 7)           // the first band's level, the least
		d.put(0, 2*(bands-1)) // the others are like it: code 00
	}
	for range channels {
		d.put(30, 5) // of noise, the least
	}
	d.put(0, channels) // no sines
	if parametric {
		d.put(1, 1)
		d.put(2, 4)         // bytes
		d.put(2, 2)         // EXTENSION_ID_PS
		d.put(0b1000000, 7) // ps_data (table 8.9): a header, which says that there's nothing; no envelope
		d.put(0, 7)
	} else {
		d.put(0, 1)
	}
	bytes := (d.n + 7) / 8
	var e bitString
	e.put(uint(fill), 3)
	if bytes < 15 {
		e.put(uint(bytes), 4)
	} else {
		e.put(15, 4)
		e.put(uint(bytes-14), 8)
	}
	e.add(d)
	e.put(0, 8*bytes-d.n)
	return e
}

// describe puts what belongs there around a frame of AAC-LC.
func (r *replica) describe(frame []byte) ([]byte, error) {
	last := len(frame)*8 - 1
	for last >= 0 && frame[last/8]>>(7-last%8)&1 == 0 {
		last--
	}
	if last < 3 {
		return nil, errors.New("frame of AAC without an end")
	}
	var all bitString
	all.add(r.before)
	all.add(bitString{frame, last - 2})
	all.add(r.behind)
	all.put(uint(end), 3)
	return all.b, nil
}
