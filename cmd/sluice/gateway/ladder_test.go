package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

func TestLadderOfAStream(t *testing.T) {
	own, err := rung.Parse("720p")
	require.NoError(t, err)
	c := onLoopback(t)
	c.Ladder = rung.SourceSpec()
	c.Streams = []config.Stream{{Name: "hall", Key: catalog.NewKey(), Ladder: &own}, {Name: "yard", Key: catalog.NewKey()}}
	g := open(t, c, Options{})
	for _, s := range c.Streams {
		found, err := g.streams.ByKey(t.Context(), s.Key.Hash())
		require.NoError(t, err)
		want := rung.SourceSpec()
		if s.Name == "hall" {
			want = own
		}
		require.Equal(t, want, g.admitter.spec(found), s.Name)
	}
}

// A rung joins what is published, and no ffmpeg outlives the gateway.
func TestPublishedStreamHasARung(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	c := onLoopback(t)
	c.Ladder, err = rung.Parse("source,240p")
	require.NoError(t, err)
	g := open(t, c, Options{TestPicture: true})
	end := serve(t, g)
	http := client(t, g)
	base := "http://" + g.Addresses().HTTP + "/live/live/"

	url, secret := g.TestPicture()
	pushing, stopPushing := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	go func() { pushed <- demo.Publisher{FFmpeg: ffmpeg, URL: url, Secret: secret, Log: quiet}.Serve(pushing) }()
	has := func(path, want string) func() error {
		return func() error {
			status, _, body, err := get(http, base+path)
			if err == nil && (status != 200 || !strings.Contains(body, want)) {
				err = fmt.Errorf("%s: %d %s", path, status, body)
			}
			return err
		}
	}
	eventually(t, has("index.m3u8", "RESOLUTION=426x240"))
	eventually(t, has("240p/index.m3u8", "#EXTINF"))
	eventually(t, has("manifest.mpd", `height="240"`))
	_, _, metrics, err := get(http, "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	require.Contains(t, metrics, `sluice_rung_frames_out_total{rung="240p",stream="live"}`)

	ended := make(chan error, 1)
	go func() { ended <- end() }()
	eventually(t, has("240p/index.m3u8", "#EXT-X-ENDLIST"))
	require.NoError(t, <-ended)
	stopPushing()
	require.True(t, errors.Is(<-pushed, context.Canceled))
	require.Empty(t, children(t), "no ffmpeg is left")
}
