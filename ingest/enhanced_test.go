package ingest

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/media"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// What x265, libaom, libvpx, libopus and FFmpeg's encoders begin with.
var (
	hevcVPSUnit = unhex("40010c01ffff01600000030090000003000003003cba024000")
	hevcSPSUnit = unhex("42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10")
	hevcPPSUnit = unhex("4401c173c089")
	hevcSPS10   = unhex("42010102200000030090000003000003005aa006b201e1c94d96565b930bc39a02000007d20000ea6010")
	av1Sequence = unhex("0a0b00000003bffc79b5f20080")
	av1HDR      = unhex("0a0e00000024c6a7dd36be5424402610")
	av1Key      = unhex("32031000ac")
	av1Inter    = unhex("32033000ac")
	av1TD       = []byte{0x12, 0}
	vp9Key      = unhex("824983420013f00b36063824")
	vp9Larger   = unhex("824983420027f01676063824")
	vp9Inter    = unhex("86004092")
	opusHead    = unhex("4f707573486561640102380180bb0000000000")
	opusPacket  = []byte{0xfc, 1, 2, 3} // CELT, 20 ms, stereo
	opusLong    = []byte{0x1c, 1, 2, 3} // SILK, 60 ms
	flacInfo    = unhex("664c614300000022" + "1200120000025800051b0bb802f00000bb80a316b305f13b13fe767b3d0d068f95bc")
	flacFrame   = unhex("fff8598800000000")
	flacLast    = unhex("fff8698800" + "0fc00000") // 16 samples
	ac3Sync     = append(unhex("0b77fe95144043e106f46370"), make([]byte, 756)...)
	eac3Sync    = append(unhex("0b77017f3487c000"), make([]byte, 760)...)
)

func hevcRecord(sps []byte) []byte {
	return flv.HEVCConfig{LengthSize: 4, VPS: [][]byte{hevcVPSUnit}, SPS: [][]byte{sps}, PPS: [][]byte{hevcPPSUnit}}.AppendTo(nil)
}

// exVideo is a message of Enhanced RTMP.
func exVideo(codec flv.VideoCodec, packet flv.Packet, key bool, payload ...[]byte) []byte {
	return exVideoOf(flv.SingleTrack, 0, codec, packet, key, payload...)
}

func exVideoOf(m flv.Multitrack, track uint8, codec flv.VideoCodec, packet flv.Packet, key bool, payload ...[]byte) []byte {
	t := flv.VideoTag{Enhanced: true, Frame: flv.FrameInter, Codec: codec, Packet: packet, Multitrack: m, Track: track}
	if key {
		t.Frame = flv.FrameKey
	}
	for _, p := range payload {
		t.Payload = append(t.Payload, p...)
	}
	return t.AppendTo(nil)
}

func exAudio(codec flv.AudioCodec, packet flv.Packet, payload []byte) []byte {
	return exAudioOf(flv.SingleTrack, 0, codec, packet, payload)
}

func exAudioOf(m flv.Multitrack, track uint8, codec flv.AudioCodec, packet flv.Packet, payload []byte) []byte {
	return flv.AudioTag{Enhanced: true, Codec: codec, Packet: packet, Multitrack: m, Track: track, Payload: payload}.AppendTo(nil)
}

func hevcSlice(typ byte, size int) []byte {
	b := make([]byte, size)
	b[0], b[1] = typ<<1, 1
	return b
}

func av1Config(sequence []byte) []byte { return append([]byte{0x81, 0, 0x0c, 0}, sequence...) }

