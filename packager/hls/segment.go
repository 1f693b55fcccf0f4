package hls

import (
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// appendSegment writes a segment, or as much of one as there is, and remembers
// what its tags said.
func (p *mediaPlaylist) appendSegment(dst []byte, g *timeline.Segment) []byte {
	dst = p.appendStart(dst, g)
	ts := g.Timescale(p.r)
	if g.MSN >= p.partsFrom {
		for i := range g.Parts {
			dst = appendPart(dst, g, i, ts)
		}
		dst = p.appendMissing(dst, g, ts)
	}
	if !g.Closed {
		return dst
	}
	if g.Gap() {
		dst = append(dst, "#EXT-X-GAP\n"...)
	}
	return append(p.appendInf(dst, g), ".m4s\n"...)
}

// appendInf writes a whole segment's duration, and its URI but for the extension.
func (p *mediaPlaylist) appendInf(dst []byte, g *timeline.Segment) []byte {
	dst = append(dst, "#EXTINF:"...)
	dst = appendFixed(dst, p.extinf(g, g.Timescale(p.r)))
	dst = append(dst, ",\n"...)
	dst = appendUint(dst, g.Epoch)
	dst = append(dst, '/')
	return appendUint(dst, g.MSN)
}

// appendStart writes what stands before a segment's first part: where an epoch
// begins, one EXT-X-DISCONTINUITY for each number that the epochs went on by,
// and EXT-X-MAP again even where it is the same, as a player that starts there
// needs it; on every segment its date (RFC 8216bis §6.2.1, Apple 8.4).
func (p *mediaPlaylist) appendStart(dst []byte, g *timeline.Segment) []byte {
	starts := p.epoch != g.Epoch
	dst = p.appendBreaks(dst, g)
	if g.Init != nil && (starts || p.init != g.Init) {
		dst = append(dst, `#EXT-X-MAP:URI="`...)
		dst = appendUint(dst, g.Init.Epoch)
		dst = append(dst, "/init.mp4\"\n"...)
	}
	p.init = g.Init
	return appendDateTag(dst, g)
}

// appendBreaks writes the discontinuities between the segment before and this one.
func (p *mediaPlaylist) appendBreaks(dst []byte, g *timeline.Segment) []byte {
	if p.epoch != 0 {
		for e := p.epoch; e < g.Epoch; e++ {
			dst = append(dst, "#EXT-X-DISCONTINUITY\n"...)
		}
	}
	p.epoch = g.Epoch
	return dst
}

func appendDateTag(dst []byte, g *timeline.Segment) []byte {
	dst = append(dst, "#EXT-X-PROGRAM-DATE-TIME:"...)
	dst = appendDate(dst, g.Time)
	return append(dst, '\n')
}

// extinf returns a segment's duration in units of 10 µs. Where only the last
// digit would make it round up past the target duration, it gives that digit up
// (RFC 8216bis §4.4.3.1).
func (p *mediaPlaylist) extinf(g *timeline.Segment, ts media.Timescale) int64 {
	units := between(g.Start, g.Start+g.Duration, ts)
	tooLong := p.t.Targets.Segment + time.Second/2
	if limit := ceilUnits(tooLong); units >= limit && g.Duration.Duration(ts) < tooLong {
		return limit - 1
	}
	return units
}

func appendPart(dst []byte, g *timeline.Segment, i int, ts media.Timescale) []byte {
	part := &g.Parts[i]
	dst = append(dst, "#EXT-X-PART:DURATION="...)
	dst = appendFixed(dst, between(part.Start, part.Start+part.Duration, ts))
	dst = append(dst, `,URI="`...)
	dst = appendPartURI(dst, g.Epoch, timeline.Position{MSN: g.MSN, Part: i})
	if part.Independent {
		return append(dst, "\",INDEPENDENT=YES\n"...)
	}
	return append(dst, "\"\n"...)
}

// appendMissing writes parts that don't exist, where a rendition has only the
// beginning of a segment because it fell behind: the parts of a segment last as
// long as the segment.
func (p *mediaPlaylist) appendMissing(dst []byte, g *timeline.Segment, ts media.Timescale) []byte {
	n := missingParts(p.t, g, ts)
	if n == 0 {
		return dst
	}
	last := &g.Parts[len(g.Parts)-1]
	from, end := last.Start+last.Duration, g.Start+g.Duration
	for i := range n {
		d := min(media.TicksOf(p.t.Targets.Part, ts), end-from)
		dst = append(dst, "#EXT-X-PART:DURATION="...)
		dst = appendFixed(dst, between(from, from+d, ts))
		dst = append(dst, `,URI="`...)
		dst = appendPartURI(dst, g.Epoch, timeline.Position{MSN: g.MSN, Part: len(g.Parts) + i})
		dst = append(dst, "\",GAP=YES\n"...)
		from += d
	}
	return dst
}

// missingParts returns how many parts stand for what a whole segment lacks.
func missingParts(t *timeline.Timeline, g *timeline.Segment, ts media.Timescale) int {
	if !g.Closed || len(g.Parts) == 0 {
		return 0
	}
	last := &g.Parts[len(g.Parts)-1]
	lacks, longest := g.Start+g.Duration-last.Start-last.Duration, media.TicksOf(t.Targets.Part, ts)
	if lacks.Duration(ts) < leastMissing || longest <= 0 {
		return 0
	}
	return int((lacks + longest - 1) / longest)
}

// listedParts returns how many parts the playlist lists of a segment.
func listedParts(t *timeline.Timeline, g *timeline.Segment, ts media.Timescale) int {
	return len(g.Parts) + missingParts(t, g, ts)
}

func appendPartURI(dst []byte, epoch uint64, at timeline.Position) []byte {
	dst = appendUint(dst, epoch)
	dst = append(dst, '/')
	dst = appendUint(dst, at.MSN)
	dst = append(dst, '.')
	dst = appendUint(dst, uint64(at.Part))
	return append(dst, ".m4s"...)
}

// appendHint names the part that comes next, where its epoch is sure: the
// rendition has media of the open epoch, or trails behind in one that has ended.
// Shaka asks for it at once, and takes the 404 of one that a segment's end has
// prevented as an error: so it is the likely one.
func (p *mediaPlaylist) appendHint(dst []byte) []byte {
	next, current := p.r.LikelyNext(p.t), p.t.Current()
	if p.t.State != timeline.Live || !current.Has(p.r.ID) || p.epoch != current.Number {
		var trails bool
		if next, trails = p.trailing(); !trails {
			return dst
		}
	}
	dst = append(dst, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`...)
	dst = appendPartURI(dst, p.epoch, next)
	return append(dst, "\"\n"...)
}

// trailing returns the next part of a rung that still gets one of an epoch that has
// ended, and whether it does: it is to have what the leading rendition has. All of
// that is known, so nothing is guessed by where a keyframe was likely.
func (p *mediaPlaylist) trailing() (timeline.Position, bool) {
	next, e := p.r.NextPosition(p.t), p.t.Epoch(p.epoch)
	if !p.r.Follows || p.r.Epoch != p.epoch || e == nil || e.Ended.IsZero() || p.t.State == timeline.Ended {
		return next, false
	}
	leader := p.t.Rendition(e.Tracks[0].Rendition)
	if leader == nil {
		return next, false
	}
	led := ofEpoch(leader, next.MSN, p.epoch)
	open := p.r.Open
	if led == nil || open == nil {
		return next, led != nil
	}
	goesOn := ofEpoch(leader, next.MSN+1, p.epoch) != nil
	end := (led.Start + led.Duration).Duration(led.Timescale(leader))
	if !goesOn {
		end = max(end, e.Shown)
	}
	if end-(open.Start+open.Duration).Duration(open.Timescale(p.r)) >= leastHinted {
		return next, true
	}
	return timeline.Position{MSN: next.MSN + 1}, goesOn
}

// ofEpoch returns the rendition's whole segment of that MSN, if it is of the epoch.
func ofEpoch(r *timeline.Rendition, msn, epoch uint64) *timeline.Segment {
	if g := r.Segments.ByMSN(msn); g != nil && g.Epoch == epoch {
		return g
	}
	return nil
}

// appendReports tells how far the other renditions are that the multivariant
// playlist offers (RFC 8216bis §4.4.5.4, B.1): to their newest part, whatever gaps
// come after that. There is one in what is offered.
func (p *mediaPlaylist) appendReports(dst []byte) []byte {
	for _, r := range p.t.Renditions {
		if r.ID == p.r.ID || !isOffered(p.t, r) {
			continue
		}
		at := r.Newest
		dst = append(dst, `#EXT-X-RENDITION-REPORT:URI="../`...)
		dst = append(dst, r.ID...)
		dst = append(dst, `/index.m3u8",LAST-MSN=`...)
		dst = appendUint(dst, at.MSN)
		dst = append(dst, ",LAST-PART="...)
		dst = appendUint(dst, uint64(at.Part))
		dst = append(dst, '\n')
	}
	return dst
}
