package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func (l *laddered) newest() Anchor {
	a := l.tl.Current().Anchors
	return a[len(a)-1]
}

func TestFirstAnchorWaitsForRungs(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.segment(1, Source, 1)
	require.False(t, l.newest().Fixed, "both are expected")
	l.segment(1, "480p", 1)
	require.False(t, l.newest().Fixed)
	l.part(1, Source, 2, 0)
	require.True(t, l.newest().Fixed, "a second past the first segment")
	require.Equal(t, []RenditionID{Source, "480p"}, l.newest().Renditions)
	l.join(1, rungLow, 1)
	l.segment(1, "360p", 1)
	require.Equal(t, []RenditionID{Source, "480p"}, l.newest().Renditions, "what was told stays as it is")
	l.part(1, Source, 2, 1)
	l.close(1, Source, 2)
	require.Equal(t, uint64(3), l.newest().MSN)
	require.Equal(t, []RenditionID{Source, "480p", "360p"}, l.newest().Renditions)
	require.False(t, l.newest().Fixed)
	for _, id := range []RenditionID{Source, "480p", "360p"} {
		if id != Source {
			l.segment(1, id, 2)
		}
		require.False(t, l.newest().Fixed)
		l.part(1, id, 3, 0)
	}
	require.True(t, l.newest().Fixed, "all have begun its first segment")
}

// A rung that hangs when manifests first tell of an epoch isn't in its Period: it would
// end there long before the others do.
func TestFirstAnchorLacksWhatHangs(t *testing.T) {
	l := newLaddered(t)
	l.tl.Targets.Part, l.tl.Targets.PartHoldBack = 200*time.Millisecond, 700*time.Millisecond
	l.join(1, rungHigh, 1)
	l.join(1, rungLow, 1)
	l.part(1, "480p", 1, 0)
	l.part(1, "360p", 1, 0)
	l.segment(1, Source, 1)
	l.part(1, "480p", 1, 1)
	l.close(1, "480p", 1)
	l.part(1, Source, 2, 0)
	require.True(t, l.tl.Rendition("360p").Behind)
	l.part(1, "480p", 2, 0)
	require.True(t, l.newest().Fixed)
	require.Equal(t, []RenditionID{Source, "480p"}, l.newest().Renditions)
}

// However the window moves, a set that stays the same needs no new anchor.
func TestSetOutlivesItsFirstSegment(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.join(1, rungLow, 1)
	ids := []RenditionID{Source, "480p", "360p"}
	for msn := uint64(1); msn < 200; msn++ {
		for index := range 2 {
			for _, id := range ids {
				l.part(1, id, msn, index)
			}
		}
		for _, id := range ids {
			l.close(1, id, msn)
		}
	}
	require.Greater(t, l.tl.Kept, uint64(100))
	require.Len(t, l.tl.Current().Anchors, 1)
}

// Of an epoch that ends before its rungs have begun, manifests tell what is there.
// A rung that is always late, but not so late that its players leave, stays.
func TestLateRungDoesNotComeAndGo(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.join(1, rungLow, 1)
	for msn := uint64(1); msn < 50; msn++ {
		l.segment(1, Source, msn)
		l.segment(1, "480p", msn)
		l.segment(1, "360p", msn)
	}
	require.Len(t, l.tl.Current().Anchors, 1)
	l.apply(RenditionLeft{Rendition: "360p"})
	for msn := uint64(50); msn < 60; msn++ {
		l.segment(1, Source, msn)
		l.segment(1, "480p", msn)
	}
	require.Len(t, l.tl.Current().Anchors, 2)
	require.Equal(t, []RenditionID{Source, "480p"}, l.newest().Renditions)
}

func TestAnchorOfShortEpoch(t *testing.T) {
	l := newLaddered(t)
	l.part(1, Source, 1, 0)
	l.close(1, Source, 1)
	l.apply(EpochEnded{Epoch: 1, At: time.Now()})
	a := l.tl.Epochs[0].Anchors[0]
	require.True(t, a.Fixed)
	require.Equal(t, []RenditionID{Source}, a.Renditions)
}

// In an epoch that follows another, an encoder has a second to start.
func TestAnchorOfNextEpoch(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.segment(1, Source, 1)
	l.segment(1, "480p", 1)
	l.apply(EpochEnded{Epoch: 1, At: time.Now()})
	l.epoch(2)
	at := media.TicksOf(Origin, media.VideoClock)
	write := func(id RenditionID, index int) {
		l.apply(PartWritten{Epoch: 2, Rendition: id, MSN: 2, Index: index, Part: Part{
			Start: at + media.Ticks(index)*45_000, Duration: 45_000, Samples: 1, Independent: index == 0,
			Arrived: l.tl.Current().Start.Add(time.Duration(index+1) * 500 * time.Millisecond),
		}})
	}
	write(Source, 0)
	require.False(t, l.newest().Fixed)
	require.Equal(t, uint64(2), l.newest().MSN)
	l.join(2, rungHigh, 2)
	write("480p", 0)
	require.False(t, l.newest().Fixed, "360p is expected")
	write(Source, 1)
	require.True(t, l.newest().Fixed)
	require.Equal(t, []RenditionID{Source, "480p"}, l.newest().Renditions)
}

