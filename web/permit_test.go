package web

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Manifests are asked for, all of them; nothing else is.
func TestPermit(t *testing.T) {
	var answer error
	asked := map[string]int{}
	g, _ := playing(t, 3, func(o *Options) {
		o.Permit = func(r *http.Request, stream string) error {
			asked[stream+" "+r.URL.Path]++
			return answer
		}
	})
	manifests := []string{"/live/live/index.m3u8", "/live/live/source/index.m3u8", "/live/live/manifest.mpd"}
	for _, tc := range []struct {
		answer error
		status int
		text   string
	}{
		{nil, 200, "#EXT"},
		{fmt.Errorf("%w: members only", ErrForbidden), 403, "forbidden: members only"},
		{ErrUnavailable, 503, "try again"},
		{errors.New("a secret of ours"), 500, "internal error"},
	} {
		answer = tc.answer
		for _, url := range manifests {
			w := g.get(url)
			require.Equal(t, tc.status, w.Code, url)
			if tc.answer != nil {
				require.Contains(t, w.Body.String(), tc.text, url)
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"), "what one may not, another may")
			}
		}
	}
	for _, url := range manifests {
		require.Equal(t, 4, asked["live "+url], url)
	}
	asked = map[string]int{}
	for url, status := range map[string]int{
		"/live/live/source/1/3.m4s": 200, "/watch/live": 200, "/api/v1/streams/live": 200, "/live/nobody/index.m3u8": 404,
	} {
		require.Equal(t, status, g.get(url).Code, url)
	}
	require.Empty(t, asked)
}
