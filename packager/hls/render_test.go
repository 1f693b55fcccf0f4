package hls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

func TestNotReady(t *testing.T) {
	s := newScript(t)
	requireError := func(want error) {
		t.Helper()
		_, err := hls.AppendMedia(nil, s.t, timeline.Audio)
		require.ErrorIs(t, err, want)
		_, err = hls.AppendMediaDelta(nil, s.t, timeline.Audio)
		require.ErrorIs(t, err, want)
		_, err = hls.AppendMultivariant(nil, s.t, hls.Options{})
		require.ErrorIs(t, err, hls.ErrNotReady)
	}
	requireError(hls.ErrNotReady) // offline
	s.start(bothTracks()...)
	requireError(hls.ErrNotReady) // no media
	s.partOf(bothTracks()[0], 6)
	requireError(hls.ErrNotReady) // no targets
	s.fix()
	requireError(hls.ErrNotReady) // a picture, no sound yet
	s.partOf(audioTrack(), 9)
	requireError(hls.ErrNotReady) // no whole segment
	s.closeOf(bothTracks()[0])
	requireError(hls.ErrNotReady) // of the sound neither
	_, err := hls.AppendMedia(nil, s.t, timeline.Source)
	require.ErrorIs(t, err, hls.ErrNotReady, "it must report on the sound")
	s.closeOf(audioTrack())
	for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
		_, err = hls.AppendMedia(nil, s.t, id)
		require.NoError(t, err)
	}
	_, err = hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	_, err = hls.AppendMedia(nil, s.t, "240p")
	require.ErrorIs(t, err, hls.ErrNoRendition)
}

// A rendition for which nothing ever came holds the start up for one segment
// at the most, and is then left out.
func TestRenditionWithoutMedia(t *testing.T) {
	s := newScript(t)
	s.start(bothTracks()...)
	s.fix()
	s.gap(audioTrack())
	body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	require.NotContains(t, string(body), "AUDIO")
	require.NotContains(t, string(body), "mp4a")
}

func TestErrorLeavesSliceAlone(t *testing.T) {
	dst := []byte("before")
	got, err := hls.AppendMedia(dst, timeline.New(timeline.Numbers{}), timeline.Source)
	require.Error(t, err)
	require.Equal(t, "before", string(got))
	got, err = hls.AppendMultivariant(dst, timeline.New(timeline.Numbers{}), hls.Options{})
	require.Error(t, err)
	require.Equal(t, "before", string(got))
}

func TestAppendsToWhatIsThere(t *testing.T) {
	tl := build(t, "steady")
	want, err := hls.AppendMedia(nil, tl, timeline.Source)
	require.NoError(t, err)
	got, err := hls.AppendMedia([]byte("x"), tl, timeline.Source)
	require.NoError(t, err)
	require.Equal(t, "x"+string(want), string(got))
}

// Promises are written so that rounding never breaks what the spec demands of
// one in terms of another.
func TestPromisesAreRoundedApart(t *testing.T) {
	for _, part := range []time.Duration{
		200 * time.Millisecond, 208_979_592, 100_000_001, 199_999_999, 333_366_667, 1_001_000_000,
	} {
		s := newScript(t)
		s.targets.Part, s.targets.PartHoldBack = part, 3*part
		s.start(bothTracks()...)
		s.segments(1)
		s.fix()
		body, err := hls.AppendMedia(nil, s.t, timeline.Source)
		require.NoError(t, err)
		var target, holdBack float64
		for line := range strings.Lines(string(body)) {
			_, _ = fmt.Sscanf(line, "#EXT-X-PART-INF:PART-TARGET=%f", &target)
			if _, rest, ok := strings.Cut(line, "PART-HOLD-BACK="); ok {
				_, err := fmt.Sscanf(rest, "%f", &holdBack)
				require.NoError(t, err)
			}
		}
		require.GreaterOrEqual(t, target, part.Seconds()-1e-12)
		require.InDelta(t, part.Seconds(), target, 0.000_011)
		require.GreaterOrEqual(t, holdBack, 3*target-1e-9)
	}
}