func TestBehind(t *testing.T) {
	l := newLaddered(t)
	l.tl.Targets.PartHoldBack = 2 * time.Second
	l.join(1, rungHigh, 1)
	l.join(1, rungLow, 1)
	for _, id := range []RenditionID{Source, "480p", "360p"} {
		l.segment(1, id, 1)
	}
	behind := func() bool { return l.tl.Rendition("360p").Behind }
	l.segment(1, Source, 2)
	require.False(t, behind(), "as much as its players hold back")
	before := l.tl.Rendition("360p").Version
	l.part(1, Source, 3, 0)
	require.True(t, behind())
	require.True(t, l.tl.Rendition("360p").Absent())
	require.Greater(t, l.tl.Rendition("360p").Version, before, "whoever waits for it wakes")
	require.True(t, l.tl.Rendition("360p").IsListed(l.tl), "it may catch up")

	l.part(1, Source, 3, 1)
	l.part(1, "360p", 2, 0)
	require.True(t, behind(), "still two seconds")
	l.part(1, "360p", 2, 1)
	require.False(t, behind(), "its lag and a part")
	l.close(1, "360p", 2)

	// A gap is no progress.
	l.close(1, Source, 3)
	l.part(1, Source, 4, 0)
	require.True(t, behind())
	l.apply(SegmentClosed{Epoch: 1, Rendition: "360p", MSN: 3, Start: l.tl.Rendition(Source).Segment(3).Start, Duration: 180_000})
	require.True(t, behind())

	// A set that is told next doesn't have it; it comes back with another.
	l.part(1, Source, 4, 1)
	l.close(1, Source, 4)
	require.NotContains(t, l.newest().Renditions, RenditionID("360p"))
	l.apply(RenditionLeft{Rendition: "360p"})
	require.False(t, behind(), "it has left")
}

// What ends is watched to its end, whatever was behind.
func TestNothingIsBehindAfterTheEnd(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.segment(1, "480p", 1)
	for msn := uint64(1); msn <= 4; msn++ {
		l.segment(1, Source, msn)
	}
	require.True(t, l.tl.Rendition("480p").Behind)
	l.apply(EpochEnded{Epoch: 1, At: time.Now()}, StreamEnded{At: time.Now()})
	require.False(t, l.tl.Rendition("480p").Behind)
}

// A rung that left in the middle of a segment and joins the next one isn't
// listed with the hole between.
func TestRungIsBackAfterHalfASegment(t *testing.T) {
	for _, whole := range []bool{true, false} {
		l := newLaddered(t)
		l.join(1, rungHigh, 1)
		l.segment(1, Source, 1)
		l.segment(1, "480p", 1)
		l.part(1, Source, 2, 0)
		l.part(1, "480p", 2, 0)
		l.part(1, Source, 2, 1)
		if whole {
			l.close(1, Source, 2)
			l.part(1, "480p", 2, 1)
			l.close(1, "480p", 2)
		} else {
			l.apply(SegmentClosed{Epoch: 1, Rendition: "480p", MSN: 2, Duration: 90_000})
		}
		l.apply(RenditionLeft{Rendition: "480p"})
		if !whole {
			l.close(1, Source, 2)
		}
		l.apply(RenditionJoined{Epoch: 1, RenditionTrack: rungHigh, MSN: 3})
		l.segment(1, "480p", 3)
		n := 0
		for range l.tl.Rendition("480p").Listed(l.tl) {
			n++
		}
		require.Equal(t, map[bool]int{true: 3, false: 1}[whole], n)
	}
}

// What a publisher sends in one burst makes no rung late: it can't have it yet.
func TestBurstMakesNobodyLate(t *testing.T) {
	l := newLaddered(t)
	l.tl.Targets.Part, l.tl.Targets.PartHoldBack, l.tl.Targets.Lag = 200*time.Millisecond, 700*time.Millisecond, 100*time.Millisecond
	l.join(1, rungHigh, 1)
	start := l.tl.Current().Start
	k := map[RenditionID]int{}
	write := func(id RenditionID, at time.Duration) bool {
		l.apply(PartWritten{Epoch: 1, Rendition: id, MSN: 1, Index: k[id], Part: Part{
			Start: media.TicksOf(Origin, media.VideoClock) + media.Ticks(k[id])*18_000, Duration: 18_000, Samples: 6,
			Independent: k[id] == 0, Time: start, Arrived: start.Add(at),
		}})
		k[id]++
		return l.tl.Rendition("480p").Behind
	}
	for i := range 5 {
		at := time.Duration(i) * 200 * time.Millisecond
		require.False(t, write(Source, at))
		require.False(t, write("480p", at))
	}
	for range 20 { // four seconds at once
		require.False(t, write(Source, 3*time.Second))
	}
	for i := range 3 {
		require.False(t, write(Source, 3*time.Second+time.Duration(i)*200*time.Millisecond))
	}
	require.True(t, write(Source, 3600*time.Millisecond), "it had time now")
	for range 21 {
		require.True(t, write("480p", 3*time.Second))
	}
	require.False(t, write("480p", 3*time.Second), "what is missing is 400 ms old")
}
