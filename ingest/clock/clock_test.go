package clock

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// cuts are the ways in which encoders cut exact times, in ticks of 90 kHz
// times 1001, to milliseconds.
var cuts = map[string]func(n, num, den int64) int64{
	"down":  func(n, num, den int64) int64 { return n * 1000 * den / num },
	"near":  func(n, num, den int64) int64 { return (2*n*1000*den + num) / (2 * num) },
	"up":    func(n, num, den int64) int64 { return (n*1000*den + num - 1) / num },
	"micro": func(n, num, den int64) int64 { return n * 1_000_000 * den / num / 1000 },
	"phase": func(n, num, den int64) int64 { return (n*1000*den + num*7/10) / num },
}

func TestExactGridForHours(t *testing.T) {
	for _, c := range []struct {
		name     string
		num, den int64
		declared []float64
		ticks    [2]int64 // the frame durations that there may be
	}{
		{"29.97", 30000, 1001, []float64{29.97}, [2]int64{3003, 3003}},
		{"29.97 as a fraction", 30000, 1001, []float64{30000.0 / 1001}, [2]int64{3003, 3003}},
		{"59.94", 60000, 1001, []float64{59.94}, [2]int64{1501, 1502}},
		{"59.94 by fields in the SPS", 60000, 1001, []float64{0, 119.88}, [2]int64{1501, 1502}},
		{"29.97 whose SPS says half", 30000, 1001, []float64{0, 14.985}, [2]int64{3003, 3003}},
		{"23.976", 24000, 1001, []float64{23.98}, [2]int64{3753, 3754}},
		{"25", 25, 1, []float64{25}, [2]int64{3600, 3600}},
		{"60", 60, 1, []float64{60}, [2]int64{1500, 1500}},
	} {
		for how, cut := range cuts {
			t.Run(c.name+" "+how, func(t *testing.T) {
				v := New(0).Video(c.declared...)
				minutes := int64(20)
				if how == "down" {
					minutes = 180
				}
				frames := minutes * 60 * c.num / c.den
				last := int64(0)
				for n := range frames {
					ms := cut(n, c.num, c.den)
					got, verdict := v.Stamp(uint32(ms), 0)
					if verdict != Kept {
						t.Fatalf("frame %d: verdict %d", n, verdict)
					}
					dts := int64(got.DTS)
					if n > 0 && (dts-last < c.ticks[0] || dts-last > c.ticks[1]) {
						t.Fatalf("frame %d is %d ticks after the one before", n, dts-last)
					}
					if off := dts - ms*90; off < -90 || off > 90 {
						t.Fatalf("frame %d is %d ticks from %d ms", n, off, ms)
					}
					if d := int64(got.Duration); n > 0 && (d < c.ticks[0] || d > c.ticks[1]) {
						t.Fatalf("frame %d lasts %d ticks", n, d)
					}
					last = dts
				}
				// Not one tick is lost or won over the hours.
				require.Equal(t, (frames-1)*90000*c.den/c.num, last)
			})
		}
	}
}

