package packager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

var origin = media.TicksOf(timeline.Origin, media.VideoClock)

var regularCases = []struct {
	name       string
	video      video
	audio      int
	settings   packager.Settings
	segment    media.Ticks // length of each
	frames     int         // in a part
	audioParts media.Ticks // frames in one
	part       time.Duration
	target     time.Duration
}{
	{name: "30 fps, GOP 2 s", video: video{num: 3000, gops: []int{60}}, audio: 48_000,
		segment: 180_000, frames: 6, audioParts: 9, part: 200 * time.Millisecond, target: 2 * time.Second},
	{name: "30 fps, GOP 1 s, B-frames", video: video{num: 3000, gops: []int{30}, bframes: true}, audio: 44_100,
		segment: 180_000, frames: 6, audioParts: 8, part: 200 * time.Millisecond, target: 2 * time.Second},
	{name: "29.97 fps, GOP 60", video: video{num: 3003, gops: []int{60}, bframes: true}, audio: 48_000,
		segment: 180_180, frames: 6, audioParts: 9, part: 200_200 * time.Microsecond, target: 2 * time.Second},
	{name: "25 fps, GOP 48", video: video{num: 3600, gops: []int{48}}, audio: 48_000,
		segment: 48 * 3600, frames: 5, audioParts: 9, part: 200 * time.Millisecond, target: 2 * time.Second},
	{name: "25 fps, GOP 47", video: video{num: 3600, gops: []int{47}}, audio: 48_000,
		segment: 2 * 47 * 3600, frames: 5, audioParts: 9, part: 200 * time.Millisecond, target: 4 * time.Second},
	{name: "24 fps, GOP 2 s", video: video{num: 3750, gops: []int{48}}, audio: 48_000,
		segment: 180_000, frames: 5, audioParts: 9, part: 208_340 * time.Microsecond, target: 2 * time.Second},
	{name: "59.94 fps, GOP 120", video: video{num: 3003, den: 2, gops: []int{120}}, audio: 48_000,
		segment: 180_180, frames: 12, audioParts: 9, part: 200_200 * time.Microsecond, target: 2 * time.Second},
	{name: "23.976 fps, GOP 48", video: video{num: 15015, den: 4, gops: []int{48}}, audio: 44_100,
		segment: 180_180, frames: 5, audioParts: 8, part: 208_550 * time.Microsecond, target: 2 * time.Second},
	{name: "30 fps, GOP 10 s", video: video{num: 3000, gops: []int{300}}, audio: 48_000,
		segment: 900_000, frames: 6, audioParts: 9, part: 200 * time.Millisecond, target: 10 * time.Second},
	{name: "30 fps, GOP 1.5 s", video: video{num: 3000, gops: []int{45}}, audio: 48_000,
		segment: 270_000, frames: 6, audioParts: 9, part: 200 * time.Millisecond, target: 3 * time.Second},
	{name: "60 fps, parts of half a second, segments of 4 s", video: video{num: 1500, gops: []int{120}}, audio: 48_000,
		settings: packager.Settings{Segment: 4 * time.Second, Part: 500 * time.Millisecond},
		segment:  360_000, frames: 30, audioParts: 23, part: 500 * time.Millisecond, target: 4 * time.Second},
	{name: "HE-AAC's frames", video: video{num: 3000, gops: []int{60}}, audio: 24_000,
		segment: 180_000, frames: 6, audioParts: 4, part: 200 * time.Millisecond, target: 2 * time.Second},
	{name: "8 kHz sound makes parts longer", video: video{num: 3000, gops: []int{60}}, audio: 8000,
		segment: 180_000, frames: 7, audioParts: 2, part: 256 * time.Millisecond, target: 2 * time.Second},
	{name: "video only", video: video{num: 3000, gops: []int{60}},
		segment: 180_000, frames: 6, part: 200 * time.Millisecond, target: 2 * time.Second},
	{name: "all intra", video: video{num: 3000, gops: []int{1}}, audio: 48_000,
		segment: 180_000, frames: 6, audioParts: 9, part: 200 * time.Millisecond, target: 2 * time.Second},
}

