package web

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/timeline"
)

func TestWholeSegment(t *testing.T) {
	for name, size := range map[string]int{"small parts": 1000, "large parts": 200_000} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			p := g.publisher("live")
			p.size = size
			p.begin().fix().segments(3)
			w := g.get("/live/live/source/1/2.m4s", "Accept-Encoding: gzip")
			want := p.whole(timeline.Source, 2)
			require.Equal(t, 200, w.Code)
			require.Equal(t, want, w.Body.String())
			h := w.Header()
			require.Equal(t, strconv.Itoa(len(want)), h.Get("Content-Length"))
			require.Equal(t, "video/mp4", h.Get("Content-Type"))
			require.Equal(t, "public, max-age=31536000, immutable", h.Get("Cache-Control"))
			require.Equal(t, `"source-1-2"`, h.Get("Etag"))
			require.Equal(t, "bytes", h.Get("Accept-Ranges"))
			require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
			require.Empty(t, h.Get("Vary"), "one copy for every cache")
			require.Empty(t, h.Get("Content-Encoding"))

			head := g.do(http.MethodHead, "/live/live/source/1/2.m4s")
			require.Equal(t, h.Get("Content-Length"), head.Header().Get("Content-Length"))
			require.Empty(t, head.Body.Bytes())

			for _, tag := range []string{`"source-1-2"`, `W/"source-1-2"`, `"x", "source-1-2"`, "*"} {
				w := g.get("/live/live/source/1/2.m4s", "If-None-Match: "+tag)
				require.Equal(t, 304, w.Code, tag)
				require.Empty(t, w.Body.Bytes())
				require.Equal(t, `"source-1-2"`, w.Header().Get("Etag"))
			}
			require.Equal(t, 200, g.get("/live/live/source/1/2.m4s", `If-None-Match: "source-1-1"`).Code)
		})
	}
}

func TestTypesOfMedia(t *testing.T) {
	g, p := playing(t, 3)
	for url, want := range map[string]struct{ contentType, tag, body string }{
		"/live/live/source/1/init.mp4": {"video/mp4", `"source-1"`, "init of source in epoch 1"},
		"/live/live/audio/1/init.mp4":  {"audio/mp4", `"audio-1"`, "init of audio in epoch 1"},
		"/live/live/source/1/3.m4s":    {"video/mp4", `"source-1-3"`, p.whole(timeline.Source, 3)},
		"/live/live/audio/1/3.m4s":     {"audio/mp4", `"audio-1-3"`, p.whole(timeline.Audio, 3)},
		"/live/live/audio/1/3.4.m4s":   {"audio/mp4", `"audio-1-3.4"`, "[audio 3.4]"},
		"/live/live/source/1/4.1.m4s":  {"video/mp4", `"source-1-4.1"`, string(p.data(timeline.Source, 4, 1))},
	} {
		w := g.get(url)
		require.Equal(t, 200, w.Code, url)
		require.Equal(t, want.contentType, w.Header().Get("Content-Type"), url)
		require.Equal(t, want.tag, w.Header().Get("Etag"), url)
		require.Equal(t, want.body, w.Body.String(), url)
		require.Equal(t, strconv.Itoa(len(want.body)), w.Header().Get("Content-Length"), url)
		require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"), url)
	}
}

func TestRanges(t *testing.T) {
	g, p := playing(t, 3)
	whole := p.whole(timeline.Source, 2)
	size := strconv.Itoa(len(whole))
	const url = "/live/live/source/1/2.m4s"
	for header, want := range map[string]struct {
		status       int
		contentRange string
		body         string
	}{
		"bytes=0-":         {206, "bytes 0-" + strconv.Itoa(len(whole)-1) + "/" + size, whole},
		"bytes=0-0":        {206, "bytes 0-0/" + size, whole[:1]},
		"bytes=995-1010":   {206, "bytes 995-1010/" + size, whole[995:1011]}, // over a part's end
		"bytes=900-3100":   {206, "bytes 900-3100/" + size, whole[900:3101]},
		"bytes=-7":         {206, "bytes " + strconv.Itoa(len(whole)-7) + "-" + strconv.Itoa(len(whole)-1) + "/" + size, whole[len(whole)-7:]},
		"bytes=9990-99999": {206, "bytes 9990-" + strconv.Itoa(len(whole)-1) + "/" + size, whole[9990:]},
		"bytes=99999-":     {416, "bytes */" + size, ""},
		"bytes=5-1":        {416, "", ""},
	} {
		w := g.get(url, "Range: "+header)
		require.Equal(t, want.status, w.Code, header)
		require.Equal(t, want.contentRange, w.Header().Get("Content-Range"), header)
		if w.Code == 416 {
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"), header)
		}
		if want.status == 206 {
			require.Equal(t, want.body, w.Body.String(), header)
			require.Equal(t, "video/mp4", w.Header().Get("Content-Type"))
			require.Equal(t, `"source-1-2"`, w.Header().Get("Etag"))
			require.Equal(t, strconv.Itoa(len(want.body)), w.Header().Get("Content-Length"))
			head := g.do(http.MethodHead, url, "Range: "+header)
			require.Equal(t, 200, head.Code, "ranges are GET's (RFC 9110 §14.2)")
			require.Equal(t, size, head.Header().Get("Content-Length"))
			require.Empty(t, head.Header().Get("Content-Range"))
			require.Empty(t, head.Body.Bytes())
		}
	}
	require.Equal(t, 206, g.get(url, "Range: bytes=0-1", `If-Range: "source-1-2"`).Code)
	require.Equal(t, 200, g.get(url, "Range: bytes=0-1", `If-Range: "other"`).Code)
	require.Equal(t, 304, g.get(url, "Range: bytes=0-1", `If-None-Match: "source-1-2"`).Code)
	require.Equal(t, 412, g.get(url, `If-Match: "other"`).Code)
	require.Equal(t, 200, g.get(url, `If-Match: "source-1-2"`).Code)
	require.Equal(t, 200, g.get(url, "Range: lines=1-2").Code, "a unit that isn't known")
	require.Equal(t, 200, g.get(url, "Range: lines=1-2", `If-Match: "source-1-2"`).Code)
	require.Equal(t, 206, g.get("/live/live/source/1/2.3.m4s", "Range: bytes=1-2").Code)
	require.Equal(t, 206, g.get("/live/live/source/1/init.mp4", "Range: bytes=1-2").Code)

	w := g.get(url, "Range: bytes=1-2, 1998-2001")
	require.Equal(t, 206, w.Code)
	kind, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	parts := multipart.NewReader(w.Body, params["boundary"])
	for _, want := range []string{whole[1:3], whole[1998:2002]} {
		part, err := parts.NextPart()
		require.NoError(t, err)
		body, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Equal(t, want, string(body))
	}
}

