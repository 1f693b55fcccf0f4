package flv

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed says that a tag is not what its header says it is.
var ErrMalformed = errors.New("malformed FLV tag")

// NotServedError says that a stream uses what this program cannot serve.
type NotServedError struct {
	What     string // "H.263", "AAC object type 23"
	Enhanced bool   // it came by Enhanced RTMP
}

func (e *NotServedError) Error() string { return "codec not served: " + e.What }

// VideoCodec is a codec id of FLV (below 16) or a FourCC of Enhanced RTMP. A codec
// that has both is one value, whichever a sender uses.
type VideoCodec uint32

// The video codecs that the code asks for by name; the others have one in
// VideoCodec.String.
const (
	VideoAVC  VideoCodec = 7
	VideoHEVC VideoCodec = 'h'<<24 | 'v'<<16 | 'c'<<8 | '1'
	VideoVVC  VideoCodec = 'v'<<24 | 'v'<<16 | 'c'<<8 | '1'
	VideoAV1  VideoCodec = 'a'<<24 | 'v'<<16 | '0'<<8 | '1'
	VideoVP9  VideoCodec = 'v'<<24 | 'p'<<16 | '0'<<8 | '9'
	VideoVP8  VideoCodec = 'v'<<24 | 'p'<<16 | '0'<<8 | '8'
)

// AudioCodec is a sound format of FLV (below 16) or a FourCC of Enhanced RTMP,
// likewise.
type AudioCodec uint32

// The audio codecs that the code asks for by name.
const (
	AudioMP3   AudioCodec = 2
	AudioAAC   AudioCodec = 10
	AudioMP38k AudioCodec = 14 // the same at 8 kHz, which FLV's rates have no number for
	AudioOpus  AudioCodec = 'O'<<24 | 'p'<<16 | 'u'<<8 | 's'
	AudioFLAC  AudioCodec = 'f'<<24 | 'L'<<16 | 'a'<<8 | 'C'
	AudioAC3   AudioCodec = 'a'<<24 | 'c'<<16 | '-'<<8 | '3'
	AudioEAC3  AudioCodec = 'e'<<24 | 'c'<<16 | '-'<<8 | '3'
)

// codecName is a row of a table of codecs: its number, where it has one, its
// FourCC, and what people call it.
type codecName struct {
	id     uint32 // noID if none
	fourCC string
	name   string
}

const noID = 0xff

var videoNames = []codecName{
	{7, "avc1", "H.264"},
	{12, "hvc1", "H.265"}, // 12 by the custom of Chinese encoders
	{13, "av01", "AV1"},   // 13 likewise
	{noID, "vvc1", "H.266"},
	{noID, "vp08", "VP8"},
	{noID, "vp09", "VP9"},
	{1, "", "JPEG"},
	{2, "", "Sorenson H.263"},
	{3, "", "Screen Video"},
	{4, "", "On2 VP6"},
	{5, "", "On2 VP6 with alpha"},
	{6, "", "Screen Video 2"},
	{8, "", "H.263"},
	{9, "", "MPEG-4 Part 2"},
}

var audioNames = []codecName{
	{10, "mp4a", "AAC"},
	{2, ".mp3", "MP3"},
	{13, "Opus", "Opus"}, // 13 by custom
	{noID, "ac-3", "AC-3"},
	{noID, "ec-3", "E-AC-3"},
	{noID, "fLaC", "FLAC"},
	{0, "", "PCM of the platform's byte order"},
	{1, "", "ADPCM"},
	{3, "", "PCM"},
	{4, "", "Nellymoser 16 kHz"},
	{5, "", "Nellymoser 8 kHz"},
	{6, "", "Nellymoser"},
	{7, "", "G.711 A-law"},
	{8, "", "G.711 mu-law"},
	{11, "", "Speex"},
	{14, "", "MP3 8 kHz"},
	{15, "", "device-specific sound"},
}

// firstCustomID begins the codec ids that are in use without Adobe's blessing.
const firstCustomID = 12

// value returns the one number of a codec: its id where Adobe gave it one, else
// its FourCC.
func (n codecName) value() uint32 {
	if n.fourCC == "" || n.id < firstCustomID {
		return n.id
	}
	return fourCC(n.fourCC)
}

func fourCC[T string | []byte](s T) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

// find returns the row of a codec, by its id or its FourCC.
func find(names []codecName, v uint32) (codecName, bool) {
	for _, n := range names {
		if (n.id == v && v != noID) || (n.fourCC != "" && fourCC(n.fourCC) == v) {
			return n, true
		}
	}
	return codecName{}, false
}

// videoCodec returns the one value of a codec that has been met as v.
func videoCodec(v uint32) VideoCodec {
	if n, ok := find(videoNames, v); ok {
		return VideoCodec(n.value())
	}
	return VideoCodec(v)
}

func audioCodec(v uint32) AudioCodec {
	if n, ok := find(audioNames, v); ok {
		return AudioCodec(n.value())
	}
	return AudioCodec(v)
}

// String returns the codec's name.
func (c VideoCodec) String() string { return nameOf(videoNames, uint32(c), "video") }

// String returns the codec's name.
func (c AudioCodec) String() string { return nameOf(audioNames, uint32(c), "audio") }

// FourCC returns the codec's FourCC, or, of one that has none, "".
func (c VideoCodec) FourCC() string { return fourCCOf(videoNames, uint32(c)) }

// FourCC is what VideoCodec.FourCC is.
func (c AudioCodec) FourCC() string { return fourCCOf(audioNames, uint32(c)) }

func fourCCOf(names []codecName, v uint32) string {
	n, _ := find(names, v)
	return n.fourCC
}

func nameOf(names []codecName, v uint32, kind string) string {
	if n, ok := find(names, v); ok {
		return n.name
	}
	if v < 16 {
		return fmt.Sprintf("%s codec %d", kind, v)
	}
	return fmt.Sprintf("%s codec %q", kind, string([]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}))
}

// byName finds a codec by what metadata calls it: a FourCC or a name.
func byName(names []codecName, s string) (codecName, bool) {
	squeeze := func(s string) string {
		return strings.ToLower(strings.NewReplacer(".", "", "-", "", " ", "").Replace(s))
	}
	want := squeeze(s)
	for _, n := range names {
		if want != "" && (want == squeeze(n.fourCC) || want == squeeze(n.name)) {
			return n, true
		}
	}
	return codecName{}, false
}
