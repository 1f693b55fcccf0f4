package gateway

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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

// encoded says that frames of the rung have come out.
var encoded = regexp.MustCompile(`sluice_rung_frames_out_total\{rung="240p",stream="live"\} [1-9]`)

// A rung is made of what is published, and a poster; no ffmpeg outlives the gateway.
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
	eventually(t, has("source/index.m3u8", "#EXTINF"))
	// Whether this machine is free enough for the rung to keep up isn't the question
	// here: it is encoded.
	eventually(t, func() error {
		_, _, metrics, err := get(http, "http://"+g.Addresses().HTTP+"/metrics")
		if err == nil && !encoded.MatchString(metrics) {
			err = errors.New("no frame of the rung has come")
		}
		return err
	})

	eventually(t, has("poster.jpg", "\xff\xd8"))

	ended := make(chan error, 1)
	go func() { ended <- end() }()
	eventually(t, has("source/index.m3u8", "#EXT-X-ENDLIST"))
	require.NoError(t, <-ended)
	stopPushing()
	require.True(t, errors.Is(<-pushed, context.Canceled))
	require.Empty(t, children(t), "no ffmpeg is left")
}
