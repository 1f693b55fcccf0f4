package cmaf

import "sluice/media"

// vpcC is the VPCodecConfigurationBox.
type vpcC struct{ *media.VP9 }

// vp09 is the sample entry of VP9.
func vp09(c *media.VP9) (sampleEntry, error) {
	return newVisual(visual{kind: "vp09", Format: c.Format(), record: vpcC{c}})
}

func (r vpcC) appendTo(dst []byte) []byte {
	dst, vpcC := beginFull(dst, "vpcC", 1, 0)
	dst = append(dst, r.Profile, r.Level, r.BitDepth<<4|r.Subsampling<<1|flag(r.FullRange, 0))
	dst = append(dst, r.Primaries, r.Transfer, r.Matrix)
	dst = u16(dst, 0) // VP9 has no initialization data
	return end(dst, vpcC)
}
