package slate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// form is what a track's loop depends on. Forms can be compared. Nothing in them is about a
// stream, so that streams of the same parameters share what is made.
type form struct {
	// Content is what is shown or heard: a picture's, or nothing for the built-in one and
	// for silence.
	Content string
	Codec   string
	// Rate, Frames and GOP are those of the picture; of a file's sound, the first two are
	// those of the picture that it belongs to, and of silence they are nothing.
	Rate        ffmpeg.Rate
	Frames, GOP int

	Width, Height, SARWidth, SARHeight int
	Profile                            string
	Colour                             ffmpeg.Colour

	SampleRate, Channels int
	// Config is the AudioSpecificConfig of HE-AAC, in hex (replication.go).
	Config string `json:",omitempty"`
}

// errNothing says that no encoder is known for a codec.
var errNothing = errors.New("nothing is known that encodes it")

// forms returns those of a stream's tracks, in their order. rates are how many pictures
// come in a second, of those tracks where that was measured.
func forms(tracks []media.Track, rates map[media.TrackID]float64, shown source, segment time.Duration) ([]form, error) {
	if len(tracks) == 0 || len(tracks) > maxTracks {
		return nil, fmt.Errorf("%d tracks", len(tracks))
	}
	beat := beatOf(tracks, rates, shown, segment)
	all := make([]form, len(tracks))
	for i, t := range tracks {
		var err error
		switch c := t.Codec.(type) {
		case media.Picture:
			all[i], err = pictures(c, beat, rateOf(c, rates[t.ID]))
			all[i].Content = shown.key()
		case media.Sound:
			all[i], err = sound(c)
			if shown.content.Sound && beat.known() && audible(tracks, i) {
				all[i].Content, all[i].Rate, all[i].Frames = shown.key(), beat.rate, beat.frames
			}
		default:
			err = errNothing
		}
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.ID, err)
		}
	}
	return all, nil
}

// audible reports whether a track of sound has the clip's: where there are several, all
// are silent, for nobody knows which language the clip is in.
func audible(tracks []media.Track, i int) bool {
	for j, t := range tracks {
		if j != i && t.Kind == media.Audio {
			return false
		}
	}
	return true
}

// beat is the loop's time: that of the first picture.
type beat struct {
	rate        ffmpeg.Rate
	gop, frames int
}

func (b beat) known() bool { return b.frames > 0 }

// rateOf is a picture's: the one that was measured, else what it declares, if either is to be
// believed.
func rateOf(p media.Picture, measured float64) ffmpeg.Rate {
	declared := p.Format().FrameRate
	switch {
	case believed(measured) && !near(measured, declared):
		return usual(measured)
	case believed(declared):
		return ffmpeg.RateOf(declared)
	}
	return ffmpeg.Rate{Num: usualRate, Den: 1}
}

func believed(fps float64) bool { return fps >= leastRate && fps <= mostRate }

// near reports whether rates are the same but for what is measured wrongly.
func near(measured, fps float64) bool { return math.Abs(measured-fps) < sameRate*fps }

// usual is what somebody may have set who sends at a measured rate. What comes at no constant
// one gets a whole number of pictures.
func usual(measured float64) ffmpeg.Rate {
	whole := math.Round(measured)
	for _, r := range [...]ffmpeg.Rate{
		{Num: int(whole), Den: 1}, {Num: int(math.Round(measured*1.001)) * 1000, Den: 1001}, {Num: int(math.Round(2 * measured)), Den: 2},
	} {
		if near(measured, perSecond(r)) {
			return r
		}
	}
	return ffmpeg.Rate{Num: int(whole), Den: 1}
}

func perSecond(r ffmpeg.Rate) float64 { return float64(r.Num) / float64(r.Den) }

// division is how many of the first picture's frames another one takes for one of its own,
// so that their keyframes are at the same times.
func (b beat) division(r ffmpeg.Rate) int {
	return min(max(int(math.Round(perSecond(b.rate)/perSecond(r))), 1), mostDivision)
}