// Nothing declared, or something wrong: the timestamps teach the rate, and no
// sample is ever more than a millisecond from its own.
func TestLearnsTheRate(t *testing.T) {
	for _, r := range rates {
		if r.float() < 5 {
			continue // an hour has few such frames
		}
		for _, wrong := range [][]float64{nil, {30}, {29.97, 60}, {math.NaN(), math.Inf(1), -5, 1000}} {
			for how, cut := range cuts {
				v := New(0).Video(wrong...)
				steps, odd := 0, 0
				last := int64(0)
				for n := range int64(800) {
					ms := cut(n, r.num, r.den)
					got, verdict := v.Stamp(uint32(ms), 0)
					off := int64(got.DTS) - ms*90
					if verdict != Kept || off < -90 || off > 90 {
						t.Fatalf("%v %s: %d ticks off, verdict %d", r, how, off, verdict)
					}
					if step := int64(got.DTS) - last; n > 300 {
						steps++
						if step != r.at(1) && step != r.at(1)+1 {
							odd++
						}
					}
					last = int64(got.DTS)
				}
				require.Equal(t, r, v.rate, "%s, declared %v", how, wrong)
				require.LessOrEqual(t, odd, 2, "%v %s, declared %v: of %d steps", r, how, wrong, steps)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	c := New(0)
	v, a := c.Video(25), c.Audio(48000, 1024)
	start := int64(math.MaxUint32) - 500
	for n := range int64(100) {
		got, verdict := v.Stamp(uint32(start+40*n), 0)
		require.Equal(t, Kept, verdict)
		require.Equal(t, media.Ticks(start*90+3600*n), got.DTS)
		heard, verdict := a.Stamp(uint32(start + n*1024*1000/48000))
		require.Equal(t, Kept, verdict)
		require.Equal(t, media.Ticks(start*48+1024*n), heard.DTS)
	}
	// A track that appears right after the wrap belongs before or after it.
	late := c.Audio(48000, 1024)
	got, _ := late.Stamp(uint32(start + 3000))
	require.Equal(t, media.Ticks((start+3000)*48), got.DTS)
	early := c.Audio(48000, 1024)
	got, _ = early.Stamp(math.MaxUint32 - 200)
	require.Equal(t, media.Ticks((math.MaxUint32-200)*48), got.DTS)
}

func TestVariableRateKeepsItsMilliseconds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	v := New(0).Video()
	ms, off := int64(0), 0
	for range 5000 {
		ms += 20 + rnd.Int64N(60)
		got, verdict := v.Stamp(uint32(ms), 0)
		require.Equal(t, Kept, verdict)
		if int64(got.DTS) != ms*90 {
			off++
		}
		require.InDelta(t, 50*90, int64(got.Duration), 31*90)
	}
	require.Zero(t, off)
}

// A declared rate is given up once frames fall off its grid.
func TestVariableRateDespiteADeclaration(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	v := New(0).Video(30)
	ms := int64(0)
	for n := range 2000 {
		ms += 20 + rnd.Int64N(60)
		got, _ := v.Stamp(uint32(ms), 0)
		if n > 64 {
			require.Equal(t, ms*90, int64(got.DTS), "frame %d", n)
		}
	}
}

func TestCompositionOffsetsLieOnTheGrid(t *testing.T) {
	v := New(0).Video(29.97)
	// Display order I2 P5 B3 B4 ...: offsets of 2, 4, 1, 1 frames, in milliseconds.
	for n := range int64(3000) {
		ms := n * 1001 / 30
		frames := [...]int64{2, 4, 1, 1}[n%4]
		cts := (n+frames)*1001/30 - ms
		got, _ := v.Stamp(uint32(ms), int32(cts))
		require.Equal(t, media.Ticks(3003*frames), got.CTSOffset)
	}
	// One that is no whole number of frames stays, a negative one too.
	got, _ := v.Stamp(3000*1001/30, 50)
	require.Equal(t, media.Ticks(4500), got.CTSOffset)
	got, _ = v.Stamp(3001*1001/30, -67)
	require.Equal(t, media.Ticks(-6006), got.CTSOffset)
}

func TestDroppedFramesLeaveAGapOnTheGrid(t *testing.T) {
	v := New(0).Video(29.97)
	frame := int64(0)
	for n := range 3000 {
		if n%100 == 50 {
			frame += 3
		}
		if n == 2000 {
			frame += 270 // nine seconds
		}
		got, verdict := v.Stamp(uint32(frame*1001/30), 0)
		require.Equal(t, Kept, verdict)
		require.Equal(t, media.Ticks(3003*frame), got.DTS)
		require.Equal(t, media.Ticks(3003), got.Duration)
		frame++
	}
}

func TestRepeatedAndReturningTimestamps(t *testing.T) {
	v := New(0).Video(25)
	for _, c := range []struct {
		ms      uint32
		want    media.Ticks
		verdict Verdict
	}{
		{1000, 90_000, Kept},
		{1040, 93_600, Kept},
		{1040, 97_200, Repaired}, // most likely the next one
		{1039, 97_201, Repaired}, // too many by now
		{1120, 100_800, Kept},    // as if nothing had been
		{1119, 104_400, Repaired},
		{121, 104_401, Repaired},
		{1160, 104_402, Repaired}, // its place is taken
		{1200, 108_000, Kept},
		{1199, 111_600, Repaired},
		{1280, 115_200, Kept},
		{159, 0, Jump},
		{11_160, 1_004_400, Kept},
		{21_161, 0, Jump},
		{11_200, 1_008_000, Kept},
	} {
		got, verdict := v.Stamp(c.ms, 0)
		require.Equal(t, c.verdict, verdict, c.ms)
		require.Equal(t, c.want, got.DTS, c.ms)
	}
}

// One frame that comes late costs itself alone; a phase that changes for good
// is followed.
func TestGridSurvivesAGlitch(t *testing.T) {
	v := New(0).Video(30)
	at := func(n int64) int64 { return n * 1000 / 30 }
	for n := range int64(500) {
		ms := at(n)
		if n%60 == 59 {
			ms += 7
		}
		got, _ := v.Stamp(uint32(ms), 0)
		if n%60 == 59 {
			require.Equal(t, ms*90, int64(got.DTS))
		} else {
			require.Equal(t, 3000*n, int64(got.DTS))
		}
	}
	var last media.Ticks
	for n := int64(500); n < 1000; n++ {
		got, _ := v.Stamp(uint32(at(n)+11), 0)
		if n > 520 {
			require.Equal(t, media.Ticks(3000), got.DTS-last)
		}
		last = got.DTS
	}
}

// A camera whose clock is not quite the rate it says: the grid follows in steps
// that nobody sees.
func TestGridFollowsADriftingSource(t *testing.T) {
	v := New(0).Video(30)
	moved := 0
	last := int64(0)
	for n := range int64(3600 * 30) {
		ms := n * 1_000_030 / 30_000 // 30 parts in a million slow
		got, verdict := v.Stamp(uint32(ms), 0)
		require.Equal(t, Kept, verdict)
		off := int64(got.DTS) - ms*90
		require.True(t, -90 <= off && off <= 90)
		if n > 0 && int64(got.DTS)-last != 3000 {
			moved++
		}
		last = int64(got.DTS)
	}
	require.Less(t, moved, 3*108) // 108 ms in the hour
}

func TestTracksJumpTogether(t *testing.T) {
	c := New(0)
	v, a := c.Video(30), c.Audio(48000, 1024)
	for n := range uint32(30) {
		v.Stamp(100_000+n*100/3, 0)
		a.Stamp(100_000 + n*64/3)
	}
	// The video starts from 0 again, the audio some packets later.
	_, verdict := v.Stamp(0, 66)
	require.Equal(t, Jump, verdict)
	c.Restart()
	got, verdict := v.Stamp(0, 66)
	require.Equal(t, Kept, verdict)
	require.Equal(t, Time{DTS: -60, CTSOffset: 6000, Duration: 3000}, got, "shown at 66 ms")
	for n := range uint32(5) {
		_, verdict = a.Stamp(100_640 + n*64/3)
		require.Equal(t, Drop, verdict)
	}
	heard, verdict := a.Stamp(66)
	require.Equal(t, Kept, verdict)
	require.EqualValues(t, 66*48, heard.DTS)
	got, _ = v.Stamp(33, 66)
	require.EqualValues(t, 2940, got.DTS)
}

// One track's clock is set back and the other's is not: it isn't dropped for ever.
func TestOneTrackJumpsAlone(t *testing.T) {
	c := New(0)
	v, a := c.Video(30), c.Audio(48000, 1024)
	v.Stamp(100_000, 0)
	a.Stamp(100_000)
	_, verdict := v.Stamp(0, 0)
	require.Equal(t, Jump, verdict)
	c.Restart()
	v.Stamp(0, 0)
	drops := 0
	for n := range uint32(200) {
		heard, verdict := a.Stamp(100_000 + (n+1)*64/3)
		v.Stamp(n*64/3, 0)
		switch {
		case verdict == Drop:
			drops++
		case n == maxStale:
			require.InDelta(t, float64(n*1024), float64(heard.DTS), 2048, "beside the video")
		}
	}
	require.Equal(t, maxStale, drops)
}

func TestTimeBasesThatDiffer(t *testing.T) {
	c := New(0)
	v, a := c.Video(30), c.Audio(48000, 1024)
	v.Stamp(5000, 0)
	heard, verdict := a.Stamp(3_000_000_000)
	require.Equal(t, Kept, verdict)
	require.EqualValues(t, 5000*48, heard.DTS)
	for n := range uint32(2000) {
		got, verdict := v.Stamp(5000+(n+1)*100/3, 0)
		require.Equal(t, Kept, verdict)
		require.InDelta(t, 450_000+(n+1)*3000, int64(got.DTS), 1)
		heard, verdict = a.Stamp(3_000_000_000 + (n+1)*64/3)
		require.Equal(t, Kept, verdict)
		require.EqualValues(t, 240_000+(n+1)*1024, heard.DTS)
	}
}

// A track that was silent while the other went on comes back without a jump.
func TestSilenceIsNoJump(t *testing.T) {
	c := New(0)
	v, a := c.Video(30), c.Audio(48000, 1024)
	a.Stamp(0)
	for n := range uint32(900) {
		v.Stamp(n*100/3, 0)
	}
	heard, verdict := a.Stamp(30_000)
	require.Equal(t, Repaired, verdict)
	require.EqualValues(t, 30_000*48, heard.DTS)
}

func TestMaxForwardJumpIsSettable(t *testing.T) {
	v := New(time.Minute).Video(30)
	v.Stamp(0, 0)
	_, verdict := v.Stamp(60_000, 0)
	require.Equal(t, Kept, verdict)
	_, verdict = v.Stamp(120_001, 0)
	require.Equal(t, Jump, verdict)
}

func TestStampDoesNotAllocate(t *testing.T) {
	c := New(0)
	v, a := c.Video(29.97), c.Audio(48000, 1024)
	n := uint32(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		v.Stamp(n*1001/30, 66)
		a.Stamp(n * 1001 / 30)
		n++
	}))
}