// A segment whose duration only rounds up past the limit doesn't: 2.4999999 s
// are 2.49999, not 2.50000, which a player would take for 3.
func TestDurationIsNotRoundedPastTarget(t *testing.T) {
	const ts = 48_000_000 // a clock fine enough to show it
	rt := timeline.RenditionTrack{Rendition: timeline.Source, Track: media.Track{
		ID: 1, Kind: media.Video, Timescale: ts, Codec: videoCodec,
	}}
	for ticks, want := range map[media.Ticks]string{
		ts * 5 / 2:      "#EXTINF:2.50000,", // it is that long: say so
		ts*5/2 - 10:     "#EXTINF:2.49999,",
		ts*5/2 - 100:    "#EXTINF:2.49999,",
		ts*5/2 - ts/100: "#EXTINF:2.49000,",
	} {
		s := newScript(t)
		s.start(rt)
		s.fix()
		s.apply(timeline.PartWritten{Epoch: 1, Rendition: rt.Rendition, MSN: 1, Part: timeline.Part{
			Start: 0, Duration: ticks, Samples: 1, Independent: true, Data: []byte{0},
		}})
		s.apply(timeline.SegmentClosed{Epoch: 1, Rendition: rt.Rendition, MSN: 1, Duration: ticks})
		body, err := hls.AppendMedia(nil, s.t, rt.Rendition)
		require.NoError(t, err)
		require.Contains(t, string(body), want)
	}
}

// However long the stream, EXTINF adds up to the media's clock.
func TestDurationsDoNotDrift(t *testing.T) {
	s := newScript(t)
	s.window = 2 * time.Hour
	s.bytes = 1
	s.frame = 3753 // 23.98 frames a second on a clock that 10 µs don't divide
	s.start(bothTracks()...)
	s.fix()
	s.segments(800)
	for _, r := range s.t.Renditions {
		body, err := hls.AppendMedia(nil, s.t, r.ID)
		require.NoError(t, err)
		var sum, parts, whole float64
		for line := range strings.Lines(string(body)) {
			var d float64
			if _, err := fmt.Sscanf(line, "#EXTINF:%f,", &d); err == nil {
				sum += d
				if parts > 0 {
					whole += d
				}
				if parts > 0 {
					require.InDelta(t, d, parts, 1e-9, "the parts add up to the segment")
				}
				parts = 0
			}
			if _, err := fmt.Sscanf(line, "#EXT-X-PART:DURATION=%f,", &d); err == nil {
				parts += d
			}
		}
		start := r.Segments.First().Start
		end := r.Segments.Last().Start + r.Segments.Last().Duration
		require.InDelta(t, (end - start).Duration(r.Track.Timescale).Seconds(), sum, 0.000_02)
		require.Positive(t, whole)
	}
}

