package dashcheck

import (
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

func TestMeasure(t *testing.T) {
	asc, err := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2}.Marshal()
	require.NoError(t, err)
	codec, err := media.NewAAC(asc)
	require.NoError(t, err)
	head, err := cmaf.Init(media.Track{ID: 2, Kind: media.Audio, Timescale: 48000, Codec: codec})
	require.NoError(t, err)
	init, err := MeasureInit(head)
	require.NoError(t, err)
	require.Equal(t, uint32(48000), init.Timescale)
	require.Equal(t, "mp4a", init.Entry)

	var body []byte
	for i, sync := range []bool{true, false} {
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: 2, Samples: []media.Sample{
			{DTS: media.Ticks(480000 + 2000*i), Duration: 1000, Sync: sync, Data: []byte{1, 2, 3}},
			{DTS: media.Ticks(481000 + 2000*i), Duration: 1000, Sync: sync, Data: []byte{1}},
		}}
		body = f.AppendTo(body)
	}
	m, err := init.Measure(body)
	require.NoError(t, err)
	require.Equal(t, Media{Size: len(body), Start: 480000, Duration: 4000, Sync: true}, m)

	m, err = init.Measure([]byte("\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh"))
	require.NoError(t, err)
	require.True(t, m.Empty)

	_, err = MeasureInit(body)
	require.Error(t, err)
	_, err = MeasureInit([]byte("404 page not found"))
	require.Error(t, err)
	_, err = init.Measure(body[:len(body)-1])
	require.Error(t, err)
}

func FuzzParse(f *testing.F) {
	for _, step := range observation(&testing.T{}).steps {
		f.Add([]byte(step.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o := NewObserver(Options{})
		for range 2 {
			o.MPD(Fetch{URL: "http://127.0.0.1/live/live/manifest.mpd", Body: body})
		}
		_, list := Parse("http://127.0.0.1/manifest.mpd", body)
		require.LessOrEqual(t, len(list), maxViolations)
	})
}
