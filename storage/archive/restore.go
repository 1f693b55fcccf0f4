package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/objects"
)

// Restore returns the timeline with which the stream goes on, at the time of a restart:
// nil where nothing of it is kept. next is what the store of numbers says: the next ones
// free, or, where the process was killed, what it had reserved ahead; zero where nobody
// knows. What is kept is of no use where others have been used since: then nil is returned
// too. An error is the store's, or wraps ErrDamaged.
func Restore(ctx context.Context, s objects.Store, stream string, next timeline.Numbers, now time.Time) (*timeline.Timeline, error) {
	t, err := restore(ctx, s, stream, next, now)
	if err != nil {
		return nil, fmt.Errorf("restore the window of %s: %w", stream, err)
	}
	return t, nil
}

// ErrDamaged says that what is kept of a stream makes no timeline: it can't be used.
var ErrDamaged = errors.New("what is kept is damaged")

// goesOn reports whether numbers can go on with those that a page tells of, and how many
// may have been used since: as many as it says itself, or more.
func goesOn(was timeline.Numbers, told uint64, next timeline.Numbers) (ahead uint64, ok bool) {
	if next == (timeline.Numbers{}) || next.MSN <= was.MSN && next.Epoch <= was.Epoch {
		return told, true
	}
	msns, epochs := next.MSN-min(was.MSN, next.MSN), next.Epoch-min(was.Epoch, next.Epoch)
	if msns >= leastReserved && epochs >= leastReserved {
		return told, max(msns, epochs) <= mostReserved
	}
	return max(msns, told), msns <= mostSince && epochs <= 1
}

func restore(ctx context.Context, s objects.Store, stream string, next timeline.Numbers, now time.Time) (*timeline.Timeline, error) {
	pages, err := readPages(ctx, s, stream)
	if err != nil || len(pages) == 0 {
		return nil, err
	}
	newest := pages[len(pages)-1]
	saved, err := newest.saved()
	if err != nil {
		return nil, fmt.Errorf("%w: page %d: %w", ErrDamaged, newest.Number, err)
	}
	ahead, ok := goesOn(saved.Next, newest.Ahead, next)
	if saved.State == timeline.Offline || !ok {
		return nil, nil
	}
	segments := map[timeline.RenditionID][]*timeline.Segment{}
	inits := map[initKey]*timeline.Init{}
	for _, p := range pages {
		for _, r := range saved.Renditions {
			more, err := p.segments(r.ID, inits)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			segments[r.ID] = append(segments[r.ID], more...)
		}
	}
	if err := skipDeleted(ctx, s, stream, &saved, segments); err != nil {
		return nil, err
	}
	t, err := timeline.Restore(saved, timeline.Restoration{
		Segments: func(id timeline.RenditionID) iter.Seq[*timeline.Segment] { return slices.Values(segments[id]) },
		Unsaved:  ahead, At: now,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return t, nil
}

// skipDeleted moves the beginning of the window past what was deleted to make room, and
// the process killed before a page told of that.
func skipDeleted(ctx context.Context, s objects.Store, stream string, saved *timeline.Saved, segments map[timeline.RenditionID][]*timeline.Segment) error {
	at, oldest := map[uint64][]timeline.RenditionID{}, saved.Next.MSN
	for id, all := range segments {
		for _, g := range all {
			if g.Stored != nil {
				at[g.MSN] = append(at[g.MSN], id)
				if g.MSN >= saved.Kept {
					oldest = min(oldest, g.MSN)
				}
			}
		}
	}
	if len(at) == 0 {
		return nil
	}
	for saved.Kept = max(saved.Kept, oldest); saved.Kept < saved.Next.MSN && saved.Kept < oldest+uint64(len(at)); saved.Kept++ {
		gone := false
		for _, id := range at[saved.Kept] {
			r, err := Open(ctx, s, stream, id, saved.Kept, 0, 0)
			switch {
			case err == nil:
				r.Close()
			case errors.Is(err, objects.ErrNotFound):
				gone = true
			default:
				return err
			}
		}
		if !gone && len(at[saved.Kept]) > 0 {
			break
		}
	}
	saved.First = max(saved.First, saved.Kept)
	return nil
}

// readPages reads the stream's pages, in order.
func readPages(ctx context.Context, s objects.Store, stream string) ([]*page, error) {
	var numbers []uint64
	for info, err := range s.List(ctx, objects.NewKey(string(streamKey(stream)), "index")) {
		if err != nil {
			return nil, err
		}
		if p, ok := parseKey(stream, info.Key); ok && p.rendition == "" {
			numbers = append(numbers, p.number)
		}
	}
	slices.Sort(numbers)
	pages := make([]*page, 0, len(numbers))
	for _, n := range numbers {
		b, err := objects.ReadAll(ctx, s, pageKey(stream, n), maxPage)
		if err != nil {
			return nil, err
		}
		p, err := readPage(b, n)
		if err != nil {
			return nil, fmt.Errorf("%w: page %d: %w", ErrDamaged, n, err)
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// Open reads bytes of a segment that is stored, as objects.Store.Open does.
func Open(ctx context.Context, s objects.Store, stream string, id timeline.RenditionID, msn uint64, off, n int64) (io.ReadCloser, error) {
	r, _, err := s.Open(ctx, segmentKey(stream, id, msn), off, n)
	return r, err
}
