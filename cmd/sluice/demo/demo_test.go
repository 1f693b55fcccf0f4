package demo

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asParent makes the test's binary publish to this URL until it's killed.
const asParent = "SLUICE_TEST_DEMO_PARENT"

func TestMain(m *testing.M) {
	if url := os.Getenv(asParent); url != "" {
		ffmpeg, err := FindFFmpeg()
		if err == nil {
			err = Publisher{FFmpeg: ffmpeg, URL: url, Log: slog.New(slog.DiscardHandler)}.Serve(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// read finds the text that stands in a frame where draw puts text.
func read(t *testing.T, frame []byte, length, y, scale int) string {
	t.Helper()
	left := textLeft(strings.Repeat(" ", length), scale)
	var s strings.Builder
	for i := range length {
		var seen [glyphHeight]string
		for row := range glyphHeight {
			for x := range glyphWidth {
				px := frame[(y+row*scale+scale/2)*Width+left+(i*advance+x)*scale+scale/2]
				seen[row] += map[bool]string{true: "#", false: " "}[px == white.y]
			}
		}
		found := '?'
		for r, g := range glyphs {
			if g == seen {
				found = r
			}
		}
		s.WriteRune(found)
	}
	return s.String()
}

func TestClockIsBurntIn(t *testing.T) {
	p := newPicture()
	for _, tc := range []struct {
		n           int
		now         time.Time
		clock, date string
	}{
		{0, time.Date(2026, 1, 2, 3, 4, 5, 67e6, time.UTC), "03:04:05.067", "2026-01-02  000000"},
		{1234567, time.Date(2031, 10, 29, 23, 58, 59, 999999999, time.UTC), "23:58:59.999", "2031-10-29  1234567"},
	} {
		frame := p.draw(tc.n, tc.now)
		require.Len(t, frame, Width*Height*3/2)
		require.Equal(t, tc.clock, read(t, frame, len(tc.clock), clockTop, clockScale))
		require.Equal(t, tc.date, read(t, frame, len(tc.date), smallTop, smallScale))
	}
}

func TestPictureMovesInsideItsFrame(t *testing.T) {
	p := newPicture()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	last := ""
	for n := range 20 * FrameRate { // an index out of range would panic
		frame := string(p.draw(n, now)[trackTop*Width:][:Width])
		require.NotEqual(t, last, frame, "frame %d", n)
		last = frame
	}
}

func TestEveryGlyphHasItsSize(t *testing.T) {
	seen := map[[glyphHeight]string]rune{}
	for r, g := range glyphs {
		for _, row := range g {
			require.Len(t, row, glyphWidth, string(r))
		}
		require.NotContains(t, seen, g, "%c looks like another one", r)
		seen[g] = r
	}
}

func TestBackoffDecays(t *testing.T) {
	var b backoff
	now := time.Unix(0, 0)
	require.Zero(t, b.next(now), "the first failure restarts at once")
	var pauses []time.Duration
	for range 12 {
		now = now.Add(time.Second)
		pauses = append(pauses, b.next(now))
	}
	require.IsNonDecreasing(t, pauses)
	require.Positive(t, pauses[0])
	require.Equal(t, longestPause, pauses[len(pauses)-1])
	require.Zero(t, b.next(now.Add(10*time.Minute)), "a rare failure restarts at once again")
}

func TestNoFFmpegSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := FindFFmpeg()
	require.ErrorIs(t, err, ErrNoFFmpeg)
	require.ErrorContains(t, err, "sudo apt-get install ffmpeg")
}

// flvTag is the head of an FLV tag and the first bytes of its body.
type flvTag struct {
	kind byte
	time uint32
	head [2]byte
}

func readFLV(r *bufio.Reader, each func(flvTag) bool) error {
	head := make([]byte, 9+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if string(head[:3]) != "FLV" {
		return fmt.Errorf("not FLV: %q", head[:3])
	}
	for {
		h := make([]byte, 11)
		if _, err := io.ReadFull(r, h); err != nil {
			return err
		}
		body := make([]byte, int(binary.BigEndian.Uint32(h)&0xffffff)+4)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		v := flvTag{kind: h[0], time: binary.BigEndian.Uint32(h[3:])&0xffffff | uint32(h[7])<<24}
		copy(v.head[:], body)
		if !each(v) {
			return nil
		}
	}
}

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln, "tcp://" + ln.Addr().String()
}

func accept(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	require.NoError(t, ln.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
	c, err := ln.Accept()
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

// ffmpeg writes the FLV to a plain TCP socket here: what it would publish.
func TestPublisherPushesAndComesBack(t *testing.T) {
	ffmpeg, err := FindFFmpeg()
	require.NoError(t, err)
	ln, url := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Publisher{FFmpeg: ffmpeg, URL: url, Log: slog.New(slog.DiscardHandler)}.Serve(ctx)
	}()

	c := accept(t, ln)
	var keys []uint32
	frames, audio := 0, 0
	require.NoError(t, readFLV(bufio.NewReader(c), func(v flvTag) bool {
		switch {
		case v.kind == 9 && v.head[1] == 1:
			frames++
			if v.head[0] == 0x17 {
				keys = append(keys, v.time)
			}
		case v.kind == 8 && v.head[1] == 1:
			require.Equal(t, byte(0xaf), v.head[0])
			audio++
		}
		return len(keys) < 2
	}))
	require.Equal(t, gopSeconds*FrameRate+1, frames)
	require.InDelta(t, gopSeconds*1000, keys[1]-keys[0], 1)
	require.Greater(t, audio, 48000*gopSeconds/1024/2)

	c.Close() // a broken connection: the publisher comes back
	c = accept(t, ln)
	require.NoError(t, readFLV(bufio.NewReader(c), func(v flvTag) bool { return v.kind != 9 }))
	cancel()
	require.ErrorIs(t, <-served, context.Canceled)
	_, err = io.Copy(io.Discard, c)
	require.NoError(t, err)
	c.Close()
}

func TestPublisherRedactsWhatFFmpegSays(t *testing.T) {
	ffmpeg, err := FindFFmpeg()
	require.NoError(t, err)
	dir := t.TempDir()
	p := Publisher{FFmpeg: ffmpeg, URL: filepath.Join(dir, "missing", "sesame"), Secret: "sesame", Log: slog.New(slog.DiscardHandler)}
	err = p.once(t.Context())
	require.ErrorContains(t, err, "redacted")
	require.NotContains(t, err.Error(), "sesame")

	p.FFmpeg = filepath.Join(dir, "no-such-ffmpeg")
	require.ErrorIs(t, p.once(t.Context()), os.ErrNotExist)
}

func TestFFmpegDiesWithTheGateway(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	ln, url := listen(t)
	parent := exec.Command(exe)
	parent.Env = append(os.Environ(), asParent+"="+url)
	require.NoError(t, parent.Start())
	c := accept(t, ln)
	defer c.Close()
	r := bufio.NewReader(c)
	_, err = r.Peek(1)
	require.NoError(t, err)

	require.NoError(t, parent.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, parent.Wait(), &exit)
	_, err = io.Copy(io.Discard, r) // ends only when ffmpeg is gone
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "ffmpeg outlived its parent")
}
