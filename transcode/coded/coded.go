package coded

import (
	"bytes"
	"fmt"

	"sluice/media"
	"sluice/transcode/annexb"
	"sluice/transcode/obu"
	"sluice/transcode/rung"
)

// Unpack returns the data of a packet's sample, and the codec that the packet's
// parameter sets describe. That is have, which may be nil, where they are the
// same or aren't there.
func Unpack(c rung.Codec, packet []byte, have media.Codec) (data []byte, codec media.Codec, err error) {
	switch c {
	case rung.H264:
		return h264(packet, have)
	case rung.HEVC:
		return hevc(packet, have)
	case rung.AV1:
		return av1(packet, have)
	}
	return nil, have, fmt.Errorf("packet of codec %q", c)
}

// What is described outlives the packet: it gets bytes of its own.

func h264(packet []byte, have media.Codec) ([]byte, media.Codec, error) {
	data, sps, pps, err := annexb.AppendLengthPrefixed(make([]byte, 0, annexb.MaxSize(packet)), packet)
	if err != nil || sps == nil || pps == nil || have != nil && have.Equal(&media.H264{SPS: sps, PPS: pps}) {
		return data, have, err
	}
	codec, err := media.NewH264(bytes.Clone(sps), bytes.Clone(pps))
	if err != nil {
		return nil, have, err
	}
	return data, codec, nil
}

func hevc(packet []byte, have media.Codec) ([]byte, media.Codec, error) {
	data, vps, sps, pps, err := annexb.AppendLengthPrefixedHEVC(make([]byte, 0, annexb.MaxSize(packet)), packet)
	if err != nil || vps == nil || sps == nil || pps == nil ||
		have != nil && have.Equal(&media.HEVC{VPS: vps, SPS: sps, PPS: pps}) {
		return data, have, err
	}
	codec, err := media.NewHEVC(bytes.Clone(vps), bytes.Clone(sps), bytes.Clone(pps))
	if err != nil {
		return nil, have, err
	}
	return data, codec, nil
}

func av1(packet []byte, have media.Codec) ([]byte, media.Codec, error) {
	data, sequence, err := obu.AppendSample(make([]byte, 0, len(packet)), packet)
	if err != nil || sequence == nil || have != nil && have.Equal(&media.AV1{Sequence: sequence}) {
		return data, have, err
	}
	codec, err := media.NewAV1(bytes.Clone(sequence))
	if err != nil {
		return nil, have, err
	}
	return data, codec, nil
}
