package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Wish is what an encoder that can send several sizes at once asks for, OBS since
// version 30.2.
type Wish struct {
	Key    string // the stream key; may be unknown
	Width  int    // of its picture
	Height int
	// FrameRate is Frames in Seconds seconds.
	Frames, Seconds int
	// Tracks bounds the sizes, Bitrate their sum in bits a second; 0 is no bound.
	Tracks, Bitrate int
}

// WishedSize is one of the sizes that are to be sent.
type WishedSize struct {
	Width, Height int
	Every         int // one of so many frames
	Bitrate       int // bits a second
}

// Multitrack answers encoders that can send several sizes at once.
type Multitrack struct {
	// Sizes says what to send, the leading size first; none where nothing sensible
	// was asked for.
	Sizes func(r *http.Request, w Wish) []WishedSize
	// RTMPS and RTMP are where to publish, as HOST:PORT; RTMP is empty where only
	// this machine may. The host is taken from the request.
	RTMPS, RTMP func() string
	// Keyframes is how far apart they should be, in seconds.
	Keyframes int
}

// audioBitrate is what OBS is told, in kbit/s.
const audioBitrate = 160

// wish is the body of a request, as OBS sends it: what it asks for, and what it can.
// The form of 2024 has one picture, that of 2025 several canvases.
type wish struct {
	Service        string `json:"service"`
	SchemaVersion  string `json:"schema_version"`
	Authentication string `json:"authentication"`
	Client         struct {
		SupportedEncoders []string `json:"supported_encoders"`
	} `json:"client"`
	Preferences struct {
		wishedCanvas
		Canvases                []wishedCanvas `json:"canvases"`
		MaximumAggregateBitrate float64        `json:"maximum_aggregate_bitrate"` // kbit/s
		MaximumVideoTracks      float64        `json:"maximum_video_tracks"`
		VODTrackAudio           bool           `json:"vod_track_audio"`
	} `json:"preferences"`
}

type wishedCanvas struct {
	Width     int       `json:"width"`
	Height    int       `json:"height"`
	FrameRate wishedFPS `json:"framerate"`
}

type wishedFPS struct {
	Numerator   int `json:"numerator"`
	Denominator int `json:"denominator"`
}

// The answer. Names and values are OBS's.
type (
	wishAnswer struct {
		Meta                  wishMeta       `json:"meta"`
		Status                wishStatus     `json:"status"`
		IngestEndpoints       []wishEndpoint `json:"ingest_endpoints"`
		EncoderConfigurations []wishEncoder  `json:"encoder_configurations"`
		AudioConfigurations   wishAudio      `json:"audio_configurations"`
	}
	wishMeta struct {
		Service       string `json:"service"`
		SchemaVersion string `json:"schema_version"`
		ConfigID      string `json:"config_id"`
	}
	wishStatus struct {
		Result string `json:"result"`
		HTML   string `json:"html_en_us,omitempty"`
	}
	wishEndpoint struct {
		Protocol    string `json:"protocol"`
		URLTemplate string `json:"url_template"`
	}
	wishEncoder struct {
		Type        string         `json:"type"`
		Width       int            `json:"width"`
		Height      int            `json:"height"`
		FrameRate   wishedFPS      `json:"framerate"`
		ScaleType   string         `json:"gpu_scale_type"`
		Colorspace  string         `json:"colorspace"`
		Range       string         `json:"range"`
		Format      string         `json:"format"`
		CanvasIndex int            `json:"canvas_index"`
		Settings    map[string]any `json:"settings"`
	}
	wishAudio struct {
		Live []wishSound `json:"live"`
		VOD  []wishSound `json:"vod,omitempty"`
	}
	wishSound struct {
		Codec    string         `json:"codec"`
		TrackID  int            `json:"track_id"`
		Channels int            `json:"channels"`
		Settings map[string]any `json:"settings"`
	}
)

// hardware are OBS's encoders of H.264 that leave the processor alone.
var hardware = []string{
	"obs_nvenc_h264_tex", "jim_nvenc", "h264_texture_amf", "obs_qsv11_v2", "com.apple.videotoolbox.videoencoder.ave.avc",
}

const software = "obs_x264"

