package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/dash"
	"sluice/packager/timeline"
	"sluice/storage/journal/memory"
	"sluice/storage/objects"
)

// shelf is storage for a gateway's segments.
type shelf struct {
	mu     sync.Mutex
	all    map[timeline.RenditionID]map[uint64][]byte
	err    error
	opened int // that nobody has closed
	reads  int
}

func (s *shelf) open(ctx context.Context, stream string, id timeline.RenditionID, msn uint64, off, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.all[id][msn]
	switch {
	case s.err != nil:
		return nil, s.err
	case !ok || stream != "live":
		return nil, objects.ErrNotFound
	case off < 0 || off > int64(len(b)):
		return nil, objects.ErrRange
	}
	s.opened++
	s.reads++
	b = b[off:min(int64(len(b)), off+n)]
	// Pieces of odd sizes, as disks and networks give them.
	return &book{Reader: io.MultiReader(bytes.NewReader(b[:len(b)/3]), bytes.NewReader(b[len(b)/3:])), shelf: s}, nil
}

type book struct {
	io.Reader
	shelf *shelf
	once  sync.Once
}

func (b *book) Close() error {
	b.once.Do(func() { b.shelf.opened-- })
	return nil
}

// store moves a segment's bytes from memory to the shelf.
func (s *shelf) store(p *publisher, id timeline.RenditionID, msn uint64) {
	var b []byte
	for _, part := range p.feed().Current().Rendition(id).Segment(msn).Parts {
		b = append(b, part.Data...)
	}
	if s.all[id] == nil {
		s.all[id] = map[uint64][]byte{}
	}
	s.all[id][msn] = b
	p.append(timeline.SegmentStored{Rendition: id, MSN: msn})
}

// TestStored asks for a segment in every way, from memory and from storage: nobody can
// tell the difference.
func TestStored(t *testing.T) {
	s := &shelf{all: map[timeline.RenditionID]map[uint64][]byte{}}
	for name, begin := range map[string]func(testing.TB, int, ...func(*Options)) (*gateway, *publisher){
		"any bytes": playing, "real": broadcasting,
	} {
		g, p := begin(t, 4, func(o *Options) { o.Stored = s.open })
		urls := []string{
			"/live/live/source/1/1.m4s", "/live/live/source/1/1.0.m4s", "/live/live/source/1/1.2.m4s", "/live/live/source/1/1.77.m4s",
			"/live/live/audio/1/1.m4s", "/live/live/source/2/1.m4s", "/live/live/source/index.m3u8", "/live/live/manifest.mpd",
		}
		if name == "real" {
			urls = append(urls, "/live/live/source/1/1.ts", "/live/live/audio/1/1.ts")
		}
		type answer struct {
			status int
			header http.Header
			body   string
		}
		ask := func() map[string]answer {
			all := map[string]answer{}
			for _, url := range urls {
				for _, method := range []string{"GET", "HEAD"} {
					for _, headers := range [][]string{
						nil, {"Range: bytes=3-20"}, {"Range: bytes=-5"}, {"Range: bytes=7-"}, {"Range: bytes=99999999-"},
						{"Range: pages=1-2"}, {`If-None-Match: "source-1-1"`}, {`If-None-Match: "x"`},
						{`If-Match: "x"`}, {`If-Match: "source-1-1"`}, {"Range: bytes=2-9", `If-Range: "source-1-1"`},
					} {
						w := g.do(method, url, headers...)
						h := maps.Clone(w.Header())
						delete(h, "Date")
						all[method+" "+url+" "+strings.Join(headers, " ")] = answer{w.Code, h, w.Body.String()}
					}
				}
			}
			return all
		}
		want := ask()
		require.Equal(t, 200, want["GET "+urls[0]+" "].status)
		g.transports = newTransports(0, prometheus.NewRegistry())
		s.store(p, timeline.Source, 1)
		s.store(p, timeline.Audio, 1)
		reads := s.reads
		got := ask()
		for what, answer := range want {
			require.Equal(t, answer, got[what], "%s: %s", name, what)
		}
		require.Greater(t, s.reads, reads)
		require.Zero(t, s.opened, "all is closed")

		s.err = errors.New("disk on fire")
		w := g.get(urls[0])
		require.Equal(t, 500, w.Code)
		require.NotContains(t, w.Body.String(), "fire")
		s.err = nil
		delete(s.all[timeline.Source], 1)
		w = g.get(urls[0])
		require.Equal(t, 410, w.Code)
		require.Equal(t, 410, g.get(urls[0], "Range: bytes=1-2").Code)
		p.append(timeline.SegmentLost{Rendition: timeline.Source, MSN: 2})
		w = g.get("/live/live/source/1/2.m4s", `If-None-Match: "source-1-2"`)
		require.Equal(t, 200, w.Code, "DASH players stop at less")
		require.Equal(t, dash.EmptySegment, w.Body.String())
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Empty(t, w.Header().Get("Etag"))
		require.Equal(t, 404, g.get("/live/live/source/1/2.0.m4s").Code)
		require.Contains(t, g.get("/live/live/source/index.m3u8").Body.String(), "#EXT-X-GAP\n")
	}
}

