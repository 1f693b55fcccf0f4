package web

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
)

func rungTrack(id timeline.RenditionID, height int) timeline.RenditionTrack {
	return timeline.RenditionTrack{Rendition: id, Track: media.Track{
		ID: 1, Kind: media.Video, Timescale: media.VideoClock, Name: string(id), Codec: &media.H264{
			SPS: []byte{0x67, 0x64, 0x00, 0x1f, byte(height)}, PPS: []byte{0x68},
			Width: height * 16 / 9, Height: height, SARWidth: 1, SARHeight: 1, FrameRate: 30,
		},
	}}
}

var (
	highRung = rungTrack("720p", 720)
	lowRung  = rungTrack("480p", 480)
)

// laddered returns a gateway whose stream has two rungs, n segments and three
// parts of the next.
func laddered(tb testing.TB, n int, change ...func(*Options)) (*gateway, *publisher) {
	g := newGateway(tb, change...)
	p := expecting(g).begin().fix().join(highRung).join(lowRung).segments(n)
	return g, p.write().write().write()
}

// expecting returns a publisher whose epochs expect two rungs.
func expecting(g *gateway) *publisher {
	p := g.publisher("live")
	for _, rt := range []timeline.RenditionTrack{highRung, lowRung} {
		p.expected = append(p.expected, timeline.ExpectedRendition{Rendition: rt.Rendition, Kind: rt.Track.Kind})
	}
	return p
}

const (
	leads = timeline.Source
	rung  = "/live/live/480p/"
)

// write5 lets everything but a rung go on for a second.
func write5(p *publisher) {
	for range 5 {
		p.write(lowRung.Rendition)
	}
}

// Each case asks for something of a rung that isn't there yet, sees that it
// waits, lets something happen, and looks at what came of it.
func TestHoldsForRungs(t *testing.T) {
	write := func(p *publisher) { p.write() }
	drop := func(p *publisher) { p.drop(lowRung.Rendition) }
	for name, c := range map[string]struct {
		url    string
		happen func(*publisher)
		status int // 0: it still waits
		body   string
	}{
		"hinted part comes":           {rung + "1/4.3.m4s", write, 200, "[480p 4.3]"},
		"hinted part, others go on":   {rung + "1/4.3.m4s", write5, 0, ""},
		"hinted part, it leaves":      {rung + "1/4.3.m4s", drop, 404, ""},
		"next segment, it leaves":     {rung + "1/5.m4s", drop, 410, ""},
		"open segment, it leaves":     {rung + "1/4.m4s", drop, 200, "[480p 4.2]"},
		"reload of a part":            {rung + "index.m3u8?_HLS_msn=4&_HLS_part=3", write, 200, "1/4.3.m4s"},
		"reload, the others go on":    {rung + "index.m3u8?_HLS_msn=4&_HLS_part=3", func(p *publisher) { p.write(lowRung.Rendition) }, 0, ""},
		"reload, it hangs":            {rung + "index.m3u8?_HLS_msn=4&_HLS_part=3", write5, 410, "gone"},
		"reload, it leaves":           {rung + "index.m3u8?_HLS_msn=4&_HLS_part=3", drop, 410, "gone"},
		"delta reload, it leaves":     {rung + "index.m3u8?_HLS_msn=5&_HLS_skip=YES", drop, 410, "gone"},
		"reload of another, it hangs": {"/live/live/source/index.m3u8?_HLS_msn=5", write5, 0, ""},
		"reload and the end":          {rung + "index.m3u8?_HLS_msn=5", func(p *publisher) { p.leave().end() }, 200, "#EXT-X-ENDLIST"},
		"hanging, and then the end": {rung + "index.m3u8?_HLS_msn=5", func(p *publisher) {
			p.write(lowRung.Rendition).leave().end()
		}, 200, "#EXT-X-ENDLIST"},
		"polled MPD, a rung is late": {"/live/live/manifest.mpd?after=4", func(p *publisher) {
			p.shut().write(lowRung.Rendition)
		}, 200, "after=4"},
		"polled MPD, a rung has left": {"/live/live/manifest.mpd?after=4", func(p *publisher) {
			p.drop(lowRung.Rendition).shut().write()
		}, 200, "after=5"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, p := laddered(t, 3)
				a := g.ask(c.url)
				require.False(t, a.done(), "answered at once")
				c.happen(p)
				synctest.Wait()
				require.Zero(t, g.errors())
				if c.status == 0 {
					require.False(t, a.done(), "answered")
					a.cancel(nil)
					synctest.Wait()
					return
				}
				require.True(t, a.done(), "still waits")
				require.Equal(t, c.status, a.w.Code)
				require.Contains(t, a.w.Body.String(), c.body)
				require.Zero(t, g.held(t))
			})
		})
	}
}

