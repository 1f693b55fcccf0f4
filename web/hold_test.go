package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/journal"
)

// answer is a request under way in a bubble.
type answer struct {
	over   chan struct{}
	w      *httptest.ResponseRecorder
	cancel context.CancelCauseFunc
	abort  any // what the handler panicked with
}

func (a *answer) done() bool {
	select {
	case <-a.over:
		return true
	default:
		return false
	}
}

// ask sends a request and returns when it is answered or waits.
func (g *gateway) ask(url string) *answer {
	ctx, cancel := context.WithCancelCause(context.Background())
	a := &answer{cancel: cancel, w: httptest.NewRecorder(), over: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	go func() {
		defer func() {
			a.abort = recover()
			close(a.over)
		}()
		g.ServeHTTP(a.w, r)
	}()
	synctest.Wait()
	return a
}

// Each case asks for something that isn't there yet, sees that it waits, lets
// something happen, and looks at what came of it.
func TestHolds(t *testing.T) {
	const second = time.Second
	pass := func(d time.Duration) func(*publisher) { return func(*publisher) { time.Sleep(d) } }
	write := func(p *publisher) { p.write() }
	shut := func(p *publisher) { p.shut() }
	leave := func(p *publisher) { p.leave() }
	end := func(p *publisher) { p.leave().end() }
	comeBack := func(p *publisher) { p.leave().begin().write() }
	for name, c := range map[string]struct {
		url    string
		happen func(*publisher)
		status int // 0: it still waits
		body   string
	}{
		"hinted part comes":             {"/live/live/source/1/4.3.m4s", write, 200, "[source 4.3]"},
		"hinted part can't come":        {"/live/live/source/1/4.3.m4s", shut, 404, ""},
		"hinted part and the end":       {"/live/live/source/1/4.3.m4s", end, 404, ""},
		"hinted part takes too long":    {"/live/live/source/1/4.3.m4s", pass(36 * second), 503, ""},
		"hinted part waits":             {"/live/live/source/1/4.3.m4s", pass(34 * second), 0, ""},
		"next segment's first part":     {"/live/live/source/1/5.0.m4s", func(p *publisher) { p.shut().write() }, 200, "[source 5.0]"},
		"next segment while one opens":  {"/live/live/source/1/5.m4s", write, 0, ""},
		"next segment begins":           {"/live/live/source/1/5.m4s", func(p *publisher) { p.shut().segments(1) }, 200, "[source 5.9]"},
		"next segment, publisher away":  {"/live/live/source/1/5.m4s", leave, 0, ""},
		"next segment, stream over":     {"/live/live/source/1/5.m4s", end, 404, ""},
		"next segment, new epoch":       {"/live/live/source/1/5.m4s", comeBack, 404, ""},
		"next segment takes too long":   {"/live/live/source/1/5.m4s", pass(36 * second), 503, ""},
		"reload of a part":              {"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3", write, 200, "1/4.3.m4s"},
		"reload past a segment's end":   {"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=4", shut, 0, ""},
		"reload of the next segment":    {"/live/live/source/index.m3u8?_HLS_msn=5&_HLS_part=0", func(p *publisher) { p.shut().write() }, 200, "1/5.0.m4s"},
		"reload of a segment, a part":   {"/live/live/source/index.m3u8?_HLS_msn=4", write, 0, ""},
		"reload of a segment":           {"/live/live/source/index.m3u8?_HLS_msn=4", shut, 200, "1/4.m4s"},
		"delta reload":                  {"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3&_HLS_skip=YES", write, 200, "1/4.3.m4s"},
		"reload and the end":            {"/live/live/source/index.m3u8?_HLS_msn=5", end, 200, "#EXT-X-ENDLIST"},
		"reload takes too long":         {"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3", pass(7 * second), 503, ""},
		"reload waits three targets":    {"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3", pass(5900 * time.Millisecond), 0, ""},
		"reload while away":             {"/live/live/source/index.m3u8?_HLS_msn=5&_HLS_part=0", leave, 0, ""},
		"reload and the next epoch":     {"/live/live/source/index.m3u8?_HLS_msn=5&_HLS_part=0", comeBack, 200, "2/5.0.m4s"},
		"polled MPD, segment begins":    {"/live/live/manifest.mpd?after=4", func(p *publisher) { p.shut().write() }, 200, "after=5"},
		"polled MPD, only one track":    {"/live/live/manifest.mpd?after=4", func(p *publisher) { p.shut().write(timeline.Audio) }, 0, ""},
		"polled MPD gets what there is": {"/live/live/manifest.mpd?after=4", pass(8 * second), 200, "after=4"},
		"polled MPD and the end":        {"/live/live/manifest.mpd?after=4", end, 200, "mediaPresentationDuration"},
		"polled patch, segment begins":  {patchURL, func(p *publisher) { p.shut().write() }, 200, "<Patch "},
		"polled patch, a part":          {patchURL, write, 0, ""},
		"polled patch and the end":      {patchURL, end, 200, "<Patch "},
		"polled patch gets what is":     {patchURL, pass(8 * second), 200, "<Patch "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, p := playing(t, 3)
				a := g.ask(c.url)
				require.False(t, a.done(), "answered at once")
				require.EqualValues(t, 1, g.held(t))
				c.happen(p)
				synctest.Wait()
				require.Zero(t, g.errors())
				if c.status == 0 {
					require.False(t, a.done(), "answered")
					a.cancel(nil)
					synctest.Wait()
					require.True(t, a.done())
					require.Equal(t, http.ErrAbortHandler, a.abort, "an abandoned request gets no answer")
					require.Empty(t, a.w.Body.String())
					return
				}
				require.True(t, a.done(), "still waits")
				require.Equal(t, c.status, a.w.Code)
				require.Contains(t, a.w.Body.String(), c.body)
				if c.status == 503 {
					require.Equal(t, "1", a.w.Header().Get("Retry-After"))
					require.Equal(t, "no-store", a.w.Header().Get("Cache-Control"))
				}
				require.Zero(t, g.held(t))
			})
		})
	}
}

