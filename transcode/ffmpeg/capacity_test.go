package ffmpeg

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/rung"
)

// known is a measurement of a machine of two cores.
var known = Capacity{
	Decoded: []Price{{360, 0.02}, {720, 0.07}, {1080, 0.15}},
	Encoded: []Price{{240, 0.06}, {360, 0.07}, {480, 0.11}, {720, 0.23}, {1080, 0.41}},
	Cores:   1,
}

func TestCapacityPrices(t *testing.T) {
	require.NoError(t, known.validate())
	h264 := rung.Output{Width: 1280, Height: 720, Codec: rung.H264}
	require.InDelta(t, 0.23*realTime, known.Encode(h264, 30), 1e-9, "as measured")
	require.InDelta(t, 0.07*realTime*2, known.Decode(1280, 720, 60), 1e-9, "by the frame")
	require.InDelta(t, 0.15*realTime*4, known.Decode(3840, 2160, 30), 1e-9, "beyond what was measured, by the pixel")
	require.InDelta(t, 0.02*realTime/4, known.Decode(320, 180, 30), 1e-9)

	between := h264
	between.Width, between.Height = 960, 540
	require.Greater(t, known.Encode(between, 30), 0.11)
	require.Less(t, known.Encode(between, 30), 0.23)
	turned := h264
	turned.Width, turned.Height = 720, 1280
	require.Equal(t, known.Encode(h264, 30), known.Encode(turned, 30))

	hevc, slow := h264, h264
	hevc.Codec, slow.Preset = rung.HEVC, "veryfast"
	require.Greater(t, known.Encode(hevc, 30), known.Encode(h264, 30))
	require.InDelta(t, 1.6*known.Encode(h264, 30), known.Encode(slow, 30), 1e-9)
	require.Zero(t, known.Encode(h264, 0))
	require.Zero(t, Capacity{}.Decode(1280, 720, 30))
}

// More pixels never cost less, whatever noise was measured.
func TestCapacityHasNoSteps(t *testing.T) {
	last := 0.0
	for height := 2; height < 3000; height += 2 {
		c := known.Encode(rung.Output{Width: widthOf(height), Height: height}, 30)
		require.GreaterOrEqual(t, c, last, height)
		last = c
	}
}

func TestMeasureAndKeep(t *testing.T) {
	found := tool(t)
	s := Store{Path: filepath.Join(t.TempDir(), "transcode.json")}
	var log bytes.Buffer
	first, err := s.Capacity(t.Context(), found, "libx264", slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	require.NoError(t, first.validate())
	require.Contains(t, log.String(), "1080p")

	// From now on the tool can't run: what is returned was kept.
	gone := &Tool{Path: "/nowhere/ffmpeg", Version: found.Version}
	again, err := s.Capacity(t.Context(), gone, "libx264", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, first, again)

	for name, other := range map[string]func() (Capacity, error){
		"another encoder": func() (Capacity, error) {
			return s.Capacity(t.Context(), gone, "h264_nvenc", slog.New(slog.DiscardHandler))
		},
		"another version": func() (Capacity, error) {
			newer := &Tool{Path: gone.Path, Version: Version{Text: "99.1"}}
			return s.Capacity(t.Context(), newer, "libx264", slog.New(slog.DiscardHandler))
		},
		"unreadable": func() (Capacity, error) {
			require.NoError(t, os.WriteFile(s.Path, []byte("{"), 0o644))
			return s.Capacity(t.Context(), gone, "libx264", slog.New(slog.DiscardHandler))
		},
		"no file": func() (Capacity, error) {
			return Store{}.Capacity(t.Context(), gone, "libx264", slog.New(slog.DiscardHandler))
		},
	} {
		_, err := other()
		require.ErrorIs(t, err, os.ErrNotExist, "%s: it's measured, and the tool isn't there", name)
	}
}

func TestMeasurementIsReadStrictly(t *testing.T) {
	m := measurement{fileFormat, key{"5.1", "libx264", "linux/amd64 x", 2}, known}
	b, err := json.Marshal(m)
	require.NoError(t, err)
	got, err := parseMeasurement(b)
	require.NoError(t, err)
	require.Equal(t, m, got)
	good := string(b)
	for _, bad := range []string{
		"", "null", "[]", good + "{}", good[:len(good)-1],
		strings.Replace(good, `"format":1`, `"format":2`, 1),
		strings.Replace(good, `"format":1`, `"format":1,"more":1`, 1),
		strings.Replace(good, `"cores":1}`, `"cores":0}`, 1),
		strings.Replace(good, `"cores":1}`, `"cores":1e99}`, 1),
		strings.Replace(good, `"cpu":0.23`, `"cpu":0`, 1),
		strings.Replace(good, `"cpu":0.23`, `"cpu":-1`, 1),
		strings.Replace(good, `"cpu":0.23`, `"cpu":1e9`, 1),
		strings.Replace(good, `"height":240`, `"height":0`, 1),
		strings.Replace(good, `{"height":240,"cpu":0.06},`, ``, 1),
		good + strings.Repeat(" ", maxFile),
	} {
		_, err := parseMeasurement([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzMeasurement(f *testing.F) {
	b, err := json.Marshal(measurement{fileFormat, key{"5.1", "libx264", "linux/amd64 x", 2}, known})
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte(`{"format":1,"capacity":{"cores":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeasurement(b)
		if err != nil {
			return
		}
		require.Positive(t, m.Capacity.Encode(rung.Output{Width: 2, Height: 2}, 30))
		again, err := json.Marshal(m)
		require.NoError(t, err)
		same, err := parseMeasurement(again)
		require.NoError(t, err)
		require.Equal(t, m, same)
	})
}
