package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// laddered is a stream with two rungs expected, of which nothing is there yet.
type laddered struct {
	t  *testing.T
	tl *Timeline
}

var (
	rungHigh = RenditionTrack{"480p", media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Name: "480p"}}
	rungLow  = RenditionTrack{"360p", media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Name: "360p"}}
)

func newLaddered(t *testing.T) *laddered {
	l := &laddered{t: t, tl: New(Numbers{})}
	l.epoch(1)
	l.apply(TargetsFixed{Targets{Segment: 2 * time.Second, Part: time.Second, PartHoldBack: 3 * time.Second}})
	return l
}

func (l *laddered) apply(entries ...Entry) {
	l.t.Helper()
	l.tl = mustApply(l.t, l.tl, entries...)
}

func (l *laddered) refused(e Entry) {
	l.t.Helper()
	_, err := Apply(l.tl, e)
	require.ErrorIs(l.t, err, ErrOrder, "%+v", e)
}

func (l *laddered) epoch(n uint64) {
	l.t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l.apply(EpochStarted{
		Epoch: n, At: at.Add(time.Duration(n) * time.Minute), Window: time.Minute, Tracks: []RenditionTrack{genVideo},
		Expected: []ExpectedRendition{{Rendition: "480p", Kind: media.Video}, {Rendition: "360p", Kind: media.Video}},
	}, InitWritten{Epoch: n, InitEpoch: n, Rendition: Source})
}

func (l *laddered) join(epoch uint64, rt RenditionTrack, msn uint64) {
	l.t.Helper()
	l.apply(RenditionJoined{Epoch: epoch, RenditionTrack: rt, MSN: msn},
		InitWritten{Epoch: epoch, InitEpoch: epoch, Rendition: rt.Rendition})
}

// part is a second of a segment.
func (l *laddered) part(epoch uint64, id RenditionID, msn uint64, index int) {
	l.t.Helper()
	e := l.tl.Epoch(epoch)
	at := media.TicksOf(Origin+time.Duration(msn-e.FirstMSN)*2*time.Second+time.Duration(index)*time.Second, media.VideoClock)
	l.apply(PartWritten{Epoch: epoch, Rendition: id, MSN: msn, Index: index, Part: Part{
		Start: at, Duration: 90_000, Samples: 1, Independent: index == 0, Data: []byte{1},
		Time: e.Start.Add(at.Duration(media.VideoClock) - Origin),
	}})
}

func (l *laddered) close(epoch uint64, id RenditionID, msn uint64) {
	l.t.Helper()
	l.apply(SegmentClosed{Epoch: epoch, Rendition: id, MSN: msn, Duration: 180_000})
}

func (l *laddered) segment(epoch uint64, id RenditionID, msn uint64) {
	l.t.Helper()
	l.part(epoch, id, msn, 0)
	l.part(epoch, id, msn, 1)
	l.close(epoch, id, msn)
}

func TestRungsJoinInTheirOrder(t *testing.T) {
	l := newLaddered(t)
	l.part(1, Source, 1, 0)
	l.join(1, rungLow, 1)
	l.join(1, rungHigh, 1)
	var ids, tracks []RenditionID
	for _, r := range l.tl.Renditions {
		ids = append(ids, r.ID)
	}
	for _, rt := range l.tl.Current().Tracks {
		tracks = append(tracks, rt.Rendition)
	}
	require.Equal(t, []RenditionID{Source, "480p", "360p"}, ids)
	require.Equal(t, ids, tracks)
	require.Equal(t, 1, l.tl.Current().Led)
	l.refused(RenditionJoined{Epoch: 1, RenditionTrack: rungLow, MSN: 1})
	l.refused(RenditionJoined{Epoch: 2, RenditionTrack: RenditionTrack{Rendition: "x"}, MSN: 1})
	l.refused(RenditionJoined{Epoch: 1, RenditionTrack: RenditionTrack{Rendition: "x"}, MSN: 9})
	l.refused(RenditionLeft{Rendition: Source})
}

