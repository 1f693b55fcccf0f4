package slate

import (
	"fmt"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// coder is how sound of a codec is encoded. None of its frames needs the one before, but
// to overlap with it.
type coder struct {
	encoder string
	options []string
	// layouts are ffmpeg's names of so many channels, from one on; empty where there's none.
	layouts []string
	// frame is how many samples an access unit has.
	frame func(rate int) media.Ticks
	// bitrate is what so many channels get, in bits a second; 0 is the encoder's choice.
	bitrate func(rate, channels int) int
}

var coders = map[string]coder{
	"aac": {
		"aac", []string{"-profile:a", "aac_low"},
		[]string{"mono", "stereo", "3.0", "4.0", "5.0", "5.1", "", "7.1(wide)"}, // ISO/IEC 14496-3 table 1.19
		always(1024), func(_, channels int) int { return 64_000 * channels },
	},
	"opus": {
		"libopus", []string{"-frame_duration", "20"},
		[]string{"mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"}, // RFC 7845 §5.1.1.2
		always(960), func(_, channels int) int { return 48_000 * channels },
	},
	"mp3": {
		"libmp3lame", []string{"-reservoir", "0"}, []string{"mono", "stereo"}, mp3Frame,
		func(rate, channels int) int {
			if rate < 32_000 { // MPEG-2.5 has 64 kb/s at most
				return 32_000 * channels
			}
			return 64_000 * channels
		},
	},
	"ac3":  {"ac3", nil, dolby, always(1536), dolbyBitrate},
	"eac3": {"eac3", nil, dolby, always(1536), dolbyBitrate},
	"flac": {
		"flac", []string{"-sample_fmt", "s16", "-frame_size", "4096"}, []string{"mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"}, // RFC 9639 §9.1.3
		always(4096), func(int, int) int { return 0 },
	},
}

func always(frame media.Ticks) func(int) media.Ticks { return func(int) media.Ticks { return frame } }

func mp3Frame(rate int) media.Ticks {
	if c, err := media.NewMP3(rate, 1); err == nil {
		return c.FrameLength()
	}
	return 1
}

// dolby are those of ETSI TS 102 366 §4.4.2.3.
var dolby = []string{"mono", "stereo", "3.0", "quad", "5.0(side)", "5.1(side)"}

// dolbyBitrate is one that §F.1 has.
func dolbyBitrate(_, channels int) int {
	return []int{96_000, 192_000, 256_000, 320_000, 384_000, 448_000}[min(max(channels, 1), 6)-1]
}

// layout names the channels; empty where the codec can't have so many.
func (c coder) layout(channels int) string {
	if channels < 1 || channels > len(c.layouts) {
		return ""
	}
	return c.layouts[channels-1]
}

// sound is the form of silence for a track of sound.
func sound(c media.Sound) (form, error) {
	f := form{SampleRate: c.SampleRate()}
	_, f.Channels = c.Output()
	switch c := c.(type) {
	case *media.AAC: // of HE-AAC that can't be made it's the core, at its rate
		f.Codec, f.Config = "aac", replicated(c)
	case *media.Opus:
		f.Codec = "opus"
	case *media.MP3:
		f.Codec = "mp3"
	case *media.AC3:
		f.Codec = "ac3"
	case *media.EAC3:
		f.Codec = "eac3"
	case *media.FLAC:
		f.Codec = "flac"
	default:
		return form{}, fmt.Errorf("%s: %w", c.Name(), errNothing)
	}
	if f.Channels == 0 { // the stream itself says it
		f.Channels = 2
	}
	if coders[f.Codec].layout(f.Channels) == "" {
		return form{}, fmt.Errorf("%s of %d channels: %w", c.Name(), f.Channels, errNothing)
	}
	return f, nil
}

// silent reports whether the form is that of silence.
func (f form) silent() bool { return f.SampleRate > 0 && f.Content == "" }

// loopSamples is how long the loop of a file's sound is, in samples, to the nearest.
func (f form) loopSamples() media.Ticks {
	return f.elapsed(int64(f.Frames), media.Timescale(f.SampleRate))
}

// elapsed is how long so many frames of the picture last, to the nearest tick.
func (f form) elapsed(frames int64, ts media.Timescale) media.Ticks {
	return media.Ticks(frames*int64(f.Rate.Den)).Rescale(media.Timescale(f.Rate.Num), ts)
}

// soundJob says how to make a loop, and which packets of it are wanted: so many, of a frame each,
// the first of them that whose PTS is above after.
func (f form) soundJob(shown source) (job ffmpeg.Loop, after media.Ticks, packets int) {
	c, frame := coders[f.Codec], f.soundFrame()
	s := &ffmpeg.LoopSound{
		Encoder: c.encoder, SampleRate: f.SampleRate, Layout: c.layout(f.coded()),
		Bitrate: c.bitrate(f.SampleRate, f.coded()), Options: c.options,
	}
	const spare = 4 // what encoders look ahead
	if f.silent() {
		s.Length = (settled + silentFrames + spare) * int(frame)
		return ffmpeg.Loop{Sound: s}, ffmpeg.Origin + settled*frame, silentFrames
	}
	// In some loops the last frame is left out, so that the sound keeps up with the picture.
	// It and the one before are silent.
	packets = f.soundFrames()
	s.Length = (packets + spare) * int(frame)
	heard := media.TicksOf(shown.content.Length, media.Timescale(f.SampleRate))
	s.Content = int(max(min(heard, media.Ticks(packets-3)*frame), 1))
	s.Fade = min(f.SampleRate/50, s.Content/2)
	return ffmpeg.Loop{File: shown.path, Longest: longest, Sound: s}, ffmpeg.Origin - frame, packets
}

// soundFrames is how many frames the longest of a file's loops has.
func (f form) soundFrames() int {
	frame := f.soundFrame()
	return int((f.loopSamples()+frame-1)/frame) + 1
}

// soundFrame is how many samples a frame has.
func (f form) soundFrame() media.Ticks { return coders[f.Codec].frame(f.SampleRate) }
