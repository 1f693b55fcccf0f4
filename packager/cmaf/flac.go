package cmaf

import "sluice/media"

// dfLa is the FLACSpecificBox: metadata blocks, of which STREAMINFO is one.
type dfLa struct{ *media.FLAC }

// flac is the sample entry of FLAC.
func flac(c *media.FLAC) sampleEntry {
	_, channels := c.Output()
	return &audible{"fLaC", c.SampleRate(), channels, c.BitDepth(), dfLa{c}}
}

func (r dfLa) appendTo(dst []byte, _ media.TrackID) []byte {
	const lastBlock = 0x80 // and the type of STREAMINFO, 0
	dst, dfLa := beginFull(dst, "dfLa", 0, 0)
	dst = u32(dst, lastBlock<<24|uint32(len(r.StreamInfo)))
	dst = append(dst, r.StreamInfo...)
	return end(dst, dfLa)
}