// enhancedSeeds begin streams of every codec that Enhanced RTMP adds.
func enhancedSeeds() [][][]byte {
	vp9 := flv.VP9Config{Level: 11, BitDepth: 8, Chroma: 1, Primaries: 1, Transfer: 1, Matrix: 1}.AppendTo(nil)
	return [][][]byte{
		{exVideo(flv.VideoHEVC, flv.PacketConfig, true, hevcRecord(hevcSPSUnit)), exVideo(flv.VideoHEVC, flv.PacketFrames, true, nal(hevcSlice(19, 20)))},
		{exVideo(flv.VideoAV1, flv.PacketConfig, true, av1Config(av1Sequence)), exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD, av1Sequence, av1Key)},
		{exVideo(flv.VideoVP9, flv.PacketConfig, true, vp9), exVideo(flv.VideoVP9, flv.PacketFrames, true, vp9Key)},
		{exAudio(flv.AudioOpus, flv.PacketConfig, opusHead), exAudio(flv.AudioOpus, flv.PacketFrames, opusPacket)},
		{exAudio(flv.AudioFLAC, flv.PacketConfig, flacInfo), exAudio(flv.AudioFLAC, flv.PacketFrames, flacFrame)},
		{exAudio(flv.AudioAC3, flv.PacketFrames, ac3Sync), exAudio(flv.AudioEAC3, flv.PacketFrames, eac3Sync)},
		{avcConfigTag(), exVideoOf(flv.OneTrack, 1, flv.VideoAVC, flv.PacketConfig, true, avcConfigOf(sps720, pps720)[5:]), pictureTag(true, 0, 9)},
	}
}

// onlyVideo is a stage of which no sound is to be expected.
func onlyVideo(t *testing.T, codec any) *stage {
	s := newStage(t)
	s.says("videocodecid", codec)
	return s
}

func (s *stage) samples(id media.TrackID) []media.Sample {
	var all []media.Sample
	for _, e := range s.rec.epochs {
		all = append(all, e.samples[id]...)
	}
	return all
}

func TestHEVC(t *testing.T) {
	legacy := func(packet flv.Packet, key bool, payload []byte) []byte {
		tag := flv.VideoTag{Frame: flv.FrameInter, Codec: flv.VideoHEVC, Packet: packet, CompositionTime: 40, Payload: payload}
		if key {
			tag.Frame = flv.FrameKey
		}
		return tag.AppendTo(nil)
	}
	mislabelled := func(packet flv.Packet, key bool, payload []byte) []byte {
		b := legacy(packet, key, payload)
		b[0] = b[0]&0xf0 | byte(flv.VideoAVC)
		return b
	}
	enhanced := func(packet flv.Packet, key bool, payload []byte) []byte {
		return exVideo(flv.VideoHEVC, packet, key, payload)
	}
	for name, tag := range map[string]func(flv.Packet, bool, []byte) []byte{
		"Enhanced RTMP": enhanced, "its unofficial id": legacy, "called H.264, by OBS before 29.1": mislabelled,
	} {
		t.Run(name, func(t *testing.T) {
			s := onlyVideo(t, float64(flv.VideoHEVC))
			s.show(0, tag(flv.PacketConfig, true, hevcRecord(hevcSPSUnit)))
			s.show(0, tag(flv.PacketFrames, true, nal(hevcSlice(19, 20))))
			s.show(40, tag(flv.PacketFrames, false, nal(hevcSlice(1, 10))))
			s.show(80, tag(flv.PacketFrames, true, nal(hevcSlice(1, 10))))    // marked, and none
			s.show(120, tag(flv.PacketFrames, false, nal(hevcSlice(21, 10)))) // CRA
			require.Equal(t, []string{"video:4"}, s.epochs())
			want, err := media.NewHEVC(hevcVPSUnit, hevcSPSUnit, hevcPPSUnit)
			require.NoError(t, err)
			require.Equal(t, want, s.rec.epochs[0].tracks[0].Codec)
			var sync []bool
			for _, sample := range s.samples(videoTrack) {
				sync = append(sync, sample.Sync)
			}
			require.Equal(t, []bool{true, false, false, true}, sync)

			// Another configuration begins an epoch with its first keyframe.
			s.show(160, tag(flv.PacketConfig, true, hevcRecord(hevcSPS10)))
			s.show(160, tag(flv.PacketFrames, true, nal(hevcSlice(20, 30))))
			require.Equal(t, []string{"video:4", "video:1"}, s.epochs())
		})
	}
}

