package transcode

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

var payload = make([]byte, backlogBytes+1)

// gopOf makes frames of one size, I P b P b …, from number n on.
func gopOf(n, frames, size int) []*frame {
	var gop []*frame
	for i := range frames {
		shown := i
		switch {
		case i == 0:
		case i%2 == 1 && i+1 < frames:
			shown = i + 1
		case i%2 == 0:
			shown = i - 1
		}
		gop = append(gop, &frame{
			at: media.Ticks(n+shown+2) * 3000, dts: media.Ticks(n+i) * 3000, duration: 3000,
			sync: i == 0, data: payload[:size],
		})
	}
	return gop
}

func TestBacklogKeepsWhatIsOwed(t *testing.T) {
	b := newBacklog()
	var all []*frame
	for n := 0; n < 300; n += 60 {
		all = append(all, gopOf(n, 60, 1)...)
	}
	for _, f := range all {
		taken, lost := b.push(f, 0)
		require.True(t, taken)
		require.Zero(t, lost)
	}
	// All has been had up to the middle of the third GOP.
	b.release(all[150].at)
	require.Equal(t, 120, b.first)
	n, lost := b.restart(all[150].at)
	require.Equal(t, 120, n)
	require.Zero(t, lost)
	require.Nil(t, b.at[all[119].at])
	require.Equal(t, all[120], b.at[all[120].at])
	// Up to the very end of a GOP: the next keyframe is owed.
	b.release(all[180].at - 1)
	require.Equal(t, 180, b.first)
	b.release(all[299].at)
	require.Equal(t, 240, b.first, "the newest GOP stays: what comes refers to it")
	require.Len(t, b.tail(), 60)
}

func TestBacklogIsBoundedInTime(t *testing.T) {
	b := newBacklog()
	lost := 0
	for n := 0; n < 60*30; n += 60 {
		for _, f := range gopOf(n, 60, 1) {
			_, l := b.push(f, 0)
			lost += l
			require.LessOrEqual(t, len(b.frames), 15*30+60)
			require.True(t, b.frames[0].sync)
		}
	}
	require.Equal(t, 60*30-len(b.frames), lost)
}

func TestBacklogIsBoundedInBytes(t *testing.T) {
	b := newBacklog()
	for n := 0; n < 10; n++ {
		for _, f := range gopOf(n*10, 10, 1<<20) {
			b.push(f, 0)
			require.LessOrEqual(t, b.bytes, backlogBytes)
		}
	}
	require.False(t, b.starved)
	// One frame too many for what all of them may take.
	big := gopOf(1000, 2, backlogBytes+1)
	taken, lost := b.push(big[0], 0)
	require.True(t, taken)
	require.Positive(t, lost)
	require.Empty(t, b.frames)
	require.True(t, b.starved)
	taken, lost = b.push(big[1], 0)
	require.False(t, taken, "nothing can be decoded before the next keyframe")
	require.Equal(t, 1, lost)
	taken, _ = b.push(gopOf(2000, 1, 1)[0], 0)
	require.True(t, taken)
}

// A GOP that is longer than the backlog is cut behind what everyone has had.
func TestBacklogOfOneGOP(t *testing.T) {
	b := newBacklog()
	frames := gopOf(0, 30*30, 1)
	for i, f := range frames {
		taken, lost := b.push(f, frames[max(i-5, 0)].at-9000)
		require.True(t, taken)
		require.Zero(t, lost)
	}
	require.True(t, b.headless)
	n, lost := b.restart(frames[len(frames)-10].at)
	require.Equal(t, len(frames), n, "a new process needs a keyframe")
	require.Positive(t, lost)
	require.True(t, b.starved)
}

// Whatever comes, what is kept can be decoded, and is found by its time.
func TestBacklogHoldsItsPromises(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := newBacklog()
		var done, newest media.Ticks
		for n := 0; n < 3000; {
			gop := 1 + r.IntN(600)
			for _, f := range gopOf(n, gop, r.IntN(200_000)) {
				if taken, _ := b.push(f, done); taken {
					newest = max(newest, f.at)
				}
				if r.IntN(3) == 0 && newest > done {
					done += media.Ticks(r.Int64N(int64(newest-done) + 1))
				}
				b.release(done)
				if r.IntN(400) == 0 {
					b.restart(done)
					require.False(t, b.headless)
				}
				if r.IntN(40) == 0 {
					check(t, &b, done)
				}
			}
			n += gop
		}
	}
}

