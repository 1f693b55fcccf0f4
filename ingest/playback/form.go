package playback

import (
	"fmt"

	"sluice/ingest/flv"
	"sluice/media"
	"sluice/packager/cmaf"
)

// FourCCs are codecs by the names that Enhanced RTMP gives them; "*" is all of them.
type FourCCs map[string]bool

func (f FourCCs) has(name string) bool { return f[name] || f["*"] }

// Takes is what a client said it can receive. All take H.264, AAC and MP3, which need
// no Enhanced RTMP.
type Takes struct{ Video, Audio FourCCs }

// form is how the samples of a track become tags.
type form struct {
	kind     media.Kind
	video    flv.VideoCodec
	audio    flv.AudioCodec
	flags    uint8 // of an audio tag
	enhanced bool
	config   []byte // the configuration; nil where the codec has none
	codec    media.Codec
}

// formOf finds the form of a track, or returns false: the client can't take it, or
// nobody could.
func (t Takes) formOf(track media.Track) (form, bool) {
	f := form{kind: track.Kind, codec: track.Codec}
	switch c := track.Codec.(type) {
	case *media.H264:
		f.video = flv.VideoAVC
	case *media.HEVC:
		f.video, f.enhanced = flv.VideoHEVC, true
	case *media.AV1:
		f.video, f.enhanced = flv.VideoAV1, true
	case *media.VP9:
		f.video, f.enhanced = flv.VideoVP9, true
	default:
		return t.soundForm(f, c)
	}
	var err error
	if f.config, err = cmaf.Configuration(track); err != nil {
		return form{}, false
	}
	return f, !f.enhanced || t.Video.has(f.video.FourCC())
}

func (t Takes) soundForm(f form, codec media.Codec) (form, bool) {
	const any = 15 // what AAC's tags say, and what enhanced ones don't
	f.flags = any
	switch c := codec.(type) {
	case *media.AAC:
		f.audio, f.config = flv.AudioAAC, c.Raw
	case *media.MP3:
		f.audio, f.flags = layerIII(c)
	case *media.Opus:
		f.audio, f.enhanced, f.config = flv.AudioOpus, true, c.Head()
	case *media.FLAC:
		f.audio, f.enhanced, f.config = flv.AudioFLAC, true, c.Head()
	// Each frame of Dolby's says all. There are players that wait for a configuration,
	// though (MediaMTX), so there's one with nothing in it.
	case *media.AC3:
		f.audio, f.enhanced, f.config = flv.AudioAC3, true, []byte{}
	case *media.EAC3:
		f.audio, f.enhanced, f.config = flv.AudioEAC3, true, []byte{}
	default:
		return form{}, false
	}
	return f, !f.enhanced || t.Audio.has(f.audio.FourCC())
}

// layerIII is how FLV says what MP3 sounds like: rate, 16 bits, channels. It has no
// number for most rates; frames say theirs.
func layerIII(c *media.MP3) (flv.AudioCodec, uint8) {
	const stereo, bits16 = 1, 2
	rate, channels := c.Output()
	flags := uint8(bits16)
	if channels > 1 {
		flags |= stereo
	}
	switch {
	case rate == 8000:
		return flv.AudioMP38k, flags
	case rate >= 32_000:
		flags |= 3 << 2
	case rate > 12_000:
		flags |= 2 << 2
	default:
		flags |= 1 << 2
	}
	return flv.AudioMP3, flags
}

// appendTo appends a tag with that payload; cts is of a picture, in milliseconds.
func (f *form) appendTo(dst []byte, p flv.Packet, sync bool, cts int32, payload []byte) []byte {
	if f.kind == media.Audio {
		return flv.AudioTag{Codec: f.audio, Packet: p, Flags: f.flags, Enhanced: f.enhanced, Payload: payload}.AppendTo(dst)
	}
	t := flv.VideoTag{Frame: flv.FrameInter, Codec: f.video, Packet: p, CompositionTime: cts, Enhanced: f.enhanced, Payload: payload}
	if sync {
		t.Frame = flv.FrameKey
	}
	return t.AppendTo(dst)
}

// number is the codec in metadata: FLV's number, or the FourCC as one.
func (f *form) number() float64 {
	if f.kind == media.Audio {
		return float64(f.audio)
	}
	return float64(f.video)
}

// String names the form for errors.
func (f *form) String() string { return fmt.Sprintf("%s of %s", f.kind, f.codec.Name()) }