// TestStoredTorn shows that a response is cut where storage gives less than it has said.
func TestStoredTorn(t *testing.T) {
	s := &shelf{all: map[timeline.RenditionID]map[uint64][]byte{}}
	g, p := playing(t, 4, func(o *Options) { o.Stored = s.open })
	s.store(p, timeline.Source, 1)
	s.all[timeline.Source][1] = s.all[timeline.Source][1][:10]
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { g.get("/live/live/source/1/1.m4s") })
	require.Zero(t, s.opened)
}

// patient is who takes a response's first bytes when he is let.
type patient struct {
	*httptest.ResponseRecorder
	once         sync.Once
	writing, let chan struct{}
}

func (p *patient) Write(b []byte) (int, error) {
	p.once.Do(func() {
		close(p.writing)
		<-p.let
	})
	return p.ResponseRecorder.Write(b)
}

// TestStoredWhileSent shows that who is slow at a segment gets the rest of it when that has
// gone into storage meanwhile, and no more than there is when it was lost.
func TestStoredWhileSent(t *testing.T) {
	send := func(t *testing.T, goes func(s *shelf, p *publisher)) (g *gateway, p *publisher, body string, panicked any) {
		s := &shelf{all: map[timeline.RenditionID]map[uint64][]byte{}}
		g, p = playing(t, 4, func(o *Options) { o.Stored = s.open })
		w := &patient{ResponseRecorder: httptest.NewRecorder(), writing: make(chan struct{}), let: make(chan struct{})}
		ended := make(chan any, 1)
		go func() {
			defer func() { ended <- recover() }()
			g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/live/source/1/5.m4s", nil))
		}()
		<-w.writing
		for p.part < partsInSegment {
			p.write()
		}
		p.shut()
		goes(s, p)
		close(w.let)
		panicked = <-ended
		require.Zero(t, s.opened, "all is closed")
		require.Empty(t, g.logged.String())
		return g, p, w.Body.String(), panicked
	}
	t.Run("stored", func(t *testing.T) {
		_, p, body, panicked := send(t, func(s *shelf, p *publisher) { s.store(p, timeline.Source, 5) })
		require.Nil(t, panicked)
		require.Equal(t, p.whole(timeline.Source, 5), body)
	})
	t.Run("lost", func(t *testing.T) {
		_, p, body, panicked := send(t, func(_ *shelf, p *publisher) {
			p.append(timeline.SegmentLost{Rendition: timeline.Source, MSN: 5})
		})
		require.Equal(t, http.ErrAbortHandler, panicked)
		require.Less(t, len(body), len(p.whole(timeline.Source, 5)))
	})
}

