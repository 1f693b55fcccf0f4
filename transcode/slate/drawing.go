package slate

import (
	"math"

	"sluice/transcode/ffmpeg"
)

// colour is red, green and blue as screens have them, from 0 to 1.
type colour struct{ r, g, b float64 }

var (
	ground = colour{0.055, 0.067, 0.090}
	ink    = colour{0.80, 0.83, 0.88}
	signal = colour{0.38, 0.60, 0.86}
)

// over is c with an amount of other, from 0 to 1, laid over it.
func (c colour) over(other colour, amount float64) colour {
	return colour{c.r + (other.r-c.r)*amount, c.g + (other.g-c.g)*amount, c.b + (other.b-c.b)*amount}
}

// The picture's measures, in parts of its short side.
const (
	beaconAbove = 0.105 // the beacon's middle over the picture's
	beaconReach = 0.150 // how far its waves go
	beaconSize  = 0.020 // radius of its light
	waveWidth   = 0.0052
	waves       = 2   // that are on their way at once
	textBelow   = 0.2 // the baseline under the middle
	textHeight  = 0.044
	textMost    = 0.78 // of the width, at most
)

// wavePeriod is how long a wave is on its way, nearly, in seconds.
const wavePeriod = 6

// drawing draws the built-in picture: words, and over them a beacon whose waves spread
// slowly. It reuses one buffer.
type drawing struct {
	width, height int
	yuv           yuv
	frame         []byte

	// In units of a square pixel that is as high as the picture's.
	wide, high, short float64
	pixel             float64 // the width of one
	text              written
	size              float64 // of a small letter
	period            int     // frames that a wave takes
	loops             int     // how often waves start within that
}

// newDrawing is for pictures of that form.
func newDrawing(p *ffmpeg.LoopPictures) *drawing {
	chroma := ((p.Width + 1) / 2) * ((p.Height + 1) / 2)
	d := &drawing{
		width: p.Width, height: p.Height, yuv: newYUV(p.Colour, p.Height), frame: make([]byte, p.Width*p.Height+2*chroma),
		pixel: float64(p.SARWidth) / float64(p.SARHeight), text: write(message),
	}
	d.wide, d.high = float64(p.Width)*d.pixel, float64(p.Height)
	d.short = min(d.wide, d.high)
	d.size = min(textHeight*d.short, textMost*d.wide/d.text.width)
	// The loop holds a whole number of periods.
	seconds := float64(p.Frames) * float64(p.Rate.Den) / float64(p.Rate.Num)
	d.period, d.loops = p.Frames, max(1, int(math.Round(seconds/wavePeriod)))
	d.paint(0, 0, p.Width, p.Height, d.still)
	return d
}

// draw returns picture n of the loop, valid until the next call.
func (d *drawing) draw(n int) []byte {
	phase := math.Mod(float64(n)*float64(d.loops)/float64(d.period), 1)
	b := d.beaconAt(phase)
	x, y := d.wide/2, d.high/2-beaconAbove*d.short
	reach := (beaconReach + waveWidth) * d.short
	d.paint(int((x-reach)/d.pixel)-2, int(y-reach)-2, int((x+reach)/d.pixel)+3, int(y+reach)+3, func(px, py float64) colour {
		return b.at(math.Sqrt((px-x)*(px-x) + (py-y)*(py-y)))
	})
	return d.frame
}

// still is what doesn't move.
func (d *drawing) still(x, y float64) colour {
	x, y = (x-d.wide/2)/d.size+d.text.width/2, (d.high/2+textBelow*d.short-y)/d.size
	if y < -1 || y > 2 {
		return ground
	}
	return ground.over(ink, covered((penWidth/2-d.text.distance(x, y))*d.size))
}

// covered is how much of a pixel lies within a form, of which the edge is that far away.
func covered(inside float64) float64 {
	return min(max(inside+0.5, 0), 1)
}

// wave is a ring that spreads, and fades as it goes.
type wave struct{ radius, strength float64 }

// beacon is how the light and its waves are at one moment.
type beacon struct {
	waves [waves]wave
	half  float64 // of a wave's width
	light wave
}

// beaconAt is for a part of the loop, from 0 to 1.
func (d *drawing) beaconAt(phase float64) (b beacon) {
	for i := range b.waves {
		age := math.Mod(phase+float64(i)/waves, 1)
		b.waves[i] = wave{
			(beaconSize + (beaconReach-beaconSize)*age) * d.short,
			0.75 * math.Sin(math.Pi*math.Sqrt(age)) * (1 - age),
		}
	}
	b.half = max(waveWidth*d.short, 1.2) / 2
	b.light = wave{beaconSize * d.short, 0.86 + 0.14*math.Cos(2*math.Pi*waves*phase)}
	return b
}

// at is what is seen at a distance from its middle.
func (b *beacon) at(distance float64) colour {
	c := ground
	for _, w := range b.waves {
		if amount := covered(b.half - math.Abs(distance-w.radius)); amount > 0 {
			c = c.over(signal, w.strength*amount)
		}
	}
	return c.over(signal, b.light.strength*covered(b.light.radius-distance))
}

// paint fills a rectangle of pixels by what is seen at their middles, and the chroma
// under it.
func (d *drawing) paint(left, top, right, bottom int, at func(x, y float64) colour) {
	left, top = max(left, 0)&^1, max(top, 0)&^1
	right, bottom = min(right, d.width), min(bottom, d.height)
	luma := d.frame[:d.width*d.height]
	stride := (d.width + 1) / 2
	blue := d.frame[len(luma):][:stride*((d.height+1)/2)]
	red := d.frame[len(luma)+len(blue):]
	for y := top; y < bottom; y += 2 {
		for x := left; x < right; x += 2 {
			var sum colour
			n := 0.0
			for py := y; py < min(y+2, bottom); py++ {
				for px := x; px < min(x+2, right); px++ {
					c := at((float64(px)+0.5)*d.pixel, float64(py)+0.5)
					luma[py*d.width+px] = d.yuv.luma(c)
					sum = colour{sum.r + c.r, sum.g + c.g, sum.b + c.b}
					n++
				}
			}
			i := y/2*stride + x/2
			blue[i], red[i] = d.yuv.chroma(colour{sum.r / n, sum.g / n, sum.b / n})
		}
	}
}

// yuv makes luma and chroma of colours (ITU-T H.273 §8.2 and §8.3).
type yuv struct {
	kr, kb                      float64
	black, lumaSpan, chromaSpan float64
}

func newYUV(c ffmpeg.Colour, height int) yuv {
	kr, kb := c.Luma(height)
	if c.FullRange {
		return yuv{kr, kb, 0, 255, 255}
	}
	return yuv{kr, kb, 16, 219, 224}
}

func (v yuv) brightness(c colour) float64 { return v.kr*c.r + (1-v.kr-v.kb)*c.g + v.kb*c.b }

func (v yuv) luma(c colour) byte { return byte(v.black + v.lumaSpan*v.brightness(c) + 0.5) }

func (v yuv) chroma(c colour) (blue, red byte) {
	y := v.brightness(c)
	blue = byte(min(128.5+v.chromaSpan*(c.b-y)/(2*(1-v.kb)), 255))
	return blue, byte(min(128.5+v.chromaSpan*(c.r-y)/(2*(1-v.kr)), 255))
}
