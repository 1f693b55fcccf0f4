package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// tag is one FLV tag: what a publisher sends as one RTMP message.
type tag struct {
	kind byte // 8 audio, 9 video, 18 metadata: the RTMP message type too
	at   time.Duration
	body []byte
}

// clip is a piece of media that can be sent in a loop: headers once, then
// frames, whose times start at zero and end at length.
type clip struct {
	headers []tag
	frames  []tag
	length  time.Duration
}

// bytes is the payload of one loop.
func (c *clip) bytes() int {
	n := 0
	for _, f := range c.frames {
		n += len(f.body)
	}
	return n
}

// clipSeconds makes the loop seamless: whole GOPs of two seconds, and 750 AAC
// frames of 1024 samples at 48 kHz.
const clipSeconds = 16

// picture is what a clip shows.
type picture struct {
	name    string // in file names
	size    string
	bitrate string
}

// The pictures of the clips: 30 frames a second each.
var (
	fullHD = picture{"1080p30", "1920x1080", "4370k"}
	halfHD = picture{"720p30", "1280x720", "2500k"}
)

// makeClip encodes a clip of 1080p30 with B-frames at about 4.5 Mb/s and AAC at
// 128 kb/s, with a keyframe every two seconds, once for each folder.
func makeClip(ctx context.Context, folder string) (*clip, error) {
	return makeClipOf(ctx, folder, fullHD)
}

// makeClipOf does so with another picture.
func makeClipOf(ctx context.Context, folder string, p picture) (*clip, error) {
	path := p.path(folder)
	if _, err := os.Stat(path); err != nil {
		part := path + ".part"
		cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
			"-f", "lavfi", "-i", "testsrc2=size="+p.size+":rate=30,noise=alls=12:allf=t",
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
			"-t", strconv.Itoa(clipSeconds), "-pix_fmt", "yuv420p",
			"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
			"-b:v", p.bitrate, "-minrate", p.bitrate, "-maxrate", p.bitrate, "-bufsize", p.bitrate, "-x264-params", "nal-hrd=cbr",
			"-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "flv", part)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("encode the clip: %w", err)
		}
		if err := os.Rename(part, path); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readClip(f)
}

// path is that of the clip's file.
func (p picture) path(folder string) string {
	return filepath.Join(folder, fmt.Sprintf("clip-%s-%ds.flv", p.name, clipSeconds))
}

// readClip reads an FLV file (Adobe FLV 10.1, annex E).
func readClip(r io.Reader) (*clip, error) {
	var header [9]byte
	if _, err := io.ReadFull(r, header[:]); err != nil || string(header[:3]) != "FLV" {
		return nil, fmt.Errorf("read FLV header: %w", errors.Join(err, errors.New("not FLV")))
	}
	c := &clip{length: clipSeconds * time.Second}
	for {
		var head [4 + 11]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return c, nil
			}
			return nil, err
		}
		h := head[4:]
		t := tag{kind: h[0] & 0x1f, body: make([]byte, int(h[1])<<16|int(h[2])<<8|int(h[3]))}
		at := uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]) | uint32(h[7])<<24
		t.at = time.Duration(at) * time.Millisecond
		if _, err := io.ReadFull(r, t.body); err != nil {
			return nil, fmt.Errorf("read FLV tag: %w", err)
		}
		switch {
		case t.kind == 18:
			c.headers = append(c.headers, tag{kind: 18, body: append(setDataFrame(), t.body...)})
		case len(t.body) > 1 && t.body[1] == 0: // AVC or AAC sequence header
			c.headers = append(c.headers, t)
		case len(t.body) > 1 && t.body[1] == 1 && t.at < c.length:
			c.frames = append(c.frames, t)
		}
	}
}

func setDataFrame() []byte { return amfString(nil, "@setDataFrame") }

func amfString(dst []byte, s string) []byte {
	dst = append(dst, 2)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}
