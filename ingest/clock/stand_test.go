package clock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// A clock that stands still, of both tracks or of one, and goes on from there or where
// it should be: samples follow each other without a hole and without overlapping, sound and picture stay
// together, and no sample is left out.
func TestStandingClock(t *testing.T) {
	const before, after = 10_000, 20_000 // ms
	for _, c := range []struct {
		name           string
		picture, sound bool // whose clock stands
		still          int  // ms
		makesUp        bool // goes on where it should be
		fps            float64
		declared       []float64
	}{
		{"both", true, true, 5000, false, 30, []float64{30}},
		{"both, unknown rate", true, true, 5000, false, 25, nil},
		{"both, 12 s, then catch up", true, true, 12_000, true, 30, []float64{30}},
		{"both, a third of a second", true, true, 333, false, 60, []float64{60}},
		{"both, a fifth of a second", true, true, 200, false, 60, []float64{60}},
		{"both, five frames a second", true, true, 5000, false, 5, []float64{5}},
		{"the picture's", true, false, 5000, false, 30, []float64{30}},
		{"the picture's, and catches up", true, false, 5000, true, 29.97, []float64{29.97}},
		{"the picture's, whose rate is twice what it says", true, false, 5000, true, 50, []float64{25}},
		{"the sound's", false, true, 5000, false, 30, []float64{30}},
		{"the sound's, and catches up", false, true, 12_000, true, 30, []float64{30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := New(0)
			v, a := clock.Video(c.declared...), clock.Audio(48000, 1024)
			var last [2]float64
			told := func(i int, stands bool, at float64) uint32 {
				switch {
				case !stands || at < before:
					last[i] = at
				case at < before+float64(c.still):
					at = last[i]
				case !c.makesUp:
					at -= float64(c.still)
				}
				return uint32(5000 + at)
			}
			lost := 0
			var ends [2]float64 // ms, of the newest picture and frame of sound
			var first [2]float64
			place := func(i int, at float64, start, length media.Ticks, scale media.Timescale, verdict Verdict) {
				if verdict == Drop {
					lost++
					return
				}
				require.NotEqual(t, Jump, verdict, "at %v ms", at)
				begin := float64(start) * 1000 / float64(scale)
				if ends[i] == 0 {
					first[i] = begin
				} else if at > before/2 { // once the rate is known
					require.Greater(t, begin, ends[i]-1.01, "track %d at %v ms overlaps the sample before", i, at)
					// The sound's clock may be off by a frame and a half, the picture's by what it is late.
					require.Less(t, begin, ends[i]+160, "track %d at %v ms leaves a hole", i, at)
				}
				ends[i] = begin + float64(length)*1000/float64(scale)
				// In the end, and all the while, it is where it was seen and heard.
				require.InDelta(t, at, begin-first[i], 260, "track %d", i)
			}
			for p, s := 0, 0; ; {
				seen, heard := float64(p)*1000/c.fps, float64(s)*1024/48
				if seen >= before+after {
					break
				}
				if seen <= heard {
					got, verdict := v.Stamp(told(0, c.picture, seen), 66)
					place(0, seen, got.DTS, got.Duration, media.VideoClock, verdict)
					p++
				} else {
					got, verdict := a.Stamp(told(1, c.sound, heard))
					place(1, heard, got.DTS, got.Duration, 48000, verdict)
					s++
				}
			}
			require.InDelta(t, ends[1]-first[1], ends[0]-first[0], 60+1000/c.fps, "sound beside the picture")
			if c.still < leastStand {
				require.LessOrEqual(t, lost, c.still*48/1024) // the sound's clock counts, and says that there is too much
			} else {
				require.Zero(t, lost)
			}
		})
	}
}

// Timestamps that never move at all are as good as none: everything is counted.
func TestClockThatNeverMoves(t *testing.T) {
	clock := New(0)
	v, a := clock.Video(25), clock.Audio(48000, 1024)
	var picture, sound Time
	for n, s := 0, 0; n < 25*60; n++ {
		picture, _ = v.Stamp(7000, 0)
		for ; s*1024 < (n+1)*48000/25; s++ {
			sound, _ = a.Stamp(7000)
		}
	}
	require.InDelta(t, 67*90_000, int64(picture.DTS+picture.Duration), 9000)
	require.InDelta(t, 67*48_000, int64(sound.DTS+sound.Duration), 4800)
	// What is said meanwhile belongs to the picture that comes with it.
	at, ok := v.At(7000)
	require.True(t, ok)
	require.InDelta(t, int64(picture.DTS+picture.Duration), int64(at), 90)
}

// Sound that begins only after the picture's clock has stood still moves no picture, wherever
// the publisher's clock is; nor does what was heard before a jump.
func TestSoundAfterTheClockStands(t *testing.T) {
	const at = 1_000_000_000
	for _, jumps := range []bool{false, true} {
		clock := New(0)
		v, a := clock.Video(25), clock.Audio(48000, 1024)
		if jumps {
			for n := range uint32(10) {
				v.Stamp(n*40, 0)
				a.Stamp(n * 64 / 3)
			}
			_, verdict := v.Stamp(at, 0)
			require.Equal(t, Jump, verdict)
			clock.Restart()
		}
		for n, s := 0, 0; n < 100; n++ {
			got, _ := v.Stamp(at, 0)
			require.InDelta(t, (at+40*n)*90, int64(got.DTS), 200*90)
			for ; n >= 3 && s*1024 < (n-2)*48000/25; s++ {
				a.Stamp(at)
			}
		}
	}
}