// Nobody waits for what may come: it joins, where it does, in its place.
func TestExpectingMaybe(t *testing.T) {
	l := &laddered{t: t, tl: New(Numbers{})}
	l.apply(EpochStarted{Epoch: 1, Window: time.Minute, Tracks: []RenditionTrack{genVideo}, Expected: []ExpectedRendition{
		{Rendition: "480p", Kind: media.Video, Maybe: true}, {Rendition: "360p", Kind: media.Video},
	}}, InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source},
		TargetsFixed{Targets{Segment: 2 * time.Second, Part: time.Second, PartHoldBack: 3 * time.Second}})
	require.Equal(t, []RenditionID{Source, "360p"}, l.tl.Current().Anchors[0].Renditions)
	l.join(1, rungLow, 1)
	l.segment(1, Source, 1)
	require.True(t, l.tl.Expecting(), "360p isn't there")
	l.segment(1, "360p", 1)
	require.False(t, l.tl.Expecting(), "480p isn't there either")
	l.join(1, rungHigh, 2)
	require.Equal(t, RenditionID("480p"), l.tl.Current().Tracks[1].Rendition)
}

func TestExpecting(t *testing.T) {
	l := newLaddered(t)
	require.True(t, l.tl.Expecting(), "nothing is there")
	l.join(1, rungHigh, 1)
	l.segment(1, Source, 1)
	require.True(t, l.tl.Expecting(), "the rungs are a little behind")
	l.segment(1, "480p", 1)
	require.True(t, l.tl.Expecting(), "360p isn't there")
	l.part(1, Source, 2, 0)
	require.False(t, l.tl.Expecting(), "a second has passed")
	l.join(1, rungLow, 2)
	require.False(t, l.tl.Expecting())

	l = newLaddered(t)
	l.join(1, rungHigh, 1)
	l.join(1, rungLow, 1)
	for _, id := range []RenditionID{Source, "480p", "360p"} {
		require.True(t, l.tl.Expecting())
		l.segment(1, id, 1)
	}
	require.False(t, l.tl.Expecting(), "all are there")
}

// What was offered once isn't held back again: not where all that is listed came in
// one burst, after the publisher's line was stuck.
func TestExpectingEnds(t *testing.T) {
	l := &laddered{t: t, tl: New(Numbers{})}
	l.apply(EpochStarted{Epoch: 1, Tracks: []RenditionTrack{genVideo}, Expected: []ExpectedRendition{{Rendition: "480p", Kind: media.Video}}},
		InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source},
		TargetsFixed{Targets{Segment: time.Second, Part: 200 * time.Millisecond}})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	segment := func(msn uint64, arrived time.Time) {
		start := media.TicksOf(Origin+time.Duration(msn-1)*200*time.Millisecond, media.VideoClock)
		l.apply(PartWritten{Epoch: 1, Rendition: Source, MSN: msn, Part: Part{Start: start, Duration: 18_000, Arrived: arrived, Data: []byte{1}}},
			SegmentClosed{Epoch: 1, Rendition: Source, MSN: msn, Duration: 18_000})
	}
	for msn := uint64(1); msn <= 8; msn++ {
		segment(msn, at.Add(time.Duration(msn)*200*time.Millisecond))
	}
	require.False(t, l.tl.Expecting(), "a second has passed")
	for msn := uint64(9); msn <= 60; msn++ {
		segment(msn, at.Add(10*time.Second))
		require.False(t, l.tl.Expecting(), "segment %d", msn)
	}
	require.Greater(t, l.tl.First, uint64(9), "the burst is all that is listed")

	l.apply(EpochEnded{Epoch: 1, At: at}, StreamEnded{At: at})
	l.epoch(2)
	require.True(t, l.tl.Expecting(), "the next broadcast")
}

