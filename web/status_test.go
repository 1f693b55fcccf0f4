package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The window of 20 s lists segments from 4 on, once 13 are whole; those from 1
// on can still be fetched. 14 is open, with three parts.
func TestStatusCodes(t *testing.T) {
	g, _ := playing(t, 13)
	for url, want := range map[string]int{
		"/":                                            200,
		"/healthz":                                     200,
		"/readyz":                                      200,
		"/metrics":                                     200,
		"/ca.crt":                                      404,
		"/favicon.ico":                                 404,
		"/watch/live":                                  200,
		"/watch/empty":                                 200,
		"/watch/none":                                  404,
		"/embed/live":                                  200,
		"/embed/none":                                  404,
		"/assets/none.js":                              404,
		"/assets/../page.html":                         404,
		"/api/v1/streams":                              200,
		"/api/v1/streams/live":                         200,
		"/api/v1/streams/none":                         404,
		"/api/v1/time":                                 200,
		"/api/v2/time":                                 404,
		"/live/live/index.m3u8":                        200,
		"/live/none/index.m3u8":                        404,
		"/live/empty/index.m3u8":                       404,
		"/live/empty/source/index.m3u8":                404,
		"/live/empty/manifest.mpd":                     404,
		"/live/live/manifest.mpd":                      200,
		"/live/live/manifest.mpd?after=13":             200,
		"/live/live/manifest.mpd?after=x":              400,
		"/live/live/source/index.m3u8":                 200,
		"/live/live/audio/index.m3u8":                  200,
		"/live/live/none/index.m3u8":                   404,
		"/live/live/source/index.m3u8?other=1":         200,
		"/live/live/source/index.m3u8?%zz=1":           200,
		"/live/live/source/1/init.mp4":                 200,
		"/live/live/source/2/init.mp4":                 404,
		"/live/live/source/0/init.mp4":                 404,
		"/live/live/none/1/init.mp4":                   404,
		"/live/live/source/1/13.m4s":                   200,
		"/live/live/source/1/13.0.m4s":                 200,
		"/live/live/source/1/13.9.m4s":                 200,
		"/live/live/source/1/13.10.m4s":                404, // it has ten
		"/live/live/source/1/14.2.m4s":                 200,
		"/live/live/source/1/14.4.m4s":                 404, // 14.3 is next
		"/live/live/source/1/16.m4s":                   404, // 15 is held
		"/live/live/source/2/13.m4s":                   404,
		"/live/live/none/1/13.m4s":                     404,
		"/live/live/source/1/013.m4s":                  404,
		"/live/live/source/01/13.m4s":                  404,
		"/live/live/source/1/+13.m4s":                  404,
		"/live/live/source/1/13.00.m4s":                404,
		"/live/live/source/1/13.mp4":                   404,
		"/live/live/source/1/.m4s":                     404,
		"/live/live/source/1/13..m4s":                  404,
		"/live/live/source/1/0.m4s":                    404,
		"/live/live/source/x/13.m4s":                   404,
		"/live/live/source/1/99999999999999999999.m4s": 404,

		"/live/live/source/index.m3u8?_HLS_msn=13":             200,
		"/live/live/source/index.m3u8?_HLS_msn=0":              200,
		"/live/live/source/index.m3u8?_HLS_msn=14&_HLS_part=2": 200,
		"/live/live/source/index.m3u8?_HLS_msn=16":             400,
		"/live/live/source/index.m3u8?_HLS_msn=99&_HLS_part=0": 400,
		"/live/live/source/index.m3u8?_HLS_msn=-1":             400,
		"/live/live/source/index.m3u8?_HLS_msn=":               400,
		"/live/live/source/index.m3u8?_HLS_part=1":             400,
		"/live/live/source/index.m3u8?_HLS_msn=13&_HLS_part=x": 400,
		"/live/live/source/index.m3u8?_HLS_skip=YES":           200,
		"/live/live/source/index.m3u8?_HLS_skip=v2":            200,
		"/live/live/source/index.m3u8?_HLS_skip=NO":            400,
		"/live/live/none/index.m3u8?_HLS_msn=13":               404,
	} {
		t.Run(url, func(t *testing.T) {
			w := g.get(url)
			require.Equal(t, want, w.Code, w.Body)
			require.NotEmpty(t, w.Header().Get("Cache-Control"))
			require.NotEmpty(t, w.Header().Get("Content-Type"))
			head := g.do(http.MethodHead, url)
			require.Equal(t, want, head.Code)
			require.Empty(t, head.Body.Bytes())
			for _, method := range []string{"POST", "PUT", "DELETE", "PROPFIND"} {
				if want != 404 {
					require.Equal(t, 405, g.do(method, url).Code, method)
				}
			}
		})
	}
}