// Parameter sets that change in band begin an epoch too.
func TestHEVCInBand(t *testing.T) {
	s := onlyVideo(t, "hvc1")
	s.show(0, exVideo(flv.VideoHEVC, flv.PacketConfig, true, hevcRecord(hevcSPSUnit)))
	same := append(append(append(nal(hevcVPSUnit), nal(hevcSPSUnit)...), nal(hevcPPSUnit)...), nal(hevcSlice(19, 20))...)
	s.show(0, exVideo(flv.VideoHEVC, flv.PacketFrames, true, same))
	require.Equal(t, same, s.samples(videoTrack)[0].Data, "not touched")
	s.show(40, exVideo(flv.VideoHEVC, flv.PacketFrames, true, nal(hevcSPS10), nal(hevcSlice(19, 20))))
	require.Equal(t, []string{"video:1", "video:1"}, s.epochs())
	require.Equal(t, hevcSPS10, s.rec.epochs[1].tracks[0].Codec.(*media.HEVC).SPS)
}

func TestAV1(t *testing.T) {
	s := onlyVideo(t, float64(flv.VideoAV1))
	s.show(0, exVideo(flv.VideoAV1, flv.PacketConfig, true, av1Config(av1Sequence)))
	s.show(0, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD, av1Sequence, av1Key))
	s.show(33, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD, av1Inter)) // marked, and no keyframe
	s.show(66, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD, av1Key))
	s.show(99, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1HDR, av1Key))
	require.Equal(t, []string{"video:3", "video:1"}, s.epochs())
	keyframe := append(append([]byte(nil), av1Sequence...), av1Key...)
	got := s.samples(videoTrack)
	require.Equal(t, keyframe, got[0].Data, "without its delimiter")
	require.Equal(t, av1Inter, got[1].Data)
	require.Equal(t, keyframe, got[2].Data, "with its sequence header")
	require.Equal(t, []bool{true, false, true, true}, []bool{got[0].Sync, got[1].Sync, got[2].Sync, got[3].Sync})

	// A configuration without OBUs, or none at all: the first keyframe says it.
	for _, config := range [][]byte{av1Config(nil), nil} {
		s := onlyVideo(t, "av01")
		if config != nil {
			s.show(0, exVideo(flv.VideoAV1, flv.PacketConfig, true, config))
		}
		s.show(0, exVideo(flv.VideoAV1, flv.PacketFrames, false, av1TD, av1Inter))
		require.Empty(t, s.epochs())
		s.show(33, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD, av1Sequence, av1Key))
		require.Equal(t, []string{"video:1"}, s.epochs())
	}
	s.show(120, exVideo(flv.VideoAV1, flv.PacketFrames, true, []byte{0x32, 9, 0}))
	s.show(120, exVideo(flv.VideoAV1, flv.PacketFrames, true, av1TD))
	require.Equal(t, []string{"video:3", "video:1"}, s.epochs(), "what is none is left out")
}

func TestVP9(t *testing.T) {
	s := onlyVideo(t, "vp09")
	s.show(0, exVideo(flv.VideoVP9, flv.PacketConfig, true,
		flv.VP9Config{Level: 41, BitDepth: 8, Chroma: 1, Primaries: 2, Transfer: 2, Matrix: 2}.AppendTo(nil)))
	s.show(0, exVideo(flv.VideoVP9, flv.PacketFrames, false, vp9Inter))
	require.Empty(t, s.epochs())
	s.show(33, exVideo(flv.VideoVP9, flv.PacketFrames, true, vp9Key))
	s.show(66, exVideo(flv.VideoVP9, flv.PacketFrames, true, vp9Inter)) // marked, and no keyframe
	require.Equal(t, []string{"video:2"}, s.epochs())
	require.Equal(t, "vp09.00.41.08", s.rec.epochs[0].tracks[0].Codec.RFC6381())
	require.False(t, s.samples(videoTrack)[1].Sync)
	s.show(99, exVideo(flv.VideoVP9, flv.PacketFrames, true, vp9Larger))
	require.Equal(t, []string{"video:2", "video:1"}, s.epochs(), "a picture of another size")
	require.Equal(t, 640, s.rec.epochs[1].tracks[0].Codec.(media.Picture).Format().Width)
}

