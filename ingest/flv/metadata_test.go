package flv

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
)

func TestMetadata(t *testing.T) {
	obs := amf0.Object{
		{Key: "duration", Value: 0.0}, {Key: "width", Value: 1920.0}, {Key: "height", Value: 1080.0},
		{Key: "videocodecid", Value: "avc1"}, {Key: "videodatarate", Value: 4500.0}, {Key: "framerate", Value: 30.0},
		{Key: "audiocodecid", Value: "mp4a"}, {Key: "audiodatarate", Value: 160.0}, {Key: "audiosamplerate", Value: 48000.0},
		{Key: "audiosamplesize", Value: 16.0}, {Key: "audiochannels", Value: 2.0}, {Key: "stereo", Value: true},
		{Key: "encoder", Value: "obs-output module (libobs version 30.0.2)"},
	}
	want := Metadata{
		Width: 1920, Height: 1080, FrameRate: 30, VideoBitrate: 4500, VideoCodec: VideoAVC, HasVideo: true,
		AudioBitrate: 160, AudioSampleRate: 48000, AudioSampleSize: 16, Channels: 2, AudioCodec: AudioAAC, HasAudio: true,
		Encoder: "obs-output module (libobs version 30.0.2)", Members: obs,
	}
	for name, values := range map[string][]any{
		"object":                    {"@setDataFrame", "onMetaData", obs},
		"ecma array":                {"@setDataFrame", "onMetaData", amf0.ECMAArray(obs)},
		"without setDataFrame":      {"onMetaData", amf0.ECMAArray(obs)},
		"strict array around it":    {"@setDataFrame", "onMetaData", amf0.StrictArray{obs}},
		"typed object":              {"onMetaData", amf0.TypedObject{Class: "C", Members: obs}},
		"null before it":            {"onMetaData", nil, obs},
		"something after it":        {"onMetaData", obs, 1.0},
		"setDataFrame alone before": {"@setDataFrame", obs},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ParseMetadata(values)
			require.True(t, ok)
			require.Equal(t, want, got)
		})
	}
}

func TestMetadataThatSaysNothing(t *testing.T) {
	for name, values := range map[string][]any{
		"no object":      {"@setDataFrame", "onMetaData"},
		"a number":       {"onMetaData", 1.0},
		"a strict array": {"onMetaData", amf0.StrictArray{1.0, "x"}},
		"an empty one":   {"onMetaData", amf0.StrictArray{}},
		"null":           {"onMetaData", nil},
		"name alone":     {"onMetaData"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ParseMetadata(values)
			require.True(t, ok)
			require.Equal(t, Metadata{}, got)
		})
	}
	got, ok := ParseMetadata([]any{"onMetaData", amf0.Object{}})
	require.True(t, ok)
	require.Equal(t, Metadata{Members: amf0.Object{}}, got)
}

func TestNotMetadata(t *testing.T) {
	for _, values := range [][]any{nil, {}, {1.0}, {"onTextData", amf0.Object{}}, {"@clearDataFrame", "onMetaData"}, {amf0.Object{}}} {
		_, ok := ParseMetadata(values)
		require.False(t, ok, "%v", values)
	}
}

