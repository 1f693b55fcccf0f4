package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/stills"
	"sluice/packager/timeline"
	"sluice/web/pass"
)

// darkroom makes stills: a line of text each.
type darkroom struct {
	mu   sync.Mutex
	jobs []stills.Job
	err  error
	late time.Duration // how long one takes
	kept []byte        // what is there of a job without keys
}

func (d *darkroom) make(ctx context.Context, j stills.Job) ([]byte, error) {
	d.mu.Lock()
	d.jobs = append(d.jobs, j)
	err, late := d.err, d.late
	d.mu.Unlock()
	if len(j.Keys) == 0 && d.kept == nil {
		return nil, stills.ErrNone
	}
	if len(j.Keys) == 0 {
		return d.kept, nil
	}
	if late > 0 {
		select {
		case <-time.After(late):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return fmt.Appendf(nil, "%s %dx%d of %d", j.ID, j.Width, j.Height, len(j.Keys)), err
}

func (d *darkroom) set(err error, late time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.late = err, late
}

func (d *darkroom) last() stills.Job {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[len(d.jobs)-1]
}

func showing(d *darkroom) func(*Options) {
	return func(o *Options) { o.Stills = d.make }
}

func TestThumbnails(t *testing.T) {
	d := &darkroom{}
	g, p := playing(t, 30, showing(d))
	w := g.get("/live/live/thumbnails.vtt")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "text/vtt; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=1", w.Header().Get("Cache-Control"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, w.Body.String(), "\nthumbnails/1/30.jpg\n")

	w = g.get("/live/live/thumbnails/1/29.jpg")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "live/thumbnail/1/29 320x180 of 1", w.Body.String())
	require.Equal(t, "image/jpeg", w.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
	require.Regexp(t, `^"[0-9a-f]{24}"$`, w.Header().Get("Etag"))
	require.Equal(t, string(p.data(timeline.Source, 29, 0)), string(d.last().Keys[0]))
	require.Equal(t, "init of source in epoch 1", string(d.last().Init))
	require.Equal(t, 304, g.get("/live/live/thumbnails/1/29.jpg", "If-None-Match: "+w.Header().Get("Etag")).Code)
	require.Empty(t, g.do(http.MethodHead, "/live/live/thumbnails/1/29.jpg").Body.Bytes())
	require.Equal(t, 200, g.get("/live/live/thumbnails/1/31.jpg").Code, "what an open segment begins with is there")

	for url, status := range map[string]int{
		"1/1.jpg": 410, "1/32.jpg": 404, "2/30.jpg": 404, "1/029.jpg": 404, "1/29.png": 404, "1/29": 404, "01/29.jpg": 404,
		"0/29.jpg": 404, "1/sheet-1-9.jpg": 404, "1/sheet-1-00.jpg": 404, "1/sheet-.jpg": 404, "1/sheet-1.jpg": 404, "1/sheet-1-99999999999.jpg": 410, "1/sheet-40-0.jpg": 404, "2/sheet-1-0.jpg": 404, "1/.jpg": 404,
	} {
		require.Equal(t, status, g.get("/live/live/thumbnails/"+url).Code, url)
	}
	require.Equal(t, 404, g.get("/live/empty/thumbnails/1/1.jpg").Code)
	require.Equal(t, 404, g.get("/live/empty/thumbnails.vtt").Code)

}

func TestSheets(t *testing.T) {
	d := &darkroom{}
	g := newGateway(t, showing(d))
	p := g.publisher("live")
	p.window = 40 * time.Second
	p.begin().fix().segments(25)
	require.Contains(t, g.get("/live/live/thumbnails.vtt").Body.String(), "\nthumbnails/1/sheet-1-0.jpg#xywh=1280,720,320,180\n")
	whole := g.get("/live/live/thumbnails/1/sheet-1-0.jpg")
	require.Equal(t, "live/sheet/1/1-0 320x180 of 25", whole.Body.String())
	require.Equal(t, "public, max-age=31536000, immutable", whole.Header().Get("Cache-Control"))
	require.Equal(t, stills.Columns, d.last().Columns)

	p.segments(35) // its beginning leaves
	d.kept = nil
	w := g.get("/live/live/thumbnails/1/sheet-1-0.jpg")
	require.Equal(t, "public, max-age=10", w.Header().Get("Cache-Control"), "something stands in for what has left")
	require.Regexp(t, `^live/sheet/1/1-0/from/[0-9]+ 320x180 of 25$`, w.Body.String())
	d.kept = whole.Body.Bytes()
	w = g.get("/live/live/thumbnails/1/sheet-1-0.jpg")
	require.Equal(t, whole.Body.String(), w.Body.String())
	require.Equal(t, whole.Header(), w.Header())
	p.segments(25)
	require.Equal(t, 410, g.get("/live/live/thumbnails/1/sheet-1-0.jpg").Code)
}

func TestPoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &darkroom{}
		g, p := playing(t, 3, showing(d))
		poster := func() string {
			t.Helper()
			w := g.get("/live/live/poster.jpg")
			require.Equal(t, 200, w.Code, w.Body)
			require.Equal(t, "public, max-age=2", w.Header().Get("Cache-Control"))
			require.Equal(t, "image/jpeg", w.Header().Get("Content-Type"))
			return w.Body.String()
		}
		require.Equal(t, "live/poster/1/4 1280x720 of 1", poster(), "of the open segment")
		tag := g.get("/live/live/poster.jpg").Header().Get("Etag")
		require.Equal(t, 304, g.get("/live/live/poster.jpg", "If-None-Match: "+tag).Code)
		require.Len(t, d.jobs, 1, "nothing is made twice")

		p.shut().segments(1)
		require.Equal(t, "live/poster/1/4 1280x720 of 1", poster(), "it's young enough")
		time.Sleep(posterAge)
		require.Equal(t, "live/poster/1/5 1280x720 of 1", poster())

		// An older one is better than none.
		p.segments(1)
		time.Sleep(posterAge)
		d.set(nil, time.Hour)
		began := time.Now()
		require.Equal(t, "live/poster/1/5 1280x720 of 1", poster())
		require.Equal(t, posterHold, time.Since(began))
		d.set(stills.ErrBusy, 0)
		require.Equal(t, "live/poster/1/5 1280x720 of 1", poster())
		d.set(stills.ErrNone, 0)
		require.Equal(t, 404, g.get("/live/live/poster.jpg").Code)

		// Of another broadcast it isn't.
		p.leave().end()
		p.begin().fix().segments(1)
		d.set(stills.ErrBusy, 0)
		w := g.get("/live/live/poster.jpg")
		require.Equal(t, 503, w.Code)
		require.Equal(t, "1", w.Header().Get("Retry-After"))
		d.set(nil, time.Hour)
		began = time.Now()
		require.Equal(t, 503, g.get("/live/live/poster.jpg").Code)
		require.Equal(t, stillHold, time.Since(began))
	})
}

func TestPosterOfWhatIsntThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 1)
		w := g.get("/live/live/poster.jpg")
		require.Equal(t, 404, w.Code)
		require.Contains(t, w.Body.String(), "off on this server")
		d := &darkroom{}
		g = newGateway(t, showing(d))
		require.Equal(t, 404, g.get("/live/live/poster.jpg").Code, "offline")
		require.Equal(t, 404, g.get("/live/none/poster.jpg").Code)
		p := g.publisher("live").begin()
		answers := make(chan string, 1)
		go func() { answers <- g.get("/live/live/poster.jpg").Body.String() }()
		synctest.Wait()
		require.Empty(t, answers, "it's starting")
		p.write()
		require.Equal(t, "live/poster/1/1 1280x720 of 1", <-answers)
	})
}

// Stills are as private as what they are of.
func TestStillsOfASignedStream(t *testing.T) {
	d := &darkroom{}
	g, _ := playing(t, 3, signing(map[string]pass.Rules{"live": {Signed: true, Origins: []string{"https://tv.example"}}}), showing(d))
	for _, path := range []string{"/poster.jpg", "/thumbnails.vtt", "/thumbnails/1/2.jpg"} {
		require.Equal(t, 403, g.get("/live/live"+path).Code, path)
		require.Empty(t, d.jobs, path)
	}
	for _, path := range []string{"/poster.jpg", "/thumbnails.vtt", "/thumbnails/1/2.jpg"} {
		w := g.get("/live/live/~"+token(time.Hour)+path, "Origin: https://other.example")
		require.Equal(t, 200, w.Code, path)
		require.Equal(t, "https://tv.example", w.Header().Get("Access-Control-Allow-Origin"), path)
	}
	require.False(t, strings.Contains(g.get("/live/live/~"+token(time.Hour)+"/thumbnails.vtt").Body.String(), "/live/"), "relative")
}

// A sheet that is about to be whole is waited for.
func TestSheetIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, showing(&darkroom{}))
		p := g.publisher("live")
		p.window = time.Minute
		p.begin().fix().segments(21)
		require.Equal(t, 404, g.get("/live/live/thumbnails/1/sheet-1-0.jpg").Code)
		p.segments(2)
		answers := make(chan string, 1)
		go func() { answers <- g.get("/live/live/thumbnails/1/sheet-1-0.jpg").Body.String() }()
		p.segments(1)
		synctest.Wait()
		require.Empty(t, answers)
		p.segments(1)
		require.Equal(t, "live/sheet/1/1-0 320x180 of 25", <-answers)
	})
}
