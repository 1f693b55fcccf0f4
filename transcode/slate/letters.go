package slate

import "math"

// message is what the picture says.
const message = "We'll be right back"

// stroke is a piece of a letter: a straight line from one point to another, or, where radius
// isn't 0, an arc around the first point, from one angle to the other (in degrees,
// counterclockwise). Lengths are in heights of a small letter; y goes up from the baseline.
type stroke struct {
	x0, y0, x1, y1   float64
	radius, from, to float64
}

func line(x0, y0, x1, y1 float64) stroke { return stroke{x0: x0, y0: y0, x1: x1, y1: y1} }

func arc(x, y, radius, from, to float64) stroke {
	return stroke{x0: x, y0: y, radius: radius, from: from, to: to}
}

// letter is drawn with a pen that has a round tip.
type letter struct {
	strokes     []stroke
	left, right float64 // the space that its sides want, in addition to its strokes
	width       float64
}

const (
	ascender = 1.52
	penWidth = 0.14 // of the pen's tip
	upright  = 0.23 // beside a straight side
	round    = 0.14 // beside a round one
	space    = 0.6
)

// letters are those of message: circles and straight lines.
var letters = map[rune]letter{
	'W': {[]stroke{
		line(0, ascender, 0.45, 0), line(0.45, 0, 0.9, ascender), line(0.9, ascender, 1.35, 0), line(1.35, 0, 1.8, ascender),
	}, round, round, 1.8},
	'\'': {[]stroke{line(0, ascender, 0, 1.2)}, round, round, 0},
	'a':  {[]stroke{arc(0.5, 0.5, 0.5, 0, 360), line(1, 1, 1, 0)}, round, upright, 1},
	'b':  {[]stroke{arc(0.5, 0.5, 0.5, 0, 360), line(0, ascender, 0, 0)}, upright, round, 1},
	'c':  {[]stroke{arc(0.5, 0.5, 0.5, 48, 312)}, round, 0.07, 0.84},
	'e':  {[]stroke{arc(0.5, 0.5, 0.5, 0, 318), line(0, 0.5, 1, 0.5)}, round, round, 1},
	'g':  {[]stroke{arc(0.5, 0.5, 0.5, 0, 360), line(1, 1, 1, -0.04), arc(0.5, -0.04, 0.5, 212, 360)}, round, upright, 1},
	'h':  {[]stroke{line(0, ascender, 0, 0), arc(0.42, 0.58, 0.42, 0, 180), line(0.84, 0.58, 0.84, 0)}, upright, upright, 0.84},
	'i':  {[]stroke{line(0, 1, 0, 0), line(0, 1.4, 0, 1.42)}, upright, upright, 0},
	'k':  {[]stroke{line(0, ascender, 0, 0), line(0, 0.4, 0.64, 1), line(0.2, 0.59, 0.68, 0)}, upright, 0.04, 0.68},
	'l':  {[]stroke{line(0, ascender, 0, 0)}, upright, upright, 0},
	'r':  {[]stroke{line(0, 1, 0, 0), arc(0.4, 0.6, 0.4, 62, 180)}, upright, 0.03, 0.6},
	't':  {[]stroke{line(0.24, 1.36, 0.24, 0.26), arc(0.5, 0.26, 0.26, 180, 270), line(0, 1, 0.52, 1)}, 0.08, 0.06, 0.52},
}

// distance is that of a point from a stroke's middle.
func (s stroke) distance(x, y float64) float64 {
	if s.radius == 0 {
		dx, dy := s.x1-s.x0, s.y1-s.y0
		along := ((x-s.x0)*dx + (y-s.y0)*dy) / (dx*dx + dy*dy)
		along = min(max(along, 0), 1)
		return math.Hypot(x-s.x0-along*dx, y-s.y0-along*dy)
	}
	angle := math.Mod(math.Atan2(y-s.y0, x-s.x0)*180/math.Pi+360, 360)
	if s.from <= angle && angle <= s.to {
		return math.Abs(math.Hypot(x-s.x0, y-s.y0) - s.radius)
	}
	return min(s.end(s.from, x, y), s.end(s.to, x, y))
}

// end is the distance from where an arc is at an angle.
func (s stroke) end(angle, x, y float64) float64 {
	sin, cos := math.Sincos(angle * math.Pi / 180)
	return math.Hypot(x-s.x0-s.radius*cos, y-s.y0-s.radius*sin)
}

// written is a text's letters with their places.
type written struct {
	letters []placed
	width   float64
}

type placed struct {
	letter
	x float64
}

func write(text string) (w written) {
	for _, r := range text {
		l, ok := letters[r]
		if !ok {
			w.width += space
			continue
		}
		w.letters = append(w.letters, placed{l, w.width + l.left})
		w.width += l.left + l.width + l.right
	}
	return w
}

// distance is that of a point from the nearest stroke; large where none is near.
func (w written) distance(x, y float64) float64 {
	nearest := math.Inf(1)
	for _, l := range w.letters {
		if at := x - l.x; at > -2*penWidth && at < l.width+2*penWidth {
			for _, s := range l.strokes {
				nearest = min(nearest, s.distance(at, y))
			}
		}
	}
	return nearest
}