func TestMetadataMembers(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    amf0.Object
		want Metadata
	}{
		{"codecs by number", amf0.Object{{Key: "videocodecid", Value: 7.0}, {Key: "audiocodecid", Value: 10.0}}, Metadata{VideoCodec: VideoAVC, HasVideo: true, AudioCodec: AudioAAC, HasAudio: true}},
		{"codec 0 is one", amf0.Object{{Key: "audiocodecid", Value: 0.0}}, Metadata{HasAudio: true}},
		{"FourCC as a number", amf0.Object{{Key: "videocodecid", Value: 1752589105.0}}, Metadata{VideoCodec: VideoHEVC, HasVideo: true}},
		{"unofficial numbers", amf0.Object{{Key: "videocodecid", Value: 12.0}, {Key: "audiocodecid", Value: 13.0}}, Metadata{VideoCodec: VideoHEVC, HasVideo: true, AudioCodec: AudioOpus, HasAudio: true}},
		{"names", amf0.Object{{Key: "videocodecid", Value: "H264"}, {Key: "audiocodecid", Value: "AAC"}}, Metadata{VideoCodec: VideoAVC, HasVideo: true, AudioCodec: AudioAAC, HasAudio: true}},
		{"numbers as text", amf0.Object{{Key: "videocodecid", Value: "7"}, {Key: "framerate", Value: " 29.97"}}, Metadata{VideoCodec: VideoAVC, HasVideo: true, FrameRate: 29.97}},
		{"a FourCC that nobody knows", amf0.Object{{Key: "videocodecid", Value: "xyz9"}}, Metadata{VideoCodec: 'x'<<24 | 'y'<<16 | 'z'<<8 | '9', HasVideo: true}},
		{"codecs that are none", amf0.Object{{Key: "videocodecid", Value: -1.0}, {Key: "audiocodecid", Value: ""}}, Metadata{}},
		{"codec null", amf0.Object{{Key: "videocodecid", Value: nil}, {Key: "audiocodecid", Value: amf0.Undefined{}}}, Metadata{}},
		{"mono", amf0.Object{{Key: "stereo", Value: false}}, Metadata{Channels: 1}},
		{"stereo as a number", amf0.Object{{Key: "stereo", Value: 1.0}}, Metadata{Channels: 2}},
		{"channels before stereo", amf0.Object{{Key: "stereo", Value: true}, {Key: "audiochannels", Value: 6.0}}, Metadata{Channels: 6}},
		{"a stereo that cannot be compared", amf0.Object{{Key: "stereo", Value: amf0.Object{}}}, Metadata{}},
		{"nonsense numbers", amf0.Object{
			{Key: "width", Value: math.NaN()}, {Key: "height", Value: math.Inf(1)}, {Key: "framerate", Value: -30.0},
			{Key: "audiosamplerate", Value: "many"}, {Key: "audiochannels", Value: 1e9}, {Key: "videodatarate", Value: "NaN"},
		}, Metadata{Channels: 255}},
		{"other names", amf0.Object{{Key: "displayWidth", Value: "1280"}, {Key: "displayHeight", Value: "720"}, {Key: "fps", Value: 25.0}}, Metadata{Width: 1280, Height: 720, FrameRate: 25}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := ParseMetadata([]any{"onMetaData", tc.o})
			require.True(t, ok)
			got.Members = nil
			require.Equal(t, tc.want, got)
		})
	}
}

func TestMetadataOfTracks(t *testing.T) {
	m, ok := ParseMetadata([]any{"@setDataFrame", "onMetaData", amf0.Object{
		{Key: "videocodecid", Value: float64(0x61763031)},
		{Key: "audiocodecid", Value: "Opus"},
		{Key: "audioTrackIdInfoMap", Value: amf0.Object{
			{Key: "1", Value: amf0.Object{{Key: "language", Value: " de "}, {Key: "label", Value: "Deutsch"}}},
			{Key: "2", Value: amf0.Object{{Key: "lang", Value: "fr"}}},
			{Key: "x", Value: amf0.Object{}},
			{Key: "256", Value: amf0.Object{}},
			{Key: "3", Value: 1.0},
		}},
		{Key: "videoTrackIdInfoMap", Value: amf0.ECMAArray{{Key: "1", Value: amf0.Object{{Key: "width", Value: 1280.0}}}}},
	}})
	require.True(t, ok)
	require.Equal(t, VideoAV1, m.VideoCodec)
	require.Equal(t, AudioOpus, m.AudioCodec)
	require.Equal(t, []TrackInfo{{1, "de", "Deutsch"}, {2, "fr", ""}}, m.AudioTracks)
	require.Equal(t, []TrackInfo{{Track: 1}}, m.VideoTracks)
}
