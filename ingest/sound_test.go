package ingest

import (
	"bytes"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/flv"
	"sluice/media"
)

// Headers of MP3 frames: 128 kb/s at 44.1 kHz, 64 kb/s of one channel, 8 kb/s at 8 kHz.
const (
	mp3Stereo = "\xff\xfb\x90\x64" // 417 bytes
	mp3Mono   = "\xff\xfb\x50\xc0" // 208
	mp3Low    = "\xff\xe3\x18\xc0" // 72
)

// frameOf is a frame of MP3 with that header.
func frameOf(header string) []byte {
	size := map[string]int{mp3Stereo: 417, mp3Mono: 208, mp3Low: 72}[header]
	return append([]byte(header), bytes.Repeat([]byte{0x55}, size-len(header))...)
}

// layerIIITag is a message of MP3.
func layerIIITag(headers ...string) []byte {
	t := flv.AudioTag{Codec: flv.AudioMP3, Flags: 15, Packet: flv.PacketFrames}
	for _, h := range headers {
		t.Payload = append(t.Payload, frameOf(h)...)
	}
	return t.AppendTo(nil)
}

func mp3Codec(t *testing.T, rate, channels int) *media.MP3 {
	c, err := media.NewMP3(rate, channels)
	require.NoError(t, err)
	return c
}

func TestMP3(t *testing.T) {
	s := newStage(t)
	s.show(0, avcConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	require.Empty(t, s.epochs())
	s.play(0, layerIIITag(mp3Stereo))
	require.Equal(t, []string{"video:1 audio:1"}, s.epochs(), "its first frame is configuration enough")
	require.Equal(t, media.Track{ID: audioTrack, Kind: media.Audio, Timescale: 44_100, Codec: mp3Codec(t, 44_100, 2)},
		s.rec.epochs[0].tracks[1])
	s.play(26, layerIIITag(mp3Stereo))
	s.play(52, layerIIITag(mp3Stereo, mp3Stereo, mp3Stereo))
	s.play(131, layerIIITag(mp3Stereo))
	got := s.rec.epochs[0].samples[audioTrack]
	require.Len(t, got, 6)
	for i, sample := range got {
		require.Equal(t, media.Sample{DTS: media.Ticks(1152 * i), Duration: 1152, Sync: true, Data: frameOf(mp3Stereo)}, sample)
	}
}

func TestMP3Changes(t *testing.T) {
	s := newStage(t)
	s.says("audiocodecid", 2.0)
	s.play(0, layerIIITag(mp3Stereo, mp3Mono))
	s.play(52, layerIIITag(mp3Mono))
	s.play(78, append([]byte{0xef}, frameOf(mp3Low)...)) // the sound format of 8 kHz
	s.play(150, aacConfigTag())
	s.play(150, soundTag(9))
	s.play(171, layerIIITag(mp3Mono))
	require.Equal(t, []string{"audio:1", "audio:2", "audio:1", "audio:1", "audio:1"}, s.epochs())
	for i, want := range []media.Codec{mp3Codec(t, 44_100, 2), mp3Codec(t, 44_100, 1), mp3Codec(t, 8_000, 1), nil, mp3Codec(t, 44_100, 1)} {
		if want != nil {
			require.Equal(t, want, s.rec.epochs[i].tracks[0].Codec)
		}
	}
	require.Equal(t, "AAC", s.rec.epochs[3].tracks[0].Codec.Name())
	require.EqualValues(t, 576, s.rec.epochs[2].samples[audioTrack][0].Duration)

	// Beside pictures, at the next keyframe.
	s = newStage(t)
	s.show(0, avcConfigTag())
	s.play(0, layerIIITag(mp3Stereo))
	s.show(0, pictureTag(true, 0, 10))
	s.play(26, layerIIITag(mp3Mono))
	s.show(33, pictureTag(false, 0, 10))
	s.show(66, pictureTag(true, 0, 10))
	s.play(66, layerIIITag(mp3Mono))
	require.Equal(t, []string{"video:2 audio:1", "video:1 audio:1"}, s.epochs())
}

func TestMP3Malformed(t *testing.T) {
	s := newStage(t)
	s.says("audiocodecid", 2.0)
	s.play(0, layerIIITag(mp3Stereo))
	whole := layerIIITag(mp3Stereo)
	for _, body := range [][]byte{
		whole[:len(whole)-1],                               // a frame that is cut off
		append([]byte{0x2f}, make([]byte, 100)...),         // none
		append(layerIIITag(mp3Stereo), "TAG of a file"...), // something behind a frame
		{0x2f, 0xff, 0xfb, 0x00, 0x64},                     // free format
	} {
		s.play(26, body)
	}
	require.Equal(t, 4.0, testutil.ToFloat64(s.counts.dropped.WithLabelValues(dropMalformed)))
	require.Equal(t, []string{"audio:2"}, s.epochs())
	s.play(52, []byte{0x2f})
	require.Equal(t, 1.0, testutil.ToFloat64(s.counts.dropped.WithLabelValues(dropEmpty)))

	many := bytes.Repeat(frameOf(mp3Low), 300)
	s = newStage(t)
	s.says("audiocodecid", 2.0)
	s.play(0, append([]byte{0x2f}, many...))
	require.Equal(t, []string{"audio:256"}, s.epochs())
}

func TestMP3Enhanced(t *testing.T) {
	s := newStage(t)
	s.says("audiocodecid", ".mp3")
	tag := flv.AudioTag{Codec: flv.AudioMP3, Packet: flv.PacketFrames, Enhanced: true, Payload: frameOf(mp3Mono)}
	s.play(0, tag.AppendTo(nil))
	tag.Packet, tag.Payload = flv.PacketConfig, nil
	s.play(0, tag.AppendTo(nil))
	require.Equal(t, []string{"audio:1"}, s.epochs())
}
