package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/message"
)

// TestStatus asks for the state of a session while it publishes, and before and after.
func TestStatus(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := start(t, Options{Metrics: registry})
	_, ok := h.Status("show", false)
	require.False(t, ok)
	require.Empty(t, h.Statuses())

	c := dial(t, h.plain)
	c.mustPublish()
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	c.sound(0)
	c.picture(33, false)
	c.picture(33, false) // repaired
	r := h.doorman.sink(t, "show", 0)
	r.wait(t, "all samples", func() bool { return r.count(videoTrack)+r.count(audioTrack) == 4 })
	require.Eventually(t, func() bool { s, _ := h.Status("show", false); return s.Repaired == 1 }, time.Minute, time.Millisecond)
	s, ok := h.Status("show", false)
	require.True(t, ok)
	require.Equal(t, "show", s.Stream)
	require.Equal(t, "rtmp", s.Over)
	require.Equal(t, 1, s.Epochs)
	require.Equal(t, "mp4a.40.2", s.Audio.Codec)
	require.True(t, strings.HasPrefix(s.Video.Codec, "avc1."), s.Video.Codec)
	require.WithinDuration(t, time.Now(), s.Since, time.Minute)
	require.Less(t, s.Idle, time.Minute)
	require.Equal(t, []string{"show"}, names(h.Statuses()))
	n, err := testutil.GatherAndCount(registry, "sluice_publisher_idle_seconds", "sluice_publisher_frames_per_second")
	require.NoError(t, err)
	require.Equal(t, 2, n)

	c.send(message.Command{Name: "FCUnpublish", Args: []any{nil, "secret"}})
	require.NoError(t, r.waitEnd(t))
	require.Eventually(t, func() bool { _, ok := h.Status("show", false); return !ok }, time.Minute, time.Millisecond)
	n, err = testutil.GatherAndCount(registry, "sluice_publisher_idle_seconds")
	require.NoError(t, err)
	require.Zero(t, n, "a stream that ended is still told of")
}

func names(all []Status) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.Stream)
	}
	return names
}