// TestRegular packages streams whose keyframes come at regular distances.
func TestRegular(t *testing.T) {
	for _, c := range regularCases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.settings)
			const length = 41 * time.Second
			c.video.start = 7000
			events := c.video.events(length)
			if c.audio > 0 {
				r.begin(videoTrack(t), audioTrack(t, c.audio))
				events = merge(events, audio(c.audio, 700, length, 5*time.Millisecond))
			} else {
				r.begin(videoTrack(t))
			}
			r.write(events).end()
			checkInvariants(t, r)

			targets := r.targets()
			require.Equal(t, timeline.Targets{
				Segment: c.target, Part: c.part, HoldBack: 3 * c.target, PartHoldBack: 3 * c.part,
			}, targets)
			segments := r.segments(timeline.Source)
			for i, g := range segments[:len(segments)-1] {
				near(t, c.segment, g.closed.Duration, 1)
				near(t, origin+media.Ticks(i)*c.segment, g.start(), 1)
				for _, p := range g.parts[:len(g.parts)-1] {
					require.Equal(t, c.frames, p.Samples)
				}
			}
			if c.audio == 0 {
				return
			}
			for i, g := range r.segments(timeline.Audio) {
				frame := media.Ticks(1024).Duration(media.Timescale(c.audio))
				want := timeline.Origin + time.Duration(i)*c.segment.Duration(media.VideoClock)
				if i > 0 {
					near(t, want, g.start().Duration(media.Timescale(c.audio)), frame/2+time.Millisecond)
				}
				for _, p := range g.parts[:max(len(g.parts)-1, 0)] {
					require.EqualValues(t, c.audioParts, p.Samples)
				}
			}
		})
	}
}

// TestPartsDoNotWait shows that parts, the last of a segment included, are
// published with the arrival of their own last sample.
func TestPartsDoNotWait(t *testing.T) {
	for _, v := range []video{
		{num: 3003, gops: []int{60}, bframes: true},
		{num: 3600, gops: []int{48}},
		{num: 3003, den: 2, gops: []int{110}},
	} {
		r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
		r.write(merge(v.events(20*time.Second), audio(48_000, 0, 20*time.Second, 0)))
		for i, e := range r.all() {
			part, ok := e.(timeline.PartWritten)
			// The first GOP's end can't be foreseen.
			if !ok || part.Epoch != 1 || part.MSN < 3 {
				continue
			}
			require.Equal(t, r.start.Add(r.appends[i]), part.Part.Arrived, "%s %d.%d", part.Rendition, part.MSN, part.Index)
		}
		r.end()
		checkInvariants(t, r)
	}
}

// TestIrregular packages GOPs of a film: segments start at every keyframe that
// is a second away from the last start, once the irregularity shows.
func TestIrregular(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	v := video{num: 3000, gops: []int{60, 60, 39, 60, 12, 25, 60, 60, 75, 31, 60}}
	r.write(merge(v.events(40*time.Second), audio(48_000, 0, 40*time.Second, 0))).end()
	checkInvariants(t, r)
	var got []media.Ticks
	for _, g := range r.segments(timeline.Source) {
		got = append(got, g.closed.Duration/3000)
	}
	require.Equal(t, []media.Ticks{60, 60, 39, 60, 37, 60, 60, 75, 31, 60}, got[:10])
	require.Equal(t, 2*time.Second, r.targets().Segment)
}

