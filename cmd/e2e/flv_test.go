package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The kinds of FLV tag, which are RTMP's message types too.
const (
	audioTag = 8
	videoTag = 9
	dataTag  = 18
)

// tag is one FLV tag: what a publisher sends as one RTMP message.
type tag struct {
	kind byte
	due  time.Duration // when it is sent, from the first one on
	at   time.Duration // the timestamp it is sent with
	body []byte
}

// header reports whether the tag is a codec's configuration or metadata.
func (g tag) header() bool {
	switch g.kind {
	case videoTag:
		return len(g.body) > 1 && g.body[1] == 0
	case audioTag:
		const aac = 10
		return len(g.body) > 1 && g.body[0]>>4 == aac && g.body[1] == 0
	}
	return true
}

// key reports whether the tag is a keyframe.
func (g tag) key() bool { return g.kind == videoTag && !g.header() && g.body[0]>>4 == 1 }

// pts is a video tag's presentation time.
func (g tag) pts() time.Duration {
	const ms = time.Millisecond
	offset := int32(uint32(g.body[2])<<24|uint32(g.body[3])<<16|uint32(g.body[4])<<8) >> 8
	return g.at + time.Duration(offset)*ms
}

// clip is recorded media: what is sent once at the start, and then frames whose
// times start at zero and end at length.
type clip struct {
	headers, frames []tag
	length          time.Duration
}

// record encodes a source, as fast as it goes.
func record(t *testing.T, s source, length time.Duration) clip {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.flv")
	inputs := slices.DeleteFunc(slices.Clone(s.inputs), func(a string) bool { return a == "-re" })
	args := append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, inputs...)
	args = append(append(args, s.codecs...), "-t", seconds(length), "-f", "flv", path)
	out, err := exec.Command("ffmpeg", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return readFLV(t, file, length)
}

// readFLV reads an FLV file (Adobe FLV 10.1, annex E).
func readFLV(t *testing.T, file []byte, length time.Duration) clip {
	t.Helper()
	require.True(t, bytes.HasPrefix(file, []byte("FLV")), "not FLV")
	c := clip{length: length}
	const head, previous = 11, 4 // bytes of a tag's header, and of the last one's size
	for b := file[9:]; len(b) >= previous+head; {
		b = b[previous:]
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		require.LessOrEqual(t, head+size, len(b), "a torn tag")
		at := time.Duration(uint32(b[7])<<24|uint32(b[4])<<16|uint32(b[5])<<8|uint32(b[6])) * time.Millisecond
		g := tag{kind: b[0] & 0x1f, due: at, at: at, body: b[head : head+size]}
		b = b[head+size:]
		switch {
		case g.kind == dataTag:
			g.body = append([]byte("\x02\x00\x0d@setDataFrame"), g.body...)
			c.headers = append(c.headers, g)
		case g.header():
			c.headers = append(c.headers, g)
		case at < length && (g.kind != videoTag || g.body[1] == 1): // 2 is the end of a sequence
			c.frames = append(c.frames, g)
		}
	}
	require.NotEmpty(t, c.frames)
	return c
}

// tags is the clip as it stands.
func (c clip) tags() []tag { return append(slices.Clone(c.headers), c.frames...) }

// then puts another clip after this one: the encoder was set up anew in the
// middle of a session.
func (c clip) then(o clip) clip {
	all := c
	all.frames = slices.Clone(c.frames)
	for _, g := range o.tags() {
		g.due, g.at = g.due+c.length, g.at+c.length
		all.frames = append(all.frames, g)
	}
	all.length += o.length
	return all
}

// jump sets the encoder's clock by that much in the middle of the clip, which is
// in the middle of a GOP.
func (c clip) jump(by time.Duration) clip {
	all := c
	all.frames = slices.Clone(c.frames)
	for i, g := range all.frames {
		if g.due >= c.length/2+700*time.Millisecond {
			all.frames[i].at += by
		}
	}
	return all
}

// pictures counts the clip's.
func (c clip) pictures() int {
	n := 0
	for _, g := range c.frames {
		if g.kind == videoTag && !g.header() {
			n++
		}
	}
	return n
}

// seconds writes a duration as ffmpeg reads it.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
