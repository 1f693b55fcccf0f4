package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wished is what the test's gateway was asked for last.
var wished Wish

func withMultitrack(o *Options) {
	o.Multitrack = &Multitrack{
		Sizes: func(_ *http.Request, w Wish) []WishedSize {
			wished = w
			if w.Height > 4000 {
				return nil
			}
			return []WishedSize{{w.Width, w.Height, 1, 5_000_000}, {640, 360, 2, 700_000}}
		},
		RTMPS: func() string { return "[::]:1936" }, RTMP: func() string { return "" }, Keyframes: 2,
	}
}

func (g *gateway) post(url, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))
	r.Host = "media.example:8443"
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// asked is what OBS asks, in the form of 2025.
const asked = `{"service": "IVS", "schema_version": "2025-01-25", "authentication": "key",
	"client": {"name": "obs-studio", "version": "31.0.0", "supported_codecs": ["h264"], "supported_encoders": ["obs_x264", "obs_nvenc_h264_tex"]},
	"capabilities": {"cpu": {}},
	"preferences": {"vod_track_audio": false, "maximum_video_tracks": 4, "maximum_aggregate_bitrate": 8000,
		"canvases": [{"width": 1920, "height": 1080, "canvas_width": 1920, "canvas_height": 1080, "framerate": {"numerator": 60000, "denominator": 1001}}]}}`

func TestMultitrackConfiguration(t *testing.T) {
	g := newGateway(t, withMultitrack)
	w := g.post("/api/v1/multitrack", asked)
	require.Equal(t, 200, w.Code, w.Body)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, Wish{"key", 1920, 1080, 60_000, 1001, 4, 8_000_000}, wished)
	require.JSONEq(t, `{
		"meta": {"service": "IVS", "schema_version": "2025-01-25", "config_id": ""}, "status": {"result": "success"},
		"ingest_endpoints": [{"protocol": "RTMPS", "url_template": "rtmps://media.example:1936/live/{stream_key}"}],
		"encoder_configurations": [
			{"type": "obs_nvenc_h264_tex", "width": 1920, "height": 1080, "framerate": {"numerator": 60000, "denominator": 1001},
				"gpu_scale_type": "OBS_SCALE_BILINEAR", "colorspace": "VIDEO_CS_709", "range": "VIDEO_RANGE_PARTIAL", "format": "VIDEO_FORMAT_NV12",
				"canvas_index": 0, "settings": {"rate_control": "CBR", "bitrate": 5000, "keyint_sec": 2, "profile": "high"}},
			{"type": "obs_nvenc_h264_tex", "width": 640, "height": 360, "framerate": {"numerator": 60000, "denominator": 2002},
				"gpu_scale_type": "OBS_SCALE_BILINEAR", "colorspace": "VIDEO_CS_709", "range": "VIDEO_RANGE_PARTIAL", "format": "VIDEO_FORMAT_NV12",
				"canvas_index": 0, "settings": {"rate_control": "CBR", "bitrate": 700, "keyint_sec": 2, "profile": "high"}}
		],
		"audio_configurations": {"live": [{"codec": "aac", "track_id": 1, "channels": 2, "settings": {"bitrate": 160}}]}
	}`, w.Body.String())

	// The form of 2024, of an OBS that doesn't tell its encoders.
	w = g.post("/api/v1/multitrack", `{"service": "IVS", "schema_version": "2024-06-04", "authentication": "key", "client": {},
		"preferences": {"width": 1280, "height": 720, "framerate": {"numerator": 30, "denominator": 1}, "vod_track_audio": true,
		"maximum_aggregate_bitrate": null, "maximum_video_tracks": null}}`)
	require.Equal(t, Wish{"key", 1280, 720, 30, 1, 0, 0}, wished)
	var got wishAnswer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, "obs_x264", got.EncoderConfigurations[0].Type)
	require.Equal(t, "veryfast", got.EncoderConfigurations[0].Settings["preset"])
	require.Len(t, got.AudioConfigurations.VOD, 1)
	require.NotContains(t, g.logged.String(), "key", "no key in a log")
}

func TestMultitrackEndpoints(t *testing.T) {
	g := newGateway(t, withMultitrack)
	for host, want := range map[string]string{
		"media.example": "media.example", "media.example:8443": "media.example", "192.0.2.1:8443": "192.0.2.1",
		"[2001:db8::1]:8443": "[2001:db8::1]", "[2001:db8::1]": "[2001:db8::1]",
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/multitrack", strings.NewReader(asked))
		r.Host = host
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		require.Contains(t, w.Body.String(), `"rtmps://`+want+`:1936/live/{stream_key}"`)
	}
}

func TestMultitrackConfigurationOfNothing(t *testing.T) {
	g := newGateway(t, withMultitrack)
	for body, want := range map[string]int{
		"": 400, "{": 400, "[]": 400, `{"preferences": {"width": "wide"}}`: 400, "{" + strings.Repeat(" ", maxWish): 400,
		"{}": 200, `{"preferences": {"width": 9000, "height": 9000}}`: 200, `{"preferences": {"width": -1, "height": 1000000}}`: 200,
		`{"preferences": {"width": 640, "height": 360, "maximum_video_tracks": 1e300, "framerate": {"numerator": 1, "denominator": 0}}}`: 200,
	} {
		w := g.post("/api/v1/multitrack", body)
		require.Equal(t, want, w.Code, "%.80s: %s", body, w.Body)
		if want == 200 && !strings.Contains(body, "640") {
			require.Contains(t, w.Body.String(), `"result":"error"`)
		}
	}
	require.Equal(t, 405, g.do("GET", "/api/v1/multitrack").Code)
	require.Equal(t, 405, newGateway(t).post("/api/v1/multitrack", asked).Code, "where nobody answers")
}
