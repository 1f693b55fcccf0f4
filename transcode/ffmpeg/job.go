package ffmpeg

import (
	"errors"
	"fmt"

	"sluice/media"
	"sluice/transcode/rung"
)

// Job is what one process does: either Video or Audio is set.
type Job struct {
	Video *VideoJob
	Audio *AudioJob
}

// VideoJob makes several pictures of one, which is decoded once.
type VideoJob struct {
	Outputs []Output
	// Grid, where it isn't 0, is a span of feed time in VideoClock ticks: an IDR
	// picture is forced at each first frame whose PTS/Grid, rounded down, is a
	// new number, in every output at the same ones. Where it is 0, IDR pictures
	// stand where the source has them.
	Grid media.Ticks
	// First is the PTS of the first sample that will be fed; only Grid needs it.
	First media.Ticks
	// FrameRate is the source's in frames a second, nominally; 0 where nobody
	// knows. Encoders take it for their caps and write it into the SPS. No
	// frame's time depends on it.
	FrameRate float64
}

// Output is one of its pictures.
type Output struct {
	rung.Output
	// Encoder is ffmpeg's name of it, as Encoders.For returns it.
	Encoder string
	// From is the feed PTS before which nothing comes out; 0: all. With Grid, the
	// first frame that is fed comes out all the same, and is to be dropped. Where
	// the output takes one of several frames, these are counted from the
	// source's IDR (with Grid: from the first frame of a Grid), whatever From is.
	From media.Ticks
}

// AudioJob makes AAC-LC out of one track of sound (cmaf's of MP3, one fragment
// for each frame), gapless: where packets are missing or overlap by more than
// 20 ms, silence is put in or sound taken out, so that a sample's place in the
// output is its time.
//
// The time base of the output is 1/SampleRate, a packet holds 1024 samples, and
// their PTS are From + n*1024 for n from -1 or less: what comes before From is
// for the encoder, and whoever reads the output drops it. Nothing here does.
//
// The first process is fed from From on, which is its first frame's PTS. One
// that goes on after it has a From of some multiple of 1024 later, the PTS that
// is expected next, and is fed from at least Lead before it; then nobody hears
// the seam. What is fed from somewhere between isn't on that grid.
type AudioJob struct {
	SampleRate int // of the output, in Hz; the source's, if that will do
	Channels   int // of the output
	Bitrate    int // in bits a second
	// From is the feed PTS, in 1/SampleRate, at which the output starts; at least
	// 1024, as NUT has no times below 0.
	From media.Ticks
}

// frameLength is how many samples an AAC frame holds.
const frameLength = 1024

// warmUp is the sound that is encoded before From, where there's some: after
// silence an encoder takes other windows than in the middle.
const warmUp = 2 * frameLength

// Lead is the sound that a process needs before the first that it gives back,
// in samples: for the encoder, and because a frame of MP3 refers to bits of the
// one or two before it and overlaps with it.
const Lead media.Ticks = warmUp + 3*1152

// outputs is how many a job has.
func (j Job) outputs() int {
	if j.Video != nil {
		return len(j.Video.Outputs)
	}
	return 1
}

// validate finds what would make ffmpeg's answer hard to understand.
func (j Job) validate() error {
	switch {
	case (j.Video == nil) == (j.Audio == nil):
		return errors.New("a job is for either pictures or sound")
	case j.Audio != nil:
		return j.Audio.validate()
	case len(j.Video.Outputs) == 0 || len(j.Video.Outputs) > maxOutputs:
		return fmt.Errorf("job of %d outputs", len(j.Video.Outputs))
	case j.Video.Grid < 0:
		return fmt.Errorf("grid of %d", j.Video.Grid)
	}
	for _, o := range j.Video.Outputs {
		switch {
		case encoderNamed(o.Encoder) == nil:
			return fmt.Errorf("output %s: no encoder %q", o.Name, o.Encoder)
		case o.Width <= 0 || o.Height <= 0 || o.Width%2 != 0 || o.Height%2 != 0:
			return fmt.Errorf("output %s: picture of %dx%d", o.Name, o.Width, o.Height)
		case o.Every < 1 || o.Bitrate <= 0:
			return fmt.Errorf("output %s: one of %d frames at %d b/s", o.Name, o.Every, o.Bitrate)
		}
	}
	return nil
}

func (a AudioJob) validate() error {
	if a.SampleRate <= 0 || a.Channels <= 0 || a.Bitrate <= 0 || a.From < frameLength {
		return fmt.Errorf("sound of %d Hz, %d channels, %d b/s from %d", a.SampleRate, a.Channels, a.Bitrate, a.From)
	}
	return nil
}
