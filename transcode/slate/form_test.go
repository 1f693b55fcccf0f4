package slate

import (
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// declared is a picture of VP9, which could say no rate, at one.
type declared struct {
	*media.VP9
	fps float64
}

func (d declared) Format() media.Format {
	return media.Format{Width: 640, Height: 360, SARWidth: 1, SARHeight: 1, FrameRate: d.fps}
}

func at(fps float64) media.Track {
	return media.Track{Kind: media.Video, Timescale: media.VideoClock, Codec: declared{&media.VP9{}, fps}}
}

func TestBeat(t *testing.T) {
	clip := func(d time.Duration) source {
		return source{path: "clip.mp4", content: ffmpeg.Content{Frames: 100, Length: d}}
	}
	for _, tc := range []struct {
		name    string
		shown   source
		segment time.Duration
		fps     []float64
		rate    ffmpeg.Rate
		gop     int
		frames  int
	}{
		{"built in", source{}, 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 180},
		{"NTSC: a GOP isn't shorter than a segment", source{}, 2 * time.Second, []float64{30_000. / 1001}, ffmpeg.Rate{Num: 30_000, Den: 1001}, 60, 180},
		{"film", source{}, 2 * time.Second, []float64{24_000. / 1001}, ffmpeg.Rate{Num: 24_000, Den: 1001}, 48, 144},
		{"long segments", source{}, 6 * time.Second, []float64{25}, ffmpeg.Rate{Num: 25, Den: 1}, 150, 150},
		{"short ones", source{}, time.Second, []float64{7.5}, ffmpeg.Rate{Num: 7500, Den: 1000}, 8, 48},
		{"no rate", source{}, 2 * time.Second, []float64{0}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 180},
		{"a clock for a rate", source{}, 2 * time.Second, []float64{45_000}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 180},
		{"half of it", source{}, 2 * time.Second, []float64{25, 12.5}, ffmpeg.Rate{Num: 25, Den: 1}, 50, 150},
		{"a third of it", source{}, 2 * time.Second, []float64{50, 50. / 3}, ffmpeg.Rate{Num: 50, Den: 1}, 102, 306},
		{"no picture", source{}, 2 * time.Second, nil, ffmpeg.Rate{}, 0, 0},
		{"still", source{path: "a.png", content: ffmpeg.Content{Frames: 1, Length: time.Hour}}, 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 60},
		{"clip that fits", clip(10 * time.Second), 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 300},
		{"a little too long", clip(10*time.Second + 200*time.Millisecond), 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 300},
		{"one that is filled up", clip(7 * time.Second), 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 240},
		{"much too long", clip(time.Hour), 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 1800},
		{"hardly one", clip(time.Millisecond), 2 * time.Second, []float64{30}, ffmpeg.Rate{Num: 30, Den: 1}, 60, 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var tracks []media.Track
			for _, fps := range tc.fps {
				tracks = append(tracks, at(fps))
			}
			b := beatOf(tracks, nil, tc.shown, tc.segment)
			require.Equal(t, beat{tc.rate, tc.gop, tc.frames}, b)
			for _, track := range tracks {
				every := b.division(rateOf(track.Codec.(media.Picture), 0))
				require.Zero(t, b.gop%every)
				require.Zero(t, b.frames%every)
			}
		})
	}
}

