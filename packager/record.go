package packager

import (
	"context"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/journal"
)

// record is a stream's journal, as its one writer sees it.
type record struct {
	journal journal.Journal
	stream  string
	feed    *timeline.Feed
}

func (r *record) append(ctx context.Context, e timeline.Entry) error {
	return r.journal.Append(ctx, r.stream, e)
}

// now returns the timeline with all that was appended.
func (r *record) now() *timeline.Timeline { return r.feed.Current() }

// reached is the wall time at which the media of the broadcast's last epoch ends, as
// manifests tell it; zero where there is none.
func (r *record) reached() time.Time {
	t := r.now()
	if t.State != timeline.Away || len(t.Epochs) == 0 {
		return time.Time{}
	}
	e := t.Epochs[len(t.Epochs)-1]
	lead := t.Rendition(e.Tracks[0].Rendition)
	if lead == nil {
		return time.Time{}
	}
	last := lead.Segments.Last()
	if last == nil || last.Epoch != e.Number {
		return time.Time{}
	}
	ts := last.Timescale(lead)
	end := last.Time.Add(last.Duration.Duration(ts))
	a := e.Anchors[len(e.Anchors)-1] // by which DASH goes
	return later(end, a.Time.Add((last.Start+last.Duration).Duration(ts)-a.Media))
}

// gap closes the rendition's next segment with nothing in it, in that epoch. It ends with another
// rendition's segment of the same MSN, where there is one, and begins where the
// rendition's own media ends, a little short of the boundary perhaps, unless it
// would be longer than manifests promise.
func (r *record) gap(ctx context.Context, epoch uint64, id timeline.RenditionID, fallback timeline.SegmentClosed) error {
	t := r.now()
	to := t.Rendition(id)
	e := fallback
	e.Epoch, e.Rendition, e.MSN = epoch, id, to.NextPosition(t).MSN
	for _, from := range t.Renditions {
		g := from.Segment(e.MSN)
		if g == nil || from == to || g.Duration <= 0 {
			continue
		}
		ts := g.Timescale(from)
		e.Start, e.Time = g.Start.Rescale(ts, to.Track.Timescale), g.Time
		e.Duration = max(g.Duration.Rescale(ts, to.Track.Timescale), 1)
		break
	}
	if last := to.Segments.Last(); last != nil && last.Epoch == e.Epoch && last.MSN+1 == e.MSN {
		end := last.Start + last.Duration
		if whole := e.Start + e.Duration - end; 0 < whole && whole <= promised(t.Targets, to.Track.Timescale) {
			e.Start, e.Duration = end, whole
			e.Time = last.Time.Add(last.Duration.Duration(last.Timescale(to)))
		}
	}
	return r.append(ctx, e)
}

// hasMedia reports whether playlists of the rendition list any media.
func hasMedia(t *timeline.Timeline, r *timeline.Rendition) bool {
	if r.Open != nil {
		return true
	}
	for g := range r.Listed(t) {
		if !g.Gap() {
			return true
		}
	}
	return false
}

// endEpoch closes what is open, brings every rendition that is listed to the
// same MSN, and ends the epoch; where none is open it does nothing. It needs
// nothing but the timeline; shown is EpochEnded.Shown. Rungs go on: they end by themselves.
func (r *record) endEpoch(ctx context.Context, at time.Time, shown, segment time.Duration) error {
	t := r.now()
	epoch := t.Current()
	if epoch == nil {
		return nil
	}
	leading := epoch.Tracks[0].Rendition
	for _, last := range []bool{false, true} { // the window moves with the leading one
		for _, to := range t.Renditions {
			if to.Open == nil || to.Follows || (to.ID == leading) != last {
				continue
			}
			err := r.append(ctx, timeline.SegmentClosed{
				Epoch: epoch.Number, Rendition: to.ID, MSN: to.Open.MSN, Duration: max(to.Open.Duration, 1),
			})
			if err != nil {
				return err
			}
		}
	}
	for _, behind := range t.Renditions {
		for {
			now := r.now()
			to := now.Rendition(behind.ID)
			if to == nil || to.Follows && to.Epoch == epoch.Number || !to.IsListed(now) || to.NextPosition(now).MSN >= now.Next.MSN {
				break
			}
			if err := r.gap(ctx, epoch.Number, to.ID, gapAt(to, at, segment)); err != nil {
				return err
			}
		}
	}
	return r.append(ctx, timeline.EpochEnded{Epoch: epoch.Number, At: at, Shown: shown})
}

// gapAt is a gap of the target duration, for want of a better measure.
func gapAt(r *timeline.Rendition, at time.Time, segment time.Duration) timeline.SegmentClosed {
	ts := r.Track.Timescale
	return timeline.SegmentClosed{
		Start: media.TicksOf(timeline.Origin, ts), Duration: max(media.TicksOf(segment, ts), 1), Time: at,
	}
}
