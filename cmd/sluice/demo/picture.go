package demo

import (
	"fmt"
	"time"
)

// The picture's form.
const (
	Width     = 1280
	Height    = 720
	FrameRate = 30
)

// Places and sizes in the picture, in pixels, all even: chroma has half the
// resolution.
const (
	barsHeight  = 300
	clockTop    = 344
	clockScale  = 14
	smallTop    = 482
	smallScale  = 6
	titleScale  = 8
	trackTop    = 580
	ballSize    = 80
	flashSize   = 120
	flashMargin = 40
	advance     = glyphWidth + 1 // of a character, in glyph pixels
)

// colour is a colour as BT.709 video range has it.
type colour struct{ y, u, v byte }

var (
	black  = colour{16, 128, 128}
	dark   = colour{30, 136, 124}
	white  = colour{235, 128, 128}
	accent = colour{168, 90, 170}
	// bars are the eight bars of 75 %, grey to black (SMPTE RP 219 has seven of them).
	bars = []colour{
		{180, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52},
		{63, 193, 204}, {51, 109, 212}, {28, 212, 120}, {16, 128, 128},
	}
)

// picture draws frames of planar YUV 4:2:0. It reuses one buffer.
type picture struct {
	still []byte // what doesn't move
	frame []byte
}

func newPicture() *picture {
	const size = Width * Height * 3 / 2
	p := &picture{still: make([]byte, size), frame: make([]byte, size)}
	s := canvas(p.still)
	s.rect(0, 0, Width, Height, dark)
	for i, c := range bars {
		s.rect(i*Width/len(bars), 0, Width/len(bars), barsHeight, c)
	}
	s.text("SLUICE", (barsHeight-glyphHeight*titleScale)/2, titleScale, black)
	s.rect(0, trackTop-8, Width, ballSize+16, black)
	return p
}

// draw returns frame number n as it looks at the time now. The slice is valid
// until the next call.
func (p *picture) draw(n int, now time.Time) []byte {
	copy(p.frame, p.still)
	c := canvas(p.frame)
	c.text(now.Format("15:04:05.000"), clockTop, clockScale, white)
	c.text(fmt.Sprintf("%s  %06d", now.Format(time.DateOnly), n), smallTop, smallScale, white)
	// A ball that crosses the picture in four seconds, there and back: what
	// stutters shows.
	const cross = 4 * FrameRate
	at := n % (2 * cross)
	if at > cross {
		at = 2*cross - at
	}
	c.rect(at*(Width-ballSize)/cross&^1, trackTop, ballSize, ballSize, accent)
	// A flash with the beep at each full second of the stream: what drifts shows.
	if n%FrameRate < 2 {
		c.rect(Width-flashSize-flashMargin, flashMargin, flashSize, flashSize, white)
	}
	return p.frame
}

// canvas is the bytes of one frame.
type canvas []byte

// rect fills a rectangle; its edges are even.
func (c canvas) rect(x, y, w, h int, col colour) {
	for row := y; row < y+h; row++ {
		fill(c[row*Width+x:][:w], col.y)
	}
	u, v := c[Width*Height:], c[Width*Height*5/4:]
	for row := y / 2; row < (y+h)/2; row++ {
		fill(u[row*Width/2+x/2:][:w/2], col.u)
		fill(v[row*Width/2+x/2:][:w/2], col.v)
	}
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// text writes s in the middle of the line that starts at y.
func (c canvas) text(s string, y, scale int, col colour) {
	left := textLeft(s, scale)
	for i, r := range s {
		g, ok := glyphs[r]
		if !ok {
			g = glyphs['-']
		}
		for row, bits := range g {
			for x, bit := range bits {
				if bit == '#' {
					c.rect(left+(i*advance+x)*scale, y+row*scale, scale, scale, col)
				}
			}
		}
	}
}

func textLeft(s string, scale int) int { return (Width - (len(s)*advance-1)*scale) / 2 &^ 1 }
