package flv

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func tracksOf(t *testing.T, wire string) (tags []VideoTag) {
	t.Helper()
	v, err := ParseVideo([]byte(wire))
	require.NoError(t, err)
	for one, err := range v.Tracks() {
		require.NoError(t, err)
		tags = append(tags, one)
	}
	return tags
}

func TestTracksOfVideo(t *testing.T) {
	one := VideoTag{Enhanced: true, Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, Multitrack: OneTrack}
	for name, c := range map[string]struct {
		wire string
		want []VideoTag
	}{
		"of one": {"\x17\x01\x00\x00\x42data", []VideoTag{
			{Frame: FrameKey, Codec: VideoAVC, Packet: PacketFrames, CompositionTime: 66, Payload: []byte("data")},
		}},
		"one of several": {"\x96\x01avc1\x02\x00\x00\x21data", []VideoTag{
			with(one, func(t *VideoTag) { t.Track, t.CompositionTime, t.Payload = 2, 33, []byte("data") }),
		}},
		"two of a codec": {"\x96\x11avc1\x00\x00\x00\x05\x00\x00\x21ab\x01\x00\x00\x04\xff\xff\xdfc", []VideoTag{
			with(one, func(t *VideoTag) { t.CompositionTime, t.Payload = 33, []byte("ab") }),
			with(one, func(t *VideoTag) { t.Track, t.CompositionTime, t.Payload = 1, -33, []byte("c") }),
		}},
		"two without composition times": {"\x96\x13avc1\x00\x00\x00\x02ab\x01\x00\x00\x01c", []VideoTag{
			with(one, func(t *VideoTag) { t.Payload = []byte("ab") }),
			with(one, func(t *VideoTag) { t.Track, t.Payload = 1, []byte("c") }),
		}},
		"two of two codecs": {"\x96\x21hvc1\x00\x00\x00\x05\x00\x00\x21abav01\x04\x00\x00\x02cd", []VideoTag{
			with(one, func(t *VideoTag) { t.Codec, t.CompositionTime, t.Payload = VideoHEVC, 33, []byte("ab") }),
			with(one, func(t *VideoTag) { t.Codec, t.Track, t.Payload = VideoAV1, 4, []byte("cd") }),
		}},
		"configurations": {"\x96\x20avc1\x00\x00\x00\x01avp09\x01\x00\x00\x01b", []VideoTag{
			with(one, func(t *VideoTag) { t.Packet, t.Payload = PacketConfig, []byte("a") }),
			with(one, func(t *VideoTag) { t.Codec, t.Packet, t.Track, t.Payload = VideoVP9, PacketConfig, 1, []byte("b") }),
		}},
		"ends": {"\x96\x12avc1\x00\x00\x00\x00\x01\x00\x00\x00", []VideoTag{
			with(one, func(t *VideoTag) { t.Packet = PacketEnd }),
			with(one, func(t *VideoTag) { t.Packet, t.Track = PacketEnd, 1 }),
		}},
		"none": {"\x96\x11avc1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, tracksOf(t, c.wire))
			for n := range c.wire {
				v, err := ParseVideo([]byte(c.wire[:n]))
				if err != nil {
					continue
				}
				for _, err := range v.Tracks() {
					if err != nil {
						require.ErrorIs(t, err, ErrMalformed)
					}
				}
			}
		})
	}
}

func with(t VideoTag, change func(*VideoTag)) VideoTag {
	change(&t)
	return t
}

func TestTracksOfAudio(t *testing.T) {
	one := AudioTag{Enhanced: true, Codec: AudioAAC, Packet: PacketFrames, Multitrack: OneTrack}
	a, b := one, one
	a.Payload = []byte("ab")
	b.Codec, b.Track, b.Payload = AudioOpus, 3, []byte("c")
	v, err := ParseAudio([]byte("\x95\x21mp4a\x00\x00\x00\x02abOpus\x03\x00\x00\x01c"))
	require.NoError(t, err)
	var got []AudioTag
	for tag, err := range v.Tracks() {
		require.NoError(t, err)
		got = append(got, tag)
	}
	require.Equal(t, []AudioTag{a, b}, got)

	v, err = ParseAudio([]byte("\xaf\x01data"))
	require.NoError(t, err)
	for tag, err := range v.Tracks() {
		require.NoError(t, err)
		require.Equal(t, v, tag)
	}
}

func TestTracksThatAreNone(t *testing.T) {
	for name, wire := range map[string]string{
		"size past the end":      "\x96\x11avc1\x00\x00\x00\x05\x00\x00\x21a",
		"size cut off":           "\x96\x11avc1\x00\x00\x00",
		"no composition time":    "\x96\x11avc1\x00\x00\x00\x02\x00\x00",
		"an id as FourCC":        "\x96\x21\x00\x00\x00\x07\x00\x00\x00\x00",
		"FourCC cut off":         "\x96\x21avc",
		"more than there may be": "\x96\x13avc1" + strings.Repeat("\x00\x00\x00\x01a", MaxTracks+1),
	} {
		t.Run(name, func(t *testing.T) {
			v, err := ParseVideo([]byte(wire))
			require.NoError(t, err)
			var last error
			n := 0
			for _, last = range v.Tracks() {
				n++
			}
			require.ErrorIs(t, last, ErrMalformed)
			require.LessOrEqual(t, n, MaxTracks+1)
		})
	}
}

func TestTracksAreFoundWithoutAllocation(t *testing.T) {
	wire := []byte("\x96\x11avc1\x00\x00\x00\x05\x00\x00\x21ab\x01\x00\x00\x04\xff\xff\xdfc")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v, _ := ParseVideo(wire)
		n := 0
		for one, err := range v.Tracks() {
			if n += len(one.Payload); err != nil {
				t.Fatal(err)
			}
		}
		if n != 3 {
			t.Fatal(n)
		}
	}))
}

func TestChannelConfig(t *testing.T) {
	for wire, want := range map[string]ChannelConfig{
		"\x00\x06":                 {Count: 6},
		"\x01\x06\x00\x00\x06\x0f": {Order: OrderNative, Count: 6, Flags: 0x60f},
		"\x02\x02\x01\x00":         {Order: OrderCustom, Count: 2, Mapping: []byte{1, 0}},
	} {
		got, err := ParseChannelConfig([]byte(wire))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, wire, string(got.AppendTo(nil)))
		for n := range wire {
			_, err := ParseChannelConfig([]byte(wire[:n]))
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
	_, err := ParseChannelConfig([]byte("\x03\x02"))
	require.ErrorIs(t, err, ErrMalformed)
}

func FuzzChannelConfig(f *testing.F) {
	f.Add([]byte("\x01\x06\x00\x00\x06\x0f"))
	f.Add([]byte("\x02\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := ParseChannelConfig(in)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, c.AppendTo(nil), in[:len(c.AppendTo(nil))])
	})
}
