package hls

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/mpegts"
	"sluice/packager/timeline"
)

// transportVersion is of playlists whose EXTINF have decimals (RFC 8216bis §8), which is
// all that players know that ask for MPEG-TS.
const transportVersion = "3"

// AppendTransportMultivariant appends the multivariant playlist of the renditions as
// MPEG-TS, in the order of AppendMultivariant. Sound is in the same segments as the
// picture; where there is a choice of pictures, there is the sound alone too. The error
// is ErrNotReady, or ErrNoTransport where no rendition can be had so.
func AppendTransportMultivariant(dst []byte, t *timeline.Timeline, o Options) ([]byte, error) {
	if !t.Ready() || !settled(t) || t.Expecting() {
		return dst, ErrNotReady
	}
	var video, audio []*timeline.Rendition
	foreign, waiting := "", false
	for _, r := range t.Renditions {
		switch {
		case !isOffered(t, r):
		case !mpegts.Carries(r.Track.Codec):
			foreign = r.Track.Codec.Name()
		case lastTransport(t, r) == nil:
			waiting = true
		case r.Track.Kind == media.Video:
			video = append(video, r)
		case r.Track.Kind == media.Audio:
			audio = append(audio, r)
		}
	}
	if len(video)+len(audio) == 0 {
		if foreign != "" && !waiting {
			return dst, fmt.Errorf("%w: it's %s", ErrNoTransport, foreign)
		}
		return dst, ErrNotReady
	}
	dst = appendMultivariantHeader(dst, t, captionsVersion(transportVersion, t.Captions), o)
	if len(video) == 0 {
		for _, r := range audio {
			dst = appendTransport(dst, t, r, "")
		}
		return dst, nil
	}
	captions := captionsAttribute(t, video)
	if captions == captionsPresent {
		dst = appendCaptions(dst, t.Captions)
	}
	first := startVariant(video, audio)
	dst = appendTransport(dst, t, video[first], captions)
	for i, r := range video {
		if i != first {
			dst = appendTransport(dst, t, r, captions)
		}
	}
	if sound := soundOf(t, video[first]); len(video) > 1 && slices.Contains(audio, sound) {
		dst = appendTransport(dst, t, sound, captions)
	}
	return dst, nil
}

// appendTransport writes a rendition as a variant, with the sound that is in it.
func appendTransport(dst []byte, t *timeline.Timeline, r *timeline.Rendition, captions string) []byte {
	rate, codecs := transportRates(t, r), []string{r.Track.Codec.RFC6381()}
	if sound := soundOf(t, r); sound != nil && sound != r {
		more := transportRates(t, sound)
		rate.peak, rate.average = rate.peak+more.peak, rate.average+more.average
		codecs = append(codecs, sound.Track.Codec.RFC6381())
	}
	fixed := tableRates(t, r)
	dst = appendCodecs(appendRates(append(dst, "#EXT-X-STREAM-INF:"...), rates{rate.peak + fixed.peak, rate.average + fixed.average}), codecs)
	if c, ok := r.Track.Codec.(media.Picture); ok {
		dst = appendPicture(dst, r, c.Format())
	}
	dst = append(append(dst, captions...), '\n')
	dst = append(dst, r.ID...)
	return append(dst, "/ts.m3u8\n"...)
}

// soundOf returns the rendition whose sound is in the segments of r as of its newest
// epoch: itself where it is sound, and nil where there is none.
func soundOf(t *timeline.Timeline, r *timeline.Rendition) *timeline.Rendition {
	if r.Track.Kind == media.Audio {
		return r
	}
	rt := soundIn(t.Epoch(r.Epoch))
	if rt == nil {
		return nil
	}
	return t.Rendition(rt.Rendition)
}

// soundIn returns the track of sound that goes with an epoch's pictures, if there is one:
// of those that the publisher sent, as they alone are sure to be there when a segment is
// made, AAC before what fewer players have.
func soundIn(e *timeline.Epoch) *timeline.RenditionTrack {
	var best *timeline.RenditionTrack
	if e == nil {
		return nil
	}
	for i := range e.Tracks[:e.Led] {
		rt := &e.Tracks[i]
		if rt.Track.Kind != media.Audio || !mpegts.Carries(rt.Track.Codec) {
			continue
		}
		if _, plain := rt.Track.Codec.(*media.AAC); plain {
			return rt
		}
		if best == nil {
			best = rt
		}
	}
	return best
}

