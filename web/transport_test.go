package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// fragmentOf is a part that is a fragment: six pictures, or nine frames of sound.
func fragmentOf(rt timeline.RenditionTrack, start time.Duration, first bool) []byte {
	f := cmaf.Fragment{Sequence: 1, TrackID: rt.Track.ID}
	at := media.TicksOf(start, rt.Track.Timescale)
	n, length := 6, media.Ticks(3000)
	if rt.Track.Kind == media.Audio {
		n, length = 9, 1024
	}
	for i := range n {
		data := bytes.Repeat([]byte{byte(at)}, 300)
		if rt.Track.Kind == media.Video {
			data = append([]byte{0, 0, 1, 45, 0x65}, data...)
		}
		f.Samples = append(f.Samples, media.Sample{
			DTS: at + media.Ticks(i)*length, Duration: length, Sync: first && i == 0 || rt.Track.Kind == media.Audio, Data: data,
		})
	}
	return f.AppendTo(nil)
}

// broadcasting is playing, with parts that can be made into MPEG-TS.
func broadcasting(tb testing.TB, n int, change ...func(*Options)) (*gateway, *publisher) {
	g := newGateway(tb, change...)
	p := g.publisher("live")
	p.bytes = fragmentOf
	p.begin().fix().segments(n)
	return g, p.write().write().write()
}

func TestTransportPlaylists(t *testing.T) {
	g, p := broadcasting(t, 4)
	w := g.get("/live/live/ts.m3u8", "Accept-Encoding: gzip;q=0")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/vnd.apple.mpegurl", w.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=1, stale-while-revalidate=5", w.Header().Get("Cache-Control"))
	require.Contains(t, w.Body.String(), "\nsource/ts.m3u8\n")
	require.Contains(t, w.Body.String(), `CODECS="avc1.640028,mp4a.40.2"`)

	w = g.get("/live/live/source/ts.m3u8")
	require.Equal(t, 200, w.Code)
	require.Equal(t, 4, strings.Count(w.Body.String(), ".ts\n"))
	require.Contains(t, w.Body.String(), "\n1/4.ts\n")
	require.NotContains(t, w.Body.String(), "EXT-X-PART")
	require.NotContains(t, w.Body.String(), "EXT-X-ENDLIST")
	tag := w.Header().Get("Etag")
	require.Equal(t, 304, g.get("/live/live/source/ts.m3u8", "If-None-Match: "+tag).Code)
	require.Equal(t, "gzip", g.get("/live/live/source/ts.m3u8", "Accept-Encoding: gzip").Header().Get("Content-Encoding"))
	head := g.do(http.MethodHead, "/live/live/source/ts.m3u8")
	require.Equal(t, w.Header().Get("Content-Length"), head.Header().Get("Content-Length"))
	require.Equal(t, 200, g.get("/live/live/audio/ts.m3u8").Code)
	require.Equal(t, 404, g.get("/live/live/720p/ts.m3u8").Code)
	require.Equal(t, 404, g.get("/live/empty/ts.m3u8").Code)
	require.Equal(t, 404, g.get("/live/none/ts.m3u8").Code)

	p.leave().end()
	require.Contains(t, g.get("/live/live/source/ts.m3u8").Body.String(), "\n1/5.ts\n#EXT-X-ENDLIST\n")
}

// A playlist of whole segments is rendered when one is whole or a splice is told, and
// for no part before.
func TestTransportPlaylistIsRenderedOnce(t *testing.T) {
	g, p := broadcasting(t, 4)
	st, err := g.streams.find(t.Context(), "live")
	require.NoError(t, err)
	var newest *rendered
	renders := 0
	ask := func() string {
		w := g.get("/live/live/source/ts.m3u8")
		require.Equal(t, 200, w.Code)
		if now := st.playlistsOf(p.feed().Current(), timeline.Source).transport.current.Load(); now != newest {
			newest = now
			renders++
		}
		return w.Body.String()
	}
	ask()
	for p.part < partsInSegment {
		p.write()
		ask()
	}
	require.Equal(t, 1, renders)
	p.shut()
	require.Contains(t, ask(), "\n1/5.ts\n")
	p.append(timeline.SpliceMarked{Splice: timeline.Splice{ID: "told", Epoch: 1, Media: p.clock, Time: p.began, Section: []byte{0xFC}}})
	require.Contains(t, ask(), `ID="told"`)
	p.write()
	ask()
	require.Equal(t, 3, renders)
}

