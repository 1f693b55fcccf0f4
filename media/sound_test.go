package media

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSound(t *testing.T) {
	aac := func(config string) *AAC {
		raw, err := hex.DecodeString(config)
		require.NoError(t, err)
		c, err := NewAAC(raw)
		require.NoError(t, err)
		return c
	}
	mp3 := func(rate, channels int) *MP3 {
		c, err := NewMP3(rate, channels)
		require.NoError(t, err)
		return c
	}
	for _, c := range []struct {
		name           string
		sound          Sound
		codec, rfc     string
		rate           int
		length         Ticks
		out, channels  int
		anotherOfThese Sound
	}{
		{"AAC-LC stereo", aac("1190"), "AAC", "mp4a.40.2", 48_000, 1024, 48_000, 2, aac("1210")},
		{"AAC-LC 7.1", aac("1038"), "AAC", "mp4a.40.2", 96_000, 1024, 96_000, 8, aac("1030")},
		{"HE-AAC", aac("2b118800"), "AAC", "mp4a.40.5", 24_000, 1024, 48_000, 2, aac("1310")},
		{"HE-AAC v2", aac("eb098800"), "AAC", "mp4a.40.29", 24_000, 1024, 48_000, 2, aac("1308")},
		{"AAC of 960", aac("1194"), "AAC", "mp4a.40.2", 48_000, 960, 48_000, 2, aac("1190")},
		{"MP3", mp3(44_100, 2), "MP3", "mp4a.40.34", 44_100, 1152, 44_100, 2, mp3(44_100, 1)},
		{"MP3 of MPEG-2", mp3(24_000, 1), "MP3", "mp4a.40.34", 24_000, 576, 24_000, 1, mp3(22_050, 1)},
		{"MP3 of MPEG-2.5", mp3(8_000, 1), "MP3", "mp4a.40.34", 8_000, 576, 8_000, 1, aac("1190")},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.codec, c.sound.Name())
			require.Equal(t, c.rfc, c.sound.RFC6381())
			require.Equal(t, c.rate, c.sound.SampleRate())
			require.Equal(t, c.length, c.sound.FrameLength())
			rate, channels := c.sound.Output()
			require.Equal(t, []int{c.out, c.channels}, []int{rate, channels})
			require.True(t, c.sound.Equal(c.sound))
			require.False(t, c.sound.Equal(c.anotherOfThese))
			require.False(t, c.anotherOfThese.Equal(c.sound))
		})
	}
	_, err := NewMP3(96_000, 2)
	require.Error(t, err)
	_, err = NewMP3(48_000, 6)
	require.Error(t, err)
}