// What a rung that left has published is there for as long as that of others.
func TestRungThatLeft(t *testing.T) {
	g, p := laddered(t, 3)
	p.drop(lowRung.Rendition)
	for url, want := range map[string]int{
		rung + "index.m3u8":                        410,
		rung + "index.m3u8?_HLS_skip=YES":          410,
		rung + "index.m3u8?_HLS_msn=4&_HLS_part=0": 410,
		rung + "index.m3u8?_HLS_msn=400":           410,
		rung + "1/init.mp4":                        200,
		rung + "1/3.m4s":                           200,
		rung + "1/3.9.m4s":                         200,
		rung + "1/4.m4s":                           200,
		rung + "1/4.3.m4s":                         404,
		rung + "1/5.m4s":                           410,
		"/live/live/720p/index.m3u8":               200,
		"/live/live/240p/index.m3u8":               404,
	} {
		w := g.get(url)
		require.Equal(t, want, w.Code, url)
		require.Equal(t, want, g.do(http.MethodHead, url).Code, url)
		if want == 410 {
			require.Equal(t, "public, max-age=1", w.Header().Get("Cache-Control"), "it may be back soon: %s", url)
		}
	}
	multivariant := g.get("/live/live/index.m3u8").Body.String()
	require.NotContains(t, multivariant, "480p")
	require.Contains(t, multivariant, "720p/index.m3u8")
	require.Contains(t, g.get("/live/live/manifest.mpd").Body.String(), `id="480p"`, "its Period goes on")
	p.shut().write()
	require.NotContains(t, g.get("/live/live/source/index.m3u8").Body.String(), "480p", "no report of it")
	require.Equal(t, []string{"listed", "listed", "listed", "left"}, rungStates(t, g))

	p.part = 10
	p.shut().join(lowRung)
	require.Equal(t, "starting", rungStates(t, g)[3])
	p.segments(1)
	w := g.get(rung + "index.m3u8")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "#EXT-X-MEDIA-SEQUENCE:6\n")
	require.Contains(t, g.get("/live/live/index.m3u8").Body.String(), "480p")
	require.Equal(t, "listed", rungStates(t, g)[3])
}

func rungStates(t *testing.T, g *gateway) []string {
	var s status
	require.NoError(t, json.Unmarshal(g.get("/api/v1/streams/live").Body.Bytes(), &s))
	var states []string
	for _, r := range s.Renditions {
		states = append(states, r.State)
	}
	return states
}

// A rung that hangs is named, and its playlist is gone until it has caught up.
func TestRungThatHangs(t *testing.T) {
	g, p := laddered(t, 3)
	require.Equal(t, 200, g.get(rung+"index.m3u8").Code)
	write5(p)
	require.Equal(t, 410, g.get(rung+"index.m3u8").Code)
	require.Contains(t, g.get("/live/live/index.m3u8").Body.String(), "480p")
	require.Equal(t, "behind", rungStates(t, g)[3])
	p.part, p.clock = p.part-5, p.clock-5*targets.Part
	for range 5 {
		p.write(leads, timeline.Audio, highRung.Rendition)
	}
	w := g.get(rung + "index.m3u8")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "1/4.7.m4s", "not what was there before it hung")
	require.Equal(t, "listed", rungStates(t, g)[3])
}

// The first manifests of a broadcast wait for its rungs, though not for ever.
func TestManifestsWaitForRungs(t *testing.T) {
	for _, url := range []string{"/live/live/index.m3u8", "/live/live/manifest.mpd"} {
		for name, c := range map[string]struct {
			happen func(*publisher)
			rungs  []string
		}{
			"all come": {func(p *publisher) { p.join(highRung).join(lowRung).segments(1).write() }, []string{"720p", "480p"}},
			"one doesn't": {func(p *publisher) {
				p.join(highRung).segments(1)
				for range 5 {
					p.write()
				}
			}, []string{"720p"}},
			"none does": {func(p *publisher) {
				p.segments(1)
				for range 5 {
					p.write()
				}
			}, nil},
		} {
			t.Run(name+" "+url, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGateway(t)
					p := expecting(g).begin().fix()
					a := g.ask(url)
					c.happen(p)
					synctest.Wait()
					require.True(t, a.done())
					require.Equal(t, 200, a.w.Code)
					for _, id := range []string{"720p", "480p"} {
						named := false
						for _, r := range c.rungs {
							named = named || r == id
						}
						if named {
							require.Contains(t, a.w.Body.String(), id)
						} else {
							require.NotContains(t, a.w.Body.String(), id)
						}
					}
				})
			})
		}
		t.Run("not yet "+url, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t)
				p := expecting(g).begin().fix().join(highRung)
				a := g.ask(url)
				p.segments(1).write().write()
				time.Sleep(time.Second)
				synctest.Wait()
				require.False(t, a.done(), "480p may come yet")
				a.cancel(nil)
				synctest.Wait()
			})
		})
	}
}
