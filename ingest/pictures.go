package ingest

import (
	"context"
	"time"

	"sluice/ingest/clock"
	"sluice/ingest/flv"
	"sluice/media"
)

// pictures is a video track as its publisher has described it.
type pictures struct {
	id     media.TrackID
	number uint8
	codec  media.Picture // nil until it is known
	clock  *clock.Video  // of the newest epoch that has the track

	kind   flv.VideoCodec // what the configuration is of, whatever the tag called it
	record []byte         // as it came, to know a repetition

	// Of H.264 and H.265: what NAL units' lengths are, parameter sets for the next
	// picture, and those of the configuration beside the first of each.
	lengthSize   int
	prefix, more []byte

	hints media.VP9Hints

	damaged time.Time // a picture was malformed then, and no sync sample has come since
}

// repairAfter is how long pictures are left out that may refer to a malformed one: an
// encoder that refreshes its picture bit by bit may never send another sync sample.
const repairAfter = 10 * time.Second

// malformed drops a picture that can't be read.
func (p *publication) malformed(v *pictures, u unit) {
	p.drop(dropMalformed)
	if v.damaged.IsZero() {
		v.damaged = u.arrived
	}
}

// takePicture takes a picture, unless it may refer to one that was malformed: what a
// decoder makes of that is no picture.
func (p *publication) takePicture(ctx context.Context, v *pictures, u unit) error {
	if !v.damaged.IsZero() {
		if !u.sync && u.arrived.Sub(v.damaged) < repairAfter {
			p.drop(dropDamage)
			return nil
		}
		v.damaged = time.Time{}
	}
	return p.take(ctx, u)
}

// videoMessage takes a video message.
func (p *publication) videoMessage(ctx context.Context, timestamp uint32, body []byte, arrived time.Time) error {
	message, err := flv.ParseVideo(body)
	if err != nil {
		p.drop(dropMalformed)
		return nil
	}
	for t, err := range message.Tracks() {
		if err != nil {
			p.drop(dropMalformed)
			return nil
		}
		if err := p.videoTag(ctx, t, unit{timestamp: timestamp, nanos: t.Nanos, arrived: arrived}); err != nil {
			return err
		}
	}
	return nil
}

// videoTag takes what a message has of one track.
func (p *publication) videoTag(ctx context.Context, t flv.VideoTag, u unit) error {
	if t.Packet == flv.PacketCommand {
		return nil
	}
	if err := t.Served(); err != nil {
		if t.Track == 0 {
			return err
		}
		p.drop(dropTrack) // what leads can still be shown
		return nil
	}
	v := p.pictures(t.Track)
	if v == nil {
		p.drop(dropTrack)
		return nil
	}
	switch t.Packet {
	case flv.PacketConfig:
		p.videoConfig(v, t.Codec, t.Payload, u.arrived)
	case flv.PacketEnd:
		// A publisher that goes on after it does so with a new sequence.
		p.await(len(p.tracks) > 0, u.arrived)
	case flv.PacketFrames:
		u.id, u.cts, u.data = v.id, t.CompositionTime, t.Payload
		return p.picture(ctx, v, t, u)
	}
	return nil
}

// videoConfig takes a configuration record.
func (p *publication) videoConfig(v *pictures, kind flv.VideoCodec, record []byte, now time.Time) {
	if v.record != nil && (v.kind == kind || kind == flv.VideoAVC) && string(record) == string(v.record) {
		return
	}
	c, err := configurationOf(kind, record)
	if err != nil {
		p.puzzled("video", err)
		return
	}
	v.record, v.kind, v.lengthSize, v.more, v.hints = record, c.kind, c.lengthSize, c.more, c.hints
	if c.codec == nil {
		if v.codec != nil && !sameKind(v.codec, c.kind) {
			v.codec = nil // a keyframe says the rest
		}
		return
	}
	p.describe(v, c.codec, now)
}

// describe takes up what a video track is by now.
func (p *publication) describe(v *pictures, codec media.Picture, now time.Time) {
	if v.codec != nil && v.codec.Equal(codec) {
		return
	}
	v.codec, v.prefix = codec, nil
	p.await(len(p.tracks) > 0, now)
}

