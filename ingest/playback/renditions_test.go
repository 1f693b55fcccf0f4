package playback

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/flv"
	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

var rungs = []timeline.ExpectedRendition{{Rendition: "720p", Kind: media.Video}, {Rendition: "360p", Kind: media.Video}}

func width(w *watcher) any {
	metas := w.of("meta")
	return metas[len(metas)-1].meta("width")
}

func TestPlaysTheRungThatIsAskedFor(t *testing.T) {
	s := newStudio(t)
	s.begin(rungs, videoTrack(avc720), audioTrack(aac))
	w, leading := watch(t, Options{Rendition: "360p"}), watch(t, Options{})
	look := func() { w.look(s.tl); leading.look(s.tl) }
	s.run(400*time.Millisecond, look)
	require.NotEmpty(t, leading.got)
	require.Empty(t, w.got, "it is expected")
	s.run(2*time.Second, look)
	s.lanes[timeline.Source].n = 50
	s.closeSegment(timeline.Source, s.lanes[timeline.Source].began+50*frame)
	s.joins("360p", videoTrack(avc360))
	s.run(5*time.Second, look)
	w.requirePublished(s, "360p", 50, 2000)
	require.Equal(t, 640.0, width(w))
	require.Equal(t, 1280.0, width(leading))
	w.requireInOrder()

	missing := watch(t, Options{Rendition: "1080p"})
	missing.look(s.tl)
	require.Equal(t, Missing, missing.last)

	sound := watch(t, Options{Rendition: timeline.Audio})
	sound.look(s.tl)
	s.run(6*time.Second, func() { sound.look(s.tl) })
	require.Empty(t, sound.of("video"))
	require.Empty(t, sound.of("video config"))
	require.NotEmpty(t, sound.of("audio"))
}

// A rung that doesn't come is waited for as long as it may take, and then what leads is
// played.
func TestRungThatDoesNotCome(t *testing.T) {
	s := newStudio(t)
	s.begin(rungs, videoTrack(avc720), audioTrack(aac))
	w := watch(t, Options{Rendition: "360p"})
	s.run(2800*time.Millisecond, func() { w.look(s.tl) })
	require.Empty(t, w.got)
	s.run(3600*time.Millisecond, func() { w.look(s.tl) })
	require.Equal(t, 1280.0, width(w))
}

// playedUntilItLeaves plays a rung that joins after two seconds and leaves at that time,
// so many pictures into a segment.
func playedUntilItLeaves(t *testing.T, at time.Duration, pictures media.Ticks) *watcher {
	t.Helper()
	s := newStudio(t)
	s.begin(rungs, videoTrack(avc720), audioTrack(aac))
	s.run(2*time.Second, nil)
	s.closeSegment(timeline.Source, s.lanes[timeline.Source].began+50*frame)
	s.joins("360p", videoTrack(avc360))
	w := watch(t, Options{Rendition: "360p"})
	s.run(at, func() { w.look(s.tl) })
	s.closeSegment("360p", s.lanes["360p"].began+pictures*frame)
	s.apply(timeline.RenditionLeft{Rendition: "360p", At: s.now})
	s.ids = s.ids[:2]
	s.run(7*time.Second, func() { w.look(s.tl) })
	return w
}

// Who plays a rung that leaves goes on with what leads, at a keyframe.
func TestRungThatLeaves(t *testing.T) {
	w := playedUntilItLeaves(t, 4*time.Second, 50)
	require.Equal(t, "360p 1.99", w.of("video")[49].data, "to its end")
	after := w.of("video")[50:]
	require.Equal(t, "source 1.100", after[0].data)
	require.True(t, after[0].sync)
	require.EqualValues(t, 2000, after[0].at)
	require.Equal(t, 1280.0, width(w))
	require.Len(t, w.of("video config"), 2)
	w.requireInOrder()
	at := w.of("audio")[0].at
	for _, g := range w.of("audio")[1:] {
		require.InDelta(t, 21.3, g.at-at, 1, "none twice, none missing")
		at = g.at
	}
}

