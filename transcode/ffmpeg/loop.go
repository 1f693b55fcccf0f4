package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice/transcode/rung"
)

// Loop is a job that isn't live: a stretch of pictures or of sound, encoded as fast as
// the machine likes, which somebody plays over and over. Either Pictures or Sound is
// set.
type Loop struct {
	// File is a picture or clip, as ffmpeg reads it. Where it's empty, pictures are
	// written to the process, frame after frame in planar YUV 4:2:0, and the sound is
	// silence.
	File string
	// Longest is how much is read of a file; it goes on with its last picture, and with
	// silence.
	Longest  time.Duration
	Pictures *LoopPictures
	Sound    *LoopSound
}

// LoopPictures are Frames pictures. They come out without B-frames, with a keyframe at
// each multiple of GOP, and with times that count frames.
type LoopPictures struct {
	// Encoder is one of those that LoopEncoders names.
	Encoder string
	// Width and Height are in pixels, of the shape SARWidth to SARHeight. A file's picture
	// keeps its shape, in the middle of black.
	Width, Height, SARWidth, SARHeight int
	Rate                               Rate
	Frames, GOP                        int
	Profile                            string // empty: the encoder's
	Bitrate                            int    // the cap, in bits a second
	Colour                             Colour
}

// Colour says what the numbers of a picture mean, as ITU-T H.273 numbers it; zero and 2
// are nothing. Pictures that are written are as it says.
type Colour struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

// LoopSound comes out with the times of its samples: what is decoded of a packet whose PTS is
// Origin is the first sample. Packets before hold what an encoder has ahead.
type LoopSound struct {
	Encoder    string // as in "aac"
	SampleRate int    // in Hz
	Layout     string // ffmpeg's name of the channels, as in "stereo"
	Bitrate    int    // in bits a second; 0: the encoder's
	Options    []string
	// Length of all, in samples. A file's sound ends before Content, and begins and ends
	// softly within Fade; the rest is silence.
	Length, Content, Fade int
}

// Origin is the PTS of a LoopSound's first sample. NUT has no times below 0, and
// encoders begin up to a few thousand samples early.
const Origin = 16 << 10

// LoopEncoders returns those that make pictures for a loop, the preferred one first. They
// may not be built in. The codec VP9 is no rung's.
func LoopEncoders(c rung.Codec) []string {
	switch c {
	case rung.H264:
		return []string{"libx264"}
	case rung.HEVC:
		return []string{"libx265"}
	case rung.AV1:
		return []string{"libaom-av1", "libsvtav1"}
	case VP9:
		return []string{vpx.name}
	}
	return nil
}

// VP9 is a codec of loops.
const VP9 rung.Codec = "vp9"

// vpx isn't used for ladders, and so isn't tried for them.
var vpx = &encoder{name: "libvpx-vp9", codec: VP9, family: rung.Libx264, options: func(o Output, _ Rate) []string {
	return []string{
		"-deadline", "good", "-cpu-used", "5", "-lag-in-frames", "0", "-auto-alt-ref", "0", "-row-mt", "0",
		"-threads", "1", "-pix_fmt", "yuv420p", "-crf", "30", "-b:v", bits(o.Bitrate), "-bufsize", bits(2 * o.Bitrate),
	}
}}

// Loops are small, and there's time: what ladders can't afford.
var (
	loopPresets = map[string]string{"libx264": "veryfast"}
	loopQuality = map[string][]string{"libx264": {"-crf", "20"}, "libx265": {"-crf", "24"}}
)

func loopEncoder(name string) *encoder {
	if name == vpx.name {
		return vpx
	}
	return encoderNamed(name)
}

// StartLoop runs a Loop, which has one output. The process is killed when ctx ends.
func (t *Tool) StartLoop(ctx context.Context, l Loop) (*Process, error) {
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	return t.run(ctx, 1, l.arguments)
}