// Manifests of a stream that starts are held until there is something to play.
func TestHoldsWhileStarting(t *testing.T) {
	for _, url := range []string{
		"/live/live/index.m3u8", "/live/live/source/index.m3u8", "/live/live/audio/index.m3u8",
		"/live/live/manifest.mpd", "/live/live/source/index.m3u8?_HLS_msn=1&_HLS_part=0",
	} {
		t.Run(url, func(t *testing.T) {
			for name, c := range map[string]struct {
				happen func(*publisher)
				status int
			}{
				"ready":    {func(p *publisher) { p.segments(1).fix() }, 200},
				"left":     {func(p *publisher) { p.leave() }, 404},
				"too long": {func(p *publisher) { time.Sleep(11 * time.Second) }, 503},
				"patience": {func(p *publisher) { time.Sleep(9 * time.Second); p.fix().segments(1).write() }, 200},
			} {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						g := newGateway(t)
						p := g.publisher("live").begin()
						a := g.ask(url)
						require.False(t, a.done())
						c.happen(p)
						synctest.Wait()
						require.True(t, a.done())
						require.Equal(t, c.status, a.w.Code, a.w.Body)
					})
				})
			}
		})
	}
}

// A broadcast that follows an ended one starts anew: nothing of the old one is shown.
func TestSecondBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := playing(t, 3)
		p.leave().end()
		require.Contains(t, g.get("/live/live/source/index.m3u8").Body.String(), "#EXT-X-ENDLIST")
		require.Contains(t, g.get("/live/live/manifest.mpd").Body.String(), `type="static"`)
		p.begin()
		require.Contains(t, g.get("/api/v1/streams/live").Body.String(), `"state":"starting"`)
		a := g.ask("/live/live/source/index.m3u8")
		require.False(t, a.done())
		p.segments(1).fix()
		synctest.Wait()
		require.True(t, a.done())
		require.NotContains(t, a.w.Body.String(), "1/1.m4s")
		require.NotContains(t, a.w.Body.String(), "#EXT-X-ENDLIST")
		require.Contains(t, a.w.Body.String(), "2/5.0.m4s")
		require.Equal(t, 200, g.get("/live/live/source/1/3.m4s").Code, "what was listed can still be fetched")
	})
}

