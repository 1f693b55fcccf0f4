package flv

import (
	"math"
	"strconv"
	"strings"

	"sluice/ingest/amf0"
)

// Metadata is what an encoder says of its stream in onMetaData. It is a hint, never
// the truth: DJI's cameras announce audio that does not come, others announce
// nothing or the size before scaling. Zero stands for what is absent, or no
// sensible value.
type Metadata struct {
	Width, Height float64
	FrameRate     float64 // frames a second
	VideoBitrate  float64 // kbit/s
	VideoCodec    VideoCodec
	HasVideo      bool // videocodecid is there, and VideoCodec is it

	AudioBitrate    float64 // kbit/s
	AudioSampleRate float64 // Hz
	AudioSampleSize float64 // bits
	Channels        int     // 1 or 2 by "stereo", or as said
	AudioCodec      AudioCodec
	HasAudio        bool // audiocodecid is there, and AudioCodec is it

	Encoder string

	// VideoTracks and AudioTracks are what is said of tracks beside the first, at most
	// MaxTracks of each, as they stand in videoTrackIdInfoMap and audioTrackIdInfoMap.
	VideoTracks, AudioTracks []TrackInfo

	// Members are all that was said.
	Members amf0.Object
}

// TrackInfo is what metadata says of one track.
type TrackInfo struct {
	Track    uint8
	Language string // as it came; empty where nothing is said
	Label    string // for people
}

// ParseMetadata reads the values of a data message: "onMetaData" and an object,
// with "@setDataFrame" before it or not. It returns false for anything else. An
// object that is missing or odd gives a Metadata that says nothing.
func ParseMetadata(values []any) (Metadata, bool) {
	named := false
	for len(values) > 0 {
		name, ok := values[0].(string)
		if !ok {
			break
		}
		if name != "@setDataFrame" && name != "onMetaData" {
			return Metadata{}, false
		}
		named, values = true, values[1:]
	}
	if !named {
		return Metadata{}, false
	}
	for _, v := range values {
		if o, ok := amf0.AsObject(v); ok {
			return readMetadata(o), true
		}
	}
	return Metadata{}, true
}

func readMetadata(o amf0.Object) Metadata {
	m := Metadata{
		Width:           number(o, "width", "displayWidth"),
		Height:          number(o, "height", "displayHeight"),
		FrameRate:       number(o, "framerate", "videoframerate", "fps"),
		VideoBitrate:    number(o, "videodatarate"),
		AudioBitrate:    number(o, "audiodatarate"),
		AudioSampleRate: number(o, "audiosamplerate"),
		AudioSampleSize: number(o, "audiosamplesize"),
		Channels:        int(min(number(o, "audiochannels"), math.MaxUint8)),
		Encoder:         o.String("encoder"),
		VideoTracks:     trackInfos(o, "videoTrackIdInfoMap"),
		AudioTracks:     trackInfos(o, "audioTrackIdInfoMap"),
		Members:         o,
	}
	if stereo, ok := o.Get("stereo"); ok && m.Channels == 0 {
		switch stereo {
		case true, 1.0:
			m.Channels = 2
		case false, 0.0:
			m.Channels = 1
		}
	}
	if v, ok := codec(o, "videocodecid", videoNames); ok {
		m.VideoCodec, m.HasVideo = videoCodec(v), true
	}
	if v, ok := codec(o, "audiocodecid", audioNames); ok {
		m.AudioCodec, m.HasAudio = audioCodec(v), true
	}
	return m
}

// trackInfos reads a map of tracks. Names of its properties are customary ones: the
// specification leaves them open.
func trackInfos(o amf0.Object, key string) []TrackInfo {
	v, _ := o.Get(key)
	tracks, ok := amf0.AsObject(v)
	if !ok {
		return nil
	}
	var infos []TrackInfo
	for _, p := range tracks {
		id, err := strconv.ParseUint(p.Key, 10, 8)
		says, ok := amf0.AsObject(p.Value)
		if err != nil || !ok || len(infos) == MaxTracks {
			continue
		}
		infos = append(infos, TrackInfo{
			Track:    uint8(id),
			Language: text(says, "language", "lang", "languageCode"),
			Label:    text(says, "label", "name", "title"),
		})
	}
	return infos
}

// text returns the first of the named members that has any.
func text(o amf0.Object, keys ...string) string {
	for _, k := range keys {
		if s := strings.TrimSpace(o.String(k)); s != "" {
			return s
		}
	}
	return ""
}

// number returns the first of the named members that is a number above zero, or
// text that is one.
func number(o amf0.Object, keys ...string) float64 {
	for _, k := range keys {
		v, _ := o.Get(k)
		n, _ := v.(float64)
		if s, ok := v.(string); ok {
			n, _ = strconv.ParseFloat(strings.TrimSpace(s), 64)
		}
		if n > 0 && n <= math.MaxInt32 {
			return n
		}
	}
	return 0
}

// codec reads a codec's id: a number (its id, or a FourCC as one), a FourCC, or a
// name.
func codec(o amf0.Object, key string, names []codecName) (uint32, bool) {
	v, _ := o.Get(key)
	switch v := v.(type) {
	case float64:
		if v >= 0 && v <= math.MaxUint32 && v == math.Trunc(v) {
			return uint32(v), true
		}
	case string:
		v = strings.TrimSpace(v)
		if n, ok := byName(names, v); ok {
			return n.value(), true
		}
		if n, err := strconv.ParseUint(v, 10, 32); err == nil {
			return uint32(n), true
		}
		if len(v) == 4 {
			return fourCC(v), true
		}
	}
	return 0, false
}
