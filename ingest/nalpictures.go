package ingest

import (
	"bytes"
	"context"
	"time"

	"sluice/ingest/flv"
	"sluice/media"
)

// nalPicture takes a message of NAL units.
func (p *publication) nalPicture(ctx context.Context, v *pictures, t flv.VideoTag, u unit) error {
	hevc := v.kind == flv.VideoHEVC
	au, err := scan(u.data, v.lengthSize, hevc)
	switch {
	case err != nil:
		p.malformed(v, u)
		return nil
	case !au.picture:
		p.keep(v, u.data, au)
		return nil
	}
	// A decoder can start at an IDR picture, whatever the tag says. Encoders of
	// recovery points (open GOP, intra refresh) send none and mark what they mean
	// as keyframes; the field takes their word, and so does this. Of Enhanced RTMP
	// it doesn't: there are senders that mark every picture.
	u.sync = au.idr || t.Sync() && !t.Enhanced && !hevc
	if au.idr {
		p.inBand(v, au, u.arrived)
	}
	if u.sync && au.pps == nil && len(v.prefix) == 0 {
		v.prefix = v.more
	}
	u.told, u.hevc = (au.others > 0 || len(v.prefix) > 0) && p.leads(v), hevc
	if au.rewrite || len(v.prefix) > 0 {
		u.data = rewritten(v.prefix, u.data, v.lengthSize, au)
		v.prefix = nil
	}
	return p.takePicture(ctx, v, u)
}

// keep puts aside what came without a picture, parameter sets in a message of
// their own, for the picture to come.
func (p *publication) keep(v *pictures, data []byte, au accessUnit) {
	if !au.sets() && au.others == 0 || len(v.prefix)+au.size > maxPrefix {
		p.drop(dropEmpty)
		return
	}
	v.prefix = rewritten(v.prefix, data, v.lengthSize, au)
}

// inBand compares the parameter sets in front of a picture that a decoder can start
// at with the configuration: an encoder may change them there, and only there.
func (p *publication) inBand(v *pictures, au accessUnit, now time.Time) {
	if len(v.prefix) > 0 {
		if before, err := scan(v.prefix, lengthSize, v.kind == flv.VideoHEVC); err == nil {
			for _, set := range [...]struct{ have, kept *[]byte }{
				{&au.vps, &before.vps}, {&au.sps, &before.sps}, {&au.pps, &before.pps},
			} {
				if *set.have == nil {
					*set.have = *set.kept
				}
			}
		}
	}
	if !au.sets() {
		return
	}
	var codec media.Picture
	var err error
	switch c := v.codec.(type) {
	case *media.H264:
		sps, pps := newer(au.sps, c.SPS), newerPPS(au.pps, c.PPS, 1)
		if &sps[0] == &c.SPS[0] && &pps[0] == &c.PPS[0] {
			return
		}
		// The codec outlives the message: it gets bytes of its own.
		codec, err = media.NewH264(bytes.Clone(sps), bytes.Clone(pps))
	case *media.HEVC:
		vps, sps, pps := newer(au.vps, c.VPS), newer(au.sps, c.SPS), newerPPS(au.pps, c.PPS, 2)
		if &vps[0] == &c.VPS[0] && &sps[0] == &c.SPS[0] && &pps[0] == &c.PPS[0] {
			return
		}
		codec, err = media.NewHEVC(bytes.Clone(vps), bytes.Clone(sps), bytes.Clone(pps))
	}
	if err != nil {
		p.drop(dropMalformed)
		return
	}
	v.codec = codec
	p.await(len(p.tracks) > 0, now)
}

// newer returns a parameter set that came, where it differs from the one before.
func newer(came, before []byte) []byte {
	if came != nil && !sameSet(came, before) {
		return came
	}
	return before
}

// newerPPS is newer of picture parameter sets: another id is another set. A NAL
// unit's header has so many bytes.
func newerPPS(came, before []byte, header int) []byte {
	if came != nil && samePPSID(came, before, header) {
		return newer(came, before)
	}
	return before
}
