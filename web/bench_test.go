package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

// benchHandler measures h alone, without a network.
func benchHandler(b *testing.B, h http.Handler, url string, headers ...string) {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&sink{h: make(http.Header, 8)}, r)
	}
}

// broadcast is a stream like a real one: 4.5 Mb/s, a full window.
func broadcast(tb testing.TB) (*gateway, *publisher) {
	g := newGateway(tb)
	p := g.publisher("live")
	p.size = 112_500
	p.begin().fix().segments(12).write()
	return g, p
}

func BenchmarkHandlers(b *testing.B) {
	g, _ := broadcast(b)
	for name, url := range map[string]string{
		"playlist":     "/live/live/source/index.m3u8",
		"reload":       "/live/live/source/index.m3u8?_HLS_msn=12&_HLS_part=0",
		"delta":        "/live/live/source/index.m3u8?_HLS_msn=12&_HLS_part=0&_HLS_skip=YES",
		"multivariant": "/live/live/index.m3u8",
		"mpd":          "/live/live/manifest.mpd?after=11",
		"segment":      "/live/live/source/1/12.m4s",
		"part":         "/live/live/source/1/12.3.m4s",
		"audio":        "/live/live/audio/1/12.m4s",
		"init":         "/live/live/source/1/init.mp4",
		"status":       "/api/v1/streams/live",
	} {
		b.Run(name, func(b *testing.B) { benchHandler(b, g, url, "Accept-Encoding: gzip") })
	}
	body := []byte(strings.Repeat("x", 5000))
	b.Run("bare", func(b *testing.B) {
		benchHandler(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body)
		}), "/")
	})
}

// BenchmarkCompress is why gzip writers are kept: making one costs more than using it.
func BenchmarkCompress(b *testing.B) {
	g, _ := broadcast(b)
	playlist := g.get("/live/live/source/index.m3u8").Body.Bytes()
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compress(playlist)
		}
	})
	b.Run("made", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			select {
			case <-compressors:
			default:
			}
			compress(playlist)
		}
	})
}

// BenchmarkServe sends requests one after another over one connection of a
// real server, beside a bare handler with the same bytes.
func BenchmarkServe(b *testing.B) {
	g, p := broadcast(b)
	bare := func(body []byte) http.Handler {
		length := []string{strconv.Itoa(len(body))}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = length
			_, _ = w.Write(body)
		})
	}
	playlist := g.get("/live/live/source/index.m3u8").Body.Bytes()
	for _, c := range []struct {
		name, url string
		h         http.Handler
	}{
		{"playlist/sluice", "/live/live/source/index.m3u8", g},
		{"playlist/bare", "/", bare(playlist)},
		{"segment/sluice", "/live/live/source/1/12.m4s", g},
		{"segment/bare", "/", bare([]byte(p.whole(timeline.Source, 12)))},
		{"audio/sluice", "/live/live/audio/1/12.m4s", g},
		{"audio/bare", "/", bare([]byte(p.whole(timeline.Audio, 12)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			srv := NewServer(c.h, nil)
			done := make(chan error)
			go func() { done <- srv.Serve(l) }()
			conn, err := net.Dial("tcp", l.Addr().String())
			require.NoError(b, err)
			request := "GET " + c.url + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
			in := bufio.NewReaderSize(conn, 64<<10)
			b.ReportAllocs()
			for b.Loop() {
				_, err := io.WriteString(conn, request)
				require.NoError(b, err)
				n := readAnswer(b, in)
				b.SetBytes(int64(n))
			}
			conn.Close()
			_ = srv.Close()
			<-done
		})
	}
}

// readAnswer reads a 200 with a Content-Length, and makes no garbage.
func readAnswer(tb testing.TB, in *bufio.Reader) (size int) {
	line, err := in.ReadSlice('\n')
	require.NoError(tb, err)
	require.Contains(tb, string(line), " 200 ")
	for {
		line, err = in.ReadSlice('\n')
		require.NoError(tb, err)
		if len(line) == 2 {
			break
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			size, err = strconv.Atoi(strings.TrimSpace(value))
			require.NoError(tb, err)
		}
	}
	_, err = in.Discard(size)
	require.NoError(tb, err)
	return size
}

// BenchmarkBlockedViewers has 5,000 connections wait for the same part of the
// same playlist. It reports the time from the part's publication to the last
// viewer's last byte, and the memory that each waiting one takes on the server
// and on this side of the connection together.
func BenchmarkBlockedViewers(b *testing.B) {
	const viewers = 5000
	g, p := broadcast(b)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	srv := NewServer(g, nil)
	done := make(chan error)
	go func() { done <- srv.Serve(l) }()
	defer func() {
		_ = srv.Close()
		<-done
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, viewers)
	for i := range conns {
		conns[i], err = net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		defer conns[i].Close()
	}
	var worst time.Duration
	var memory uint64
	for b.Loop() {
		t := p.feed().Current()
		next := t.Rendition(timeline.Source).NextPosition(t)
		if next.Part == partsInSegment {
			p.shut()
			next = timeline.Position{MSN: next.MSN + 1}
		}
		request := "GET /live/live/source/index.m3u8?_HLS_msn=" + strconv.FormatUint(next.MSN, 10) + "&_HLS_part=" +
			strconv.Itoa(next.Part) + " HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
		var wg sync.WaitGroup
		for _, conn := range conns {
			_, err := io.WriteString(conn, request)
			require.NoError(b, err)
		}
		for g.held(b) < viewers {
			runtime.Gosched()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		memory = max(memory, after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)
		for _, conn := range conns {
			wg.Go(func() {
				in := readers.Get().(*bufio.Reader)
				in.Reset(conn)
				readAnswer(b, in)
				readers.Put(in)
			})
		}
		published := time.Now()
		p.write()
		wg.Wait()
		worst = max(worst, time.Since(published))
	}
	b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
	b.ReportMetric(float64(memory)/viewers/1000, "KB/viewer")
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 1024) }}