// FuzzStamp feeds any two clocks, by steps of 16 bits: decode times never
// decrease within an era, a kept timestamp moves by no more than a millisecond,
// and audio stays near the FLV clock.
func FuzzStamp(f *testing.F) {
	steps := func(ms ...int16) []byte {
		var b []byte
		for _, s := range ms {
			b = append(b, byte(s>>8), byte(s))
		}
		return b
	}
	f.Add(uint32(0), uint32(0), 30.0, steps(33, 33, 34, 33, 33, 34, 33, 33, 34, 33, 33))
	f.Add(uint32(math.MaxUint32-100), uint32(50), 59.94, steps(16, 17, -1, 0, 17, 16, 1200, -1200, 17, 17, 30000))
	f.Add(uint32(0), uint32(0), 60.0, steps(133, 47, 51, 58, 66, 71, 79, 83, 90, 101, 107))
	f.Add(uint32(7), uint32(1<<31), 0.0, steps(40, 80, 40, -999, 1000, -1001, 3, 3, 3))
	f.Add(uint32(0), uint32(0), 25.0, steps(40, 40, 40, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 40, 40))
	f.Add(uint32(0), uint32(0), 0.0, steps(40, 40, 40, 40, -23, -23, -23, -23, -23, -23, -23, -23, -23, -23, -23, -23, -23, 900, 40, 40))
	f.Fuzz(func(t *testing.T, video, audio uint32, fps float64, in []byte) {
		c := New(0)
		v, a := c.Video(fps), c.Audio(44100, 1024)
		lastVideo, lastAudio := media.Ticks(math.MinInt64), media.Ticks(math.MinInt64)
		restart := func() {
			c.Restart()
			lastVideo, lastAudio = math.MinInt64, math.MinInt64
		}
		for i := 0; i+2 <= len(in); i += 2 {
			step := uint32(int32(int16(uint16(in[i])<<8 | uint16(in[i+1]))))
			video += step
			got, verdict := v.Stamp(video, int32(step))
			if verdict == Jump {
				restart()
				got, verdict = v.Stamp(video, int32(step))
				if verdict == Jump {
					t.Fatal("the first timestamp of an era is a jump")
				}
			}
			if verdict != Drop {
				if got.DTS <= lastVideo {
					t.Fatalf("video from %d to %d", lastVideo, got.DTS)
				}
				off := int64(int32(uint32(floorMS(got.DTS)) - video - uint32(v.shift())))
				if verdict == Kept && (off < -1 || off > 1) {
					t.Fatalf("%d ms became %d ticks", video, got.DTS)
				}
				if got.Duration <= 0 {
					t.Fatalf("duration %d", got.Duration)
				}
				lastVideo = got.DTS
			}
			audio += 23 + step%512
			heard, verdict := a.Stamp(audio)
			if verdict == Jump {
				restart()
				heard, verdict = a.Stamp(audio)
				if verdict == Jump {
					t.Fatal("the first timestamp of an era is a jump")
				}
			}
			if verdict == Drop {
				continue
			}
			if heard.DTS <= lastAudio {
				t.Fatalf("audio from %d to %d", lastAudio, heard.DTS)
			}
			lastAudio = heard.DTS
		}
	})
}

