package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// pictures publishes so many seconds of a stream at once, which come as if they had been
// sent in time and ended now. More may follow.
func pictures(t *testing.T, g *Gateway, seconds int) {
	t.Helper()
	const rate, size = 5, 500
	codec, err := media.NewH264(sps, pps)
	require.NoError(t, err)
	tracks := []media.Track{{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}}
	streams, err := g.streams.Streams(t.Context())
	require.NoError(t, err)
	s := g.packager.Stream("hall", timing(streams[0].Timing))
	require.NoError(t, s.Begin(t.Context(), tracks))
	began := time.Now().Add(-time.Duration(seconds) * time.Second)
	for i := range seconds * rate {
		at := time.Duration(i) * time.Second / rate
		nal := append([]byte{0, 0, size >> 8, size & 0xFF}, make([]byte, size)...)
		if nal[4] = 0x41; i%rate == 0 {
			nal[4] = 0x65
		}
		require.NoError(t, s.WriteSample(t.Context(), 1, media.Sample{
			DTS: media.TicksOf(at, media.VideoClock), Duration: media.TicksOf(time.Second/rate, media.VideoClock), Sync: i%rate == 0, Data: nal,
		}, began.Add(at)))
	}
}

// stored waits until so many segments are in storage alone, and returns the timeline.
func stored(t *testing.T, g *Gateway, n int) (now *timeline.Timeline) {
	t.Helper()
	feed, err := g.journal.Follow(t.Context(), "hall")
	require.NoError(t, err)
	now, err = feed.Await(t.Context(), "", func(tl *timeline.Timeline) bool {
		found := 0
		if r := tl.Rendition(timeline.Source); r != nil {
			for s := range r.Segments.All() {
				if s.Stored != nil {
					found++
				}
			}
		}
		return found >= n
	})
	require.NoError(t, err)
	return now
}

// indexed says whether what is on disk tells of that segment: it does last.
func indexed(data string, msn uint64) error {
	needle := fmt.Appendf(nil, `{"n":%d,`, msn)
	found := fmt.Errorf("nothing tells of segment %d", msn)
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || found == nil {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, needle) {
			found = nil
		}
		return err
	})
	return errors.Join(err, found)
}

// TestWindowsOutliveTheProcess kills a gateway whose window is longer than what it keeps
// in memory, and one that ends in good order, and starts another on its folder.
func TestWindowsOutliveTheProcess(t *testing.T) {
	c := onLoopback(t)
	c.Ladder, c.Timing.Window = rung.SourceSpec(), 10*time.Minute
	c.Streams = []config.Stream{{Name: "hall", Key: catalog.NewKey()}}
	g := open(t, c, Options{})
	end := serve(t, g)
	pictures(t, g, 100)
	was := stored(t, g, 33) // of 49 whole ones
	require.Less(t, was.Bytes(), int64(100*5*600/2))
	killed := c
	eventually(t, func() error {
		killed.Data = t.TempDir()
		if err := os.CopyFS(killed.Data, os.DirFS(c.Data)); err != nil {
			return err // of a file that went meanwhile
		}
		return indexed(killed.Data, was.Rendition(timeline.Source).Segments.Last().MSN)
	})

	uri := regexp.MustCompile(`(?m)^[0-9]+/[0-9]+\.m4s$`)
	missing := regexp.MustCompile(`#EXT-X-GAP\n#EXTINF:.*\n.*\n`)
	fetch := func(g *Gateway) (playlist string, media map[string]string) {
		media = map[string]string{}
		c := client(t, g)
		base := "http://" + g.Addresses().HTTP + "/live/hall/source/"
		eventually(t, func() error {
			status, _, body, err := get(c, base+"index.m3u8")
			if playlist = body; err != nil || status != 200 {
				return errors.Join(err, fmt.Errorf("%d %s", status, body))
			}
			return nil
		})
		for i, name := range uri.FindAllString(missing.ReplaceAllString(playlist, ""), -1) {
			if i%7 == 0 {
				status, _, body, err := get(c, base+name)
				require.NoError(t, err)
				require.Equal(t, 200, status, name)
				media[name] = body
			}
		}
		return playlist, media
	}
	before, all := fetch(g)
	require.Greater(t, len(all), 5)
	again := func(t *testing.T, c config.Config, ends, most int) {
		g := open(t, c, Options{})
		serve(t, g)
		after, same := fetch(g)
		for name, body := range all {
			require.Contains(t, same, name)
			require.True(t, body == same[name], "%s has other bytes", name)
		}
		names := uri.FindAllString(after, -1)
		told := uri.FindAllString(before, -1)
		require.Equal(t, told, names[:len(told)])
		require.LessOrEqual(t, len(names)-len(told), most)
		if gaps := strings.Count(after, "#EXT-X-GAP\n"); ends == 0 {
			require.Equal(t, len(names)-len(told), gaps, "what nobody has is said to be missing")
		} else {
			require.Zero(t, gaps)
		}
		require.Equal(t, ends, strings.Count(after, "#EXT-X-ENDLIST\n"))
		if ends > 0 {
			return
		}
		pictures(t, g, 10)
		feed, err := g.journal.Follow(t.Context(), "hall")
		require.NoError(t, err)
		now := feed.Current()
		require.Equal(t, was.First, now.First)
		require.Greater(t, now.Next.Epoch, was.Next.Epoch)
		on, _ := fetch(g)
		require.Contains(t, on, "#EXT-X-DISCONTINUITY\n")
		require.Greater(t, len(uri.FindAllString(on, -1)), len(names))
	}
	t.Run("killed", func(t *testing.T) { again(t, killed, 0, 1+2) })
	require.NoError(t, g.packager.Stream("hall", timing(c.Timing)).End(t.Context(), media.ErrOver))
	require.NoError(t, end())
	require.NoError(t, g.Close())
	t.Run("ended", func(t *testing.T) { again(t, c, 1, 1) })
}
