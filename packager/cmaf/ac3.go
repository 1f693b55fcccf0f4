package cmaf

import "sluice/media"

// dac3 is the AC3SpecificBox (ETSI TS 102 366 §F.4).
type dac3 struct{ *media.AC3 }

// dec3 is the EC3SpecificBox (§F.6).
type dec3 struct{ *media.EAC3 }

// ac3 is the sample entry of AC-3.
func ac3(c *media.AC3) sampleEntry {
	_, channels := c.Output()
	return &audible{"ac-3", c.SampleRate(), channels, 16, dac3{c}}
}

// eac3 is the sample entry of E-AC-3.
func eac3(c *media.EAC3) sampleEntry {
	_, channels := c.Output()
	return &audible{"ec-3", c.SampleRate(), channels, 16, dec3{c}}
}

// appendTo writes: fscod 2 bits, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5,
// reserved 5.
func (r dac3) appendTo(dst []byte, _ media.TrackID) []byte {
	v := uint32(r.SampleRateCode)<<22 | uint32(r.BitStreamID)<<17 | uint32(r.Mode)<<14 | uint32(r.Channels)<<11 |
		uint32(flag(r.LFE, 0))<<10 | uint32(r.BitRateCode)<<5
	dst, dac3 := begin(dst, "dac3")
	dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
	return end(dst, dac3)
}

// appendTo writes: data_rate 13 bits, num_ind_sub 3; of the one independent
// substream fscod 2, bsid 5, reserved 1, asvc 1, bsmod 3, acmod 3, lfeon 1, reserved
// 3, num_dep_sub 4, and chan_loc 9, or, where that is 0, reserved 1.
func (r dec3) appendTo(dst []byte, _ media.TrackID) []byte {
	dst, dec3 := begin(dst, "dec3")
	dst = u16(dst, r.Kilobits<<3)
	dst = append(dst, r.SampleRateCode<<6|r.BitStreamID<<1)
	dst = append(dst, r.Channels<<1|flag(r.LFE, 0))
	if r.Dependent == 0 {
		dst = append(dst, 0)
	} else {
		dst = append(dst, min(r.Dependent, 15)<<1|byte(r.Places>>8&1), byte(r.Places))
	}
	return end(dst, dec3)
}