func TestForms(t *testing.T) {
	colours := []string{"-color_range", "pc", "-color_primaries", "9", "-color_trc", "14", "-colorspace", "9"}
	for _, tc := range []struct {
		name  string
		track media.Track
		want  form
	}{
		{
			"high", h264Track(t, "640x360", "30", "-profile:v", "high"),
			form{Codec: "h264", Width: 640, Height: 360, Profile: "high", Colour: ffmpeg.Colour{Primaries: 2, Transfer: 2, Matrix: 2}},
		},
		{
			"4:4:4, which isn't drawn", h264Track(t, "640x360", "30", "-pix_fmt", "yuv444p"),
			form{Codec: "h264", Width: 640, Height: 360, Profile: "high", Colour: ffmpeg.Colour{Primaries: 2, Transfer: 2, Matrix: 2}},
		},
		{
			"wide pixels, main, all colours said", h264Track(t, "480x576", "30", append(colours, "-vf", "setsar=16/11", "-profile:v", "main")...),
			form{
				Codec: "h264", Width: 480, Height: 576, SARWidth: 16, SARHeight: 11, Profile: "main",
				Colour: ffmpeg.Colour{Primaries: 9, Transfer: 14, Matrix: 9, FullRange: true},
			},
		},
		{
			"H.265", pictureTrack(t, rung.HEVC, "640x360", "30", colours...),
			form{Codec: "hevc", Width: 640, Height: 360, Colour: ffmpeg.Colour{Primaries: 9, Transfer: 14, Matrix: 9, FullRange: true}},
		},
		{
			"AV1", pictureTrack(t, rung.AV1, "640x360", "30", "-color_primaries", "1", "-color_trc", "1", "-colorspace", "1"),
			form{Codec: "av1", Width: 640, Height: 360, Colour: ffmpeg.Colour{Primaries: 1, Transfer: 1, Matrix: 1}},
		},
		{
			"high dynamic range becomes the usual one", pictureTrack(t, rung.HEVC, "640x360", "30",
				"-color_primaries", "9", "-color_trc", "16", "-colorspace", "9"),
			form{Codec: "hevc", Width: 640, Height: 360, Colour: ffmpeg.Colour{Primaries: 1, Transfer: 1, Matrix: 1}},
		},
		{"VP9", pictureTrack(t, ffmpeg.VP9, "322x181", "30"), form{
			Codec: "vp9", Width: 322, Height: 181, Colour: ffmpeg.Colour{Primaries: 2, Transfer: 2, Matrix: 2},
		}},
		{"AAC", aacTrack(t, 44_100, 1), form{Codec: "aac", SampleRate: 44_100, Channels: 1}},
		{"Opus", soundTrack(media.PlainOpus(6)), form{Codec: "opus", SampleRate: 48_000, Channels: 6}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.want
			if want.Width > 0 {
				want.Rate, want.GOP, want.Frames = ffmpeg.Rate{Num: 30, Den: 1}, 60, 180
				want.SARWidth, want.SARHeight = max(want.SARWidth, 1), max(want.SARHeight, 1)
			}
			got, err := forms([]media.Track{tc.track}, nil, source{}, usualSegment)
			require.NoError(t, err)
			require.Equal(t, []form{want}, got)
			require.NoError(t, got[0].validate())
		})
	}
}

// HE-AAC's slate is HE-AAC, where that can be made; else it's the core's: as many frames a second, and as
// many channels as come out.
func TestFormOfHighEfficiency(t *testing.T) {
	c, err := media.NewAAC([]byte{0xeb, 0x09, 0x88, 0x00}) // HE-AAC v2: mono at 24 kHz, out of which comes stereo at 48 kHz
	require.NoError(t, err)
	rate, channels := c.Output()
	require.Equal(t, [2]int{48_000, 2}, [2]int{rate, channels})
	got, err := forms([]media.Track{soundTrack(c)}, nil, source{}, usualSegment)
	require.NoError(t, err)
	require.Equal(t, form{Codec: "aac", SampleRate: 24_000, Channels: 2, Config: "eb098800"}, got[0])
	require.NoError(t, got[0].validate())
	require.Equal(t, 1, got[0].coded())

	surround := highEfficiency(t, mpeg4audio.ObjectTypeSBR, 24_000, 6)
	got, err = forms([]media.Track{surround}, nil, source{}, usualSegment)
	require.NoError(t, err)
	require.Equal(t, 6, got[0].Channels)
	require.NotEmpty(t, got[0].Config)
	require.NoError(t, got[0].validate())
	require.Equal(t, 2, got[0].coded(), "the pair in front")

	raw, err := mpeg4audio.AudioSpecificConfig{ // what is described is dropped again
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 24_000, ChannelConfig: 6, ChannelCount: 6,
		ExtensionType: mpeg4audio.ObjectTypeSBR, ExtensionSampleRate: 24_000,
	}.Marshal()
	require.NoError(t, err)
	c, err = media.NewAAC(raw)
	require.NoError(t, err)
	got, err = forms([]media.Track{soundTrack(c)}, nil, source{}, usualSegment)
	require.NoError(t, err)
	require.Equal(t, form{Codec: "aac", SampleRate: 24_000, Channels: 6}, got[0])

	for _, config := range []string{"zz", "eb", "1190", "eb09"} {
		bad := form{Codec: "aac", SampleRate: 24_000, Channels: 2, Config: config}
		require.Error(t, bad.validate(), config)
	}
}