func TestPartsReader(t *testing.T) {
	r := partsReader{{Data: []byte("ab")}, {Data: []byte("")}, {Data: []byte("cde")}}
	whole := []byte("abcde")
	for off := range 7 {
		for n := range 8 {
			b := make([]byte, n)
			got, err := r.ReadAt(b, int64(off))
			want := make([]byte, n)
			wantN, wantErr := bytes.NewReader(whole).ReadAt(want, int64(off))
			require.Equal(t, wantN, got, "%d at %d", n, off)
			require.Equal(t, want, b)
			if wantErr == nil && n > 0 {
				require.NoError(t, err)
			}
			if got < n {
				require.ErrorIs(t, err, io.EOF)
			}
		}
	}
}

// What has left the window was there once; what is in it, listed or not, is served.
func TestGone(t *testing.T) {
	g := newGateway(t)
	p := g.publisher("live").begin().fix().segments(40)
	now := p.feed().Current()
	require.Greater(t, now.Kept, uint64(1))
	require.Greater(t, now.First, now.Kept)
	n := func(msn uint64) string { return strconv.FormatUint(msn, 10) }
	require.Equal(t, 410, g.get("/live/live/source/1/"+n(now.Kept-1)+".m4s").Code)
	require.Equal(t, 410, g.get("/live/live/source/1/"+n(now.Kept-1)+".0.m4s").Code)
	require.Equal(t, 200, g.get("/live/live/source/1/"+n(now.Kept)+".m4s").Code)
	require.Equal(t, "public, max-age=10", g.get("/live/live/source/1/1.m4s").Header().Get("Cache-Control"))
	require.Equal(t, 200, g.get("/live/live/source/1/init.mp4").Code)

	// The second epoch goes on with the first one's init segment, under its URL.
	p.leave()
	next := now.Next
	p.epoch = p.feed().Current().Next.Epoch
	p.append(timeline.EpochStarted{Epoch: p.epoch, At: p.began, Window: now.Window, Tracks: p.tracks})
	for _, rt := range p.tracks {
		p.append(timeline.InitWritten{Epoch: p.epoch, InitEpoch: 1, Rendition: rt.Rendition, Data: []byte("shared")})
	}
	p.msn, p.clock = next.MSN, timeline.Origin
	p.segments(60)
	require.EqualValues(t, 1, p.feed().Current().Gone)
	require.Contains(t, g.get("/live/live/source/index.m3u8").Body.String(), `#EXT-X-MAP:URI="1/init.mp4"`)
	require.Equal(t, "init of source in epoch 1", g.get("/live/live/source/1/init.mp4").Body.String())
	require.Equal(t, 404, g.get("/live/live/source/2/init.mp4").Code)
	require.Equal(t, 410, g.get("/live/live/source/1/"+n(p.msn-1)+".m4s").Code)

	// And a third one has its own: nothing of the first is left.
	p.leave().begin().segments(60)
	require.Equal(t, 410, g.get("/live/live/source/1/init.mp4").Code)
	require.Equal(t, 200, g.get("/live/live/source/3/init.mp4").Code)
}

// DASH players stop at a 404, so a segment without media is there, and empty.
func TestGap(t *testing.T) {
	g, p := playing(t, 1)
	p.shut()
	for range partsInSegment {
		p.write(timeline.Audio)
	}
	p.shut()
	w := g.get("/live/live/audio/1/3.m4s")
	require.Equal(t, 200, w.Code)
	require.Equal(t, dash.EmptySegment, w.Body.String())
	require.Equal(t, "audio/mp4", w.Header().Get("Content-Type"))
	require.Equal(t, 404, g.get("/live/live/audio/1/3.0.m4s").Code)
}

// Parts whose bytes are no longer in memory are not served as empty ones.
func TestBytesAway(t *testing.T) {
	g, p := playing(t, 1)
	p.append(timeline.PartWritten{Epoch: 1, Rendition: timeline.Source, MSN: 2, Index: 3, Part: timeline.Part{
		Start: 90_000 * 13, Duration: 18_000, Samples: 6,
	}})
	require.Equal(t, 410, g.get("/live/live/source/1/2.3.m4s").Code)
}
