package flv

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	gomessage "github.com/bluenviron/gortmplib/pkg/message"
	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
)

var videoTags = []struct {
	name string
	wire string
	want VideoTag
}{
	{
		"AVC configuration", "\x17\x00\x00\x00\x00\x01\x64",
		VideoTag{Frame: FrameKey, Codec: VideoAVC, Packet: PacketConfig, Payload: []byte{1, 0x64}},
	},
	{
		"AVC keyframe with a composition time", "\x17\x01\x00\x00\x42data",
		VideoTag{Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 66, Payload: []byte("data")},
	},
	{
		"AVC frame with a negative one", "\x27\x01\xff\xff\xdfdata",
		VideoTag{Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: -33, Payload: []byte("data")},
	},
	{
		"AVC frame without data", "\x27\x01\x00\x00\x00",
		VideoTag{Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, Payload: []byte{}},
	},
	{"AVC end of sequence", "\x17\x02\x00\x00\x00", VideoTag{Frame: FrameKey, Codec: VideoAVC, Packet: PacketEnd}},
	{"AVC frame type command", "\x57\x00", VideoTag{Frame: FrameCommand, Codec: VideoAVC, Packet: PacketCommand, Payload: []byte{0}}},
	{
		"H.265 by its unofficial id", "\x1c\x01\x00\x00\x42data",
		VideoTag{Frame: FrameKey, Codec: VideoHEVC, Packet: PacketFrames, CompositionTime: 66, Payload: []byte("data")},
	},
	{"Sorenson", "\x22data", VideoTag{Frame: FrameInter, Codec: 2, Packet: PacketFrames, Payload: []byte("data")}},
	{
		"enhanced HEVC configuration", "\x90hvc1\x01",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoHEVC, Packet: PacketConfig, Payload: []byte{1}},
	},
	{
		"enhanced HEVC frame", "\xa1hvc1\xff\xff\xfedata",
		VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoHEVC, Packet: PacketFrames, CompositionTime: -2, Payload: []byte("data")},
	},
	{
		"enhanced AV1 frame: no composition time", "\xa1av01data",
		VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAV1, Packet: PacketFrames, Payload: []byte("data")},
	},
	{
		"enhanced AVC", "\x91avc1\x00\x00\x21data",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 33, Payload: []byte("data")},
	},
	{"enhanced end", "\x92vp09", VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoVP9, Packet: PacketEnd}},
	{
		"enhanced metadata", "\x94hvc1\x02\x00\x00",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoHEVC, Packet: PacketMetadata, Payload: []byte{2, 0, 0}},
	},
	{
		"enhanced TS configuration", "\x95av01\x01",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAV1, Packet: PacketTSConfig, Payload: []byte{1}},
	},
	{
		"enhanced command", "\xd0\x00",
		VideoTag{Enhanced: true, Frame: FrameCommand, Packet: PacketCommand, Payload: []byte{0}},
	},
	{
		"one track of several", "\x96\x01avc1\x02\x00\x00\x21data",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 33, Multitrack: OneTrack, Track: 2, Payload: []byte("data")},
	},
	{
		"nanoseconds", "\xa7\x02\x05\x16\x15\x01avc1\x00\x00\x21data",
		VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, Nanos: 333_333, CompositionTime: 33, Payload: []byte("data")},
	},
	{
		"nanoseconds of one track of several", "\xa7\x02\x00\x00\x01\x06\x01hvc1\x02\x00\x00\x21data",
		VideoTag{
			Enhanced: true, Frame: FrameInter, Codec: VideoHEVC, Packet: PacketFrames, Nanos: 1, CompositionTime: 33,
			Multitrack: OneTrack, Track: 2, Payload: []byte("data"),
		},
	},
	{
		"many tracks without composition times", "\x96\x13avc1\x00\x00\x00\x01x",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, Multitrack: ManyTracks, still: true, Payload: []byte("\x00\x00\x00\x01x")},
	},
	{
		"the end of many tracks", "\x96\x12avc1\x00\x00\x00\x00",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketEnd, Multitrack: ManyTracks, Payload: []byte("\x00\x00\x00\x00")},
	},
	{
		"many tracks", "\x96\x11avc1\x00\x00\x00\x01x",
		VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, Multitrack: ManyTracks, Payload: []byte("\x00\x00\x00\x01x")},
	},
	{
		"many tracks of many codecs", "\x96\x21avc1\x00\x00\x00\x01x",
		VideoTag{Enhanced: true, Frame: FrameKey, Packet: PacketFrames, Multitrack: ManyTracksMany, Payload: []byte("avc1\x00\x00\x00\x01x")},
	},
}

