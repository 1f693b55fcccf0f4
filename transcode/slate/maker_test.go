package slate

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// logged is a log that can be read while it's written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serving is a Maker that runs until the test ends.
type serving struct {
	*Maker
	log *logged
}

func serve(t *testing.T, o Options) serving {
	t.Helper()
	return serveQuiet(t, o, quietLimit)
}

// serveQuiet is serve where nothing may come out of ffmpeg for so long.
func serveQuiet(t *testing.T, o Options, quiet time.Duration) serving {
	t.Helper()
	s := serving{log: &logged{}}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	s.Maker = New(o)
	s.every, s.quiet = 20*time.Millisecond, quiet
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-served, context.Canceled)
	})
	return s
}

// patience is for how long a test waits for what must come.
const patience = 5 * time.Minute

// awaitClip waits for a slate of which something is true.
func (s serving) awaitClip(t *testing.T, tracks []media.Track, is func(*Clip) bool) *Clip {
	t.Helper()
	var c *Clip
	require.Eventually(t, func() bool {
		var ok bool
		c, ok = s.Clip(tracks, nil)
		return ok && is(c)
	}, patience, 10*time.Millisecond, "%v", s.log)
	return c
}

func anyClip(*Clip) bool { return true }

// shows tells slates by what they are made of.
func shows(hash string) func(*Clip) bool {
	return func(c *Clip) bool { return c.reels[0].form.Content == hash }
}

func (s serving) awaitLine(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(s.log.String()), []byte(text)) }, patience, 10*time.Millisecond)
}

// draw makes a picture or clip of a colour with ffmpeg.
func draw(t testing.TB, path, colour string, options ...string) {
	t.Helper()
	args := append([]string{"-v", "fatal", "-y", "-f", "lavfi", "-i", "color=c=" + colour + ":s=160x90:r=10"}, options...)
	if len(options) == 0 {
		args = append(args, "-frames:v", "1", "-update", "1")
	}
	run(t, "ffmpeg", append(args, path)...)
}

func smallTracks(t testing.TB) []media.Track {
	return []media.Track{h264Track(t, "256x144", "10", "-profile:v", "baseline"), aacTrack(t, 48_000, 2)}
}

// What was made is kept: the next start needs no ffmpeg. A file that was damaged since
// then does.
func TestMakerKeepsWhatItMade(t *testing.T) {
	data, tracks := t.TempDir(), smallTracks(t)
	s := serve(t, Options{Data: data})
	_, ok := s.Clip(tracks, nil)
	require.False(t, ok)
	made := s.awaitClip(t, tracks, anyClip)
	require.Equal(t, 2.0, testutil.ToFloat64(s.metrics.made.WithLabelValues(encoded)))
	require.Equal(t, float64(made.reels[0].bytes+made.reels[1].bytes), testutil.ToFloat64(s.metrics.bytes))
	require.Contains(t, s.log.String(), `msg="slate made" track="h264 256x144 10 fps"`)

	// Another stream of the same parameters, under other names, costs nothing.
	other := []media.Track{named(tracks[1], 7, "de"), named(tracks[0], 9, "")}
	again, ok := s.Clip(other, nil)
	require.True(t, ok)
	require.Same(t, made.reels[0], again.reels[1])
	require.Equal(t, "de", again.Tracks()[0].Language)

	s = serve(t, Options{Data: data, FFmpeg: filepath.Join(t.TempDir(), "no-ffmpeg")})
	kept := s.awaitClip(t, tracks, anyClip)
	for i := range kept.reels {
		requireEqualReels(t, made.reels[i], kept.reels[i])
	}
	require.Equal(t, 2.0, testutil.ToFloat64(s.metrics.made.WithLabelValues(cached)))

	path := filepath.Join(data, "slate", nameOf(made.reels[1].form))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	file[len(file)/2] ^= 1
	require.NoError(t, os.WriteFile(path, file, 0o644))
	s = serve(t, Options{Data: data})
	s.awaitClip(t, tracks, anyClip)
	require.Contains(t, s.log.String(), "can't be used: it's made again")
	require.Equal(t, 1.0, testutil.ToFloat64(s.metrics.made.WithLabelValues(encoded)))
}