// configureMultitrack answers what OBS asks before it sends several sizes. What the
// key is worth is found out when it publishes: the answer gives nothing away.
func (s *Server) configureMultitrack(x *exchange) error {
	var ask wish
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxWish))
	if err == nil {
		err = json.Unmarshal(body, &ask)
	}
	if err != nil {
		return fmt.Errorf("%w: what is asked for is no JSON that can be read", errBadRequest)
	}
	canvas := ask.Preferences.wishedCanvas
	if len(ask.Preferences.Canvases) > 0 {
		canvas = ask.Preferences.Canvases[0]
	}
	fps := canvas.FrameRate
	if fps.Denominator <= 0 || fps.Numerator <= 0 || fps.Numerator/fps.Denominator > maxWishRate {
		fps = wishedFPS{30, 1}
	}
	answer := wishAnswer{
		Meta:                  wishMeta{Service: ask.Service, SchemaVersion: ask.SchemaVersion},
		Status:                wishStatus{Result: "success"},
		IngestEndpoints:       s.wishEndpoints(x.r),
		EncoderConfigurations: []wishEncoder{},
	}
	if min(canvas.Width, canvas.Height) > 0 && max(canvas.Width, canvas.Height) <= maxWishSide {
		sizes := s.multitrack.Sizes(x.r, Wish{
			Key: ask.Authentication, Width: canvas.Width, Height: canvas.Height, Frames: fps.Numerator, Seconds: fps.Denominator,
			Tracks: bounded(ask.Preferences.MaximumVideoTracks, 1), Bitrate: bounded(ask.Preferences.MaximumAggregateBitrate, 1000),
		})
		for _, size := range sizes {
			answer.EncoderConfigurations = append(answer.EncoderConfigurations, s.wishEncoder(&ask, size, fps))
		}
	}
	if len(answer.EncoderConfigurations) == 0 {
		answer.Status = wishStatus{Result: "error", HTML: "Sluice can't take a picture of this size."}
	}
	sound := wishSound{Codec: "aac", TrackID: 1, Channels: 2, Settings: map[string]any{"bitrate": audioBitrate}}
	answer.AudioConfigurations.Live = []wishSound{sound}
	if ask.Preferences.VODTrackAudio {
		sound.TrackID = 2
		answer.AudioConfigurations.VOD = []wishSound{sound}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = nosniff
	return x.send(http.StatusOK, typeJSON, append(out, '\n'))
}

// bounded is a number of somebody else's, in another unit; 0 where it makes no sense.
func bounded(v float64, unit int) int {
	const most = 1 << 30
	if v < 1 || v > most/float64(unit) {
		return 0
	}
	return int(v) * unit
}

// wishEncoder is how OBS is to encode a size.
func (s *Server) wishEncoder(ask *wish, size WishedSize, fps wishedFPS) wishEncoder {
	e := wishEncoder{
		Type: software, Width: size.Width, Height: size.Height,
		FrameRate: wishedFPS{fps.Numerator, fps.Denominator * max(size.Every, 1)},
		ScaleType: "OBS_SCALE_BILINEAR", Colorspace: "VIDEO_CS_709", Range: "VIDEO_RANGE_PARTIAL", Format: "VIDEO_FORMAT_NV12",
		Settings: map[string]any{
			"rate_control": "CBR", "bitrate": size.Bitrate / 1000, "keyint_sec": s.multitrack.Keyframes, "profile": "high",
		},
	}
	for _, name := range hardware {
		if slices.Contains(ask.Client.SupportedEncoders, name) {
			e.Type = name
			return e
		}
	}
	e.Settings["preset"] = "veryfast"
	return e
}

// wishEndpoints says where to publish: at the host that was asked.
func (s *Server) wishEndpoints(r *http.Request) []wishEndpoint {
	host := strings.Trim(r.Host, "[]")
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	all := []wishEndpoint{}
	for _, e := range [...]struct {
		protocol, scheme string
		addr             func() string
	}{{"RTMPS", "rtmps", s.multitrack.RTMPS}, {"RTMP", "rtmp", s.multitrack.RTMP}} {
		if e.addr == nil {
			continue
		}
		if _, port, err := net.SplitHostPort(e.addr()); err == nil {
			all = append(all, wishEndpoint{e.protocol, e.scheme + "://" + net.JoinHostPort(host, port) + "/live/{stream_key}"})
		}
	}
	return all
}
