package ffmpeg

import (
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
	// From is the feed PTS before which nothing comes out; 0: all. Where the
	// output takes one of several frames, these are counted from the source's
	// IDR (with Grid: from the first frame of a Grid), whatever From is.
	From media.Ticks
}

// AudioJob makes AAC-LC out of one track of sound, gapless: where packets are
// missing or overlap by more than a tenth of a second, silence is put in or
// sound is taken out, so that a sample's place in the output is its time.
//
// The time base of the output is 1/SampleRate, a packet holds 1024 samples, and
// their PTS are From + n*1024 for n from -1: that first packet is the encoder's
// priming. Whoever reads the output drops what is before From. From itself is
// a multiple of 1024 from where the output once began, so that a process that
// is started again goes on on the same grid.
type AudioJob struct {
	SampleRate int // of the output, in Hz
	Channels   int // of the output
	Bitrate    int // in bits a second
	// From is the feed PTS, in 1/SampleRate, at which the output starts. There is
	// silence from there to the first sound.
	From media.Ticks
}
