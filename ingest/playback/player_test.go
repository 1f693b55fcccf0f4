package playback

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
	"sluice/media"
	"sluice/packager/timeline"
)

// requirePublished compares the n-th and later pictures, and the sound that belongs to
// them, with what was published; base is the publisher's clock where the client's is 0.
func (w *watcher) requirePublished(s *studio, id timeline.RenditionID, n int, base int64) {
	w.t.Helper()
	video := w.of("video")
	require.NotEmpty(w.t, video)
	for i, got := range video {
		dts, cts, sync, data := s.lanes[id].sample(id, s.epoch, n+i)
		require.Equal(w.t, tag{kind: "video", at: uint32(dts - base), cts: int32(cts), sync: sync, data: string(data)}, got, "picture %d", n+i)
	}
	audio := w.of("audio")
	require.NotEmpty(w.t, audio)
	l := s.lanes[timeline.Audio]
	m := 0
	for {
		if dts, _, _, _ := l.sample(timeline.Audio, s.epoch, m); dts >= base+firstCTS {
			break
		}
		m++
	}
	for i, got := range audio {
		dts, _, _, data := l.sample(timeline.Audio, s.epoch, m+i)
		require.Equal(w.t, string(data), got.data)
		require.InDelta(w.t, dts-base, int64(got.at), 1, "sound %d", m+i)
	}
}

func (w *watcher) requireInOrder() {
	w.t.Helper()
	for i := 1; i < len(w.got); i++ {
		require.GreaterOrEqual(w.t, w.got[i].at, w.got[i-1].at, "tag %d", i)
	}
}

func TestPlaysWhatWasPublished(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(7*time.Second, func() { w.look(s.tl) })
	require.Equal(t, Waiting, w.last)
	require.Equal(t, []string{"meta", "video config", "video"}, []string{w.got[0].kind, w.got[1].kind, w.got[2].kind})
	require.Equal(t, "onMetaData", w.got[0].values[0])
	require.Equal(t, 640.0, w.got[0].meta("width"))
	require.Equal(t, 7.0, w.got[0].meta("videocodecid"))
	require.Equal(t, 10.0, w.got[0].meta("audiocodecid"))
	require.Equal(t, 48_000.0, w.got[0].meta("audiosamplerate"))
	require.Equal(t, "\x01\x42\xc0\x1e\xff\xe1", w.got[1].data[:6], "an AVC configuration")
	require.Equal(t, []tag{{kind: "audio config", at: w.of("audio")[0].at, data: "\x11\x90", sync: true}}, w.of("audio config"))
	w.requirePublished(s, timeline.Source, 0, 0)
	w.requireInOrder()
	require.Greater(t, len(w.of("video")), 7*25-2*ofPart)
	video, audio := w.p.Awaits()
	require.Equal(t, []timeline.RenditionID{timeline.Source, timeline.Audio}, []timeline.RenditionID{video, audio})

	s.end(0)
	w.look(s.tl)
	require.Equal(t, Waiting, w.last, "its publisher may come back")
	require.Len(t, w.of("video"), 7*25, "to the last one")
	require.Len(t, w.of("audio"), s.lanes[timeline.Audio].n-2, "but those before the first picture")
	w.requirePublished(s, timeline.Source, 0, 0)
	s.apply(timeline.StreamEnded{At: s.now})
	w.look(s.tl)
	require.Equal(t, Over, w.last)
	require.Zero(t, w.p.Skips())
}

// Who comes in the middle of a GOP starts with its keyframe, or, where there are more
// of them in the open segment, with the newest.
func TestJoinsAtTheNewestKeyframe(t *testing.T) {
	for _, at := range []time.Duration{200 * time.Millisecond, 1600 * time.Millisecond, 2 * time.Second, 3400 * time.Millisecond, 9 * time.Second} {
		t.Run(at.String(), func(t *testing.T) {
			s := newStudio(t)
			s.begin(nil, videoTrack(avc360), audioTrack(aac))
			s.run(at, nil)
			w := watch(t, Options{})
			w.look(s.tl)
			s.run(at+3*time.Second, func() { w.look(s.tl) })
			first := (int(at/(40*time.Millisecond)) - 1) / ofGOP * ofGOP
			w.requirePublished(s, timeline.Source, first, int64(first)*40)
			require.Zero(t, w.got[0].at)
			w.requireInOrder()
		})
	}
}

func TestWaitsForTheStream(t *testing.T) {
	s := newStudio(t)
	w := watch(t, Options{})
	w.look(s.tl)
	require.Equal(t, Waiting, w.last)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w.look(s.tl)
	require.Equal(t, Waiting, w.last)
	require.Empty(t, w.got)
	s.run(200*time.Millisecond, nil)
	w.look(s.tl)
	require.NotEmpty(t, w.got)
}

