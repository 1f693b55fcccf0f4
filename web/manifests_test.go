package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

func TestManifestHeaders(t *testing.T) {
	g, p := playing(t, 13)
	for url, want := range map[string]struct{ contentType, cache string }{
		"/live/live/index.m3u8":                                {"application/vnd.apple.mpegurl", "public, max-age=1, stale-while-revalidate=5"},
		"/live/live/source/index.m3u8":                         {"application/vnd.apple.mpegurl", "public, max-age=1"},
		"/live/live/source/index.m3u8?_HLS_skip=YES":           {"application/vnd.apple.mpegurl", "public, max-age=1"},
		"/live/live/source/index.m3u8?_HLS_msn=14&_HLS_part=2": {"application/vnd.apple.mpegurl", "public, max-age=12"},
		"/live/live/source/iframes.m3u8":                       {"application/vnd.apple.mpegurl", "public, max-age=1"},
		"/live/live/manifest.mpd":                              {"application/dash+xml", "public, max-age=1"},
		"/live/live/manifest.mpd?after=13":                     {"application/dash+xml", "public, max-age=1"},
	} {
		t.Run(url, func(t *testing.T) {
			plain := g.get(url)
			h := plain.Header()
			require.Equal(t, want.contentType, h.Get("Content-Type"))
			require.Equal(t, want.cache, h.Get("Cache-Control"))
			require.Equal(t, "Accept-Encoding", h.Get("Vary"))
			require.Equal(t, strconv.Itoa(plain.Body.Len()), h.Get("Content-Length"))
			require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
			require.Empty(t, h.Get("Content-Encoding"))
			tag := h.Get("Etag")
			require.Regexp(t, `^"[0-9a-f]{24}"$`, tag)

			zipped := g.get(url, "Accept-Encoding: br, gzip;q=0.8")
			require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
			require.Equal(t, strconv.Itoa(zipped.Body.Len()), zipped.Header().Get("Content-Length"))
			require.Less(t, zipped.Body.Len(), plain.Body.Len())
			z, err := gzip.NewReader(zipped.Body)
			require.NoError(t, err)
			unzipped, err := io.ReadAll(z)
			require.NoError(t, err)
			require.Equal(t, plain.Body.String(), string(unzipped))
			zippedTag := zipped.Header().Get("Etag")
			require.NotEqual(t, tag, zippedTag, "two representations, two tags")

			same := g.get(url, "If-None-Match: "+tag)
			require.Equal(t, 304, same.Code)
			require.Equal(t, want.cache, same.Header().Get("Cache-Control"))
			require.Equal(t, 304, g.get(url, "If-None-Match: "+zippedTag, "Accept-Encoding: gzip").Code)
			require.Equal(t, 200, g.get(url, "If-None-Match: "+tag, "Accept-Encoding: gzip").Code)
			head := g.do(http.MethodHead, url)
			require.Equal(t, h, head.Header())
		})
	}
	before := g.get("/live/live/source/index.m3u8").Header().Get("Etag")
	p.write(timeline.Source)
	require.Equal(t, before, g.get("/live/live/source/index.m3u8").Header().Get("Etag"), "only the audio has changed")
	p.part--
	p.write(timeline.Audio)
	require.NotEqual(t, before, g.get("/live/live/source/index.m3u8").Header().Get("Etag"))
}

// A range that the playlist of I-frames names is what players get, and the playlist stays
// the same until there is another segment.
func TestIFrames(t *testing.T) {
	g, p := playing(t, 3)
	require.Contains(t, g.get("/live/live/index.m3u8").Body.String(), `,URI="source/iframes.m3u8"`)
	w := g.get("/live/live/source/iframes.m3u8")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "#EXT-X-BYTERANGE:750@0\n#EXTINF:2.00000,\n1/3.m4s\n")
	require.NotContains(t, w.Body.String(), "1/4.m4s", "it's open")
	i := g.get("/live/live/source/1/3.m4s", "Range: bytes=0-749")
	require.Equal(t, 206, i.Code)
	require.Equal(t, string(p.data(timeline.Source, 3, 0)[:750]), i.Body.String())
	require.Equal(t, 404, g.get("/live/live/audio/iframes.m3u8").Code)
	require.Equal(t, 404, g.get("/live/live/other/iframes.m3u8").Code)

	same := p.write().feed().Current()
	p.write()
	require.Equal(t, same.Whole, p.feed().Current().Whole)
	require.Equal(t, 304, g.get("/live/live/source/iframes.m3u8", "If-None-Match: "+w.Header().Get("Etag")).Code)
	p.shut()
	require.Contains(t, g.get("/live/live/source/iframes.m3u8").Body.String(), "1/4.m4s")
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                          false,
		"gzip":                      true,
		"GZIP":                      true,
		"x-gzip":                    true,
		"gzip, deflate, br, zstd":   true,
		"deflate, gzip;q=1.0, *":    true,
		"gzip;q=0":                  false,
		"gzip; q=0.0":               false,
		"gzip;Q=0.001":              true,
		"*":                         true,
		"*;q=0":                     false,
		"gzip;q=0, *":               false,
		"*;q=0, gzip":               true,
		"br":                        false,
		"gzipped":                   false,
		"identity":                  false,
		"gzip;q=x":                  false,
		"gzip;q=2":                  false,
		"gzip;foo=bar":              true,
		" , ,gzip ;q=1":             true,
		"compress;q=0.5, gzip;q=.4": true,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Accept-Encoding", header)
		}
		require.Equal(t, want, acceptsGzip(h), "%q", header)
	}
}