func (l Loop) validate() error {
	switch p, s := l.Pictures, l.Sound; {
	case (p == nil) == (s == nil):
		return errors.New("a loop is of either pictures or sound")
	case s != nil && (s.SampleRate <= 0 || s.Length <= 0 || s.Fade < 0 || s.Content < 2*s.Fade || s.Length < s.Content):
		return fmt.Errorf("loop of sound of %d Hz, %d samples, %d of them a file's", s.SampleRate, s.Length, s.Content)
	case s != nil:
		return nil
	case loopEncoder(p.Encoder) == nil:
		return fmt.Errorf("no encoder %q", p.Encoder)
	case p.Width <= 0 || p.Height <= 0 || p.SARWidth <= 0 || p.SARHeight <= 0:
		return fmt.Errorf("loop of %dx%d with pixels of %d:%d", p.Width, p.Height, p.SARWidth, p.SARHeight)
	case !p.Rate.Known() || p.Frames <= 0 || p.GOP <= 0 || p.Bitrate <= 0:
		return fmt.Errorf("loop of %d pictures at %v", p.Frames, p.Rate)
	}
	return nil
}

func (l Loop) arguments(u urls) []string {
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"}
	if u.progress != "" {
		args = append(args, "-progress", u.progress, "-stats_period", progressPeriod)
	}
	if l.Pictures != nil {
		args = append(args, l.Pictures.arguments(l)...)
	} else {
		args = append(args, l.Sound.arguments(l)...)
	}
	return append(args, "-map_metadata", "-1", "-map_chapters", "-1", "-avoid_negative_ts", "disabled",
		"-write_index", "0", "-f", "nut", u.outputs[0])
}

// fromFile reads a file, and nothing that it may refer to elsewhere.
func fromFile(path string, longest time.Duration) []string {
	return []string{
		"-protocol_whitelist", "file", "-t", strconv.FormatFloat(longest.Seconds(), 'f', -1, 64), "-i", "file:" + path,
	}
}

