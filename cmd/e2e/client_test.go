package e2e

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/stretchr/testify/require"
)

// TestIndependentClient reads a stream with gohlslib's client: its own parser
// of playlists and fragments.
func TestIndependentClient(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.publish(video("640x360", "30", "60").with(tone()))
	g.firstSegment()

	const pictures, sounds = 120, 150
	var mu sync.Mutex
	var dts, audio []int64
	enough := make(chan struct{})
	done := sync.OnceFunc(func() { close(enough) })
	c := &gohlslib.Client{URI: g.url("/live/live/index.m3u8")}
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, track := range tracks {
			switch track.Codec.(type) {
			case *codecs.H264:
				c.OnDataH26x(track, func(_, at int64, au [][]byte) {
					mu.Lock()
					defer mu.Unlock()
					if dts = append(dts, at); len(dts) >= pictures && len(audio) >= sounds {
						done()
					}
				})
			case *codecs.MPEG4Audio:
				c.OnDataMPEG4Audio(track, func(at int64, aus [][]byte) {
					mu.Lock()
					defer mu.Unlock()
					for range aus {
						audio = append(audio, at)
					}
				})
			}
		}
		if len(tracks) != 2 {
			return errors.New("not a picture and a sound")
		}
		return nil
	}
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait2() }()
	select {
	case <-enough:
	case err := <-ended:
		t.Fatalf("the client ended: %v", err)
	case <-time.After(patience):
		t.Fatalf("%d pictures and %d sounds in %v", len(dts), len(audio), patience)
	}
	c.Close()
	<-ended
	mu.Lock()
	defer mu.Unlock()
	for i := 1; i < len(dts); i++ {
		require.EqualValues(t, 3000, dts[i]-dts[i-1], "picture %d", i)
	}
	for i := 1; i < len(audio); i++ {
		require.GreaterOrEqual(t, audio[i], audio[i-1], "sound %d", i)
	}
}