var audioTags = []struct {
	name string
	wire string
	want AudioTag
}{
	{"AAC configuration", "\xaf\x00\x12\x10", AudioTag{Codec: AudioAAC, Packet: PacketConfig, Flags: 15, Payload: []byte{0x12, 0x10}}},
	{"AAC frame", "\xaf\x01data", AudioTag{Codec: AudioAAC, Packet: PacketFrames, Flags: 15, Payload: []byte("data")}},
	{"empty AAC frame", "\xaf\x01", AudioTag{Codec: AudioAAC, Packet: PacketFrames, Flags: 15, Payload: []byte{}}},
	{"MP3", "\x2fdata", AudioTag{Codec: AudioMP3, Packet: PacketFrames, Flags: 15, Payload: []byte("data")}},
	{"enhanced AAC configuration", "\x90mp4a\x12\x10", AudioTag{Enhanced: true, Codec: AudioAAC, Packet: PacketConfig, Payload: []byte{0x12, 0x10}}},
	{"enhanced Opus frame", "\x91Opusdata", AudioTag{Enhanced: true, Codec: AudioOpus, Packet: PacketFrames, Payload: []byte("data")}},
	{"enhanced end", "\x92Opus", AudioTag{Enhanced: true, Codec: AudioOpus, Packet: PacketEnd}},
	{
		"nanoseconds", "\x97\x02\x07\xa1\x20\x01Opusdata",
		AudioTag{Enhanced: true, Codec: AudioOpus, Packet: PacketFrames, Nanos: 500_000, Payload: []byte("data")},
	},
	{"many tracks", "\x95\x11mp4a\x00\x00\x00\x01x", AudioTag{
		Enhanced: true, Codec: AudioAAC, Packet: PacketFrames, Multitrack: ManyTracks, Payload: []byte("\x00\x00\x00\x01x"),
	}},
	{"channels", "\x94Opus\x01\x02", AudioTag{Enhanced: true, Codec: AudioOpus, Packet: PacketChannels, Payload: []byte{1, 2}}},
	{
		"a second track (Twitch)", "\x95\x01mp4a\x01data",
		AudioTag{Enhanced: true, Codec: AudioAAC, Packet: PacketFrames, Multitrack: OneTrack, Track: 1, Payload: []byte("data")},
	},
}

func TestVideoTags(t *testing.T) {
	for _, tc := range videoTags {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseVideo([]byte(tc.wire))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.wire, string(got.AppendTo(nil)))
			for n := range tc.wire {
				cut, err := ParseVideo([]byte(tc.wire[:n]))
				if err != nil {
					require.ErrorIs(t, err, ErrMalformed)
				} else if len(cut.Payload) > 0 {
					require.Equal(t, got.Payload[:len(cut.Payload)], cut.Payload, "cut at %d", n)
				}
			}
		})
	}
}

func TestAudioTags(t *testing.T) {
	for _, tc := range audioTags {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseAudio([]byte(tc.wire))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.wire, string(got.AppendTo(nil)))
			for n := range tc.wire {
				cut, err := ParseAudio([]byte(tc.wire[:n]))
				if err != nil {
					require.ErrorIs(t, err, ErrMalformed)
				} else if len(cut.Payload) > 0 {
					require.Equal(t, got.Payload[:len(cut.Payload)], cut.Payload, "cut at %d", n)
				}
			}
		})
	}
}

