package packager_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// gopTwo is two seconds of 30 frames each.
var gopTwo = video{num: 3000, gops: []int{60}}

// offsets returns how far each audio segment starts from the video's.
func offsets(r *rig) []time.Duration {
	start := map[uint64]time.Duration{}
	for _, g := range r.segments(timeline.Source) {
		if !g.gap() {
			start[g.msn] = g.start().Duration(media.VideoClock)
		}
	}
	var out []time.Duration
	for _, g := range r.segments(timeline.Audio) {
		if at, ok := start[g.msn]; ok && !g.gap() {
			out = append(out, g.start().Duration(48_000)-at)
		}
	}
	return out
}

const halfFrame = 10_667 * time.Microsecond

// TestInterleave has sound that arrives before or after the pictures it goes with.
func TestInterleave(t *testing.T) {
	for _, c := range []struct {
		name   string
		delay  time.Duration // of the sound's arrival
		gops   []int
		exact  int // from this segment on the cuts are exact
		within time.Duration
	}{
		{"together", 0, []int{60}, 1, 0},
		{"sound late by 0.9 s", 900 * time.Millisecond, []int{60}, 1, 0},
		{"sound ahead by 0.1 s", -100 * time.Millisecond, []int{60}, 2, 150 * time.Millisecond},
		{"sound ahead by 1.5 s", -1500 * time.Millisecond, []int{60}, 2, 1700 * time.Millisecond},
		{"sound ahead by 3 s", -3 * time.Second, []int{60}, 99, 3500 * time.Millisecond},
		{"sound ahead by 0.3 s of unforeseeable keyframes", -300 * time.Millisecond, []int{60, 45, 70, 33, 58, 64, 31, 90, 47}, 99, 550 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
			v := video{num: 3000, gops: c.gops, start: 7 * 90_000}
			sound := audio(48_000, 7*48_000, 20*time.Second, c.delay-7*time.Second)
			r.write(merge(v.events(20*time.Second), sound)).end()
			checkInvariants(t, r)
			all := offsets(r)
			require.GreaterOrEqual(t, len(all), 8)
			for i, off := range all {
				limit := halfFrame
				if i > 0 && i < c.exact {
					limit = max(c.within, halfFrame)
				}
				require.LessOrEqual(t, off.Abs(), limit, "segment %d", i)
			}
		})
	}
}

// TestSoundBeforePicture drops what can't be presented, and keeps what can.
func TestSoundBeforePicture(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	v := gopTwo
	v.start = 3 * 90_000 // the sound is three seconds older
	pictures := v.events(6 * time.Second)
	for i := range pictures {
		pictures[i].at += 3500 * time.Millisecond // and half a second ahead
	}
	// Pictures that can't be decoded come first.
	early := pictures[0]
	early.sample.Sync, early.sample.DTS, early.at = false, early.sample.DTS-9000, early.at-100*time.Millisecond
	r.write(merge([]event{early}, pictures, audio(48_000, 0, 9*time.Second, 0))).end()
	checkInvariants(t, r)
	sound := r.segments(timeline.Audio)
	near(t, media.Ticks(480_000), sound[0].start(), 512)
	first := entriesOf[timeline.EpochStarted](r)[0]
	require.Equal(t, r.start.Add(pictures[0].at), first.At)
	require.Equal(t, origin, r.segments(timeline.Source)[0].start())
	require.Equal(t, "video 0", string(r.segments(timeline.Source)[0].parts[0].Data[len(r.segments(timeline.Source)[0].parts[0].Data)-len("video 0video 1video 2video 3video 4video 5"):][:7]))
}