// Where the first picture's composition time is larger than it had to be, what leads
// has it all the same.
func TestDecodeTimesOfThePublisher(t *testing.T) {
	s := newStudio(t)
	s.delay = 80 * time.Millisecond
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(3*time.Second, func() { w.look(s.tl) })
	for i, got := range w.of("video") {
		dts, cts, _, _ := s.lanes[timeline.Source].sample(timeline.Source, 1, i)
		require.EqualValues(t, dts, got.at)
		require.EqualValues(t, cts+40, got.cts)
	}
	w.requireInOrder()
}

// Sound alone, and pictures alone.
func TestPlaysOneTrack(t *testing.T) {
	for _, track := range []media.Track{videoTrack(avc360), audioTrack(aac)} {
		t.Run(track.Kind.String(), func(t *testing.T) {
			s := newStudio(t)
			s.begin(nil, track)
			w := watch(t, Options{})
			if track.Kind == media.Video {
				s.run(3*time.Second, func() { w.look(s.tl) })
			} else {
				for range 12 {
					s.part(timeline.Audio, aacPart)
					w.look(s.tl)
				}
			}
			all := w.of(track.Kind.String())
			require.Len(t, all, s.lanes[s.ids[0]].n)
			require.Zero(t, all[0].at)
			require.Len(t, w.got, len(all)+2)
			require.Nil(t, w.got[0].meta(map[media.Kind]string{media.Video: "audiocodecid", media.Audio: "videocodecid"}[track.Kind]))
			video, audio := w.p.Awaits()
			require.Empty(t, video+audio)
		})
	}
}

// A client that takes nothing for longer than MaxLag goes on at the newest keyframe.
func TestSlowClientSkips(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, nil)
	w := watch(t, Options{MaxLag: 3 * time.Second})
	w.look(s.tl)
	s.run(3800*time.Millisecond, nil)
	w.look(s.tl)
	require.Zero(t, w.p.Skips(), "not that late")
	before := len(w.of("video"))
	s.run(8600*time.Millisecond, nil)
	w.look(s.tl)
	require.Equal(t, 1, w.p.Skips())
	video := w.of("video")
	require.Equal(t, "source 1.200", video[before].data, "the newest keyframe is at 8 s")
	require.EqualValues(t, 8000, video[before].at, "the clock goes on")
	for i, got := range video[before:] {
		require.Equal(t, fmt.Sprintf("source 1.%d", 200+i), got.data)
	}
	w.requireInOrder()
	for _, g := range w.of("audio") {
		require.False(t, g.at > 4000 && g.at < 8000+firstCTS-1, "sound at %d, without its picture", g.at)
	}
	s.run(10*time.Second, func() { w.look(s.tl) })
	require.Equal(t, 1, w.p.Skips())
	require.Len(t, w.of("video config"), 1, "nothing new")
}

// With one long GOP there is nothing to skip to.
func TestSlowClientStaysWhereNoKeyframeIs(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(1800*time.Millisecond, nil)
	w := watch(t, Options{MaxLag: 400 * time.Millisecond})
	w.look(s.tl)
	require.Zero(t, w.p.Skips())
	w.requirePublished(s, timeline.Source, 0, 0)
}

// What a client missed of whole epochs is left out, too.
func TestSlowClientSkipsIntoAnotherEpoch(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, nil)
	w := watch(t, Options{MaxLag: 3 * time.Second})
	w.look(s.tl)
	s.run(4*time.Second, nil)
	s.end(time.Second)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(5*time.Second, nil)
	w.look(s.tl)
	require.Equal(t, 1, w.p.Skips())
	video := w.of("video")
	require.Equal(t, "source 2.100", video[25].data)
	require.EqualValues(t, 4000+1000+4000, video[25].at)
	require.Len(t, w.of("video config"), 2)
	w.requireInOrder()
}

// An epoch goes on with the wall time that has passed, and tells its configuration.
func TestGoesOnOverEpochs(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(3*time.Second, func() { w.look(s.tl) })
	s.end(1500 * time.Millisecond)
	w.look(s.tl)
	before := len(w.got)
	s.begin(nil, videoTrack(avc720), audioTrack(aac))
	w.look(s.tl)
	require.Len(t, w.got, before)
	s.run(2*time.Second, func() { w.look(s.tl) })
	again := w.got[before:]
	require.Equal(t, "meta", again[0].kind)
	require.Equal(t, 1280.0, again[0].meta("width"))
	require.Len(t, w.of("video config"), 2)
	require.Len(t, w.of("audio config"), 2)
	video := w.of("video")
	require.Equal(t, "source 2.0", video[75].data)
	require.True(t, video[75].sync)
	require.EqualValues(t, 3000+1500, video[75].at)
	require.EqualValues(t, 40, video[75].cts)
	w.requireInOrder()
	for i, g := range again {
		require.GreaterOrEqual(t, g.at, uint32(4400), "tag %d", i)
	}
}

// A clock that was set back doesn't take the client's back.
func TestNeverGoesBack(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(3*time.Second, func() { w.look(s.tl) })
	s.end(-20 * time.Second)
	w.look(s.tl)
	last := w.got[len(w.got)-1].at
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(2*time.Second, func() { w.look(s.tl) })
	w.requireInOrder()
	require.Equal(t, last+1, w.of("meta")[1].at)
}

