package rung

import "sluice/media"

// Shape is what a plan must know of a source's picture.
type Shape struct {
	Width, Height       int     // of the cropped picture, in its own pixels
	SARWidth, SARHeight int     // the shape of a pixel; zero is 1:1
	FrameRate           float64 // in frames a second; 0 where it's unknown or varies
	Chroma              media.Chroma
	BitDepth            int  // the larger of luma's and chroma's; 0 is 8
	LongGOP             bool // keyframes are farther apart than TARGETDURATION
}

// Costs tells what work costs in real time, in CPU-seconds for each second of
// the stream.
type Costs interface {
	// Decode is for a picture of so many pixels by so many at fps frames a second.
	Decode(width, height int, fps float64) float64
	// Encode includes the scaling; fps is the rung's own rate.
	Encode(o Output, fps float64) float64
}

// Offer is what a machine has for a ladder.
type Offer struct {
	Codecs []Codec // that can be encoded; the first is preferred where H.264 isn't there
	// Costs prices the work; nil means that nothing is known, and nothing is cut.
	Costs Costs
	// Free is how many CPU-seconds a second the ladder may take, and Process
	// how many one process can use at most; 0 is no bound for Process only.
	Free, Process float64
	// Overhead is what a ladder costs beside decoding and encoding.
	Overhead float64
	// Shared says that other ladders run already. See Plan.
	Shared bool
}

// Plan is what a ladder makes of a source. Outputs are to be encoded, the
// highest first.
type Plan struct {
	Hidden  bool   // the source isn't shown as it is: the first output leads
	Why     string // why it is hidden
	Outputs []Output
	Dropped []Dropped // rungs asked for that aren't made
	Cost    float64   // in CPU-seconds a second; 0 where there are no outputs
}

// Output is one rung to be encoded. Outputs may be compared.
type Output struct {
	Name            string
	Width, Height   int // in square pixels, even
	Every           int // one of so many of the source's frames, from 1
	Bitrate         int // in bits a second
	CBR             bool
	Codec           Codec
	Profile, Preset string // empty: the encoder's default here
}

// Dropped is a rung that isn't made, and why.
type Dropped struct{ Name, Why string }

// ShapeOf returns the shape of a source: frameRate as measured or declared, 0
// where neither is known.
func ShapeOf(c media.Codec, frameRate float64, longGOP bool) Shape { panic("being written") }

// Rate is the output's frame rate for a source of the given one.
func (o Output) Rate(source float64) float64 { panic("being written") }

// Equal reports whether two plans ask for the same to be made.
func (p Plan) Equal(o Plan) bool { panic("being written") }

// Plan says what the ladder makes of a source.
func (s Spec) Plan(sh Shape, o Offer) Plan { panic("being written") }