// Where what leads has had its keyframe, the next one is waited for: nothing comes
// twice, and nothing without one.
func TestRungThatLeavesInMidGOP(t *testing.T) {
	w := playedUntilItLeaves(t, 5*time.Second, 25)
	require.Equal(t, "360p 1.124", w.of("video")[74].data)
	next := w.of("video")[75]
	require.Equal(t, "source 1.150", next.data)
	require.True(t, next.sync)
	require.EqualValues(t, 4000, next.at)
	w.requireInOrder()
}

// Enhanced RTMP is for those who said that they know it.
func TestCodecsByWhatTheClientTakes(t *testing.T) {
	enhanced := Takes{Video: FourCCs{"hvc1": true}, Audio: FourCCs{"*": true}}
	for _, c := range []struct {
		name   string
		video  media.Codec
		audio  media.Codec
		takes  Takes
		kinds  []string // that come
		result Outcome
	}{
		{"all of it", hevc, opus, enhanced, []string{"video", "audio"}, Waiting},
		{"sound only", hevc, aac, Takes{}, []string{"audio"}, Waiting},
		{"pictures only", avc360, opus, Takes{}, []string{"video"}, Waiting},
		{"another codec", hevc, opus, Takes{Video: FourCCs{"av01": true}, Audio: FourCCs{"Opus": true}}, []string{"audio"}, Waiting},
		{"nothing", hevc, opus, Takes{}, nil, Foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStudio(t)
			s.begin(nil, videoTrack(c.video), audioTrack(c.audio))
			s.run(time.Second, nil)
			w := watch(t, Options{Takes: c.takes})
			w.look(s.tl)
			var kinds []string
			for _, kind := range []string{"video", "audio"} {
				if len(w.of(kind)) > 0 {
					kinds = append(kinds, kind)
				}
			}
			require.Equal(t, c.kinds, kinds)
			require.Equal(t, c.result, w.last)
		})
	}
}

// A client of before gets the first rung that it can play.
func TestClientThatDoesNotTakeWhatLeads(t *testing.T) {
	s := newStudio(t)
	s.begin(rungs, videoTrack(hevc), audioTrack(aac))
	s.run(2*time.Second, nil)
	s.closeSegment(timeline.Source, s.lanes[timeline.Source].began+50*frame)
	w := watch(t, Options{})
	w.look(s.tl)
	require.Empty(t, w.got, "a rung is expected")
	s.joins("360p", videoTrack(avc360))
	s.run(4*time.Second, func() { w.look(s.tl) })
	w.requirePublished(s, "360p", 50, 2000)
}

// Sound that the client takes may come later than what it doesn't.
func TestSoundThatJoins(t *testing.T) {
	s := newStudio(t)
	s.begin([]timeline.ExpectedRendition{{Rendition: "aac", Kind: media.Audio}}, videoTrack(avc360), audioTrack(opus))
	w := watch(t, Options{})
	s.run(2*time.Second, func() { w.look(s.tl) })
	require.NotEmpty(t, w.of("video"))
	require.Empty(t, w.of("audio"))
	s.closeSegment(timeline.Source, s.lanes[timeline.Source].began+50*frame)
	s.closeSegment(timeline.Audio, s.lanes[timeline.Audio].began+90*aacFrame)
	s.joins("aac", audioTrack(aac))
	s.lanes["aac"].n = s.lanes[timeline.Audio].n
	s.run(4*time.Second, func() { w.look(s.tl) })
	require.Len(t, w.of("audio config"), 1)
	require.NotEmpty(t, w.of("audio"))
	require.Equal(t, 10.0, w.of("meta")[1].meta("audiocodecid"))
	require.Len(t, w.of("video config"), 1)
	w.requireInOrder()
}