func (p *LoopPictures) arguments(l Loop) []string {
	var args []string
	size := fmt.Sprintf("%dx%d", p.Width, p.Height)
	if l.File == "" {
		args = append(args, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", size, "-framerate", p.Rate.String(), "-i", "pipe:0")
	} else {
		args = append(args, "-threads", "1")
		args = append(args, fromFile(l.File, l.Longest)...)
	}
	e := loopEncoder(p.Encoder)
	args = append(args, "-filter_threads", "1", "-filter_complex", p.graph(l.File), "-map", "[out]", "-frames:v", strconv.Itoa(p.Frames), "-c:v", e.name)
	args = append(args, e.options(Output{Output: rung.Output{Bitrate: p.Bitrate, Codec: e.codec, Preset: loopPresets[e.name]}}, p.Rate)...)
	args = append(args, loopQuality[e.name]...)
	if p.Profile != "" {
		args = append(args, "-profile:v", p.Profile)
	}
	gop := strconv.Itoa(p.GOP)
	args = append(args, p.Colour.arguments()...)
	args = append(args, "-g", gop, "-force_key_frames", "expr:not(mod(n,"+gop+"))", "-fps_mode", "passthrough")
	if e.bitstream != "" {
		args = append(args, "-bsf:v", e.bitstream)
	}
	return args
}

// graph returns the filters: a file's picture lies over black, in the middle, and stays
// when the file has ended.
func (p *LoopPictures) graph(file string) string {
	tag := p.Colour.filter() + fmt.Sprintf(",setsar=%d/%d[out]", p.SARWidth, p.SARHeight)
	if file == "" {
		return "[0:v]" + tag
	}
	// The picture is as wide as dar says, in pixels of our shape.
	shape := fmt.Sprintf("(%d/%d)", p.SARWidth, p.SARHeight)
	fit := fmt.Sprintf("scale=w='2*max(1,round(min(%d,%d*dar/%s)/2))':h='2*max(1,round(min(%d,%d*%s/dar)/2))'"+
		":flags=bicubic:out_color_matrix=%s:out_range=tv", p.Width, p.Height, shape, p.Height, p.Width, shape, p.Colour.matrix(p.Height))
	// Filters make sides even that aren't.
	black := fmt.Sprintf("color=c=black:s=%dx%d:r=%s", (p.Width+1)&^1, (p.Height+1)&^1, p.Rate)
	last := ""
	if p.Width%2 != 0 || p.Height%2 != 0 {
		last = fmt.Sprintf("crop=%d:%d:0:0:exact=1,", p.Width, p.Height)
	}
	if p.Colour.FullRange {
		last += "scale=in_range=tv:out_range=pc,"
	}
	return black + ",format=yuv420p[black];" +
		"[0:v]setpts=PTS-STARTPTS," + fit + ",format=yuva420p[fit];" +
		"[black][fit]overlay=x=(W-w)/2:y=(H-h)/2:eof_action=repeat,format=yuv420p," + last + tag
}

// unsaid is what ITU-T H.273 calls what nothing is known of.
const unsaid = 2

func described(v uint8) string {
	if v == 0 {
		v = unsaid
	}
	return strconv.Itoa(int(v))
}

// ranges are ffmpeg's numbers.
func (c Colour) rangeNumber() string {
	if c.FullRange {
		return "2"
	}
	return "1"
}

func (c Colour) arguments() []string {
	return []string{
		"-color_range", c.rangeNumber(), "-color_primaries", described(c.Primaries), "-color_trc", described(c.Transfer), "-colorspace", described(c.Matrix),
	}
}

// filter says it of each frame.
func (c Colour) filter() string {
	return fmt.Sprintf("setparams=range=%s:color_primaries=%s:color_trc=%s:colorspace=%s",
		c.rangeNumber(), described(c.Primaries), described(c.Transfer), described(c.Matrix))
}

// highDefinition is the height from which on players take unsaid colours for BT.709's.
const highDefinition = 720

// Luma are the weights of red and blue in luma, by the matrix; where it isn't known, players
// go by the height.
func (c Colour) Luma(height int) (red, blue float64) {
	switch c.matrix(height) {
	case "bt2020":
		return 0.2627, 0.0593
	case "bt601":
		return 0.299, 0.114
	}
	return 0.2126, 0.0722
}

func (c Colour) matrix(height int) string {
	switch c.Matrix {
	case 9, 10:
		return "bt2020"
	case 4, 5, 6:
		return "bt601"
	case 0, unsaid:
		if height < highDefinition {
			return "bt601"
		}
	}
	return "bt709"
}

func (s *LoopSound) arguments(l Loop) []string {
	var args []string
	filters := fmt.Sprintf("atrim=end_sample=%d,asetpts=N+%d", s.Length, Origin)
	form := fmt.Sprintf("aformat=sample_rates=%d:channel_layouts=%s", s.SampleRate, s.Layout)
	if l.File == "" {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("anullsrc=r=%d:cl=%s", s.SampleRate, s.Layout), "-map", "0:a")
		filters = form + "," + filters
	} else {
		args = append(args, "-threads", "1", "-vn")
		args = append(args, fromFile(l.File, l.Longest)...)
		args = append(args, "-map", "0:a:0")
		filters = fmt.Sprintf("aresample=%d:async=1:first_pts=0,%s,apad,atrim=end_sample=%d,"+
			"afade=t=in:ns=%d,afade=t=out:ss=%d:ns=%d,apad,%s",
			s.SampleRate, form, s.Content, max(s.Fade, 1), s.Content-s.Fade, max(s.Fade, 1), filters)
	}
	args = append(args, "-af", filters, "-c:a", s.Encoder, "-ar", strconv.Itoa(s.SampleRate))
	if s.Bitrate > 0 {
		args = append(args, "-b:a", strconv.Itoa(s.Bitrate))
	}
	return append(args, s.Options...)
}