// Stopping the server answers those who wait.
func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		a := g.ask("/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3")
		a.cancel(errStopping)
		synctest.Wait()
		require.Equal(t, 503, a.w.Code)
	})
}

// An open segment comes in pieces, each as soon as it is there.
func TestOpenSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := playing(t, 3)
		a := g.ask("/live/live/source/1/4.m4s")
		require.False(t, a.done())
		want := string(p.data(timeline.Source, 4, 0)) + string(p.data(timeline.Source, 4, 1)) + string(p.data(timeline.Source, 4, 2))
		require.Equal(t, want, a.w.Body.String())
		require.True(t, a.w.Flushed)
		require.Empty(t, a.w.Header().Get("Content-Length"))
		require.Equal(t, "video/mp4", a.w.Header().Get("Content-Type"))
		for i := 3; i < partsInSegment; i++ {
			p.write()
			synctest.Wait()
			want += string(p.data(timeline.Source, 4, i))
			require.Equal(t, want, a.w.Body.String())
		}
		require.False(t, a.done())
		p.shut()
		synctest.Wait()
		require.True(t, a.done())
		require.Nil(t, a.abort)
		require.Equal(t, p.whole(timeline.Source, 4), a.w.Body.String())
		require.Equal(t, a.w.Header().Get("Etag"), g.get("/live/live/source/1/4.m4s").Header().Get("Etag"))
	})
}

// A response that can't be finished must not look as if it were.
func TestOpenSegmentStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		a := g.ask("/live/live/source/1/4.m4s")
		time.Sleep(36 * time.Second)
		synctest.Wait()
		require.True(t, a.done())
		require.Equal(t, http.ErrAbortHandler, a.abort)
	})
}

// While the directory fails, streams that it named before are served.
func TestDirectoryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := playing(t, 3)
		require.Equal(t, 200, g.get("/live/live/index.m3u8").Code)
		g.names.set(errors.New("disk on fire"))
		for range 3 {
			time.Sleep(2 * time.Second)
			require.Equal(t, 200, g.get("/live/live/index.m3u8").Code)
		}
		require.Equal(t, 1, strings.Count(g.logged.String(), "disk on fire"), "logged once an episode")
		g.names.set(nil, "live", "other")
		time.Sleep(2 * time.Second)
		require.Equal(t, 404, g.get("/watch/empty").Code, "removed")
		require.Equal(t, 200, g.get("/watch/other").Code, "added")
		g.names.set(nil, "live", "other", "third")
		time.Sleep(200 * time.Millisecond)
		require.Equal(t, 200, g.get("/watch/third").Code, "a name that isn't known is asked for sooner")
		p.write()
		require.Contains(t, g.get("/live/live/source/index.m3u8").Body.String(), "4.3.m4s")
	})
}

func TestDirectoryFailsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.names.set(errors.New("disk on fire"))
		for range 5 {
			w := g.get("/live/live/index.m3u8")
			require.Equal(t, 500, w.Code)
			require.NotContains(t, w.Body.String(), "fire", "our own faults are not told")
		}
		require.Equal(t, 1, g.errors(), "and not logged for every request")
		time.Sleep(failureLog)
		g.get("/live/live/index.m3u8")
		require.Equal(t, 2, g.errors())
		require.Contains(t, g.logged.String(), "unlogged=4")
		require.Contains(t, g.get("/metrics").Body.String(), "sluice_http_requests_total", "the other figures are there")
	})
}

// broken is a journal that can't be read.
type broken struct{ journal.Journal }

func (broken) Follow(context.Context, string) (*timeline.Feed, error) {
	return nil, errors.New("journal on fire")
}

func TestJournalFails(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.Journal = broken{} })
	for _, url := range []string{"/", "/api/v1/streams", "/api/v1/streams/live", "/live/live/manifest.mpd", "/live/live/source/1/1.m4s"} {
		require.Equal(t, 500, g.get(url).Code, url)
	}
	require.Equal(t, 404, g.get("/live/none/manifest.mpd").Code)
	require.Equal(t, 200, g.get("/watch/live").Code, "the page says itself what can't be had")
	require.Equal(t, 200, g.get("/metrics").Code)
}
