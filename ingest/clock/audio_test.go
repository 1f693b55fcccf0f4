package clock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func TestAudioIsCounted(t *testing.T) {
	for _, hz := range []int64{48000, 44100, 22050, 96000} {
		a := New(0).Audio(media.Timescale(hz), 1024)
		for n := range int64(1_000_000) {
			got, verdict := a.Stamp(uint32(5000 + n*1024*1000/hz))
			require.Equal(t, Kept, verdict)
			if want := media.Ticks(5*hz + 1024*n); got.DTS != want {
				t.Fatalf("frame %d at %d, want %d", n, got.DTS, want)
			}
		}
	}
}

func TestAudioFollowsTheFLVClock(t *testing.T) {
	const frame = 1024
	a := New(0).Audio(48000, frame)
	ms := func(samples int64) uint32 { return uint32(samples * 1000 / 48000) }
	at := int64(0) // the publisher's clock, in samples
	next := func() (Time, Verdict) {
		got, verdict := a.Stamp(ms(at))
		at += frame
		return got, verdict
	}
	for range 100 {
		next()
	}
	// Jitter of a frame and more that comes back by itself is no reason to step.
	at += 2000
	_, verdict := next()
	require.Equal(t, Kept, verdict)
	at -= 2000
	got, _ := next()
	require.EqualValues(t, 101*frame, got.DTS)

	// Lost frames leave a gap, of what was lost.
	at += 5 * frame
	for range 2 {
		_, verdict = next()
		require.Equal(t, Kept, verdict)
	}
	got, verdict = next()
	require.Equal(t, Repaired, verdict)
	require.InDelta(t, (104+5)*frame, int64(got.DTS), 48)
	got2, verdict := next()
	require.Equal(t, Kept, verdict)
	require.Equal(t, got.DTS+frame, got2.DTS)

	// A long one does so at once.
	at += 96 * frame
	got, verdict = next()
	require.Equal(t, Repaired, verdict)
	require.InDelta(t, at-frame, int64(got.DTS), 48)

	// More audio than time has passed: the surplus is left out, and no more.
	at -= 4 * frame
	dropped := 0
	last := got.DTS
	for range 50 {
		got, verdict = next()
		if verdict == Drop {
			dropped++
			continue
		}
		require.Equal(t, last+frame, got.DTS)
		last = got.DTS
	}
	require.Equal(t, 4, dropped)
	require.InDelta(t, at-frame, int64(last), 1.5*frame)
}

// A sound card that runs 200 parts in a million fast or slow, for a day.
func TestAudioDrift(t *testing.T) {
	for _, ppm := range []int64{200, -200} {
		a := New(0).Audio(48000, 1024)
		repairs, drops := 0, 0
		last := media.Ticks(-1)
		for n := range int64(86_400 * 48000 / 1024) {
			ms := n * 1024 * (1_000_000 + ppm) / 48_000_000
			got, verdict := a.Stamp(uint32(ms))
			switch verdict {
			case Repaired:
				repairs++
			case Drop:
				drops++
				continue
			}
			if off := int64(got.DTS) - ms*48; got.DTS <= last || off < -1585 || off > 1585 {
				t.Fatalf("frame %d at %d, after %d, for %d ms", n, got.DTS, last, ms)
			}
			last = got.DTS
		}
		// 17.3 s in the day, a frame and a half (or one frame) at a time.
		if ppm > 0 {
			require.InDelta(t, 540, repairs, 10)
			require.Zero(t, drops)
		} else {
			require.Zero(t, repairs)
			require.InDelta(t, 810, drops, 5)
		}
	}
}
