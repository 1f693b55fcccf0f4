package hls

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// AppendMedia appends the whole media playlist of a rendition. The error is
// ErrNotReady, ErrNoRendition or ErrGone.
func AppendMedia(dst []byte, t *timeline.Timeline, id timeline.RenditionID) ([]byte, error) {
	p, err := newMediaPlaylist(t, id)
	if err != nil {
		return dst, err
	}
	return p.append(dst, 0), nil
}

// AppendMediaDelta appends what _HLS_skip asks for: a playlist whose old
// segments are replaced by EXT-X-SKIP. It is the whole playlist where nothing
// is old enough to be skipped and where the stream has ended. EXT-X-DATERANGE tags are
// never skipped, so "YES" and "v2" mean the same.
func AppendMediaDelta(dst []byte, t *timeline.Timeline, id timeline.RenditionID) ([]byte, error) {
	p, err := newMediaPlaylist(t, id)
	if err != nil {
		return dst, err
	}
	return p.append(dst, p.skippable()), nil
}

// mediaPlaylist is a rendition of a timeline, and what is worked out about it once.
type mediaPlaylist struct {
	t         *timeline.Timeline
	r         *timeline.Rendition
	first     *timeline.Segment // the first one listed
	partsFrom uint64            // EXT-X-PART tags are listed from this MSN on

	epoch uint64         // of the segment written last, 0 at the top
	init  *timeline.Init // that EXT-X-MAP named last
}

func newMediaPlaylist(t *timeline.Timeline, id timeline.RenditionID) (mediaPlaylist, error) {
	p := mediaPlaylist{t: t}
	if !t.Ready() || !settled(t) {
		return p, ErrNotReady
	}
	r, err := find(t, id)
	if err != nil {
		return p, err
	}
	p.r, p.first = r, firstListed(t, r)
	if p.first == nil {
		return p, ErrNotReady
	}
	p.partsFrom = p.listsPartsFrom()
	return p, nil
}

// find returns a rendition of the broadcast.
func find(t *timeline.Timeline, id timeline.RenditionID) (*timeline.Rendition, error) {
	switch r := t.Rendition(id); {
	case r == nil || !r.Left && !r.IsListed(t):
		return nil, fmt.Errorf("%w: %s", ErrNoRendition, id)
	case r.Absent():
		return nil, fmt.Errorf("%w: %s", ErrGone, id)
	default:
		return r, nil
	}
}

// firstListed returns the first segment that the rendition's playlist lists, or
// nil. There is no playlist before there is a whole one: hls.js takes a list of
// parts alone for an empty one, which is an error to it.
func firstListed(t *timeline.Timeline, r *timeline.Rendition) *timeline.Segment {
	for g := range r.Listed(t) {
		return g
	}
	return nil
}

// last returns the MSN of the last whole segment; there is one.
func (p *mediaPlaylist) last() uint64 { return p.r.Segments.Last().MSN }

// listsPartsFrom returns the MSN from which on segments list their parts. A part
// that lies more than three target durations before the end of the last whole
// segment is no longer listed, nor are those that share its segment: players
// count parts to learn their index.
func (p *mediaPlaylist) listsPartsFrom() uint64 {
	limit := partTargets * p.t.Targets.Segment
	return p.back(limit, func(g *timeline.Segment, ts media.Timescale) time.Duration {
		if len(g.Parts) == 0 {
			return 0
		}
		return (g.Duration - g.Parts[0].Duration).Duration(ts)
	})
}

// skippable returns the number of segments that a delta update leaves out:
// those further from the end of the last whole segment than CAN-SKIP-UNTIL.
func (p *mediaPlaylist) skippable() uint64 {
	if p.t.State == timeline.Ended {
		return 0
	}
	limit := skipTargets * p.t.Targets.Segment
	from := p.back(limit, func(*timeline.Segment, media.Timescale) time.Duration { return 0 })
	return from - p.first.MSN
}