// TestLongGOP shows what a GOP does that is longer than what was promised.
func TestLongGOP(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	v := video{num: 3000, gops: []int{60, 60, 249, 249, 60, 60, 60, 60, 60, 200, 60}}
	events := merge(v.events(14*time.Second), audio(48_000, 0, 14*time.Second, 0))
	r.write(events)
	h := r.stream.Health()
	require.Equal(t, []string{"keyframe interval is 8.3 s: set 2 s in OBS, Settings, Output"}, h.Advice)
	require.True(t, h.Live)
	require.Len(t, entriesOf[timeline.TargetsFixed](r), 1)
	require.Equal(t, 2*time.Second, r.targets().Segment)
	longer := merge(v.events(50*time.Second), audio(48_000, 0, 50*time.Second, 0))
	r.write(longer[len(events):])
	require.Empty(t, r.stream.Health().Advice)
	r.end()
	require.Equal(t, 2, strings.Count(r.log.String(), "keyframes are too far apart"), "once an episode:\n%s", &r.log)
	require.Equal(t, media.Ticks(249*3000), r.segments(timeline.Source)[2].closed.Duration)
	checkInvariants(t, r)
}

// TestVariableRate has frames whose times are whole milliseconds, and holes.
func TestVariableRate(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	events := video{num: 3003, gops: []int{60}, millis: true}.events(30 * time.Second)
	var kept []event
	for i, e := range events {
		if i > 200 && i%7 == 3 && !e.sample.Sync || i > 500 && i < 540 && !e.sample.Sync {
			continue
		}
		kept = append(kept, e)
	}
	r.write(kept).end()
	checkInvariants(t, r)
	require.Equal(t, 2*time.Second, r.targets().Segment)
	near(t, 201*time.Millisecond, r.targets().Part, time.Millisecond)
}

// TestWaitForGOP fixes the targets without a second keyframe.
func TestWaitForGOP(t *testing.T) {
	r := newRig(t, packager.Settings{MaxGOPWait: 3 * time.Second}).begin(videoTrack(t))
	v := video{num: 3000, gops: []int{600}}
	events := v.events(30 * time.Second)
	r.write(events[:90])
	require.Empty(t, entriesOf[timeline.TargetsFixed](r))
	r.write(events[90:91])
	require.Equal(t, 3*time.Second, r.targets().Segment)
	r.write(events[91:]).end()
	require.Len(t, entriesOf[timeline.TargetsFixed](r), 1)
	checkInvariants(t, r)
}

// TestNoKeyframeEver gives an epoch up rather than fill the memory.
func TestNoKeyframeEver(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	v := video{num: 3000, gops: []int{2500}}
	r.write(v.events(100 * time.Second)).end()
	checkInvariants(t, r)
	epochs := entriesOf[timeline.EpochStarted](r)
	require.Len(t, epochs, 2)
	segments := r.segments(timeline.Source)
	require.Len(t, segments, 2)
	near(t, time.Minute, segments[0].closed.Duration.Duration(media.VideoClock), 100*time.Millisecond)
}

// TestAudioOnly cuts sound by time, at the frame nearest to a grid.
func TestAudioOnly(t *testing.T) {
	for _, rate := range []int{48_000, 44_100, 8000} {
		r := newRig(t, packager.Settings{}).begin(audioTrack(t, rate))
		r.write(audio(rate, 12_345, 600*time.Second, 0)).end()
		checkInvariants(t, r)
		ts := media.Timescale(rate)
		segments := r.segments(timeline.Audio)
		require.Contains(t, []int{300, 301}, len(segments)) // a last frame may begin one more
		for i, g := range segments {
			want := media.TicksOf(timeline.Origin+time.Duration(i)*2*time.Second, ts)
			near(t, want, g.start(), 513, "rate %d segment %d", rate, i)
		}
		require.Equal(t, 2*time.Second, r.targets().Segment)
		first := r.all()[2]
		require.IsType(t, timeline.TargetsFixed{}, first, "with the first frame")
	}
}

// TestAudioOnlyHole has sound that stops for some seconds: no gap, no wrong MSN.
func TestAudioOnlyHole(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(audioTrack(t, 48_000))
	events := audio(48_000, 0, 20*time.Second, 0)
	r.write(append(events[:235:235], events[560:]...)).end() // from 5.0 s to 11.9 s
	checkInvariants(t, r)
	for _, g := range r.segments(timeline.Audio) {
		require.False(t, g.gap())
		require.LessOrEqual(t, g.closed.Duration, media.Ticks(2*48_000+512))
	}
}