func check(t *testing.T, b *backlog, done media.Ticks) {
	t.Helper()
	require.LessOrEqual(t, b.bytes, backlogBytes)
	require.Len(t, b.at, len(b.frames))
	bytes := 0
	for i, f := range b.frames {
		bytes += len(f.data)
		if i > 0 {
			require.Greater(t, f.dts, b.frames[i-1].dts)
		}
	}
	require.Equal(t, bytes, b.bytes)
	for _, n := range b.syncs {
		require.True(t, b.frames[n-b.first].sync)
	}
	if len(b.frames) > 0 {
		require.Equal(t, !b.frames[0].sync, b.headless)
		require.LessOrEqual(t, (b.frames[len(b.frames)-1].dts - b.frames[0].dts).Duration(media.VideoClock), backlogTime)
		if owed := b.oldest(done); owed != nil && !b.headless {
			start, _ := b.get(b.start(done))
			require.True(t, start.sync)
		}
	}
}

func TestFeedClockNeverStepsBack(t *testing.T) {
	c := newFeedClock()
	c.grid = 90_000
	at := func(dts, offset media.Ticks) media.Sample {
		return media.Sample{DTS: dts, CTSOffset: offset, Duration: 3000}
	}
	_, first := c.stamp(at(1_000_000, 6000))
	require.Zero(t, first%90_000)
	_, second := c.stamp(at(1_003_000, 12_000))
	require.Equal(t, first+9000, second)
	_, back := c.stamp(at(700_000, 6000)) // 3 s back, and nobody said so
	require.Greater(t, back, second)
	require.Zero(t, back%90_000)
	c.restart()
	dts, ahead := c.stamp(at(100_000_000, 6000))
	require.Equal(t, (back+3000+90_000-1)/90_000*90_000, ahead, "a jump forward leaves no hole")
	again, _ := c.stamp(at(100_000_000, 9000)) // the same decode time twice
	require.Equal(t, dts+1, again)
}

func TestBackoff(t *testing.T) {
	var b backoff
	now := time.Unix(1, 0)
	for range 20 { // a crash every ten minutes
		require.Zero(t, b.fail(now))
		now = now.Add(10 * time.Minute)
	}
	var longest time.Duration
	for range 60 { // a crash loop
		pause := b.fail(now)
		longest = max(longest, pause)
		now = now.Add(pause + 100*time.Millisecond)
	}
	require.Greater(t, longest, 5*time.Second)
	require.LessOrEqual(t, longest, backoffMax)
	require.Zero(t, b.fail(now.Add(10*time.Minute)), "all is forgotten")
}

func TestRetryComesLaterEachTime(t *testing.T) {
	var r retry
	now := time.Unix(1, 0)
	require.False(t, r.due(now))
	for _, after := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 16 * time.Minute} {
		r.shed(now)
		require.Equal(t, after, r.after)
		require.False(t, r.due(now.Add(after-1)))
		r.observe(now.Add(after/2), false)
		require.False(t, r.due(now.Add(after)), "no head-room in between")
		now = now.Add(after/2 + after)
		require.True(t, r.due(now))
		r.tried(now)
		now = now.Add(5 * time.Second)
	}
	now = now.Add(time.Hour)
	r.shed(now)
	require.Equal(t, time.Minute, r.after, "it went well for long")
}

func TestSyncSince(t *testing.T) {
	b := newBacklog()
	require.Nil(t, b.syncSince(time.Time{}))
	start := time.Now()
	for n := range 100 {
		at := start.Add(time.Duration(n) * 100 * time.Millisecond)
		b.push(&frame{at: media.Ticks(n), dts: media.Ticks(n), sync: n%20 == 0, arrived: at}, noTime)
	}
	require.Equal(t, media.Ticks(0), b.syncSince(start.Add(-time.Second)).at)
	require.Equal(t, media.Ticks(60), b.syncSince(start.Add(5*time.Second)).at)
	require.Equal(t, media.Ticks(80), b.syncSince(start.Add(time.Minute)).at, "the newest, where all are old")
}