// back walks back from the last whole segment and returns the MSN of the
// oldest one that lies within limit. The distance of a segment is the span of
// those after it, and what own adds for itself. Sequences of segments go
// forward only, so it looks at a short tail, and at a longer one where all of
// that was within the limit: the cost doesn't depend on the window's length.
func (p *mediaPlaylist) back(limit time.Duration, own func(*timeline.Segment, media.Timescale) time.Duration) uint64 {
	first, end := p.first.MSN, p.last()+1
	for n := uint64(8); ; n *= 4 {
		from := first
		if end-first > n {
			from = end - n
		}
		var after time.Duration
		for g := range p.r.Segments.From(from) {
			after += g.Duration.Duration(g.Timescale(p.r))
		}
		oldest := end
		for g := range p.r.Segments.From(from) {
			ts := g.Timescale(p.r)
			after -= g.Duration.Duration(ts)
			if after+own(g, ts) <= limit {
				oldest = g.MSN
				break
			}
		}
		if oldest > from || from == first {
			return oldest
		}
	}
}

// append writes the playlist without its first skip segments.
func (p *mediaPlaylist) append(dst []byte, skip uint64) []byte {
	dst = slices.Grow(dst, p.size(skip))
	dst = p.appendHeader(dst)
	if skip > 0 {
		dst = append(dst, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...)
		dst = appendUint(dst, skip)
		dst = append(dst, '\n')
		// What the tags of the skipped segments said still holds.
		if g := p.r.Segments.ByMSN(p.first.MSN + skip - 1); g != nil {
			p.epoch, p.init = g.Epoch, g.Init
		}
	}
	dst = p.appendSplices(dst)
	for g := range p.r.Segments.From(p.first.MSN + skip) {
		dst = p.appendSegment(dst, g)
	}
	if p.r.Open != nil {
		dst = p.appendSegment(dst, p.r.Open)
	}
	dst = p.appendHint(dst)
	dst = p.appendReports(dst)
	if p.t.State == timeline.Ended {
		dst = append(dst, "#EXT-X-ENDLIST\n"...)
	}
	return dst
}

// size is an upper bound for what append writes, so that it allocates once.
func (p *mediaPlaylist) size(skip uint64) int {
	const (
		header  = 512 // every tag with its largest number
		segment = 130 // EXT-X-PROGRAM-DATE-TIME, EXTINF, a URI with two numbers of up to 14 digits
		start   = 80  // EXT-X-DISCONTINUITY, EXT-X-MAP
		part    = 90
		report  = 96
	)
	parts := 0
	for g := range p.r.Segments.From(p.partsFrom) {
		parts += listedParts(p.t, g, g.Timescale(p.r))
	}
	if p.r.Open != nil {
		parts += len(p.r.Open.Parts)
	}
	segments := int(p.last() + 2 - p.first.MSN - skip)
	size := splicesSize(p.t.Splices) + header + segments*segment + len(p.t.Epochs)*start + parts*part
	for _, r := range p.t.Renditions {
		size += report + len(r.ID)
	}
	return size
}

func (p *mediaPlaylist) appendHeader(dst []byte) []byte {
	targets := &p.t.Targets
	part := ceilUnits(targets.Part)
	dst = append(dst, "#EXTM3U\n#EXT-X-VERSION:"+mediaVersion+"\n#EXT-X-TARGETDURATION:"...)
	dst = appendUint(dst, uint64(targets.Segment/time.Second))
	dst = append(dst, "\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL="...)
	dst = appendShort(dst, ceilUnits(skipTargets*targets.Segment))
	dst = append(dst, ",HOLD-BACK="...)
	dst = appendShort(dst, ceilUnits(max(targets.HoldBack, holdBackTargets*targets.Segment)))
	dst = append(dst, ",PART-HOLD-BACK="...)
	dst = appendShort(dst, max(ceilUnits(targets.PartHoldBack), partHoldBackParts*part))
	dst = append(dst, "\n#EXT-X-PART-INF:PART-TARGET="...)
	dst = appendShort(dst, part)
	return p.appendSequences(append(dst, '\n'))
}

// appendSequences writes the numbers with which the playlist begins.
func (p *mediaPlaylist) appendSequences(dst []byte) []byte {
	dst = append(dst, "#EXT-X-MEDIA-SEQUENCE:"...)
	dst = appendUint(dst, p.first.MSN)
	dst = append(dst, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	dst = appendUint(dst, p.first.Epoch)
	return append(dst, '\n')
}
