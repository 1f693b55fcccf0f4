package rung

import (
	"cmp"
	"slices"

	"sluice/media"
)

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
// where it's unknown or varies.
func ShapeOf(c media.Codec, frameRate float64, longGOP bool) Shape {
	sh := Shape{FrameRate: frameRate, LongGOP: longGOP}
	if p, ok := c.(media.Picture); ok {
		f := p.Format()
		sh.Width, sh.Height = f.Width, f.Height
		sh.SARWidth, sh.SARHeight = f.SARWidth, f.SARHeight
		sh.Chroma, sh.BitDepth = f.Chroma, f.BitDepth
	}
	return sh
}

// PricedRate is the frame rate by which work is priced.
func (sh Shape) PricedRate() float64 { return cmp.Or(known(sh.FrameRate), usualRate) }

// Rate is the output's frame rate where the source has that one.
func (o Output) Rate(source float64) float64 { return source / float64(max(1, o.Every)) }

// Equal reports whether two plans ask for the same to be made.
func (p Plan) Equal(o Plan) bool { return p.Hidden == o.Hidden && slices.Equal(p.Outputs, o.Outputs) }

// Plan says what the ladder makes of a source.
//
// The source is hidden, which is to say that a re-encoded rung of its own takes
// its place, where the list doesn't name it, where not every player shows its
// picture (not 4:2:0, more than 8 bits), where its keyframes are too far apart,
// and where it is taller than the ladder's top. An untouched ladder (Spec.Untouched)
// hides nothing: there's nothing to put in the source's place.
//
// Rungs keep the picture's shape, in square pixels; none is as large as the source
// that is shown, none is larger than one that isn't. What a list without source
// names above the source's size is replaced by one rung of its full size. The frame
// rate is divided by whole numbers: down to the rung's FPS, and where it has none
// and is 480p or less, to 30 or less.
//
// What the machine can carry is asked in one case: where the ladder leaves the
// choice to us. That is auto, always, within Offer.Free and Offer.Process; and a
// list where other ladders run already (Offer.Shared), within Offer.Free. A list that
// has the machine to itself is taken at its word. The costliest rung goes first.
// A hidden source keeps at least one.
func (s Spec) Plan(sh Shape, o Offer) Plan {
	if s.Untouched() || min(sh.Width, sh.Height) <= 0 || max(sh.Width, sh.Height) > maxSource {
		return Plan{}
	}
	sh.FrameRate = known(sh.FrameRate)
	d := draft{spec: s, shape: sh, picture: sh.picture(), offer: o}
	d.hide()
	d.build()
	d.cut()
	return d.Plan
}