func TestPictureSizeAndRate(t *testing.T) {
	for _, c := range []struct {
		name     string
		codec    media.H264
		frame    media.Ticks
		segments int
		want     string
	}{
		{"square pixels", media.H264{Width: 1280, Height: 720, SARWidth: 1, SARHeight: 1, FrameRate: 30}, 3000, 1,
			"RESOLUTION=1280x720,FRAME-RATE=30.000,"},
		{"PAL, wide", media.H264{Width: 720, Height: 576, SARWidth: 64, SARHeight: 45}, 3600, 1,
			"RESOLUTION=1024x576,FRAME-RATE=25.000,"},
		{"HDV", media.H264{Width: 1440, Height: 1080, SARWidth: 4, SARHeight: 3}, 3003, 1,
			"RESOLUTION=1920x1080,FRAME-RATE=29.970,"},
		{"declares 30 for 29.97", media.H264{Width: 640, Height: 360, FrameRate: 30}, 3003, 1,
			"RESOLUTION=640x360,FRAME-RATE=29.970,"},
		{"millisecond clock", media.H264{Width: 640, Height: 360, FrameRate: 30}, 3001, 1, "FRAME-RATE=30.000,"},
		{"declares nonsense", media.H264{Width: 640, Height: 360, FrameRate: 500}, 1500, 1, "FRAME-RATE=60.000,"},
		{"declares nothing", media.H264{Width: 640, Height: 360}, 1501, 1, "FRAME-RATE=59.940,"},
		{"no known rate", media.H264{Width: 640, Height: 360}, 5000, 1, "FRAME-RATE=18.000,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.frame = c.frame
			c.codec.SPS, c.codec.PPS = videoCodec.SPS, videoCodec.PPS
			s.start(videoTrack(timeline.Source, &c.codec))
			s.part()
			s.fix()
			s.segments(c.segments)
			body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
			require.NoError(t, err)
			require.Contains(t, string(body), c.want)
		})
	}
}

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		config []byte
		want   string
	}{
		{[]byte{0x11, 0x88}, `CHANNELS="1"`},             // LC, mono
		{[]byte{0x11, 0x90}, `CHANNELS="2"`},             // LC, stereo
		{[]byte{0x11, 0xb0}, `CHANNELS="6"`},             // LC, 5.1
		{[]byte{0x11, 0xb8}, `CHANNELS="8"`},             // LC, 7.1
		{[]byte{0xeb, 0x09, 0x88, 0x00}, `CHANNELS="2"`}, // PS over a mono core
	} {
		s := newScript(t)
		audio := audioTrack()
		audio.Track.Codec = mustAAC(c.config)
		s.start(videoTrack(timeline.Source, videoCodec), audio)
		s.fix()
		s.segments(1)
		body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
		require.NoError(t, err)
		require.Contains(t, string(body), c.want, "% x", c.config)
	}
}

func TestCaptions(t *testing.T) {
	const line = `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="%[1]s",LANGUAGE="und",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="%[1]s"` + "\n"
	av1, err := media.NewAV1([]byte("\x0a\x0b\x00\x00\x00\x03\xbf\xfc\x79\xb5\xf2\x00\x80"))
	require.NoError(t, err)
	for _, c := range []struct {
		name     string
		track    timeline.RenditionTrack
		captions []media.Captions
		want     string
		media    []string
	}{
		{"none", videoTrack(timeline.Source, videoCodec), nil, ",CLOSED-CAPTIONS=NONE\n", nil},
		{"room for some", videoTrack(timeline.Source, videoCodec), []media.Captions{{Data: true}}, `,CLOSED-CAPTIONS="cc"` + "\n", []string{"CC1"}},
		{
			"some", videoTrack(timeline.Source, videoCodec),
			[]media.Captions{{Data: true}, {Data: true, Channels: 0b1100}, {Data: true, Services: 1<<1 | 1<<63}},
			`,CLOSED-CAPTIONS="cc"` + "\n", []string{"CC3", "CC4", "SERVICE1", "SERVICE63"},
		},
		{"unknown", videoTrack(timeline.Source, av1), nil, ",FRAME-RATE=30.000\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.start(c.track)
			s.fix()
			s.segments(1)
			for _, found := range c.captions {
				s.apply(timeline.CaptionsFound{Epoch: 1, Captions: found})
			}
			body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
			require.NoError(t, err)
			require.Contains(t, string(body), c.want)
			want := ""
			for _, id := range c.media {
				want += fmt.Sprintf(line, id)
			}
			require.Equal(t, strings.Count(string(body), "CLOSED-CAPTIONS,"), len(c.media))
			require.Contains(t, string(body), want)
		})
	}
}

// The first multivariant playlist waits for the rungs that are expected.
func TestMultivariantWaitsForRungs(t *testing.T) {
	for name, c := range map[string]struct {
		join  []timeline.RenditionTrack
		parts int // of the second segment that are there when it goes out
		names int // of variants with a picture
	}{
		"both are there": {[]timeline.RenditionTrack{highRung, lowRung}, 0, 3},
		"one is late":    {[]timeline.RenditionTrack{highRung}, 5, 2},
		"neither comes":  {nil, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.expect(highRung, lowRung)
			s.start(bothTracks()...)
			s.join(c.join...)
			s.fix()
			var body []byte
			ready := func() bool {
				var err error
				body, err = hls.AppendMultivariant(nil, s.t, hls.Options{})
				return err == nil
			}
			s.parts(s.perSeg)
			require.False(t, ready())
			s.closeAll()
			for range c.parts {
				require.False(t, ready())
				s.part()
			}
			require.True(t, ready())
			require.Equal(t, c.names, strings.Count(string(body), "FRAME-RATE"))
		})
	}
}

