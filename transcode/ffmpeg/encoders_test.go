package ffmpeg

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/rung"
)

func TestEncodersOfThisMachine(t *testing.T) {
	e, err := tool(t).Encoders(t.Context(), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	require.NoError(t, err)
	name, ok := e.For(rung.H264, rung.Libx264)
	require.True(t, ok)
	require.Equal(t, "libx264", name)
}