func floorMS(t media.Ticks) int64 {
	if t < 0 {
		t -= 89
	}
	return int64(t / 90)
}

// OBS counts decode times from before zero where there are B-frames, and cuts them to
// milliseconds toward zero: those before zero up, the others down. Every step is right all
// the same, from the first one on.
func TestTimesOfOBSWithBFrames(t *testing.T) {
	for _, r := range []rate{{24000, 1001}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001}, {60, 1}} {
		for _, before := range []int64{0, 1, 2} {
			for _, hints := range [][]float64{{r.float()}, {0, r.float()}} {
				name := fmt.Sprintf("%d/%d, %d frames before zero", r.num, r.den, before)
				v := New(0).Video(hints...)
				cut := func(frames int64) int64 { return frames * 1000 * r.den / r.num }
				last := int64(0)
				for n := range int64(300) {
					offset := before
					if n > 0 && before > 0 {
						offset = [...]int64{before, before + 2, before - 1, before - 1}[n%4]
					}
					ms := cut(n-before) - cut(-before)
					got, verdict := v.Stamp(uint32(ms), int32(cut(offset)))
					require.Equal(t, Kept, verdict)
					dts := int64(got.DTS)
					require.InDelta(t, ms*90, dts, 90, "%s: frame %d", name, n)
					if n > 0 {
						require.InDelta(t, r.at(1), dts-last, 1, "%s: frame %d", name, n)
					}
					require.InDelta(t, r.at(1), int64(got.Duration), 1, "%s: frame %d", name, n)
					require.InDelta(t, r.at(offset), int64(got.CTSOffset), 1, "%s: frame %d", name, n)
					last = dts
				}
			}
		}
	}
}

// The first picture may be presented many frames later, and frames come when they come.
func TestLongReorderingWithoutAGrid(t *testing.T) {
	for early := range int64(maxEarly + 2) {
		v := New(0).Video(60)
		ms := int64(0)
		for n := range int64(64) {
			got, verdict := v.Stamp(uint32(ms), int32(early*1000/60))
			require.Equal(t, Kept, verdict)
			require.InDelta(t, ms*90, int64(got.DTS), 90)
			ms += 41 + n*n%17
		}
		require.False(t, v.locked, "%d frames early", early)
	}
}
