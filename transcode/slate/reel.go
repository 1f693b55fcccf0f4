package slate

import (
	"errors"
	"fmt"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// reel is one track's loop. It's immutable.
type reel struct {
	form   form
	codec  media.Codec
	frames []frame
	length media.Ticks // of a frame of sound, in samples
	bytes  int
}

// frame is a sample's data.
type frame struct {
	sync bool
	data []byte
}

// newReel checks that frames are a loop of that form. sets are what describes the codec
// (setsOf); some codecs are described by their frames.
func newReel(f form, sets [][]byte, frames []frame) (*reel, error) {
	r := &reel{form: f, frames: frames}
	if len(frames) == 0 || len(frames) > maxFrames {
		return nil, fmt.Errorf("loop of %d frames", len(frames))
	}
	for i := range frames {
		if len(frames[i].data) == 0 {
			return nil, fmt.Errorf("frame %d is empty", i)
		}
		r.bytes += len(frames[i].data)
	}
	if r.bytes > maxReel {
		return nil, fmt.Errorf("loop of %d bytes", r.bytes)
	}
	var err error
	if r.codec, err = codecOf(f, sets, frames[0].data); err != nil {
		return nil, err
	}
	switch c := r.codec.(type) {
	case media.Picture:
		return r, r.checkPictures(c)
	case media.Sound:
		return r, r.checkSound(c)
	}
	return nil, errNothing
}

// codecOf is the codec of what setsOf describes, and of the first frame.
func codecOf(f form, sets [][]byte, first []byte) (media.Codec, error) {
	want := map[string]int{"h264": 2, "hevc": 3, "av1": 1, "aac": 1, "opus": 1, "flac": 1}[f.Codec]
	if len(sets) != want {
		return nil, fmt.Errorf("%s: %d parameter sets", f.Codec, len(sets))
	}
	switch f.Codec {
	case string(rung.H264):
		return media.NewH264(sets[0], sets[1])
	case string(rung.HEVC):
		return media.NewHEVC(sets[0], sets[1], sets[2])
	case string(rung.AV1):
		return media.NewAV1(sets[0])
	case string(ffmpeg.VP9):
		return media.NewVP9(first, media.VP9Hints{Primaries: f.Colour.Primaries, Transfer: f.Colour.Transfer, Matrix: f.Colour.Matrix})
	case "aac":
		return media.NewAAC(sets[0])
	case "opus":
		c, err := media.NewOpus(sets[0])
		if err == nil {
			c.PreSkip = 0 // what a decoder would leave out isn't there
		}
		return c, err
	case "flac":
		return media.NewFLAC(sets[0])
	case "mp3":
		return media.NewMP3(f.SampleRate, f.Channels)
	case "ac3":
		return media.NewAC3(first)
	case "eac3":
		return media.NewEAC3(first)
	}
	return nil, errNothing
}

// setsOf is what has to be kept of a codec, so that codecOf makes the same again.
func setsOf(c media.Codec) [][]byte {
	switch c := c.(type) {
	case *media.H264:
		return [][]byte{c.SPS, c.PPS}
	case *media.HEVC:
		return [][]byte{c.VPS, c.SPS, c.PPS}
	case *media.AV1:
		return [][]byte{c.Sequence}
	case *media.AAC:
		return [][]byte{c.Raw}
	case *media.Opus:
		return [][]byte{c.Head()}
	case *media.FLAC:
		return [][]byte{c.StreamInfo}
	}
	return nil
}

func (r *reel) checkPictures(c media.Picture) error {
	f, got := r.form, c.Format()
	switch {
	case got.Width != f.Width || got.Height != f.Height:
		return fmt.Errorf("picture of %dx%d", got.Width, got.Height)
	case len(r.frames) != f.Frames:
		return fmt.Errorf("%d of %d pictures", len(r.frames), f.Frames)
	}
	for i := range r.frames {
		if r.frames[i].sync != (i%f.GOP == 0) {
			return fmt.Errorf("keyframes aren't where they are to be: %v at picture %d", r.frames[i].sync, i)
		}
	}
	return nil
}

func (r *reel) checkSound(c media.Sound) error {
	f := r.form
	_, channels := c.Output()
	want := silentFrames
	if !f.silent() {
		want = f.soundFrames()
	}
	r.length = c.FrameLength()
	switch {
	case c.SampleRate() != f.SampleRate || channels != f.Channels:
		return fmt.Errorf("sound of %d Hz and %d channels", c.SampleRate(), channels)
	case r.length != f.soundFrame():
		return fmt.Errorf("frames of %d samples", r.length)
	case len(r.frames) != want:
		return fmt.Errorf("%d of %d frames of sound", len(r.frames), want)
	}
	for i := range r.frames {
		if !r.frames[i].sync {
			return errors.New("frame of sound that isn't one to start at")
		}
	}
	return nil
}
