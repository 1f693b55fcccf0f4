package ffmpeg

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"sluice/media"
)

// Content is what a picture or clip holds.
type Content struct {
	// Frames is how many pictures there are: one in a still.
	Frames int
	// Length is how long the pictures last; of a still, nothing sensible.
	Length time.Duration
	Sound  bool
}

// Inspect decodes what ffmpeg can read of a picture or clip, at most longest of it. It
// errs where there's no picture in it.
func (t *Tool) Inspect(ctx context.Context, path string, longest time.Duration) (Content, error) {
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1"}
	args = append(args, fromFile(path, longest)...)
	args = append(args, "-map", "0:v:0", "-map", "0:a:0?", "-vf", "scale=16:16", "-af", "asetnsamples=65536",
		"-fps_mode", "passthrough", "-f", "framecrc", "pipe:1")
	out, err := t.listen(ctx, inspectLimit, maxInspected, args...)
	if err != nil {
		return Content{}, err
	}
	c := parseFrames(out)
	if c.Frames == 0 {
		return c, errors.New("there is no picture in it")
	}
	return c, nil
}

// parseFrames reads what the muxer framecrc writes, of which stream 0 is the pictures:
//
//	#tb 0: 1/25
//	#media_type 1: audio
//	0,          3,          3,        1,      768, 0x1f3dcd71
func parseFrames(out []byte) Content {
	var c Content
	var base Rate // of times, though, not of pictures
	var first, last int64
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "#tb 0:"); ok {
			base = parseBase(strings.TrimSpace(rest))
		}
		fields := strings.Split(line, ",")
		if len(fields) < 4 || strings.HasPrefix(line, "#") {
			c.Sound = c.Sound || strings.HasPrefix(line, "#media_type 1: audio")
			continue
		}
		pts, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil || fields[0] != "0" || pts < -maxSpan || pts > maxSpan {
			continue
		}
		lasts := min(count(strings.TrimSpace(fields[3])), maxSpan)
		if c.Frames == 0 {
			first, last = pts, pts
		}
		c.Frames++
		last = max(last, pts+lasts)
	}
	if base.Known() && last-first <= maxSpan {
		c.Length = media.Ticks((last - first) * int64(base.Num)).Duration(media.Timescale(base.Den))
	}
	return c
}

// maxSpan is beyond the ticks of all that is inspected.
const maxSpan int64 = 1 << 31

// parseBase reads a time base, in seconds; it isn't known of what doesn't fit.
func parseBase(s string) Rate {
	num, den, _ := strings.Cut(s, "/")
	n, d := count(num), count(den)
	if n < 1 || d < 1 || n >= 1<<31 || d >= 1<<31 {
		return Rate{}
	}
	return Rate{int(n), int(d)}
}