func TestSoundOfEnhancedRTMP(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   flv.AudioCodec
		config []byte
		frame  []byte
		rfc    string
		length media.Ticks
	}{
		{"Opus", flv.AudioOpus, opusHead, opusPacket, "opus", 960},
		{"Opus without a header", flv.AudioOpus, []byte{}, opusPacket, "opus", 960},
		{"Opus of 60 ms", flv.AudioOpus, opusHead, opusLong, "opus", 2880},
		{"FLAC", flv.AudioFLAC, flacInfo, flacFrame, "fLaC", 4608},
		{"FLAC as gortmplib sends it", flv.AudioFLAC, flacInfo[8:], flacFrame, "fLaC", 4608},
		{"AC-3", flv.AudioAC3, []byte{}, ac3Sync, "ac-3", 1536},
		{"E-AC-3", flv.AudioEAC3, nil, eac3Sync, "ec-3", 1536},
		{"AAC", flv.AudioAAC, []byte{0x11, 0x90}, []byte{1, 2, 3}, "mp4a.40.2", 1024},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.says("audiocodecid", float64(c.kind))
			if c.config != nil {
				s.play(0, exAudio(c.kind, flv.PacketConfig, c.config))
			}
			for n := range media.Ticks(20) {
				s.play(uint32((n*c.length).Rescale(48_000, media.Milliseconds)), exAudio(c.kind, flv.PacketFrames, c.frame))
			}
			require.Equal(t, []string{"audio:20"}, s.epochs())
			require.Equal(t, c.rfc, s.rec.epochs[0].tracks[0].Codec.RFC6381())
			require.EqualValues(t, 48_000, s.rec.epochs[0].tracks[0].Timescale)
			for n, sample := range s.samples(audioTrack) {
				require.Equal(t, media.Sample{DTS: media.Ticks(n) * c.length, Duration: c.length, Sync: true, Data: c.frame}, sample)
			}
		})
	}
}

// Packets of different lengths are counted by what they say.
func TestPacketsOfDifferentLengths(t *testing.T) {
	s := newStage(t)
	s.says("audiocodecid", "Opus")
	s.play(0, exAudio(flv.AudioOpus, flv.PacketConfig, opusHead))
	at, want := media.Ticks(0), []media.Ticks{}
	for n := range 30 {
		packet, length := opusPacket, media.Ticks(960)
		if n%3 == 2 {
			packet, length = opusLong, 2880
		}
		s.play(uint32(at.Rescale(48_000, media.Milliseconds)), exAudio(flv.AudioOpus, flv.PacketFrames, packet))
		want = append(want, at)
		at += length
	}
	var got []media.Ticks
	for _, sample := range s.samples(audioTrack) {
		got = append(got, sample.DTS)
	}
	require.Equal(t, want, got)

	s.play(2000, exAudio(flv.AudioOpus, flv.PacketFrames, []byte{0xff})) // no packet
	s.play(2000, exAudio(flv.AudioFLAC, flv.PacketFrames, flacFrame))    // of nothing that is known
	require.Len(t, s.samples(audioTrack), 30)
}

func TestNanosecondsOfAVariableRate(t *testing.T) {
	s := onlyVideo(t, "avc1")
	s.show(0, avcConfigOf(sps720, pps720))
	tag := flv.VideoTag{Enhanced: true, Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: nal(slice(nalIDR, 9))}
	at := []media.Ticks{0}
	s.show(0, tag.AppendTo(nil))
	for n := range uint32(300) {
		ms := 40 + n*50 + n*n%37
		tag.Nanos = 500_000
		s.show(ms, tag.AppendTo(nil))
		at = append(at, media.Ticks(ms)*90+45)
	}
	got := s.samples(videoTrack)
	for n := 200; n < len(got); n++ { // once it's clear that there's no grid
		require.Equal(t, at[n], got[n].DTS)
	}
}