func TestPeriodsFollowTheSetOfRungs(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	for msn := uint64(1); msn <= 2; msn++ {
		l.part(1, "480p", msn, 0)
		l.segment(1, Source, msn)
		l.part(1, "480p", msn, 1)
		l.close(1, "480p", msn)
	}
	e := l.tl.Current()
	require.Len(t, e.Anchors, 1)
	require.Equal(t, []RenditionID{Source, "480p"}, e.Anchors[0].Renditions, "360p was expected and isn't there")
	l.join(1, rungLow, 3)
	l.segment(1, Source, 3)
	require.Len(t, l.tl.Current().Anchors, 1, "nothing of 360p is whole")
	l.segment(1, "480p", 3)
	l.segment(1, "360p", 3)
	l.segment(1, Source, 4)
	a := l.tl.Current().Anchors
	require.Len(t, a, 2)
	require.Equal(t, uint64(5), a[1].MSN)
	require.Equal(t, []RenditionID{Source, "480p", "360p"}, a[1].Renditions)
	require.Equal(t, a[0].Time.Add(8*time.Second), a[1].Time, "the clock is the same")

	l.segment(1, "480p", 4)
	l.apply(RenditionLeft{Rendition: "480p"})
	require.False(t, l.tl.Rendition("480p").IsListed(l.tl))
	l.segment(1, "360p", 4)
	l.segment(1, Source, 5)
	l.segment(1, "360p", 5)
	a = l.tl.Current().Anchors
	require.Equal(t, []RenditionID{Source, "360p"}, a[len(a)-1].Renditions)

	// It comes back, and starts where it joined.
	l.refused(PartWritten{Epoch: 1, Rendition: "480p", MSN: 5, Part: Part{Duration: 1}})
	l.segment(1, Source, 6)
	l.refused(RenditionJoined{Epoch: 1, RenditionTrack: rungHigh, MSN: 4})
	l.apply(RenditionJoined{Epoch: 1, RenditionTrack: rungHigh, MSN: 6})
	l.segment(1, "480p", 6)
	r := l.tl.Rendition("480p")
	require.True(t, r.IsListed(l.tl))
	var msns []uint64
	for g := range r.Listed(l.tl) {
		msns = append(msns, g.MSN)
	}
	require.Equal(t, []uint64{6}, msns)
	require.NotNil(t, r.Segment(2), "the older ones can still be fetched")
}

// A rung's last samples come when the epoch has ended already, and the next one
// has begun.
func TestRungTrails(t *testing.T) {
	l := newLaddered(t)
	l.join(1, rungHigh, 1)
	l.part(1, Source, 1, 0)
	l.part(1, "480p", 1, 0)
	l.part(1, Source, 1, 1)
	l.close(1, Source, 1)
	l.apply(EpochEnded{Epoch: 1, At: time.Now()})
	l.refused(StreamEnded{})
	l.epoch(2)
	l.part(2, Source, 2, 0)
	l.part(1, "480p", 1, 1)
	l.refused(RenditionJoined{Epoch: 2, RenditionTrack: rungHigh, MSN: 2})
	l.close(1, "480p", 1)
	require.Equal(t, uint64(1), l.tl.Rendition("480p").Segment(1).Epoch)
	l.join(2, rungHigh, 2)
	l.refused(PartWritten{Epoch: 1, Rendition: "480p", MSN: 2, Part: Part{Duration: 1}})
	l.segment(2, "480p", 2)
	require.Equal(t, uint64(2), l.tl.Rendition("480p").Segment(2).Epoch)
	require.Zero(t, l.tl.Rendition("480p").From-1, "it was never away")
	l.close(2, Source, 2)
	l.apply(EpochEnded{Epoch: 2, At: time.Now()}, StreamEnded{At: time.Now()})
	l.refused(PartWritten{Epoch: 2, Rendition: "480p", MSN: 3, Part: Part{Duration: 1}})
}