// TestLateSound starts, and stops, long after the pictures.
func TestLateSound(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	sound := audio(48_000, 5*48_000, 8*time.Second, 0) // from 5 s to 13 s
	r.write(merge(gopTwo.events(20*time.Second), sound)).end()
	checkInvariants(t, r)
	gaps := map[uint64]bool{}
	for _, g := range r.segments(timeline.Audio) {
		gaps[g.msn] = g.gap()
		if g.gap() {
			require.Equal(t, media.Ticks(96_000), g.closed.Duration)
			near(t, media.Ticks(480_000+96_000*(g.msn-1)), g.closed.Start, 1)
		}
	}
	// Seconds 0 to 4 are gaps, the sound begins in the third segment and ends in
	// the seventh.
	require.Equal(t, map[uint64]bool{1: true, 2: true, 3: false, 4: false, 5: false, 6: false, 7: false, 8: true, 9: true, 10: true}, gaps)
}

// TestSoundStopsShort ends before the picture does: dates go on without a jump
// from the last sound into the gap that brings it level.
func TestSoundStopsShort(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	r.write(merge(gopTwo.events(6500*time.Millisecond), audio(48_000, 0, 5900*time.Millisecond, 0))).end()
	checkInvariants(t, r)
	sound := r.segments(timeline.Audio)
	require.Len(t, sound, 4)
	require.True(t, sound[3].gap())
	before := sound[2]
	end := before.start() + before.closed.Duration
	require.Less(t, end, media.Ticks(480_000+6*48_000-48_000/20), "the sound reaches the boundary")
	require.Equal(t, end, sound[3].closed.Start)
	wall := before.parts[0].Time.Add(before.closed.Duration.Duration(48_000))
	require.WithinDuration(t, wall, sound[3].closed.Time, time.Millisecond)
}

// TestSilentSound leaves out a track of which nothing comes, and takes it in
// when it comes after all.
func TestSilentSound(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	events := merge(gopTwo.events(60*time.Second), audio(48_000, 31*48_000, 29*time.Second, 0))
	r.write(events[:20*30])
	require.Equal(t, []string{"no sound comes: look at the encoder's audio source"}, r.stream.Health().Advice)
	r.write(events[20*30:]).end()
	checkInvariants(t, r)
	epochs := entriesOf[timeline.EpochStarted](r)
	require.Len(t, epochs, 3)
	require.Len(t, epochs[0].Tracks, 2)
	require.Len(t, epochs[1].Tracks, 1)
	require.Len(t, epochs[2].Tracks, 2)
	var lengths []time.Duration
	frames := 0
	for _, g := range r.segments(timeline.Source) {
		lengths = append(lengths, g.closed.Duration.Duration(media.VideoClock))
		for _, p := range g.parts {
			frames += p.Samples
		}
	}
	require.Equal(t, 1800, frames, "no picture is lost")
	for _, l := range lengths {
		require.Equal(t, 2*time.Second, l)
	}
}

// TestSilentPicture goes on with the sound when the pictures stop, and takes
// them in with their next keyframe.
func TestSilentPicture(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	var pictures []event
	for _, e := range gopTwo.events(60 * time.Second) {
		if e.at < 10*time.Second || e.at > 31*time.Second {
			pictures = append(pictures, e)
		}
	}
	r.write(merge(pictures, audio(48_000, 0, 60*time.Second, 0))).end()
	checkInvariants(t, r)
	epochs := entriesOf[timeline.EpochStarted](r)
	require.Len(t, epochs, 3)
	require.Equal(t, timeline.Audio, epochs[1].Tracks[0].Rendition)
	require.Len(t, epochs[2].Tracks, 2)
	for _, g := range r.segments(timeline.Source) {
		require.Equal(t, g.epoch == 2, g.gap(), "the pictures' rendition has gaps while there are none")
	}
}

// TestNeverPicture has a track of pictures announced of which none ever comes.
func TestNeverPicture(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
	r.write(audio(48_000, 0, 30*time.Second, 0)).end()
	checkInvariants(t, r)
	epochs := entriesOf[timeline.EpochStarted](r)
	require.Len(t, epochs, 1)
	require.Len(t, epochs[0].Tracks, 1)
	near(t, 10*time.Second, epochs[0].At.Sub(r.start), 100*time.Millisecond)
}
