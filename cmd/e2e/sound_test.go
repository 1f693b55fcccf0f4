package e2e

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireClicks compares sound that was encoded anew with what was sent: there
// is no hole in it, and its clicks are where they were, beside the picture.
func requireClicks(t *testing.T, g *gateway, sent clip) {
	spans := g.read("audio")
	requireWhole(t, spans)
	end := spans[0].start
	for _, s := range spans {
		for _, f := range s.frames {
			require.Equal(t, end, f.pts, "%v has a hole", s)
			require.EqualValues(t, 1024, f.duration, "%v", s)
			end += f.duration
		}
	}
	const rate = 8000 // of what is decoded to look for clicks
	began := time.Duration(spans[0].start) * time.Second / time.Duration(spans[0].timescale)
	got := clicksIn(decodeSound(t, g.soundFile(), rate), rate, began)

	// Both clocks have the first picture that is shown.
	picture := g.read("source")[0]
	shown := time.Duration(picture.first()) * time.Second / time.Duration(picture.timescale)
	var first, firstSound time.Duration = -1, -1
	for _, g := range sent.frames {
		switch {
		case g.kind == videoTag && (first < 0 || g.pts() < first):
			first = g.pts()
		case g.kind == audioTag && firstSound < 0:
			firstSound = g.at
		}
	}
	want := clicksIn(decodeSound(t, sent.soundFile(t), rate), rate, firstSound+shown-first)
	require.Greater(t, len(got), int(clipLength/time.Second)/2, "clicks")
	for _, at := range got {
		nearest := time.Duration(math.MaxInt64)
		for _, w := range want {
			if (at - w).Abs() < nearest.Abs() {
				nearest = at - w
			}
		}
		require.Less(t, nearest.Abs(), 10*time.Millisecond, "the click at %v is off by %v", at, nearest)
	}
	t.Logf("%d clicks of %d, the last at %v", len(got), len(want), got[len(got)-1])
}

// clicksIn returns when a click starts in samples that start at a time.
func clicksIn(samples []int16, rate int, start time.Duration) []time.Duration {
	const loud = 3000
	var found []time.Duration
	for i, s := range samples {
		if s < loud && s > -loud {
			continue
		}
		at := start + time.Duration(i)*time.Second/time.Duration(rate)
		if len(found) == 0 || at-found[len(found)-1] > 500*time.Millisecond {
			found = append(found, at)
		}
	}
	return found
}

// soundFile writes the audio rendition as one file.
func (g *gateway) soundFile() string {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "sound.mp4")
	require.NoError(g.t, os.WriteFile(path, g.whole("audio"), 0o600))
	return path
}

// soundFile writes the clip's sound, MP3, as one file.
func (c clip) soundFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound.mp3")
	var b []byte
	for _, g := range c.frames {
		if g.kind == audioTag {
			b = append(b, g.body[1:]...)
		}
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// decodeSound returns a file's samples from its first one on, mixed to one channel.
func decodeSound(t *testing.T, path string, rate int) []int16 {
	t.Helper()
	var complaint bytes.Buffer
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", strconv.Itoa(rate),
		"-f", "s16le", "-")
	cmd.Stderr = &complaint
	raw, err := cmd.Output()
	require.NoError(t, err, complaint.String())
	samples := make([]int16, len(raw)/2)
	for i := range samples {
		samples[i] = int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
	}
	return samples
}