// sameKind says whether a codec is of that kind.
func sameKind(c media.Picture, kind flv.VideoCodec) bool {
	switch c.(type) {
	case *media.H264:
		return kind == flv.VideoAVC
	case *media.HEVC:
		return kind == flv.VideoHEVC
	case *media.AV1:
		return kind == flv.VideoAV1
	case *media.VP9:
		return kind == flv.VideoVP9
	}
	return false
}

// configuration is what a record says.
type configuration struct {
	kind       flv.VideoCodec
	codec      media.Picture // nil where the pictures say it
	lengthSize int
	more       []byte
	hints      media.VP9Hints
}

// configurationOf reads a record, of what the tag says, or is mistaken in: OBS before
// 29.1 called H.265 H.264.
func configurationOf(kind flv.VideoCodec, record []byte) (c configuration, err error) {
	c.kind = kind
	if kind == flv.VideoAVC && flv.IsHEVCConfig(record) {
		if _, err := flv.ParseAVCConfig(record); err != nil {
			c.kind = flv.VideoHEVC
		}
	}
	switch c.kind {
	case flv.VideoAVC:
		r, err := flv.ParseAVCConfig(record)
		if err != nil {
			return c, err
		}
		c.lengthSize, c.more = r.LengthSize, prefixed(r.SPS[1:], r.PPS[1:])
		h264, err := media.NewH264(r.SPS[0], r.PPS[0])
		if err != nil {
			return c, err
		}
		c.codec = h264
	case flv.VideoHEVC:
		r, err := flv.ParseHEVCConfig(record)
		if err != nil {
			return c, err
		}
		c.lengthSize, c.more = r.LengthSize, prefixed(r.VPS[1:], r.SPS[1:], r.PPS[1:], r.SEI)
		hevc, err := media.NewHEVC(r.VPS[0], r.SPS[0], r.PPS[0])
		if err != nil {
			return c, err
		}
		c.codec = hevc
	case flv.VideoAV1:
		r, err := flv.ParseAV1Config(record)
		if err != nil {
			return c, err
		}
		if tu, err := scanAV1(r.OBUs); err == nil && tu.sequence != nil {
			av1, err := media.NewAV1(tu.sequence)
			if err != nil {
				return c, err
			}
			c.codec = av1
		}
	case flv.VideoVP9:
		r, err := flv.ParseVP9Config(record)
		if err != nil {
			return c, err
		}
		c.hints = media.VP9Hints{Level: r.Level, Primaries: r.Primaries, Transfer: r.Transfer, Matrix: r.Matrix}
	}
	return c, nil
}

// picture takes the coded picture of a track.
func (p *publication) picture(ctx context.Context, v *pictures, t flv.VideoTag, u unit) error {
	if len(u.data) == 0 {
		p.drop(dropEmpty)
		return nil
	}
	if v.kind == 0 && (t.Codec == flv.VideoAV1 || t.Codec == flv.VideoVP9) {
		v.kind = t.Codec // its pictures say all that there is to know
	}
	switch v.kind {
	case flv.VideoAVC, flv.VideoHEVC:
		return p.nalPicture(ctx, v, t, u)
	case flv.VideoAV1:
		return p.av1Picture(ctx, v, u)
	case flv.VideoVP9:
		return p.vp9Picture(ctx, v, u)
	}
	p.drop(dropNoConfig)
	return nil
}

// vp9Picture takes a frame or superframe of VP9. Keyframes describe themselves.
func (p *publication) vp9Picture(ctx context.Context, v *pictures, u unit) error {
	if u.sync = media.VP9Sync(u.data); u.sync {
		vp9, err := media.NewVP9(u.data, v.hints)
		if err != nil {
			p.malformed(v, u)
			return nil
		}
		p.describe(v, vp9, u.arrived)
	}
	if v.codec == nil {
		p.drop(dropNoConfig)
		return nil
	}
	return p.takePicture(ctx, v, u)
}
