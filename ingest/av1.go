package ingest

import (
	"bytes"
	"context"
	"fmt"

	"sluice/ingest/flv"
	"sluice/media"
)

// OBU types, AV1 Bitstream & Decoding Process Specification §6.2.2.
const (
	obuSequence    = 1
	obuDelimiter   = 2
	obuFrameHeader = 3
	obuFrame       = 6
)

// Bits of an OBU's header (§5.3.2).
const (
	obuForbidden = 1 << 7
	obuExtended  = 1 << 2
	obuSized     = 1 << 1
)

// temporalUnit is what a look at the OBUs of a message tells.
type temporalUnit struct {
	delimiter int    // bytes of the delimiter that it begins with
	sequence  []byte // the sequence header
	picture   bool
	key       bool // the first picture is a keyframe
}

// scanAV1 looks at OBUs, each of which tells its size. It reads headers only.
func scanAV1(data []byte) (u temporalUnit, err error) {
	for n := 0; len(data) > 0; n++ {
		header, size, ok := obuLength(data)
		if !ok || n == maxOBUs {
			return u, fmt.Errorf("OBU %d exceeds its message: %w", n, flv.ErrMalformed)
		}
		unit, payload := data[:header+size:header+size], data[header:header+size]
		data = data[header+size:]
		switch t := unit[0] >> 3 & 15; {
		case t == obuDelimiter && n == 0:
			u.delimiter = len(unit)
		case t == obuSequence:
			first(&u.sequence, unit)
		case (t == obuFrame || t == obuFrameHeader) && !u.picture:
			// show_existing_frame, and frame_type, of which 0 is a keyframe (§5.9.2).
			u.picture, u.key = true, len(payload) > 0 && payload[0]>>5 == 0
		}
	}
	return u, nil
}

// obuLength reads how long an OBU's header and payload are.
func obuLength(b []byte) (header, size int, ok bool) {
	const maxSizeField = 8 // bytes of LEB128 (§4.10.5)
	if b[0]&obuForbidden != 0 || b[0]&obuSized == 0 {
		return 0, 0, false
	}
	if header = 1; b[0]&obuExtended != 0 {
		header++
	}
	var v uint64
	for i := range min(maxSizeField, len(b)-header) {
		c := b[header+i]
		if v |= uint64(c&0x7f) << (7 * i); c&0x80 == 0 {
			header += i + 1
			return header, int(v), v <= uint64(len(b)-header)
		}
	}
	return 0, 0, false
}

// av1Picture takes a temporal unit. Its delimiter is left out, as MP4 wants it; a
// keyframe has its sequence header with it.
func (p *publication) av1Picture(ctx context.Context, v *pictures, u unit) error {
	tu, err := scanAV1(u.data)
	switch {
	case err != nil:
		p.malformed(v, u)
		return nil
	case !tu.picture:
		p.drop(dropEmpty)
		return nil
	}
	have, _ := v.codec.(*media.AV1)
	if tu.key && tu.sequence != nil && (have == nil || !bytes.Equal(tu.sequence, have.Sequence)) {
		av1, err := media.NewAV1(bytes.Clone(tu.sequence))
		if err != nil {
			p.malformed(v, u)
			return nil
		}
		have = av1
		p.describe(v, av1, u.arrived)
	}
	if have == nil {
		p.drop(dropNoConfig)
		return nil
	}
	u.sync, u.data = tu.key, u.data[tu.delimiter:]
	if tu.key && tu.sequence == nil {
		u.data = append(bytes.Clone(have.Sequence), u.data...)
	}
	return p.takePicture(ctx, v, u)
}