// The operator's picture is followed: another one is shown as soon as it's made, and
// one that can't be read leaves the one before.
func TestMakerFollowsThePicture(t *testing.T) {
	path, tracks := filepath.Join(t.TempDir(), "back soon.png"), smallTracks(t)
	draw(t, path, "red")
	first, err := hashOf(path)
	require.NoError(t, err)
	s := serve(t, Options{Picture: path})
	c := s.awaitClip(t, tracks, shows(first))
	require.Len(t, c.reels[0].frames, 20, "of a still one GOP is enough")
	require.True(t, c.reels[1].form.silent())

	next := filepath.Join(filepath.Dir(path), "next.png")
	draw(t, next, "blue")
	second, err := hashOf(next)
	require.NoError(t, err)
	require.NoError(t, os.Rename(next, path))
	s.awaitClip(t, tracks, shows(second))

	require.NoError(t, os.WriteFile(path, []byte("these are no pictures"), 0o644))
	s.awaitLine(t, "the slate's picture can't be used: it is the one before")
	require.Contains(t, s.log.String(), path)
	s.awaitClip(t, tracks, shows(second))
	require.NoError(t, os.Remove(path))
	s.awaitLine(t, "no such file")
	s.awaitClip(t, tracks, shows(second))
}

func TestMakerWithoutThePicture(t *testing.T) {
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad.jpg")
	require.NoError(t, os.WriteFile(bad, bytes.Repeat([]byte{0xff, 0xd8}, 500), 0o644))
	for name, path := range map[string]string{"nowhere": filepath.Join(folder, "none.png"), "folder": folder, "no picture": bad} {
		t.Run(name, func(t *testing.T) {
			tracks := smallTracks(t)
			s := serve(t, Options{Picture: path})
			s.awaitClip(t, tracks, shows(""))
			require.Contains(t, s.log.String(), "the slate's picture can't be used: it is the built-in picture")
		})
	}
}

// What can't be made is said once, and what hangs is ended; streams of other parameters get theirs.
func TestMakerSaysWhatItCannotMake(t *testing.T) {
	s := serve(t, Options{})
	odd := []media.Track{{ID: 1, Kind: media.Video, Codec: &media.H264{SPS: []byte{0x67, 66, 0, 10}, Width: 321, Height: 180}}}
	for range 3 {
		s.Prepare(odd, nil)
		_, ok := s.Clip(odd, nil)
		require.False(t, ok)
	}
	require.Equal(t, 1, bytes.Count([]byte(s.log.String()), []byte("no slate can be made for such a stream")))
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return path
}

const says = `if [ "$1" = -version ]; then echo 'ffmpeg version 5.1.2 Copyright'; exit; fi` + "\n"

func TestMakerSurvivesFFmpeg(t *testing.T) {
	for name, tc := range map[string]struct{ does, line string }{
		"it hangs":          {"sleep 1000", errQuiet.Error()},
		"it dies":           {"echo 'no more memory' >&2; exit 1", "no more memory"},
		"it says nonsense":  {"printf '%0999d' 1 >&3; exec cat >/dev/null", "malformed NUT"},
		"it says nothing":   {"exec cat >/dev/null", "loop of 0 frames"},
		"it takes no input": {"exec 0<&-; exec sleep 1000", errQuiet.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveQuiet(t, Options{FFmpeg: script(t, says+tc.does)}, 2*time.Second)
			s.Prepare(smallTracks(t), nil)
			s.awaitLine(t, "no slate for a track")
			s.awaitLine(t, tc.line)
			require.Positive(t, testutil.ToFloat64(s.metrics.made.WithLabelValues(failed)))
		})
	}
}

func TestMakerWithoutFFmpeg(t *testing.T) {
	s := serve(t, Options{FFmpeg: filepath.Join(t.TempDir(), "none")})
	s.Prepare(smallTracks(t), nil)
	s.awaitLine(t, "no slates can be made")
}

// Memory is bounded: what was used longest ago goes, and isn't made again by itself.
func TestMemoryIsBounded(t *testing.T) {
	m := New(Options{})
	big := func(width int) *reel {
		r := fakePictures(ffmpeg.Rate{Num: 30, Den: 1}, 180, 60)
		r.form.Width, r.bytes = width, maxMemory/3
		return r
	}
	for i := range 5 {
		m.put(big(i))
		if i == 2 {
			require.NotNil(t, m.take([]form{big(0).form}))
		}
	}
	require.Equal(t, maxMemory, m.bytes)
	for i, there := range []bool{true, false, false, true, true} {
		require.Equal(t, there, m.take([]form{big(i).form}) != nil, "reel %d", i)
	}
}

// Many ask at once.
func TestMakerForMany(t *testing.T) {
	tracks := smallTracks(t)
	s := serve(t, Options{Data: t.TempDir()})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				s.Prepare(tracks, nil)
				s.Clip(tracks, nil)
			}
		})
	}
	all.Wait()
	s.awaitClip(t, tracks, anyClip)
	require.Len(t, s.wants, 1)
}