func TestTolerance(t *testing.T) {
	for name, tc := range map[string]struct {
		wire string
		want VideoTag
	}{
		"end of sequence without composition time": {"\x17\x02", VideoTag{Frame: FrameKey, Codec: VideoAVC, Packet: PacketEnd}},
		"coded frames X": {
			"\xa3hvc1data", VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoHEVC, Packet: PacketFrames, Payload: []byte("data")},
		},
		"a modifier of another type": {
			"\xa7\x02\x00\x00\x01\x11avc1\x00\x00\x21data",
			VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 33, Payload: []byte("data")},
		},
		"nanoseconds in too few bytes": {
			"\xa7\x01\x00\x01\x01avc1\x00\x00\x21data",
			VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 33, Payload: []byte("data")},
		},
		"more nanoseconds than a millisecond has": {
			"\xa7\x02\xff\xff\xff\x01avc1\x00\x00\x21data",
			VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAVC, Packet: PacketFrames, Nanos: 999_999, CompositionTime: 33, Payload: []byte("data")},
		},
		"two modifiers, one of them long": {
			"\xa7\x00\x00\x07\xff\x00\xff" + string(make([]byte, 256)) + "\x01av01data",
			VideoTag{Enhanced: true, Frame: FrameInter, Codec: VideoAV1, Packet: PacketFrames, Payload: []byte("data")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseVideo([]byte(tc.wire))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestMalformedTags(t *testing.T) {
	for _, wire := range []string{
		"",
		"\x17",
		"\x17\x01\x00\x00",             // within the composition time
		"\x17\x03\x00\x00\x00",         // packet type
		"\x97\xff\xff\xff",             // endless modifier
		"\x97",                         // modifier cut off
		"\x98hvc1",                     // packet type
		"\x96\x17avc1",                 // multitrack of a modifier
		"\x96\x31avc1",                 // multitrack type
		"\x91\x00\x00\x00\x07\x00\x00", // an id as FourCC
		"\xd7\xff",
	} {
		_, err := ParseVideo([]byte(wire))
		require.ErrorIs(t, err, ErrMalformed, "% x", wire)
	}
	for _, wire := range []string{"", "\xaf", "\xaf\x02", "\x96Opus", "\x91Op", "\x95\x31mp4a", "\x91\x00\x00\x00\x0a", "\x97"} {
		_, err := ParseAudio([]byte(wire))
		require.ErrorIs(t, err, ErrMalformed, "% x", wire)
	}
}

func TestServed(t *testing.T) {
	for wire, want := range map[string]string{
		"\x17\x01\x00\x00\x00":         "",
		"\x91avc1\x00\x00\x00":         "",
		"\x96\x01avc1\x00\x00\x00\x00": "",
		"\x57\x00":                     "",
		"\x22":                         "codec not served: Sorenson H.263",
		"\x28":                         "codec not served: H.263",
		"\x23":                         "codec not served: Screen Video",
		"\x24":                         "codec not served: On2 VP6",
		"\x2f":                         "codec not served: video codec 15",
		"\x1c\x00\x00\x00\x00":         "",
		"\x1d":                         "codec not served: AV1",
		"\x90hvc1":                     "",
		"\x90av01":                     "",
		"\x90vp09":                     "",
		"\x90vvc1":                     "codec not served: H.266",
		"\x90xxxx":                     `codec not served: video codec "xxxx"`,
	} {
		tag, err := ParseVideo([]byte(wire))
		require.NoError(t, err, "% x", wire)
		requireServed(t, want, tag.Served())
	}
	for wire, want := range map[string]string{
		"\xaf\x01": "",
		"\x91mp4a": "",
		"\x2f":     "",
		"\xef":     "",
		"\x91.mp3": "",
		"\x3f":     "codec not served: PCM",
		"\x7f":     "codec not served: G.711 A-law",
		"\x6f":     "codec not served: Nellymoser",
		"\xbf":     "codec not served: Speex",
		"\xcf":     "codec not served: audio codec 12",
		"\xdf":     "codec not served: Opus",
		"\x91Opus": "",
		"\x91ac-3": "",
		"\x91ec-3": "",
		"\x91fLaC": "",
		"\x91xxxx": `codec not served: audio codec "xxxx"`,
	} {
		tag, err := ParseAudio([]byte(wire))
		require.NoError(t, err, "% x", wire)
		requireServed(t, want, tag.Served())
	}
}

func requireServed(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	var n *NotServedError
	require.ErrorAs(t, err, &n)
	require.EqualError(t, err, want)
}

func TestEveryLegacyCodecHasAName(t *testing.T) {
	for id := range uint32(16) {
		if id != 0 && id != 10 && id != 11 && id < 14 { // never given out
			require.NotContains(t, videoCodec(id).String(), "codec", "video %d", id)
		}
		if id != exAudio && id != 12 {
			require.NotContains(t, audioCodec(id).String(), "codec", "audio %d", id)
		}
	}
}

func TestSync(t *testing.T) {
	require.True(t, VideoTag{Frame: FrameKey}.Sync())
	require.True(t, VideoTag{Frame: FrameGeneratedKey}.Sync())
	require.False(t, VideoTag{Frame: FrameInter}.Sync())
}

// What gortmplib writes, read by chunk and this package.
func TestSecondOpinion(t *testing.T) {
	var wire bytes.Buffer
	bc := bytecounter.NewWriter(&wire)
	w := gomessage.NewWriter(bc, bc, false)
	for _, m := range []gomessage.Message{
		&gomessage.Video{ChunkStreamID: 6, Codec: gomessage.CodecH264, IsKeyFrame: true, Type: gomessage.VideoTypeAU, PTSDelta: 66 * time.Millisecond, AU: []byte("data")},
		&gomessage.Video{ChunkStreamID: 6, Codec: gomessage.CodecH264, Type: gomessage.VideoTypeEOS},
		&gomessage.VideoExCodedFrames{ChunkStreamID: 6, FourCC: gomessage.FourCCHEVC, PTSDelta: 33 * time.Millisecond, Payload: []byte("data")},
		&gomessage.VideoExFramesX{ChunkStreamID: 6, FourCC: gomessage.FourCCHEVC, Payload: []byte("data")},
		&gomessage.VideoExMultitrack{TrackID: 3, Wrapped: &gomessage.VideoExCodedFrames{ChunkStreamID: 6, FourCC: gomessage.FourCCAVC, PTSDelta: 33 * time.Millisecond, Payload: []byte("data")}},
	} {
		require.NoError(t, w.Write(m))
	}
	r := chunk.NewReader(&wire, chunk.Options{})
	for i, want := range []VideoTag{
		{Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 66, Payload: []byte("data")},
		{Frame: FrameInter, Codec: VideoAVC, Packet: PacketEnd},
		{Enhanced: true, Codec: VideoHEVC, Packet: PacketFrames, CompositionTime: 33, Payload: []byte("data")},
		{Enhanced: true, Codec: VideoHEVC, Packet: PacketFrames, Payload: []byte("data")},
		{Enhanced: true, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 33, Multitrack: OneTrack, Track: 3, Payload: []byte("data")},
	} {
		m, err := r.ReadMessage()
		require.NoError(t, err)
		got, err := ParseVideo(m.Body)
		require.NoError(t, err)
		got.Frame = max(got.Frame, want.Frame)
		if want.Enhanced {
			want.Frame = got.Frame // gortmplib 1.0 calls every one of them a keyframe
		}
		require.Equal(t, want, got, "tag %d", i)
	}
}

func TestTagsAreParsedWithoutAllocation(t *testing.T) {
	video := []byte("\x17\x01\x00\x00\x42data")
	ex := []byte("\xa1hvc1\xff\xff\xfedata")
	audio := []byte("\xaf\x01data")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v, err1 := ParseVideo(video)
		_, err2 := ParseVideo(ex)
		_, err3 := ParseAudio(audio)
		if err1 != nil || err2 != nil || err3 != nil || v.Served() != nil || &v.Payload[0] != &video[5] {
			t.Fatal("not parsed")
		}
	}))
}

