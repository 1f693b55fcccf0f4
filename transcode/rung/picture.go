package rung

// picture is a source's picture as it's shown. Its width is the fraction
// width/unit in square pixels, its height the fraction height/unit.
type picture struct{ width, height, unit int64 }

func (sh Shape) picture() picture {
	w, h := int64(sh.SARWidth), int64(sh.SARHeight)
	if w <= 0 || h <= 0 || w > 16*h || h > 16*w { // nobody has such pixels
		w, h = 1, 1
	}
	return picture{int64(sh.Width) * w, int64(sh.Height) * h, h}
}

// short is the short side, rounded down to an even number.
func (p picture) short() int { return int(even(min(p.width, p.height) / p.unit)) }

// above reports whether the short side is longer than so many pixels.
func (p picture) above(height int) bool { return min(p.width, p.height) > int64(height)*p.unit }

// full is the picture's own size, with even sides.
func (p picture) full() (width, height int) {
	return bounded(even(p.width/p.unit), even(p.height/p.unit))
}

// scaled is the size at which the short side has so many pixels.
func (p picture) scaled(short int) (width, height int) {
	s := int64(short)
	if p.width < p.height {
		return bounded(s, nearestEven(s*p.height, p.width))
	}
	return bounded(nearestEven(s*p.width, p.height), s)
}

// bounded keeps the longer side within maxSide, and the other in proportion.
func bounded(w, h int64) (width, height int) {
	switch {
	case w >= h && w > maxSide:
		w, h = maxSide, even(h*maxSide/w)
	case h > maxSide:
		w, h = even(w*maxSide/h), maxSide
	}
	return int(max(w, 2)), int(max(h, 2))
}

func even(n int64) int64 { return n &^ 1 }

// nearestEven is the even number nearest to n/d.
func nearestEven(n, d int64) int64 { return (n + d) / (2 * d) * 2 }
