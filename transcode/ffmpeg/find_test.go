package ffmpeg

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake returns the path of a program that stands in for ffmpeg.
func fake(t testing.TB, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := filepath.Join(t.TempDir(), "ffmpeg")
	// A process that is started meanwhile would hold the file open, and it could not run.
	syscall.ForkLock.RLock()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	syscall.ForkLock.RUnlock()
	return path
}

func says(lines string) string { return "cat <<'END'\n" + lines + "\nEND" }

func TestFind(t *testing.T) {
	found := tool(t)
	require.True(t, filepath.IsAbs(found.Path))
	require.NotEmpty(t, found.Version.Text)
	again, err := Find(t.Context(), found.Path)
	require.NoError(t, err)
	require.Equal(t, found, again)
}

func TestFindNothing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Find(t.Context(), "")
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "apt-get install ffmpeg")

	nowhere := filepath.Join(t.TempDir(), "nowhere")
	_, err = Find(t.Context(), nowhere)
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, nowhere)
}

func TestFindWhatIsNotFFmpeg(t *testing.T) {
	for name, script := range map[string]string{
		"silent":      "exit 0",
		"other":       says("ffprobe version 5.1 Copyright"),
		"fails":       "echo 'error while loading shared libraries: libx264.so.164' >&2; exit 127",
		"talks a lot": "yes",
	} {
		if name == "talks a lot" {
			script = "yes | head -c 1000000"
		}
		_, err := Find(t.Context(), fake(t, script))
		require.ErrorIs(t, err, ErrMissing, name)
	}
	_, err := Find(t.Context(), fake(t, "echo 'libx264.so.164: cannot open shared object file' >&2; exit 127"))
	require.ErrorContains(t, err, "libx264.so.164")
}

func TestFindEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := fake(t, "echo $$ > "+filepath.Join(t.TempDir(), "pid")+"; sleep 600 & sleep 600")
	cancel()
	_, err := Find(ctx, path)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFindTooOld(t *testing.T) {
	_, err := Find(t.Context(), fake(t, says("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright (c) 2000-2021 the FFmpeg developers")))
	require.ErrorIs(t, err, ErrTooOld)
	require.ErrorContains(t, err, "4.4.2-0ubuntu0.22.04.1")
	require.ErrorContains(t, err, "5.1 or later")
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		version, codec string
		major, minor   int
		old            bool
	}{
		{"5.1.9-0+deb12u1", "59. 37.100", 5, 1, false},
		{"5.0.1", "59. 18.100", 5, 0, true},
		{"4.4.2-0ubuntu0.22.04.1", "58.134.100", 4, 4, true},
		{"6.1.1-3ubuntu5", "60. 31.102", 6, 1, false},
		{"n7.1", "61. 19.100", 7, 1, false},
		{"n7.1-152-gb2c0a5b0e5", "61. 19.100", 7, 1, false},
		{"7.0.2-static", "61.  3.100", 7, 0, false},
		{"10.0", "", 10, 0, false},
		{"N-118000-g3f2a1b4c5d", "61. 19.100", 0, 0, false},
		{"N-104000-g3f2a1b4c5d", "59.  8.100", 0, 0, true},
		{"2024-05-06-git-96449cfeae-full_build-www.gyan.dev", "61.  5.103", 0, 0, false},
		{"git-2019-11-09-0f89a22", "58. 62.100", 0, 0, true},
		{"mine", "", 0, 0, false}, // its trials tell
	} {
		out := "ffmpeg version " + c.version + " Copyright (c) 2000-2026 the FFmpeg developers\n"
		if c.codec != "" {
			out += "libavutil      57. 28.100 / 57. 28.100\nlibavcodec     " + c.codec + " / " + c.codec + "\n"
		}
		for _, end := range []string{"", "\r"} {
			v, ok := parseVersion([]byte(out + end))
			require.True(t, ok, c.version)
			require.Equal(t, c.version, v.Text)
			require.Equal(t, []int{c.major, c.minor}, []int{v.Major, v.Minor}, c.version)
			require.Equal(t, c.old, v.tooOld(), c.version)
		}
	}
	for _, no := range []string{"", "ffmpeg", "ffmpeg version ", "ffmpeg version \x00", " ffmpeg version 5.1"} {
		_, ok := parseVersion([]byte(no))
		require.False(t, ok, no)
	}
}

func FuzzVersion(f *testing.F) {
	f.Add([]byte("ffmpeg version 5.1.9-0+deb12u1 Copyright\nlibavcodec     59. 37.100 / 59. 37.100\n"))
	f.Add([]byte("ffmpeg version N-118000-g3f2a1b4 Copyright\r\n"))
	f.Add([]byte("ffmpeg version n7.1\nlibavcodec 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := parseVersion(b)
		if !ok {
			require.Zero(t, v)
			return
		}
		require.NotEmpty(t, v.Text)
		require.LessOrEqual(t, len(v.Text), 128)
		require.GreaterOrEqual(t, min(v.Major, v.Minor, v.CodecMajor, v.CodecMinor), 0)
		again, ok := parseVersion([]byte("ffmpeg version " + v.Text + " "))
		require.True(t, ok)
		require.Equal(t, v.Major, again.Major)
	})
}
