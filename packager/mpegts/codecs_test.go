package mpegts_test

import (
	"bytes"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

func mustAAC(tb testing.TB, raw ...byte) media.Codec {
	c, err := media.NewAAC(raw)
	require.NoError(tb, err)
	return c
}

func mp3(tb testing.TB, rate int) media.Codec {
	c, err := media.NewMP3(rate, 2)
	require.NoError(tb, err)
	return c
}

// one is a segment of one track with a sample each for what is given.
func one(track media.Track, data ...[]byte) mpegts.Segment {
	f := cmaf.Fragment{Sequence: 1, TrackID: 1}
	length := media.Ticks(3000)
	if track.Kind == media.Audio {
		length = 1024
	}
	for i, d := range data {
		f.Samples = append(f.Samples, media.Sample{
			DTS: media.TicksOf(origin, track.Timescale) + media.Ticks(i)*length, Duration: length, Sync: i == 0 || track.Kind == media.Audio, Data: d,
		})
	}
	s := &mpegts.Stream{Track: track, Fragments: [][]byte{f.AppendTo(nil)}}
	if track.Kind == media.Audio {
		return mpegts.Segment{Epoch: 1, Sound: s}
	}
	return mpegts.Segment{Epoch: 1, Video: s}
}

// TestSoundOfEachKind makes a segment of each codec's frames, and looks at how they are
// told and what stands in front of them.
func TestSoundOfEachKind(t *testing.T) {
	ac3Frame := append([]byte{0x0B, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xE0}, make([]byte, 1000)...) // 48 kHz, stereo
	ac3, err := media.NewAC3(ac3Frame)
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		codec  media.Codec
		frame  []byte
		kind   astits.StreamType
		id     byte
		header string // of a frame, in front of it
		rest   string // descriptors
	}{
		{"AAC LC, stereo", mustAAC(t, 0x11, 0x90), []byte("frame"), 0x0F, 0xC0, "\xff\xf1\x4c\x80\x01\x9f\xfc", ""},
		{"AAC LC, mono, 44.1 kHz", mustAAC(t, 0x12, 0x08), []byte("frame"), 0x0F, 0xC0, "\xff\xf1\x50\x40\x01\x9f\xfc", ""},
		{"AAC LC, 5.1", mustAAC(t, 0x11, 0xB0), []byte("frame"), 0x0F, 0xC0, "\xff\xf1\x4d\x80\x01\x9f\xfc", ""},
		{"AAC LC, 7.1", mustAAC(t, 0x11, 0xB8), []byte("frame"), 0x0F, 0xC0, "\xff\xf1\x4d\xc0\x01\x9f\xfc", ""},
		{"HE-AAC: its core", mustAAC(t, 0x2B, 0x11, 0x88, 0x00), []byte("frame"), 0x0F, 0xC0, "\xff\xf1\x58\x80\x01\x9f\xfc", ""},
		{"a long frame", mustAAC(t, 0x11, 0x90), bytes.Repeat([]byte("x"), 8184), 0x0F, 0xC0, "\xff\xf1\x4c\x83\xff\xff\xfc", ""},
		{"MP3", mp3(t, 48_000), bytes.Repeat([]byte("x"), 500), 0x03, 0xC0, "", ""},
		{"MP3 of MPEG-2", mp3(t, 24_000), bytes.Repeat([]byte("x"), 500), 0x04, 0xC0, "", ""},
		{"AC-3", ac3, ac3Frame, 0x81, 0xBD, "", "\x05\x04AC-3\x81\x03\x08\x28\x05"},
		{"E-AC-3", &media.EAC3{}, bytes.Repeat([]byte("x"), 1500), 0x87, 0xBD, "", "\x05\x04EAC3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.True(t, mpegts.Carries(c.codec))
			track := media.Track{ID: 1, Kind: media.Audio, Timescale: 48_000, Codec: c.codec}
			b := made(t, one(track, c.frame, c.frame))
			seen := read(t, b, nil)
			require.Equal(t, c.kind, seen.pmt.ElementaryStreams[0].StreamType)
			require.True(t, bytes.Contains(b[188:376], append([]byte{byte(c.kind), 0xE1, 0x01, 0xF0, byte(len(c.rest))}, c.rest...)))
			want := bytes.Repeat(append([]byte(c.header), c.frame...), 2)
			var got []byte
			for _, u := range seen.pes[0x101] {
				require.Equal(t, c.id, u.Header.StreamID)
				got = append(got, u.Data...)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestCarries(t *testing.T) {
	for name, c := range map[string]media.Codec{
		"AV1": &media.AV1{}, "VP9": &media.VP9{}, "Opus": &media.Opus{}, "FLAC": &media.FLAC{},
		"AAC of a rate that has no number":  mustAAC(t, 0x17, 0x80, 0x4E, 0x20, 0x10),
		"AAC whose channels are in the PCE": mustAAC(t, 0x11, 0x80),
		"AAC of 960 samples":                mustAAC(t, 0x11, 0x94),
	} {
		require.False(t, mpegts.Carries(c), name)
	}
	require.True(t, mpegts.Carries(&media.HEVC{}))
	require.True(t, mpegts.Carries(&media.H264{}))
}

// TestPictures looks at delimiters and parameter sets: in front of each picture one
// delimiter, and at a keyframe the sets, unless it brings its own.
func TestPictures(t *testing.T) {
	h264 := &media.H264{SPS: []byte("\x67sps"), PPS: []byte("\x68pps")}
	hevc := &media.HEVC{VPS: []byte("\x40\x01vps"), SPS: []byte("\x42\x01sps"), PPS: []byte("\x44\x01pps")}
	au := func(nalus ...string) []byte {
		var b []byte
		for _, n := range nalus {
			b = append(append(b, 0, 0, byte(len(n)>>8), byte(len(n))), n...)
		}
		return b
	}
	for _, c := range []struct {
		name   string
		codec  media.Codec
		sample []byte
		want   []string // nothing: it's left out
	}{
		{"a keyframe", h264, au("\x65idr"), []string{"\x09\xf0", "\x67sps", "\x68pps", "\x65idr"}},
		{"a keyframe with its sets", h264, au("\x67new", "\x68new", "\x06sei", "\x65idr"), []string{"\x09\xf0", "\x67new", "\x68new", "\x06sei", "\x65idr"}},
		{"a keyframe with one of them", h264, au("\x67new", "\x65idr"), []string{"\x09\xf0", "\x67sps", "\x68pps", "\x67new", "\x65idr"}},
		{"delimiters of its own", h264, au("\x09\x10", "\x65idr", "\x09\x10"), []string{"\x09\xf0", "\x67sps", "\x68pps", "\x65idr"}},
		{"an empty NAL unit", h264, au("\x65idr", ""), []string{"\x09\xf0", "\x67sps", "\x68pps", "\x65idr"}},
		{"a length too long", h264, append(au("\x65idr"), 0, 0, 0, 9, 1), []string{"\x09\xf0", "\x67sps", "\x68pps", "\x65idr"}},
		{"no picture at all", h264, au("\x09\x10"), nil},
		{"nothing", h264, []byte{1, 2}, nil},
		{"H.265", hevc, au("\x26\x01idr"), []string{"\x46\x01\x50", "\x40\x01vps", "\x42\x01sps", "\x44\x01pps", "\x26\x01idr"}},
		{"H.265 with its sets", hevc, au("\x46\x01\x10", "\x40\x01v", "\x42\x01s", "\x44\x01p", "\x26\x01idr"), []string{"\x46\x01\x50", "\x40\x01v", "\x42\x01s", "\x44\x01p", "\x26\x01idr"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: c.codec}
			samples := [][]byte{c.sample, au("\x41p", "\x41p")}
			if c.want == nil {
				samples = [][]byte{au("\x65idr"), c.sample, samples[1]}
			}
			units := read(t, made(t, one(track, samples...)), nil).pes[0x100]
			require.Len(t, units, 2)
			if c.want != nil {
				require.Equal(t, c.want, nalus(units[0].Data))
			}
			last := nalus(units[len(units)-1].Data)
			require.Equal(t, []string{"\x41p", "\x41p"}, last[1:], "no sets in front of others")
		})
	}
}

func nalus(b []byte) []string {
	var all []string
	for _, n := range bytes.Split(b, []byte{0, 0, 0, 1})[1:] {
		all = append(all, string(n))
	}
	return all
}
