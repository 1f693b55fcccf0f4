package cmaf

import "sluice/media"

// dOps is the OpusSpecificBox: the identification header of RFC 7845, but with its
// numbers the other way round.
type dOps struct{ *media.Opus }

// opus is the sample entry of Opus.
func opus(c *media.Opus) sampleEntry {
	return &audible{"Opus", c.SampleRate(), c.Channels, 16, dOps{c}}
}

func (r dOps) appendTo(dst []byte, _ media.TrackID) []byte {
	dst, dOps := begin(dst, "dOps")
	dst = append(dst, 0, byte(r.Channels))
	dst = u16(dst, r.PreSkip)
	dst = u32(dst, r.InputRate)
	dst = u16(dst, uint16(r.Gain))
	dst = append(dst, r.Family)
	if r.Family != 0 {
		dst = append(dst, r.Streams, r.Coupled)
		dst = append(dst, r.Mapping...)
	}
	return end(dst, dOps)
}