func TestTransportSegment(t *testing.T) {
	g, _ := broadcasting(t, 3)
	const url = "/live/live/source/1/2.ts"
	w := g.get(url, "Accept-Encoding: gzip")
	require.Equal(t, 200, w.Code)
	whole, h := w.Body.String(), w.Header()
	require.Zero(t, len(whole)%188)
	require.Equal(t, "video/mp2t", h.Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", h.Get("Cache-Control"))
	require.Equal(t, `"source-1-2.ts"`, h.Get("Etag"))
	require.Equal(t, strconv.Itoa(len(whole)), h.Get("Content-Length"))
	require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
	require.Empty(t, h.Get("Content-Encoding"))
	require.Equal(t, whole, g.get(url).Body.String())
	require.NotEqual(t, whole, g.get("/live/live/audio/1/2.ts").Body.String())

	head := g.do(http.MethodHead, url)
	require.Equal(t, h.Get("Content-Length"), head.Header().Get("Content-Length"))
	require.Empty(t, head.Body.Bytes())
	w = g.get(url, "Range: bytes=188-375")
	require.Equal(t, 206, w.Code)
	require.Equal(t, whole[188:376], w.Body.String())
	require.Equal(t, 304, g.get(url, `If-None-Match: "source-1-2.ts"`).Code)
	require.Equal(t, 200, g.get(url, `If-None-Match: "source-1-2"`).Code)

	for _, unknown := range []string{"2.0.ts", "02.ts", "0.ts", "2.ts.ts", "9.ts", ".ts", "2.mp4"} {
		require.Equal(t, 404, g.get("/live/live/source/1/"+unknown).Code, unknown)
	}
	require.Equal(t, 404, g.get("/live/live/source/2/2.ts").Code)

	other, _ := broadcasting(t, 3)
	require.Equal(t, whole, other.get(url).Body.String(), "another instance makes the same")
}

// What has left is gone, as it is in fMP4.
func TestTransportGone(t *testing.T) {
	g, p := broadcasting(t, 40)
	kept := p.feed().Current().Kept
	require.Greater(t, kept, uint64(1))
	require.Equal(t, 410, g.get("/live/live/source/1/"+strconv.FormatUint(kept-1, 10)+".ts").Code)
	require.Equal(t, 200, g.get("/live/live/source/1/"+strconv.FormatUint(kept, 10)+".ts").Code)
}

func TestTransportGaps(t *testing.T) {
	g, p := broadcasting(t, 1)
	p.shut()
	for range partsInSegment {
		p.write(timeline.Audio)
	}
	p.shut()
	for range partsInSegment {
		p.write(timeline.Source)
	}
	p.shut()
	require.Equal(t, 200, g.get("/live/live/source/1/3.ts").Code, "without sound")
	w := g.get("/live/live/source/1/4.ts")
	require.Equal(t, 404, w.Code)
	require.Contains(t, w.Body.String(), "nothing came for this segment")
	require.Contains(t, g.get("/live/live/source/ts.m3u8").Body.String(), "#EXT-X-GAP\n#EXTINF:2.00000,\n1/4.ts\n")
	require.Equal(t, 404, g.get("/live/live/audio/1/3.ts").Code)
}

// What has no place in MPEG-TS is told so.
func TestTransportForeign(t *testing.T) {
	g := newGateway(t)
	p := g.publisher("live")
	vp9 := videoTrack
	vp9.Track.Codec = &media.VP9{}
	p.tracks = []timeline.RenditionTrack{vp9, audioTrack}
	p.bytes = fragmentOf
	p.begin().fix().segments(3)
	for _, url := range []string{"/live/live/source/ts.m3u8", "/live/live/source/1/2.ts"} {
		w := g.get(url)
		require.Equal(t, 404, w.Code, url)
		require.Contains(t, w.Body.String(), "VP9", url)
		require.Contains(t, w.Body.String(), "MPEG-TS", url)
	}
	w := g.get("/live/live/ts.m3u8")
	require.Equal(t, 200, w.Code, "the sound can be had")
	require.NotContains(t, w.Body.String(), "source/")
	require.Contains(t, w.Body.String(), "audio/ts.m3u8")
}

// A segment that isn't whole is waited for, and for its sound too; who leaves leaves nothing.
func TestTransportWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := broadcasting(t, 3)
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		var got, left *httptest.ResponseRecorder
		group.Go(func() { got = g.get("/live/live/source/1/4.ts") })
		group.Go(func() { left = abandoned(g, ctx, "/live/live/source/1/4.ts") })
		synctest.Wait()
		leave()
		for p.part < partsInSegment {
			p.write()
		}
		p.append(timeline.SegmentClosed{Epoch: 1, Rendition: timeline.Source, MSN: 4, Duration: 180_000})
		synctest.Wait()
		require.Nil(t, got, "the sound isn't whole")
		require.NotContains(t, g.get("/live/live/source/ts.m3u8").Body.String(), "1/4.ts")
		p.append(timeline.SegmentClosed{Epoch: 1, Rendition: timeline.Audio, MSN: 4, Duration: 96_000})
		group.Wait()
		require.Equal(t, 200, got.Code)
		require.Equal(t, 200, left.Code, "a recorder's status that nobody set")
		require.Empty(t, left.Body.String())
		require.Contains(t, g.get("/live/live/source/ts.m3u8").Body.String(), "1/4.ts")
	})
}

