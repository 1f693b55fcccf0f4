package ffmpeg

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMeasure(t *testing.T) {
	began := time.Now()
	c, err := tool(t).Measure(t.Context(), "libx264")
	require.NoError(t, err)
	t.Log(c, time.Since(began))
	require.NoError(t, c.validate())
}