// FuzzVideo: whatever is parsed writes to what parses the same.
func FuzzVideo(f *testing.F) {
	for _, tc := range videoTags {
		f.Add([]byte(tc.wire))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		tag, err := ParseVideo(in)
		if err != nil {
			return
		}
		_ = tag.Served()
		again, err := ParseVideo(tag.AppendTo(nil))
		if err != nil {
			t.Fatalf("%+v: %v", tag, err)
		}
		p, q := tag.Payload, again.Payload
		tag.Payload, again.Payload = nil, nil
		if !bytes.Equal(p, q) || !equalVideo(tag, again) {
			t.Fatalf("%+v became %+v", tag, again)
		}
		tracks := 0
		for one, err := range again.Tracks() {
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			if tracks++; tracks > MaxTracks+1 || err == nil && one.Multitrack > OneTrack || len(one.Payload) > len(in) {
				t.Fatalf("track %d: %+v", tracks, one)
			}
		}
	})
}

func equalVideo(a, b VideoTag) bool {
	if a.Packet == PacketEnd || a.Multitrack > OneTrack {
		a.CompositionTime, b.CompositionTime = 0, 0
	}
	return a.Nanos == b.Nanos && a.still == b.still && a.Frame == b.Frame && a.Codec == b.Codec && a.Packet == b.Packet && a.CompositionTime == b.CompositionTime &&
		a.Enhanced == b.Enhanced && a.Multitrack == b.Multitrack && a.Track == b.Track
}

// FuzzAudio: likewise.
func FuzzAudio(f *testing.F) {
	for _, tc := range audioTags {
		f.Add([]byte(tc.wire))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		tag, err := ParseAudio(in)
		if err != nil {
			return
		}
		_ = tag.Served()
		again, err := ParseAudio(tag.AppendTo(nil))
		if err != nil {
			t.Fatalf("%+v: %v", tag, err)
		}
		p, q := tag.Payload, again.Payload
		tag.Payload, again.Payload = nil, nil
		if !bytes.Equal(p, q) || tag.Codec != again.Codec || tag.Packet != again.Packet || tag.Flags != again.Flags ||
			tag.Nanos != again.Nanos || tag.Enhanced != again.Enhanced || tag.Multitrack != again.Multitrack || tag.Track != again.Track {
			t.Fatalf("%+v became %+v", tag, again)
		}
		tracks := 0
		for one, err := range again.Tracks() {
			if tracks++; tracks > MaxTracks+1 || err == nil && one.Multitrack > OneTrack || len(one.Payload) > len(in) {
				t.Fatalf("track %d: %+v", tracks, one)
			}
		}
	})
}
