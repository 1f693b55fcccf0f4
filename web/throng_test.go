package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// tally is a gateway behind an edge, and what it was asked: how often for each URL.
type tally struct {
	*gateway
	p   *publisher
	url string
	end func() // of the gateway

	mu    sync.Mutex
	asked map[string]int
	began time.Time
}

func newTally(t *testing.T) *tally {
	t.Helper()
	g, p := playing(t, 3)
	o := &tally{gateway: g, p: p, asked: map[string]int{}, began: time.Now()}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked[r.URL.RequestURI()]++
		o.mu.Unlock()
		g.ServeHTTP(w, r)
	}), nil)
	srv.Start()
	t.Cleanup(srv.Close)
	o.url, o.end = srv.URL, func() { srv.CloseClientConnections(); srv.Close() }
	return o
}

// once wants each of the URLs to have been asked for once, or once in each of its lives,
// where it has one, and nothing else of the stream.
func (o *tally) once(t *testing.T, lives map[string]time.Duration) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for url, n := range o.asked {
		life, known := lives[url]
		switch {
		case !strings.HasPrefix(url, "/live/"):
		case !known:
			t.Errorf("the gateway was asked for %s", url)
		case life == 0:
			require.Equal(t, 1, n, url)
		default:
			require.LessOrEqual(t, n, 1+int(time.Since(o.began)/life), url)
		}
	}
	for url := range lives {
		require.Positive(t, o.asked[url], url)
	}
}

// fetcher is a viewer's connection.
type fetcher struct {
	net.Conn
	r *bufio.Reader
	n int // which viewer
}

// spellings are how players ask for compression.
var spellings = []string{"gzip, deflate", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8", "GZIP"}

// ask sends a request as one of many kinds of players. Each tells of itself.
func (f *fetcher) ask(url string) error {
	mark := "?"
	if strings.Contains(url, "?") {
		mark = "&"
	}
	_, err := fmt.Fprintf(f, "GET %s%sCMCD=sid%%3D%%22%d%%22 HTTP/1.1\r\nHost: live.example\r\nAccept-Encoding: %s\r\n\r\n",
		url, mark, f.n, spellings[f.n%len(spellings)])
	return err
}

// answer reads what has come of it. What is compressed only some look into.
func (f *fetcher) answer() (body string, packed bool, err error) {
	res, err := http.ReadResponse(f.r, nil)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	if packed = res.Header.Get("Content-Encoding") == "gzip"; packed && err == nil && f.n%50 == 0 {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			b, err = io.ReadAll(z)
			packed = false
		}
	}
	return string(b), packed, err
}

// plan is what the viewers of a throng ask for: what there is already, each in an order of
// their own, and what is only about to be.
type plan struct {
	there, to     map[string]string // what is in the answers, by URL
	urls, waiting []string          // of the one, and of the other
	reordered     string            // another spelling of the first that they wait for
	served, asked sync.WaitGroup    // those who have got the one, and who have asked for the other
}

func (o *tally) plan(viewers int) *plan {
	const live = "/live/live/"
	p := &plan{
		there: map[string]string{
			live + "index.m3u8": "source/index.m3u8", live + "source/index.m3u8": "1/4.2.m4s", live + "manifest.mpd": "<MPD",
			live + "source/1/init.mp4": "init of source", live + "source/1/3.m4s": o.p.whole(timeline.Source, 3),
		},
		to: map[string]string{
			live + "source/index.m3u8?_HLS_msn=4&_HLS_part=3": "1/4.3.m4s",
			live + "source/1/4.3.m4s":                         string(o.p.data(timeline.Source, 4, 3)),
		},
		waiting:   []string{live + "source/index.m3u8?_HLS_msn=4&_HLS_part=3", live + "source/1/4.3.m4s"},
		reordered: live + "source/index.m3u8?_HLS_part=3&x=1&_HLS_msn=4&%5FHLS_skip=YES",
	}
	for url := range p.there {
		p.urls = append(p.urls, url)
	}
	p.served.Add(viewers)
	p.asked.Add(viewers)
	return p
}