// abandoned sends a request whose client leaves.
func abandoned(g *gateway, ctx context.Context, url string) (w *httptest.ResponseRecorder) {
	w = httptest.NewRecorder()
	defer func() { _ = recover() }() // net/http takes the panic that cuts the connection
	g.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, url, nil))
	return w
}

// All who ask at the same time get what one of them makes.
func TestTransportsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTransports(1000, prometheus.NewRegistry())
		made, go_ := 0, make(chan struct{})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				b, err := c.get(t.Context(), transportKey{stream: "a"}, func() ([]byte, error) {
					made++
					<-go_
					return make([]byte, 600), nil
				})
				require.NoError(t, err)
				require.Len(t, b, 600)
			})
		}
		synctest.Wait()
		close(go_)
		group.Wait()
		require.Equal(t, 1, made)
		require.Equal(t, 600, c.bytes)
	})
}

// Who waits for somebody that left before its turn takes over.
func TestTransportsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTransports(1000, prometheus.NewRegistry())
		for range cap(c.turns) {
			c.turns <- struct{}{}
		}
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		write := func() ([]byte, error) { return []byte("x"), nil }
		group.Go(func() {
			_, err := c.get(ctx, transportKey{stream: "a"}, write)
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		group.Go(func() {
			b, err := c.get(t.Context(), transportKey{stream: "a"}, write)
			require.NoError(t, err)
			require.Equal(t, "x", string(b))
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		<-c.turns
		group.Wait()
	})
}

// And who waits for somebody that left while storage was read does so, too.
func TestTransportsAbandonedWhileRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTransports(1000, prometheus.NewRegistry())
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.get(ctx, transportKey{stream: "a"}, func() ([]byte, error) {
				<-ctx.Done()
				return nil, fmt.Errorf("read from storage: %w", ctx.Err())
			})
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		group.Go(func() {
			b, err := c.get(t.Context(), transportKey{stream: "a"}, func() ([]byte, error) { return []byte("x"), nil })
			require.NoError(t, err)
			require.Equal(t, "x", string(b))
		})
		synctest.Wait()
		leave()
		group.Wait()
	})
}

// Who reads from storage, however slow that is, keeps nobody from making what is in memory.
func TestTransportsReadApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTransports(1000, prometheus.NewRegistry())
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		reading := 0
		for i := range cap(c.turns) + cap(c.reads) + 1 {
			group.Go(func() {
				_, err := c.get(ctx, transportKey{stream: "a", place: place{msn: uint64(i)}}, func() ([]byte, error) {
					return nil, c.apart(ctx, func() error {
						c.mu.Lock()
						reading++
						c.mu.Unlock()
						<-ctx.Done()
						return ctx.Err()
					})
				})
				require.ErrorIs(t, err, context.Canceled)
			})
		}
		synctest.Wait()
		require.Equal(t, cap(c.reads), reading)
		b, err := c.get(t.Context(), transportKey{stream: "b"}, func() ([]byte, error) { return []byte("x"), nil })
		require.NoError(t, err)
		require.Equal(t, "x", string(b))
		leave()
		group.Wait()
		require.Empty(t, c.turns)
		require.Empty(t, c.reads)
	})
}

func TestTransportsAreBounded(t *testing.T) {
	c := newTransports(1000, prometheus.NewRegistry())
	made := map[string]int{}
	get := func(name string, size int) {
		_, err := c.get(t.Context(), transportKey{stream: name}, func() ([]byte, error) {
			made[name]++
			return make([]byte, size), nil
		})
		require.NoError(t, err)
		require.LessOrEqual(t, c.bytes, 1000)
		require.Equal(t, c.order.Len(), len(c.known))
	}
	get("a", 400)
	get("b", 400)
	get("a", 400)
	get("c", 400) // b is the oldest
	get("a", 400)
	require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, made)
	get("b", 400)
	require.Equal(t, 2, made["b"])
	get("huge", 1001)
	get("huge", 1001)
	require.Equal(t, 2, made["huge"], "larger than all there is room for")

	_, err := c.get(t.Context(), transportKey{stream: "bad"}, func() ([]byte, error) { return nil, cmaf.ErrMalformed })
	require.ErrorIs(t, err, cmaf.ErrMalformed)
	require.Equal(t, c.order.Len(), len(c.known))
}

// BANDWIDTH holds for the segments as they are made.
func TestTransportBandwidth(t *testing.T) {
	g, p := broadcasting(t, 10)
	body := g.get("/live/live/ts.m3u8").Body.String()
	var declared, average int
	_, attributes, _ := strings.Cut(body, "#EXT-X-STREAM-INF:")
	_, err := fmt.Sscanf(attributes, "BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,", &declared, &average)
	require.NoError(t, err, body)
	for msn := uint64(1); msn < p.msn; msn++ {
		size := g.get("/live/live/source/1/" + strconv.FormatUint(msn, 10) + ".ts").Body.Len()
		require.LessOrEqual(t, size*8/2, declared)
		require.InEpsilon(t, size*8/2, average, 0.25)
		require.InEpsilon(t, size*8/2, declared, 0.5)
	}
}