// Several epochs that came while nobody looked are all played.
func TestPlaysEpochsThatHaveEnded(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, nil)
	w := watch(t, Options{MaxLag: time.Minute})
	w.look(s.tl)
	for range 3 {
		s.end(time.Second)
		s.begin(nil, videoTrack(avc360), audioTrack(aac))
		s.run(time.Second, nil)
	}
	w.look(s.tl)
	s.end(0)
	s.apply(timeline.StreamEnded{At: s.now})
	w.look(s.tl)
	require.Equal(t, Over, w.last)
	require.Len(t, w.of("video"), 100)
	require.Len(t, w.of("video config"), 4)
	w.requireInOrder()
}

// Sound that doesn't come holds the picture up for a moment only, and comes late.
func TestMissingSoundIsNotWaitedFor(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	for range 20 {
		s.part(timeline.Source, ofPart)
		w.look(s.tl)
	}
	require.Greater(t, len(w.of("video")), 100-25)
	for range 5 {
		s.part(timeline.Audio, aacPart)
	}
	w.look(s.tl)
	require.Len(t, w.of("audio"), 5*aacPart-2)
	var at uint32
	for _, g := range w.of("audio") {
		require.GreaterOrEqual(t, g.at, at)
		at = g.at
	}
}

// What is large is given piece by piece.
func TestBatches(t *testing.T) {
	s := newStudio(t)
	s.pad = 20 << 10
	s.begin(nil, videoTrack(avc360))
	s.run(time.Second, nil)
	p := New(Options{StreamID: 1, MaxLag: time.Second})
	for n, o := 0, More; o == More; {
		var ms []chunk.Message
		var err error
		ms, o, err = p.Next(s.tl)
		require.NoError(t, err)
		size := 0
		for _, m := range ms {
			size += len(m.Body)
		}
		require.Less(t, size, batchBytes+21<<10)
		if n += len(ms); o != More {
			require.Equal(t, 2+25, n)
		}
	}
}

// An epoch may be dated anew while it's played already.
func TestEpochIsDatedAnew(t *testing.T) {
	s := newStudio(t)
	s.late = true
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(time.Second, func() { w.look(s.tl) })
	s.now = s.now.Add(-3 * time.Second)
	s.apply(timeline.EpochDated{Epoch: 1, At: s.now})
	s.fix()
	s.run(3*time.Second, func() { w.look(s.tl) })
	s.end(time.Second)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, func() { w.look(s.tl) })
	require.EqualValues(t, 3000+1000, w.of("video")[75].at)
}

// However long parts are, pictures and sound come in the order of their times.
func TestLongParts(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	for range 6 { // 2 s each, one at the other's middle
		s.part(timeline.Source, ofGOP)
		w.look(s.tl)
		s.part(timeline.Audio, 94)
		w.look(s.tl)
		if s.lanes[timeline.Audio].n == 94 {
			s.part(timeline.Audio, 47)
		}
	}
	w.requireInOrder()
	w.requirePublished(s, timeline.Source, 0, 0)
	require.Zero(t, w.p.Skips())
}

func TestPause(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(time.Second, func() { w.look(s.tl) })
	given := len(w.got)
	w.p.Pause(true)
	s.run(5*time.Second, func() { w.look(s.tl) })
	require.Len(t, w.got, given)
	w.p.Pause(false)
	w.look(s.tl)
	require.Equal(t, "source 1.100", w.of("video")[w.countBefore(given)].data, "the newest keyframe is at 4 s")
	before := w.countBefore(given) - 100 // were left out
	require.Zero(t, w.p.Skips(), "that is no fault of the client")
	w.requireInOrder()

	given = len(w.got)
	w.p.Pause(true)
	s.run(5400*time.Millisecond, nil)
	w.p.Pause(false)
	w.look(s.tl)
	next := w.of("video")[w.countBefore(given):]
	require.NotContains(t, next[0].data, "source 1.100", "nothing twice")
	require.False(t, next[0].sync)

	given = w.countBefore(len(w.got))
	s.run(8*time.Second, nil)
	w.look(s.tl)
	require.Equal(t, fmt.Sprintf("source 1.%d", given-before), w.of("video")[given].data, "then it isn't hurried any more")

	w.p.Pause(true)
	s.end(0)
	s.apply(timeline.StreamEnded{At: s.now})
	w.look(s.tl)
	require.Equal(t, Over, w.last)
}

// countBefore is how many of the first n tags are pictures.
func (w *watcher) countBefore(n int) (pictures int) {
	for _, g := range w.got[:n] {
		if g.kind == "video" {
			pictures++
		}
	}
	return pictures
}

// A part that can't be read is an error, not silence.
func TestBrokenPart(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360))
	s.part(timeline.Source, ofPart)
	s.tl.Rendition(timeline.Source).Open.Parts[0].Data[5] = 'x'
	_, _, err := New(Options{}).Next(s.tl)
	require.ErrorContains(t, err, "part 1.0 of source")
}
