package ffmpeg

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// progressPeriod is in seconds.
const progressPeriod = "0.5"

// Progress is what ffmpeg says of itself, twice a second. Speed is cumulative:
// overload that came late doesn't show in it.
type Progress struct {
	At                  time.Time // when it said so; zero: not yet
	Frames              int64     // of the first output
	FPS                 float64
	Speed               float64 // media seconds a second
	Dropped, Duplicated int64
}

// progress takes what -progress writes: blocks of key=value lines, each ended
// by the key progress.
type progress struct {
	line []byte // one that has no end yet
	skip bool   // it's too long
	next Progress

	mu     sync.Mutex
	newest Progress
}

// Write never errs: the process would take that for its end.
func (p *progress) Write(b []byte) (int, error) {
	n := len(b)
	for {
		part, rest, whole := bytes.Cut(b, []byte("\n"))
		if p.skip = p.skip || len(p.line)+len(part) > maxLine; !p.skip {
			p.line = append(p.line, part...)
		}
		if !whole {
			return n, nil
		}
		if !p.skip {
			p.take(string(p.line))
		}
		p.line, p.skip, b = p.line[:0], false, rest
	}
}

func (p *progress) take(line string) {
	key, value, _ := strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	switch key {
	case "frame":
		p.next.Frames = count(value)
	case "fps":
		p.next.FPS = amount(value)
	case "speed": // as in 1.03x, or N/A
		p.next.Speed = amount(strings.TrimSuffix(value, "x"))
	case "drop_frames":
		p.next.Dropped = count(value)
	case "dup_frames":
		p.next.Duplicated = count(value)
	case "progress":
		p.next.At = time.Now()
		p.mu.Lock()
		p.newest = p.next
		p.mu.Unlock()
		p.next = Progress{}
	}
}

// count and amount are 0 for what isn't a number that makes sense.
func count(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func amount(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func (p *progress) read() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest
}