// beatOf says how long the loop is: a whole number of GOPs, and these are the shortest which
// aren't shorter than a segment and are a whole number of frames in every size.
func beatOf(tracks []media.Track, rates map[media.TrackID]float64, shown source, segment time.Duration) (b beat) {
	multiple := 1
	for _, t := range tracks {
		p, ok := t.Codec.(media.Picture)
		if !ok {
			continue
		}
		rate := rateOf(p, rates[t.ID])
		if b.rate.Num == 0 {
			b.rate = rate
		}
		multiple = lcm(multiple, b.division(rate))
	}
	if b.rate.Num == 0 {
		return b
	}
	const rounding = 1e-9
	in := func(d time.Duration) float64 { return d.Seconds()*perSecond(b.rate) - rounding }
	b.gop = max(int(math.Ceil(in(segment)/float64(multiple))), 1) * multiple
	length := shown.length()
	b.frames = max(int(math.Ceil(in(length)/float64(b.gop))), 1) * b.gop
	return b
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// pictures is the form of a track of video at a rate.
func pictures(c media.Picture, b beat, rate ffmpeg.Rate) (form, error) {
	f := c.Format()
	if f.Width < 16 || f.Height < 16 || f.Width > maxSide || f.Height > maxSide {
		return form{}, fmt.Errorf("picture of %dx%d", f.Width, f.Height)
	}
	every := b.division(rate)
	o := form{
		Rate: ffmpeg.Rate{Num: b.rate.Num, Den: b.rate.Den * every}, Frames: b.frames / every, GOP: b.gop / every,
		Width: f.Width, Height: f.Height, SARWidth: max(f.SARWidth, 1), SARHeight: max(f.SARHeight, 1),
	}
	if o.SARWidth > 16*o.SARHeight || o.SARHeight > 16*o.SARWidth { // nobody has such pixels
		o.SARWidth, o.SARHeight = 1, 1
	}
	switch c := c.(type) {
	case *media.H264:
		o.Codec, o.Profile, o.Colour = string(rung.H264), profileOf(c), colourOfH264(c)
	case *media.HEVC:
		o.Codec, o.Colour = string(rung.HEVC), colourOfHEVC(c)
	case *media.AV1:
		o.Codec, o.Colour = string(rung.AV1), colourOfAV1(c)
	case *media.VP9:
		o.Codec = string(ffmpeg.VP9)
		o.Colour = ffmpeg.Colour{Primaries: c.Primaries, Transfer: c.Transfer, Matrix: c.Matrix, FullRange: c.FullRange}
	default:
		return form{}, fmt.Errorf("%s: %w", c.Name(), errNothing)
	}
	o.Colour = drawable(o.Colour)
	odd := o.Width%2 != 0 || o.Height%2 != 0
	if odd && o.Codec != string(rung.AV1) && o.Codec != string(ffmpeg.VP9) {
		return form{}, fmt.Errorf("%s of %dx%d: 4:2:0 has even sides", c.Name(), f.Width, f.Height)
	}
	return o, nil
}

// profileOf is the source's, or the highest below it that is encoded here.
func profileOf(c *media.H264) string {
	const baseline, mainProfile, extended = 66, 77, 88
	switch c.SPS[1] {
	case baseline, extended:
		return "baseline"
	case mainProfile:
		return "main"
	}
	return "high"
}

// drawable is a colour description as we can paint it: of high dynamic range we know
// nothing, and RGB isn't subsampled.
func drawable(c ffmpeg.Colour) ffmpeg.Colour {
	const bt709, rgb, pq, hlg = 1, 0, 16, 18
	if c.Transfer == pq || c.Transfer == hlg {
		return ffmpeg.Colour{Primaries: bt709, Transfer: bt709, Matrix: bt709, FullRange: c.FullRange}
	}
	known := func(v *uint8, most uint8) {
		const unspecified = 2
		if *v > most || *v == 0 || *v == 3 {
			*v = unspecified
		}
	}
	if c.Matrix == rgb && c.Primaries != 0 {
		c.Matrix = bt709
	}
	known(&c.Primaries, 12)
	known(&c.Transfer, 15)
	known(&c.Matrix, 9)
	if c.Matrix == 8 { // YCgCo
		c.Matrix = bt709
	}
	return c
}

func colourOfH264(c *media.H264) (o ffmpeg.Colour) {
	var s h264.SPS
	if err := s.Unmarshal(c.SPS); err != nil || s.VUI == nil || !s.VUI.VideoSignalTypePresentFlag {
		return o
	}
	o.FullRange = s.VUI.VideoFullRangeFlag
	if v := s.VUI; v.ColourDescriptionPresentFlag {
		o.Primaries, o.Transfer, o.Matrix = v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients
	}
	return o
}

func colourOfHEVC(c *media.HEVC) (o ffmpeg.Colour) {
	var s h265.SPS
	if err := s.Unmarshal(c.SPS); err != nil || s.VUI == nil || !s.VUI.VideoSignalTypePresentFlag {
		return o
	}
	o.FullRange = s.VUI.VideoFullRangeFlag
	if v := s.VUI; v.ColourDescriptionPresentFlag {
		o.Primaries, o.Transfer, o.Matrix = v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients
	}
	return o
}

func colourOfAV1(c *media.AV1) (o ffmpeg.Colour) {
	var s av1.SequenceHeader
	if err := s.Unmarshal(c.Sequence); err != nil {
		return o
	}
	k := s.ColorConfig
	o.FullRange = k.ColorRange
	if k.ColorDescriptionPresentFlag {
		o.Primaries, o.Transfer, o.Matrix = uint8(k.ColorPrimaries), uint8(k.TransferCharacteristics), uint8(k.MatrixCoefficients)
	}
	return o
}

// validate finds what no stream has: forms are read from files, too.
func (f form) validate() error {
	if f.SampleRate > 0 {
		c, ok := coders[f.Codec]
		switch {
		case !ok || c.layout(f.Channels) == "":
			return fmt.Errorf("%q of %d channels", f.Codec, f.Channels)
		case f.Config != "" && (f.configOf() == nil || replicated(f.configOf()) != f.Config):
			return fmt.Errorf("%q of configuration %q", f.Codec, f.Config)
		case f.SampleRate > maxSampleRate:
			return fmt.Errorf("sound of %d Hz", f.SampleRate)
		case f.silent():
			return nil
		}
		return f.validateTime()
	}
	if f.Width < 1 || f.Height < 1 || f.Width > maxSide || f.Height > maxSide || f.GOP < 1 || f.SampleRate < 0 {
		return fmt.Errorf("pictures of %dx%d, one of %d a keyframe", f.Width, f.Height, f.GOP)
	}
	return f.validateTime()
}

func (f form) validateTime() error {
	const most = 1 << 24
	if f.Rate.Num < 1 || f.Rate.Den < 1 || f.Rate.Num > most || f.Rate.Den > most || f.Frames < 1 || f.Frames > maxFrames {
		return fmt.Errorf("%d pictures at %v", f.Frames, f.Rate)
	}
	return nil
}

// String is for the log.
func (f form) String() string {
	if f.SampleRate > 0 {
		return fmt.Sprintf("%s %d Hz %d channels", f.Codec, f.SampleRate, f.Channels)
	}
	return fmt.Sprintf("%s %dx%d %.4g fps", f.Codec, f.Width, f.Height, perSecond(f.Rate))
}