// A clip is heard where there's one track of sound.
func TestFormsOfClip(t *testing.T) {
	shown := source{path: "clip.mp4", hash: "h", content: ffmpeg.Content{Frames: 90, Length: 4 * time.Second, Sound: true}}
	video := h264Track(t, "640x360", "30")
	one, err := forms([]media.Track{video, aacTrack(t, 48_000, 2)}, nil, shown, usualSegment)
	require.NoError(t, err)
	require.Equal(t, form{Content: "h", Codec: "aac", SampleRate: 48_000, Channels: 2, Rate: ffmpeg.Rate{Num: 30, Den: 1}, Frames: 120}, one[1])
	two, err := forms([]media.Track{video, aacTrack(t, 48_000, 2), aacTrack(t, 48_000, 2)}, nil, shown, usualSegment)
	require.NoError(t, err)
	require.True(t, two[1].silent() && two[2].silent())
	alone, err := forms([]media.Track{aacTrack(t, 48_000, 2)}, nil, shown, usualSegment)
	require.NoError(t, err)
	require.True(t, alone[0].silent())
}

func TestNoForms(t *testing.T) {
	for name, tracks := range map[string][]media.Track{
		"nothing":   nil,
		"too many":  make([]media.Track, maxTracks+1),
		"no codec":  {{ID: 1, Kind: media.Video}},
		"tiny":      {{Codec: &media.H264{SPS: []byte{0x67, 66, 0, 10}, Width: 8, Height: 8}}},
		"odd":       {{Codec: &media.H264{SPS: []byte{0x67, 66, 0, 10}, Width: 321, Height: 180}}},
		"16 voices": {soundTrack(&media.Opus{Channels: 16, Family: 255})},
	} {
		_, err := forms(tracks, nil, source{}, usualSegment)
		require.Error(t, err, name)
	}
}

func TestRates(t *testing.T) {
	r := func(num, den int) ffmpeg.Rate { return ffmpeg.Rate{Num: num, Den: den} }
	for _, tc := range []struct {
		name               string
		declared, measured float64
		want               ffmpeg.Rate
	}{
		{"declared, and so it is", 30, 30.002, r(30, 1)},
		{"29.97, as some write it", 29.97, 29.97, r(30_000, 1001)},
		{"declared alone", 50, 0, r(50, 1)},
		{"fields declared", 50, 25, r(25, 1)},
		{"a clock declared", 45_000, 59.9402, r(60_000, 1001)},
		{"nothing declared", 0, 25, r(25, 1)},
		{"nothing declared, and film", 0, 23.976, r(24_000, 1001)},
		{"NTSC where a whole number is declared", 30, 29.97, r(30_000, 1001)},
		{"half a picture", 0, 12.5, r(25, 2)},
		{"no constant rate", 30, 21.3, r(21, 1)},
		{"a slide now and then", 30, 0.2, r(30, 1)},
		{"nothing at all", 0, 0, r(30, 1)},
		{"more than there are", 0, 1000, r(30, 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			track := at(tc.declared)
			track.ID = 3
			require.Equal(t, tc.want, rateOf(track.Codec.(media.Picture), tc.measured))
			b := beatOf([]media.Track{track}, map[media.TrackID]float64{3: tc.measured, 4: 77}, source{}, usualSegment)
			require.Equal(t, tc.want, b.rate)
		})
	}
}

// Of sizes of which one has half the pictures, each has what was measured.
func TestFormsAtMeasuredRates(t *testing.T) {
	tracks := []media.Track{h264Track(t, "640x360", "30"), named(h264Track(t, "256x144", "30"), 2, "")}
	got, err := forms(tracks, map[media.TrackID]float64{1: 25, 2: 12.5}, source{}, usualSegment)
	require.NoError(t, err)
	require.Equal(t, ffmpeg.Rate{Num: 25, Den: 1}, got[0].Rate)
	require.Equal(t, ffmpeg.Rate{Num: 25, Den: 2}, got[1].Rate)
	require.Equal(t, [...]int{150, 75, 50, 25}, [...]int{got[0].Frames, got[1].Frames, got[0].GOP, got[1].GOP})
}

// A slate is of the rate that was measured, and of the one that is declared until then.
func TestMakerOfMeasuredRate(t *testing.T) {
	s := serve(t, Options{})
	tracks := smallTracks(t)
	declared := s.awaitClip(t, tracks, anyClip)
	rates := map[media.TrackID]float64{1: 12.5}
	_, ok := s.Clip(tracks, rates)
	require.False(t, ok)
	require.Eventually(t, func() bool { _, ok := s.Clip(tracks, rates); return ok }, patience, 10*time.Millisecond)
	c, _ := s.Clip(tracks, rates)
	require.Equal(t, 12.5, c.Tracks()[0].Codec.(media.Picture).Format().FrameRate)
	require.Same(t, declared.reels[1], c.reels[1], "silence is silence")
	p := justPlay(t, c, 4*time.Second)
	checkSeamless(t, c.reels[0], p.samples[1])
	checkDecodes(t, c.Tracks()[0], p.samples[1])
}