// restarted is the timeline that another process goes on with, where all is stored.
func restarted(t *testing.T, was *timeline.Timeline) *timeline.Timeline {
	t.Helper()
	b, err := json.Marshal(was.Save())
	require.NoError(t, err)
	var saved timeline.Saved
	require.NoError(t, json.Unmarshal(b, &saved))
	tl, err := timeline.Restore(saved, timeline.Restoration{At: was.Since, Segments: func(id timeline.RenditionID) iter.Seq[*timeline.Segment] {
		return was.Rendition(id).Segments.All()
	}})
	require.NoError(t, err)
	return tl
}

// written is a codec that can be written down and read again.
func written(t *testing.T) media.Codec {
	t.Helper()
	sps, err := hex.DecodeString("6764000dacd941419f9f0110000003001000000303c0f1429960")
	require.NoError(t, err)
	c, err := media.NewH264(sps, []byte{0x68, 0xeb})
	require.NoError(t, err)
	return c
}

// TestStoredPictures asks for stills and I-frames: from memory, from storage, and from storage
// after a restart.
func TestStoredPictures(t *testing.T) {
	const segments = 30
	s := &shelf{all: map[timeline.RenditionID]map[uint64][]byte{}}
	d := &darkroom{}
	options := func(o *Options) { o.Stored, o.Stills = s.open, d.make }
	g := newGateway(t, options)
	p := g.publisher("live")
	p.window = time.Hour
	video := videoTrack
	video.Track.Codec = written(t)
	p.tracks = []timeline.RenditionTrack{video, audioTrack}
	p.begin().fix().segments(segments).leave()
	ask := func(g *gateway) map[string]string {
		all := map[string]string{}
		for _, url := range []string{
			"poster.jpg", "thumbnails/1/30.jpg", "thumbnails/1/3.jpg", "thumbnails/1/sheet-1-0.jpg", "thumbnails.vtt",
			"index.m3u8", "source/iframes.m3u8", "source/1/3.m4s",
		} {
			made := len(d.jobs)
			w := g.get("/live/live/"+url, "Range: bytes=0-", "Accept-Encoding: gzip;q=0")
			require.Contains(t, []int{200, 206}, w.Code, "%s: %s", url, w.Body)
			all[url] = w.Body.String()
			if len(d.jobs) > made {
				j := d.last()
				all[url+" of"] = string(bytes.Join(append([][]byte{j.Init}, j.Keys...), []byte("|")))
			}
		}
		return all
	}
	want := ask(g)
	require.Contains(t, want["index.m3u8"], "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=")
	require.Contains(t, want["thumbnails.vtt"], "sheet-1-0.jpg")
	require.Contains(t, want["thumbnails/1/3.jpg of"], string(p.data(timeline.Source, 3, 0)))
	for msn := range uint64(segments) {
		s.store(p, timeline.Source, msn+1)
		s.store(p, timeline.Audio, msn+1)
	}
	delete(want, "poster.jpg of") // the last one is kept
	require.Equal(t, want, ask(g))
	require.Positive(t, s.reads)

	again := newGateway(t, options, func(o *Options) {
		o.Journal = memory.New(memory.Options{Restore: func(_ context.Context, stream string, _ timeline.Numbers) (*timeline.Timeline, error) {
			require.Equal(t, "live", stream)
			return restarted(t, p.feed().Current()), nil
		}})
	})
	got := ask(again)
	require.Contains(t, got["poster.jpg of"], string(p.data(timeline.Source, segments, 0)))
	delete(got, "poster.jpg of")
	require.Equal(t, want, got)

	// One that is made isn't read for again.
	d.kept = []byte("made")
	reads := s.reads
	for _, url := range []string{"thumbnails/1/3.jpg", "thumbnails/1/sheet-1-0.jpg"} {
		require.Equal(t, "made", again.get("/live/live/"+url).Body.String())
	}
	require.Equal(t, reads, s.reads)
	d.kept = nil
	s.err = errors.New("disk on fire")
	require.Equal(t, 500, again.get("/live/live/thumbnails/1/3.jpg").Code)
	s.err = nil
	delete(s.all[timeline.Source], 3)
	require.Equal(t, 410, again.get("/live/live/thumbnails/1/3.jpg").Code)
	require.Zero(t, s.opened, "all is closed")
}
