package slate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// silence is a reel of AAC as small as there are.
func silence(t testing.TB, rate int) *reel {
	t.Helper()
	frames := make([]frame, silentFrames)
	for i := range frames {
		frames[i] = frame{true, []byte{1, 0x18, 0x20, byte(i)}}
	}
	f := form{Codec: "aac", SampleRate: rate, Channels: 1}
	r, err := newReel(f, [][]byte{aacTrack(t, rate, 1).Codec.(*media.AAC).Raw}, frames)
	require.NoError(t, err)
	return r
}

// still is a reel of pictures that no decoder has seen, with a real SPS.
func still(t testing.TB) *reel {
	t.Helper()
	sps := []byte{0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x03, 0xc5, 0x0a, 0xa8}
	codec, err := media.NewH264(sps, []byte{0x68, 0xce, 0x3c, 0x80})
	require.NoError(t, err)
	f := form{
		Content: "some", Codec: "h264", Rate: ffmpeg.Rate{Num: 24, Den: 1}, Frames: 4, GOP: 2, Width: codec.Width, Height: codec.Height,
		SARWidth: 1, SARHeight: 1, Profile: "baseline", Colour: ffmpeg.Colour{Primaries: 1, FullRange: true},
	}
	var frames []frame
	for i := range 4 {
		frames = append(frames, frame{i%2 == 0, bytes.Repeat([]byte{byte(i)}, 9-i)})
	}
	r, err := newReel(f, setsOf(codec), frames)
	require.NoError(t, err)
	return r
}

func requireEqualReels(t testing.TB, want, got *reel) {
	t.Helper()
	require.True(t, want.codec.Equal(got.codec))
	require.Equal(t, want.form, got.form)
	require.Equal(t, want.frames, got.frames)
	require.Equal(t, want.length, got.length)
	require.Equal(t, want.bytes, got.bytes)
}

func TestFileComesBack(t *testing.T) {
	for _, r := range []*reel{silence(t, 48_000), still(t)} {
		file := r.appendTo(nil)
		got, err := parseReel(file)
		require.NoError(t, err)
		requireEqualReels(t, r, got)
		require.Equal(t, file, got.appendTo(nil))
	}
}

// Whatever happens to a file, it isn't taken for what it was.
func TestDamagedFiles(t *testing.T) {
	file := still(t).appendTo(nil)
	for i := range file {
		_, err := parseReel(file[:i])
		require.ErrorIs(t, err, errDamaged, "cut at %d", i)
		broken := slices.Clone(file)
		broken[i] ^= 0x10
		_, err = parseReel(broken)
		require.ErrorIs(t, err, errDamaged, "byte %d", i)
	}
	_, err := parseReel(append(slices.Clone(file), 0))
	require.ErrorIs(t, err, errDamaged)
}

// With a right checksum, what is said must still be sensible.
func TestSenselessFiles(t *testing.T) {
	for name, change := range map[string]func(*reel){
		"no frames":      func(r *reel) { r.frames = nil },
		"a frame less":   func(r *reel) { r.frames = r.frames[:3] },
		"empty frame":    func(r *reel) { r.frames[1].data = nil },
		"keyframes":      func(r *reel) { r.frames[1].sync = true },
		"another codec":  func(r *reel) { r.form.Codec = "hevc" },
		"no codec":       func(r *reel) { r.form.Codec = "" },
		"another size":   func(r *reel) { r.form.Width++ },
		"no rate":        func(r *reel) { r.form.Rate.Den = 0 },
		"endless":        func(r *reel) { r.form.Frames = 1 << 40 },
		"without GOP":    func(r *reel) { r.form.GOP = 0 },
		"sound":          func(r *reel) { r.form.SampleRate = 48_000 },
		"negative sound": func(r *reel) { r.form.SampleRate = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := still(t)
			r.frames = slices.Clone(r.frames)
			change(r)
			_, err := parseReel(r.appendTo(nil))
			require.ErrorIs(t, err, errDamaged)
		})
	}
}

func TestCache(t *testing.T) {
	c := newCache(t.TempDir())
	r := still(t)
	_, err := c.load(r.form)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, c.save(r))
	got, err := c.load(r.form)
	require.NoError(t, err)
	requireEqualReels(t, r, got)

	// A file under another's name.
	path := filepath.Join(c.folder, nameOf(r.form))
	require.NoError(t, os.WriteFile(path, silence(t, 48_000).appendTo(nil), 0o644))
	_, err = c.load(r.form)
	require.ErrorIs(t, err, errDamaged)
	require.ErrorContains(t, err, path)
	_, err = c.load(r.form)
	require.ErrorIs(t, err, fs.ErrNotExist, "it's gone")

	none := newCache("")
	require.NoError(t, none.save(r))
	_, err = none.load(r.form)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// The files that were used last stay, and so does what isn't ours.
func TestCacheIsBounded(t *testing.T) {
	c := newCache(t.TempDir())
	c.files = 3
	now := time.Now()
	var forms []form
	for i := range 5 {
		r := silence(t, []int{8000, 16_000, 32_000, 44_100, 48_000}[i])
		forms = append(forms, r.form)
		require.NoError(t, c.save(r))
		at := now.Add(time.Duration(i-10) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(c.folder, nameOf(r.form)), at, at))
		if i == 2 {
			_, err := c.load(forms[0]) // it's used again
			require.NoError(t, err)
		}
	}
	left := func() (all []bool) {
		for _, f := range forms {
			_, err := os.Stat(filepath.Join(c.folder, nameOf(f)))
			all = append(all, err == nil)
		}
		return all
	}
	require.Equal(t, []bool{true, false, false, true, true}, left())

	other, old, young := filepath.Join(c.folder, "notes.txt"), filepath.Join(c.folder, ".x.slate.123"), filepath.Join(c.folder, ".y.slate.123")
	for _, path := range []string{other, old, young} {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
	}
	require.NoError(t, os.Chtimes(old, now.Add(-2*time.Hour), now.Add(-2*time.Hour)))
	c.bytes = int64(len(silence(t, 8000).appendTo(nil)))*2 + 20
	require.NoError(t, c.prune(now))
	require.Equal(t, []bool{true, false, false, false, true}, left())
	require.FileExists(t, other)
	require.FileExists(t, young)
	require.NoFileExists(t, old)
}

// FuzzReel finds files that break the reader, or that it reads otherwise than they were written.
func FuzzReel(f *testing.F) {
	for _, r := range []*reel{silence(f, 48_000), still(f)} {
		f.Add(r.appendTo(nil)[headSize:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		file := binary.BigEndian.AppendUint16([]byte(magic), fileVersion)
		sum := sha256.Sum256(body)
		file = append(append(file, sum[:]...), body...)
		r, err := parseReel(file)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		again, err := parseReel(r.appendTo(nil))
		require.NoError(t, err)
		requireEqualReels(t, r, again)
		c := fakeClip(r)
		h := newHand(r, c.tracks[0])
		for range 100 {
			require.NotEmpty(t, h.sample().Data)
			h.advance()
		}
	})
}

func TestNamesDiffer(t *testing.T) {
	a := form{Codec: "aac", SampleRate: 48_000, Channels: 2}
	b := a
	b.Channels = 1
	require.NotEqual(t, nameOf(a), nameOf(b))
	require.Equal(t, nameOf(a), nameOf(form{Codec: "aac", SampleRate: 48_000, Channels: 2}))
	require.Regexp(t, `^[0-9a-f]{32}\.slate$`, nameOf(a))
}