// The form of every codec is what package flv reads, and the configuration what it
// parses.
func TestForms(t *testing.T) {
	all := Takes{Video: FourCCs{"*": true}, Audio: FourCCs{"*": true}}
	f, ok := all.formOf(videoTrack(hevc))
	require.True(t, ok)
	config, err := flv.ParseHEVCConfig(f.config)
	require.NoError(t, err)
	require.Equal(t, [][]byte{hevc.SPS}, config.SPS)
	tag, err := flv.ParseVideo(f.appendTo(nil, flv.PacketFrames, true, -3, []byte("x")))
	require.NoError(t, err)
	require.Equal(t, flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoHEVC, Packet: flv.PacketFrames, CompositionTime: -3, Enhanced: true, Payload: []byte("x")}, tag)

	f, ok = all.formOf(audioTrack(opus))
	require.True(t, ok)
	head, err := media.NewOpus(f.config)
	require.NoError(t, err)
	require.True(t, opus.Equal(head))
	surround := media.PlainOpus(6)
	head, err = media.NewOpus(surround.Head())
	require.NoError(t, err)
	require.True(t, surround.Equal(head))

	lossless := must(media.NewFLAC(append(unhex("12001200000000000000"+"0bb802f000000000"), make([]byte, 16)...)))
	f, ok = all.formOf(audioTrack(lossless))
	require.True(t, ok)
	again, err := media.NewFLAC(f.config)
	require.NoError(t, err)
	require.True(t, lossless.Equal(again))

	for _, c := range []struct {
		rate, channels int
		codec          flv.AudioCodec
		flags          uint8
	}{{44_100, 2, flv.AudioMP3, 15}, {48_000, 1, flv.AudioMP3, 14}, {22_050, 2, flv.AudioMP3, 11}, {11_025, 1, flv.AudioMP3, 6}, {8000, 1, flv.AudioMP38k, 2}} {
		f, ok := Takes{}.formOf(audioTrack(must(media.NewMP3(c.rate, c.channels))))
		require.True(t, ok)
		require.Equal(t, c.codec, f.audio)
		require.Equal(t, c.flags, f.flags, "%d", c.rate)
		require.Nil(t, f.config)
	}
	_, ok = Takes{}.formOf(media.Track{Kind: media.Video})
	require.False(t, ok)
	record, err := cmaf.Configuration(videoTrack(avc720))
	require.NoError(t, err)
	parsed, err := flv.ParseAVCConfig(record)
	require.NoError(t, err)
	require.Equal(t, [][]byte{avc720.SPS}, parsed.SPS)
}

// What a rung has told isn't told again by what leads, where that tells it with a later part.
func TestEventsOfARungThatLeaves(t *testing.T) {
	s := newStudio(t)
	s.says(1, 3*time.Second, "custom", "both")
	s.says(2, 3980*time.Millisecond+firstCTS*time.Millisecond, "custom", "last")
	s.begin(rungs, videoTrack(avc720), audioTrack(aac))
	s.run(2*time.Second, nil)
	s.closeSegment(timeline.Source, s.lanes[timeline.Source].began+50*frame)
	s.joins("360p", videoTrack(avc360))
	w := watch(t, Options{Rendition: "360p"})
	s.run(4*time.Second, func() { w.look(s.tl) })
	s.closeSegment("360p", s.lanes["360p"].began+50*frame)
	s.apply(timeline.RenditionLeft{Rendition: "360p", At: s.now})
	s.ids = s.ids[:2]
	s.emsgs[0].Time += media.TicksOf(1500*time.Millisecond, media.VideoClock) // as if that part told it
	s.run(7*time.Second, func() { w.look(s.tl) })
	got := w.script()
	require.Len(t, got, 2)
	require.Equal(t, []any{"custom", "both"}, got[0].values)
	require.EqualValues(t, 1000, got[0].at, "3 s of the publisher's clock: the client began at 2 s")
	require.Equal(t, []any{"custom", "last"}, got[1].values)
	w.requireInOrder()
}
