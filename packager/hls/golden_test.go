package hls_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

var update = flag.Bool("update", false, "write the golden files")

// document is a rendered playlist under the URL that a player asks for.
type document struct {
	path string
	body []byte
}

// render returns everything that a stream publishes at this moment.
func render(tb testing.TB, t *timeline.Timeline) []document {
	tb.Helper()
	body, err := hls.AppendMultivariant(nil, t, hls.Options{})
	require.NoError(tb, err)
	docs := []document{{"index.m3u8", body}}
	docs = append(docs, transports(tb, t)...)
	for _, r := range t.Renditions {
		body, err := hls.AppendMedia(nil, t, r.ID)
		switch {
		case r.Absent():
			require.ErrorIs(tb, err, hls.ErrGone)
			continue
		case err != nil && r.Follows:
			require.ErrorIs(tb, err, hls.ErrNotReady)
			continue
		case err != nil:
			require.ErrorIs(tb, err, hls.ErrNoRendition)
			continue
		}
		delta, err := hls.AppendMediaDelta(nil, t, r.ID)
		require.NoError(tb, err)
		path := string(r.ID) + "/index.m3u8"
		docs = append(docs, document{path, body}, document{path + "?_HLS_skip=YES", delta})
		iframes, err := hls.AppendIFrames(nil, t, r.ID)
		if r.Track.Kind != media.Video {
			require.ErrorIs(tb, err, hls.ErrNoRendition)
			continue
		}
		require.NoError(tb, err)
		docs = append(docs, document{string(r.ID) + "/iframes.m3u8", iframes})
	}
	return docs
}

// transports returns what it publishes of MPEG-TS.
func transports(tb testing.TB, t *timeline.Timeline) []document {
	tb.Helper()
	body, err := hls.AppendTransportMultivariant(nil, t, hls.Options{})
	if err != nil {
		require.True(tb, errors.Is(err, hls.ErrNoTransport) || errors.Is(err, hls.ErrNotReady), "%v", err)
		return nil
	}
	docs := []document{{"ts.m3u8", body}}
	for _, r := range t.Renditions {
		if body, err := hls.AppendTransportMedia(nil, t, r.ID); err == nil {
			docs = append(docs, document{string(r.ID) + "/ts.m3u8", body})
		}
	}
	return docs
}

// join makes one readable file of several playlists.
func join(docs []document) []byte {
	var all []byte
	for i, d := range docs {
		if i > 0 && d.path == docs[i-1].path+"?_HLS_skip=YES" && string(d.body) == string(docs[i-1].body) {
			all = append(all, "== "+d.path+" (the same)\n"...)
			continue
		}
		all = append(all, "== "+d.path+"\n"...)
		all = append(all, d.body...)
	}
	return all
}

func TestGolden(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			docs := render(t, build(t, c.name))
			if c.name == "long_window" { // the whole playlists say nothing new
				docs = slices.DeleteFunc(docs, func(d document) bool { return !strings.HasSuffix(d.path, "_HLS_skip=YES") })
			}
			got := join(docs)
			path := filepath.Join("testdata", c.name+".golden")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}

// A parser that isn't ours reads the same numbers out of every playlist.
func TestGoldenBySecondParser(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, c.name)
			for _, d := range render(t, tl) {
				pl, err := playlist.Unmarshal(d.body)
				require.NoError(t, err, d.path)
				switch pl := pl.(type) {
				case *playlist.Multivariant:
					require.True(t, pl.IndependentSegments)
					for _, v := range pl.Variants {
						require.Positive(t, v.Bandwidth)
						require.LessOrEqual(t, *v.AverageBandwidth, v.Bandwidth)
						require.NotEmpty(t, v.Codecs)
					}
				case *playlist.Media:
					compareMedia(t, tl, d.path, pl)
				}
			}
		})
	}
}

func compareMedia(t *testing.T, tl *timeline.Timeline, path string, pl *playlist.Media) {
	t.Helper()
	r := tl.Rendition(timeline.RenditionID(filepath.Dir(path)))
	msn := uint64(pl.MediaSequence)
	if pl.Skip != nil {
		msn += uint64(pl.Skip.SkippedSegments)
	}
	for _, s := range pl.Segments {
		g := r.Segment(msn)
		require.NotNil(t, g, "segment %d", msn)
		require.Equal(t, g.Gap(), s.Gap)
		require.InDelta(t, g.Duration.Duration(g.Timescale(r)).Seconds(), s.Duration.Seconds(), 0.000_01)
		require.Equal(t, g.Time.Truncate(1e6), s.DateTime.UTC())
		msn++
	}
	if r.Open != nil && !slices.Contains([]string{"ts.m3u8", "iframes.m3u8"}, filepath.Base(path)) {
		require.Len(t, pl.Parts, len(r.Open.Parts))
	}
	require.Equal(t, tl.State == timeline.Ended, pl.Endlist)
}