// AppendTransportMedia appends the media playlist of a rendition as MPEG-TS. It lists
// what AppendMedia lists whole, under the same numbers and dates, as soon as everything
// is there that goes into a segment. The error is ErrNotReady, ErrNoRendition, ErrGone
// or ErrNoTransport.
func AppendTransportMedia(dst []byte, t *timeline.Timeline, id timeline.RenditionID) ([]byte, error) {
	p, err := newMediaPlaylist(t, id)
	if err != nil {
		return dst, err
	}
	if c := p.r.Track.Codec; !mpegts.Carries(c) {
		return dst, fmt.Errorf("%w: %s is %s", ErrNoTransport, id, c.Name())
	}
	last := lastTransport(t, p.r)
	if last == nil {
		return dst, ErrNotReady
	}
	dst = slices.Grow(dst, p.size(0))
	dst = append(dst, "#EXTM3U\n#EXT-X-VERSION:"+transportVersion+"\n#EXT-X-TARGETDURATION:"...)
	dst = appendUint(dst, uint64(t.Targets.Segment/time.Second))
	dst = p.appendSequences(append(dst, '\n'))
	dst = p.appendSplices(dst)
	for g := range p.r.Segments.From(p.first.MSN) {
		if g.MSN > last.MSN {
			break
		}
		dst = p.appendTransportSegment(dst, g)
	}
	if t.State == timeline.Ended {
		dst = append(dst, "#EXT-X-ENDLIST\n"...)
	}
	return dst, nil
}

func (p *mediaPlaylist) appendTransportSegment(dst []byte, g *timeline.Segment) []byte {
	dst = p.appendBreaks(dst, g)
	dst = appendDateTag(dst, g)
	if !hasTransport(g) {
		dst = append(dst, "#EXT-X-GAP\n"...)
	}
	dst = p.appendInf(dst, g)
	return append(dst, ".ts\n"...)
}

// hasTransport reports whether there is something of a whole segment that can be had as
// MPEG-TS: its codec may be another than its rendition's is now.
func hasTransport(g *timeline.Segment) bool {
	return !g.Gap() && g.Init != nil && mpegts.Carries(g.Init.Track.Codec)
}

// lastTransport returns the newest segment that playlists of MPEG-TS list, or nil.
func lastTransport(t *timeline.Timeline, r *timeline.Rendition) *timeline.Segment {
	first, last := firstListed(t, r), r.Segments.Last()
	if first == nil {
		return nil
	}
	for msn := last.MSN; msn >= first.MSN; msn-- {
		if g := r.Segments.ByMSN(msn); g != nil && complete(t, g, r) {
			return g
		}
	}
	return nil
}

// complete reports whether all is there that goes into a segment of r, and so whether its
// bytes are known: the sound of that number, and the events, which are with what leads.
func complete(t *timeline.Timeline, g *timeline.Segment, r *timeline.Rendition) bool {
	e := t.Epoch(g.Epoch)
	if !g.Closed || e == nil {
		return g.Closed
	}
	for _, rt := range [...]*timeline.RenditionTrack{&e.Tracks[0], soundIn(e)} {
		if rt == nil || rt.Rendition == r.ID {
			continue
		}
		other := t.Rendition(rt.Rendition)
		if other == nil {
			continue
		}
		// Where the epoch has ended, what isn't there won't be.
		if o := other.Segment(g.MSN); e.Ended.IsZero() && (o == nil || !o.Closed) {
			return false
		}
	}
	return true
}

// Transport returns what a segment of MPEG-TS is made of. It is nil where not all of
// that is there yet. The error is ErrNoTransport where there is nothing to make one of.
func Transport(t *timeline.Timeline, r *timeline.Rendition, g *timeline.Segment) (*mpegts.Segment, error) {
	switch {
	case !g.Closed || !complete(t, g, r):
		return nil, nil
	case g.Gap():
		return nil, fmt.Errorf("%w: nothing came for this segment", ErrNoTransport)
	case !hasTransport(g):
		return nil, fmt.Errorf("%w: it's %s", ErrNoTransport, g.Init.Track.Codec.Name())
	}
	s := &mpegts.Segment{Epoch: g.Epoch}
	own := &mpegts.Stream{Track: g.Init.Track, Fragments: fragments(g)}
	e := t.Epoch(g.Epoch)
	if e != nil {
		s.Delay = e.Delay
		if lead := t.Rendition(e.Tracks[0].Rendition); lead != nil {
			s.Events = fragments(of(lead, g))
		}
	}
	if own.Track.Kind == media.Audio {
		s.Sound = own
		return s, nil
	}
	s.Video = own
	if rt := soundIn(e); rt != nil {
		s.Sound = &mpegts.Stream{Track: rt.Track}
		if sound := t.Rendition(rt.Rendition); sound != nil {
			s.Sound.Fragments = fragments(of(sound, g))
		}
	}
	return s, nil
}

// of returns the segment of r that goes with g, or nil.
func of(r *timeline.Rendition, g *timeline.Segment) *timeline.Segment {
	return ofEpoch(r, g.MSN, g.Epoch)
}

// fragments are a segment's parts; of none, none. One whose bytes are only in storage is nil.
func fragments(g *timeline.Segment) [][]byte {
	if g == nil {
		return nil
	}
	all := make([][]byte, g.NumParts())
	for i := range g.Parts {
		all[i] = g.Parts[i].Data
	}
	return all
}