// visit is one viewer's part in it.
func (p *plan) visit(ctx context.Context, e *edge, n int) error {
	var first, second sync.Once // not to be waited for if something fails
	defer first.Do(p.served.Done)
	defer second.Do(p.asked.Done)
	conn, err := e.dial(ctx, "", "")
	if err != nil {
		return err
	}
	defer conn.Close()
	f := &fetcher{conn, bufio.NewReader(conn), n}
	expect := func(url, part string) error {
		body, packed, err := f.answer()
		if err == nil && !packed && !strings.Contains(body, part) {
			err = fmt.Errorf("it is %.200q", body)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
		return nil
	}
	for i := range p.urls {
		url := p.urls[(n+i)%len(p.urls)]
		if err := f.ask(url); err != nil {
			return err
		}
		if err := expect(url, p.there[url]); err != nil {
			return err
		}
	}
	first.Do(p.served.Done)
	p.served.Wait() // nobody is held for longer than the gateway holds
	for i := range p.waiting {
		url := p.waiting[(n+i)%len(p.waiting)]
		spelt := url
		if n%4 == 0 && strings.Contains(url, "?") {
			spelt = p.reordered
		}
		if err := f.ask(spelt); err != nil {
			return err
		}
		second.Do(p.asked.Done)
		if err := expect(url, p.to[url]); err != nil {
			return err
		}
	}
	return nil
}

// throng has so many viewers come through an edge at the same time.
func (o *tally) throng(t *testing.T, e *edge, viewers int) {
	t.Helper()
	p := o.plan(viewers)
	var wg sync.WaitGroup
	for n := range viewers {
		wg.Go(func() {
			if err := p.visit(t.Context(), e, n); err != nil {
				t.Errorf("viewer %d: %v", n, err)
			}
		})
	}
	all := make(chan struct{})
	go func() { p.asked.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(3 * time.Second): // on a machine that is too slow for the gateway's hold, who comes later waits for nothing
	}
	o.p.write() // for which all of them wait
	wg.Wait()
	lives := map[string]time.Duration{}
	for url := range p.there {
		lives[url] = 0
		if strings.HasSuffix(url, ".m3u8") || strings.HasSuffix(url, ".mpd") {
			lives[url] = time.Second
		}
	}
	lives[p.waiting[0]], lives[p.waiting[1]] = 12*time.Second, 0
	o.once(t, lives)
}

// A thousand viewers behind an edge cost the gateway one request for each object.
func TestThousandViewersBehindNginx(t *testing.T) {
	o := newTally(t)
	e := startNginx(t, "edge.conf", o.url, nil)
	o.throng(t, e, 1000)
	o.arguments(t, e)
	o.single(t, e)
}

// So they do behind Varnish, which hands on what comes as it comes, too.
func TestThousandViewersBehindVarnish(t *testing.T) {
	o := newTally(t)
	e := startVarnish(t, o.url)
	o.throng(t, e, 1000)
	o.stream(t, &http.Client{Transport: &http.Transport{DialContext: e.dial}}, "http://live.example", 5)
	o.arguments(t, e)
	o.single(t, e)
}

// Behind a Caddy in front of a Varnish viewers have HTTP/2, and it is no different.
func TestViewersBehindCaddy(t *testing.T) {
	o := newTally(t)
	varnish := startVarnish(t, o.url)
	caddy := startCaddy(t, varnish)
	tr := &http.Transport{DialContext: caddy.dial, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	o.stream(t, &http.Client{Transport: tr}, "https://localhost", 20)
}

// stream has viewers fetch an open segment: each gets every part when it is there, and the
// gateway is asked once.
func (o *tally) stream(t *testing.T, c *http.Client, base string, viewers int) {
	t.Helper()
	defer c.CloseIdleConnections()
	now := o.p.feed().Current()
	msn, parts := now.Next.MSN-1, o.p.part
	url := fmt.Sprintf("/live/live/source/1/%d.m4s", msn)
	var bodies []io.Reader
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range viewers {
		r, err := http.NewRequestWithContext(ctx, "GET", base+url, nil)
		require.NoError(t, err)
		res, err := c.Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, 200, res.StatusCode)
		require.Empty(t, res.Header.Get("Alt-Svc"))
		bodies = append(bodies, res.Body)
	}
	for i := range partsInSegment {
		if i >= parts {
			o.p.write() // they have all that came before, and wait
		}
		want := o.p.data(timeline.Source, msn, i)
		for n, body := range bodies {
			got := make([]byte, len(want))
			_, err := io.ReadFull(body, got)
			require.NoError(t, err, "viewer %d, part %d", n, i)
			require.Equal(t, want, got)
		}
	}
	o.p.shut()
	for _, body := range bodies {
		rest, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Empty(t, rest)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Equal(t, 1, o.asked[url])
}

// arguments looks at those that change an answer: the gateway hears of them, and of no others,
// once in each of an answer's lives.
func (o *tally) arguments(t *testing.T, e *edge) {
	t.Helper()
	tr := &http.Transport{DialContext: e.dial}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	began := time.Now()
	answers := map[string]string{
		"/live/live/index.m3u8?start=-10":   "#EXT-X-START:TIME-OFFSET=-10",
		"/live/live/ts.m3u8?start=-10":      "#EXT-X-START:TIME-OFFSET=-10",
		"/live/live/manifest.mpd?start=-10": "start=-10",
		"/live/live/source/iframes.m3u8":    "#EXT-X-I-FRAMES-ONLY",
		"/live/live/manifest.mpp?publishTime=" + began.UTC().Format(time.RFC3339) + "&version=1": "<Patch",
	}
	for url, part := range answers {
		mark := "?"
		if strings.Contains(url, "?") {
			mark = "&"
		}
		for _, more := range []string{"", mark + "x=1", mark + "CMCD=sid%3D%221%22"} {
			res, body := fetch(t, c, "GET", "http://live.example"+url+more)
			require.Equal(t, 200, res.StatusCode, "%s: %s", url, body)
			require.Contains(t, body, part, url)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for url := range answers {
		require.Positive(t, o.asked[url], url)
		require.LessOrEqual(t, o.asked[url], 1+int(time.Since(began)/time.Second), url)
		require.Zero(t, o.asked[url+"?x=1"]+o.asked[url+"&x=1"], url)
	}
}

// single looks at what an edge does for one viewer: ranges, what isn't to be kept, and what
// it has when the gateway is away, which ends here.
func (o *tally) single(t *testing.T, e *edge) {
	t.Helper()
	tr := &http.Transport{DialContext: e.dial}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	const base, media, list = "http://live.example", "/live/live/source/1/2.m4s", "/live/live/source/index.m3u8"
	whole := o.p.whole(timeline.Source, 2)
	for range 2 {
		res, body := fetch(t, c, "GET", base+media, "Range: bytes=995-1010")
		require.Equal(t, 206, res.StatusCode)
		require.Equal(t, whole[995:1011], body)
		res, body = fetch(t, c, "HEAD", base+media)
		require.Equal(t, 200, res.StatusCode)
		require.EqualValues(t, len(whole), res.ContentLength)
		require.Empty(t, body)
		require.Equal(t, immutable, res.Header.Get("Cache-Control"))
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
		res, _ = fetch(t, c, "GET", base+media, `If-None-Match: "source-1-2"`)
		require.Equal(t, 304, res.StatusCode)
		res, _ = fetch(t, c, "GET", base+list+"?_HLS_msn=99")
		require.Equal(t, 400, res.StatusCode)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		res, _ = fetch(t, c, "GET", base+"/api/v1/time")
		require.Equal(t, 200, res.StatusCode)
		res, _ = fetch(t, c, "OPTIONS", base+list, "Origin: https://tv.example", "Access-Control-Request-Method: GET")
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
		res, _ = fetch(t, c, "GET", base+list)
		require.Equal(t, 200, res.StatusCode)
	}
	o.mu.Lock()
	require.Equal(t, 1, o.asked[media])
	require.Equal(t, 2, o.asked[list+"?_HLS_msn=99"], "a mistake isn't kept")
	require.Equal(t, 2, o.asked["/api/v1/time"], "nor is the time")
	o.mu.Unlock()
	o.end()
	for range 2 {
		res, body := fetch(t, c, "GET", base+list)
		require.Equal(t, 200, res.StatusCode, body)
		require.Contains(t, body, "#EXTM3U")
	}
	res, _ := fetch(t, c, "GET", base+media)
	require.Equal(t, 200, res.StatusCode)
	res, _ = fetch(t, c, "GET", base+"/live/live/source/1/1.m4s")
	require.GreaterOrEqual(t, res.StatusCode, 502)
}
