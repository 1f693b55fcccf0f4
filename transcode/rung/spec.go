package rung

import "slices"

// Spec is a ladder as somebody asked for it. Parse makes valid ones; one that
// was made otherwise is to be checked by Validate.
type Spec struct {
	// Auto is the source, and what of 720p, 480p, 360p and 240p is below it
	// and the machine can encode. Source and Rungs are then empty.
	Auto bool `json:"auto,omitzero"`
	// Source is the rendition that is passed on as it is published; nil where
	// everything is re-encoded.
	Source *Source `json:"source,omitempty"`
	Rungs  []Rung  `json:"rungs,omitempty"`
	// Encoder is what encodes the rungs; empty is AnyEncoder.
	Encoder Encoder `json:"encoder,omitzero"`
	// CBR keeps each rung at its bitrate; else that's a cap on what constant
	// quality takes.
	CBR bool `json:"cbr,omitzero"`
}

// Source is the untouched rendition.
type Source struct {
	// Height is the ladder's top: a source that is taller is re-encoded to
	// that height, instead of being passed on. Zero is no top.
	Height int `json:"height,omitzero"`
}

// Rung is one re-encoded rendition.
type Rung struct {
	Name    string `json:"name"`             // path element: a-z, 0-9 and -
	Height  int    `json:"height"`           // of the picture's short side, in pixels
	FPS     int    `json:"fps,omitzero"`     // at most so many frames a second; 0: see Plan
	Bitrate int    `json:"bitrate,omitzero"` // in bits a second; 0: what suits the size
	Codec   Codec  `json:"codec"`
	Profile string `json:"profile,omitzero"` // as the encoder names it; empty: its default
	Preset  string `json:"preset,omitzero"`  // likewise
}

// Codec is what a rung is encoded in.
type Codec string

// The codecs of rungs.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	AV1  Codec = "av1"
)

// Encoder is a family of encoders.
type Encoder string

// The families of encoders.
const (
	AnyEncoder   Encoder = "auto" // hardware that passed its trial, else software
	Libx264      Encoder = "libx264"
	NVENC        Encoder = "nvenc"
	VAAPI        Encoder = "vaapi"
	QSV          Encoder = "qsv"
	VideoToolbox Encoder = "videotoolbox"
)

// SourceName is the name of the rendition that shows the whole source: also of
// the rung that a hidden source is re-encoded to.
const SourceName = "source"

// AutoSpec is what --ladder auto means.
func AutoSpec() Spec { return Spec{Auto: true} }

// SourceSpec is what --ladder source means: no ladder.
func SourceSpec() Spec { return Spec{Source: &Source{}} }

// Clone returns a copy that shares nothing with s.
func (s Spec) Clone() Spec {
	if s.Source != nil {
		source := *s.Source
		s.Source = &source
	}
	s.Rungs = slices.Clone(s.Rungs)
	return s
}

// Untouched reports whether s offers streams as they are published and
// nothing else, so that there's nothing to transcode.
func (s Spec) Untouched() bool {
	return !s.Auto && len(s.Rungs) == 0 && s.Source != nil && s.Source.Height == 0
}