// Who comes starts with what a usual line carries.
func TestFirstVariant(t *testing.T) {
	first := func(bytes int) string {
		s := newScript(t)
		s.bytes = bytes
		s.laddered()
		s.segments(3)
		body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(body), "#EXT-X-STREAM-INF")
		_, rest, _ = strings.Cut(rest, "\n")
		id, _, _ := strings.Cut(rest, "/")
		return id
	}
	// A part of 1000 bytes, and the first of a segment three times as many, make 48 kb/s.
	require.Equal(t, "source", first(50_000), "2.4 Mb/s")
	require.Equal(t, "720p", first(100_000), "the source has 4.8 Mb/s, 720p a half of it")
	require.Equal(t, "480p", first(200_000))
	require.Equal(t, "480p", first(400_000), "the smallest")
	plain := highRung.Track.Codec
	defer func() { highRung.Track.Codec = plain }()
	highRung.Track.Codec = newer{smallCodec}
	require.Equal(t, "480p", first(100_000), "not every player has other codecs than H.264")
}

// newer is a codec that isn't H.264.
type newer struct{ *media.H264 }

// A rung that trails behind in an epoch that has ended hints at what the source has
// of that, and at nothing more.
func TestHintOfARungThatTrails(t *testing.T) {
	hint := func(tl *timeline.Timeline) string {
		body, err := hls.AppendMedia(nil, tl, "480p")
		require.NoError(t, err)
		_, after, _ := strings.Cut(string(body), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=")
		line, _, _ := strings.Cut(after, "\n")
		return line
	}
	part := func(tl *timeline.Timeline, duration media.Ticks, last bool) *timeline.Timeline {
		g := tl.Rendition("480p").Open
		p := timeline.Part{Start: g.Start + g.Duration, Duration: duration, Last: last, Data: []byte{1}}
		tl, err := timeline.Apply(tl, timeline.PartWritten{Epoch: g.Epoch, Rendition: "480p", MSN: g.MSN, Index: len(g.Parts), Part: p})
		require.NoError(t, err)
		return tl
	}
	tl := build(t, "rung_trails")
	require.Equal(t, `"1/3.3.m4s"`, hint(tl))
	require.Equal(t, `"1/3.4.m4s"`, hint(part(tl, 9000, false)))
	require.Empty(t, hint(part(tl, 18_000, false)), "it has what the source has")
	require.Equal(t, `"1/3.4.m4s"`, hint(part(tl, 9000, true)), "where the source was likely to have a keyframe, and hadn't")
	require.Empty(t, hint(part(tl, 18_000, true)), "the next segment is of another epoch")

	g := tl.Rendition("480p").Open
	closed, err := timeline.Apply(tl, timeline.SegmentClosed{Epoch: 1, Rendition: "480p", MSN: g.MSN, Duration: 72_000})
	require.NoError(t, err)
	require.Empty(t, hint(closed))
}

// A segment of which it isn't known where its first picture ends is a gap among the I-frames,
// and there are none in the multivariant playlist before one is known.
func TestIFramesThatArentKnown(t *testing.T) {
	s := newScript(t)
	s.start(bothTracks()...)
	s.fix()
	s.unknown = true
	s.segments(2)
	body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	require.NotContains(t, string(body), "I-FRAME")
	s.unknown = false
	s.segments(1)
	body, err = hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	require.Contains(t, string(body), "I-FRAME")
	body, err = hls.AppendIFrames(nil, s.t, timeline.Source)
	require.NoError(t, err)
	require.Contains(t, string(body), "#EXT-X-GAP\n#EXTINF:2.00000,\n1/2.m4s\n")
	require.Contains(t, string(body), "#EXT-X-BYTERANGE:200000@0\n#EXTINF:2.00000,\n1/3.m4s\n")
	_, err = hls.AppendIFrames(nil, s.t, timeline.Audio)
	require.ErrorIs(t, err, hls.ErrNoRendition)
}