// An encoder of several pictures: the first track leads.
func TestMultitrack(t *testing.T) {
	s := newStage(t)
	s.says("videocodecid", float64(flv.VideoAVC), "audiocodecid", "mp4a", "audioTrackIdInfoMap", amf0.Object{
		{Key: "1", Value: amf0.Object{{Key: "language", Value: "de"}, {Key: "label", Value: "Deutsch"}}},
	})
	second := func(packet flv.Packet, payload []byte) []byte {
		return exVideoOf(flv.OneTrack, 1, flv.VideoAVC, packet, true, payload)
	}
	other := func(packet flv.Packet, payload []byte) []byte {
		return exAudioOf(flv.OneTrack, 1, flv.AudioAAC, packet, payload)
	}
	s.show(0, second(flv.PacketConfig, avcConfigOf(sps360, pps360)[5:]))
	s.show(0, avcConfigOf(sps720, pps720))
	s.play(0, aacConfigTag())
	s.show(0, pictureTag(true, 0, 30))
	s.show(0, second(flv.PacketFrames, nal(slice(nalIDR, 20))))
	s.play(0, soundTag(9))
	require.Empty(t, s.epochs(), "a second language is announced")
	s.play(0, other(flv.PacketConfig, []byte{0x11, 0x90}))
	s.play(0, other(flv.PacketFrames, []byte{1}))
	s.show(33, pictureTag(false, 0, 30))
	s.show(33, second(flv.PacketFrames, nal(slice(nalSlice, 20)))) // marked as a keyframe: it's none
	s.play(21, soundTag(9))
	s.play(21, other(flv.PacketFrames, []byte{1}))
	require.Equal(t, []string{"video:2 video:2 audio:2 audio:2"}, s.epochs())
	tracks := s.rec.epochs[0].tracks
	require.Equal(t, 1280, tracks[0].Codec.(media.Picture).Format().Width)
	require.Equal(t, 640, tracks[1].Codec.(media.Picture).Format().Width)
	require.Equal(t, []string{"", "de"}, []string{tracks[2].Language, tracks[3].Language})
	require.Equal(t, "Deutsch", tracks[3].Label)
	samples := s.rec.epochs[0].samples[tracks[1].ID]
	require.Equal(t, []bool{true, false}, []bool{samples[0].Sync, samples[1].Sync})
	require.Equal(t, s.rec.epochs[0].samples[videoTrack][1].DTS, samples[1].DTS)

	// Messages of many tracks at once.
	both := flv.VideoTag{Enhanced: true, Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Multitrack: flv.ManyTracks}
	for n := range byte(2) {
		unit := nal(slice(nalIDR, 8))
		both.Payload = append(append(both.Payload, n, 0, 0, byte(3+len(unit)), 0, 0, 0), unit...)
	}
	s.show(66, both.AppendTo(nil))
	require.Equal(t, []string{"video:3 video:3 audio:2 audio:2"}, s.epochs())

	// A track whose codec isn't served costs only itself, and so does one too many.
	s.show(99, exVideoOf(flv.OneTrack, 2, flv.VideoVVC, flv.PacketFrames, true, []byte{1}))
	for n := range uint8(20) {
		s.show(99, exVideoOf(flv.OneTrack, n+3, flv.VideoAVC, flv.PacketConfig, true, avcConfigOf(sps360, pps360)[5:]))
		s.play(99, exAudioOf(flv.OneTrack, n+3, flv.AudioAAC, flv.PacketConfig, []byte{0x11, 0x90}))
	}
	require.LessOrEqual(t, len(s.publication.video), maxVideoTracks)
	require.LessOrEqual(t, len(s.publication.audio), maxAudioTracks)
}

func TestLabels(t *testing.T) {
	for in, want := range map[string]string{
		"Français": "Français", "日本語": "日本語", "a\x00b\nc": "abc", "\xff\xfeok": "ok", strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		require.Equal(t, want, label(in))
	}
}

func TestLanguageTags(t *testing.T) {
	for in, want := range map[string]string{
		"de": "de", "pt-BR": "pt-BR", "zh-Hant": "zh-Hant", "deu": "deu", "es-419": "es-419",
		"": "", "d": "", "1e": "", "de-": "", "Deutsch (Ton)": "", `de"`: "", "de_DE": "", "12": "",
	} {
		require.Equal(t, want, languageTag(in), in)
	}
}