// However many ask at once, and with whatever timelines in hand, each version is
// rendered once, from its own timeline, and nobody gets an older one than he asked for.
func TestRenderedOnce(t *testing.T) {
	var d document
	const versions, askers = 50, 16
	timelines := make([]*timeline.Timeline, versions)
	for i := range timelines {
		timelines[i] = &timeline.Timeline{Version: uint64(i)}
	}
	var renders [versions]atomic.Int32
	f := func(dst []byte, t *timeline.Timeline) ([]byte, error) {
		renders[t.Version].Add(1)
		return strconv.AppendUint(dst, t.Version, 10), nil
	}
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for v := range uint64(versions) {
				r, err := d.at(timelines[v], v, f)
				if err != nil || r.version < v || string(r.plain.body) != strconv.FormatUint(r.version, 10) {
					t.Errorf("asked for %d, got %d: %s, %v", v, r.version, r.plain.body, err)
				}
			}
		})
	}
	wg.Wait()
	for v := range renders {
		require.LessOrEqual(t, renders[v].Load(), int32(1))
	}
}

func TestRenderingFails(t *testing.T) {
	var d document
	empty := &timeline.Timeline{}
	boom := errors.New("boom")
	_, err := d.at(empty, 1, func(dst []byte, _ *timeline.Timeline) ([]byte, error) { return dst, boom })
	require.ErrorIs(t, err, boom)
	require.Panics(t, func() {
		_, _ = d.at(empty, 2, func([]byte, *timeline.Timeline) ([]byte, error) { panic("boom") })
	})
	_, err = d.at(empty, 2, func(dst []byte, _ *timeline.Timeline) ([]byte, error) { return dst, nil })
	require.Error(t, err, "never an empty 200")
	r, err := d.at(empty, 3, func(dst []byte, _ *timeline.Timeline) ([]byte, error) { return append(dst, "fine"...), nil })
	require.NoError(t, err)
	require.Equal(t, "fine", string(r.plain.body))
}

func TestCompressIncompressible(t *testing.T) {
	r := &rendered{plain: newForm([]byte("x"), "tag")}
	require.Equal(t, r.plain, *r.compressed())
	x := &exchange{w: httptest.NewRecorder(), r: httptest.NewRequest("GET", "/", nil)}
	x.r.Header.Set("Accept-Encoding", "gzip")
	require.NoError(t, x.deliver(r, typeText, noStore))
	require.Empty(t, x.w.Header().Get("Content-Encoding"))
}

// Compressing from several goroutines shares writers, and mixes nothing up.
func TestCompressTogether(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(i)}, 5000)
			for range 20 {
				z, err := gzip.NewReader(bytes.NewReader(compress(want)))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(z); err != nil || !bytes.Equal(want, got) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// What is known of renditions that have left the timeline is forgotten.
func TestPlaylistsForgotten(t *testing.T) {
	var m manifests
	with := func(ids ...timeline.RenditionID) *timeline.Timeline {
		t := &timeline.Timeline{}
		for _, id := range ids {
			t.Renditions = append(t.Renditions, &timeline.Rendition{ID: id})
		}
		return t
	}
	a := m.playlistsOf(with("a", "b"), "a")
	m.playlistsOf(with("a", "b"), "b")
	require.Same(t, a, m.playlistsOf(with("a", "b"), "a"))
	m.playlistsOf(with("a", "c"), "c")
	require.Len(t, *m.renditions.Load(), 2)
	require.Same(t, a, m.playlistsOf(with("a", "c"), "a"))
}
