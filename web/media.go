package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/media"
	"sluice/packager/dash"
	"sluice/packager/timeline"
)

// gatherSize is up to which size the parts of an answer are copied together,
// so that one write sends them. An audio segment's parts are of 3 KB each.
const gatherSize = 64 << 10

// place is what a media URL names.
type place struct {
	rendition timeline.RenditionID
	epoch     uint64
	msn       uint64
	part      int  // negative: the whole segment
	transport bool // in MPEG-TS
}

// find returns the segment at p, open or whole, with the part that p names. The
// error is errAwaited where it may still come, errGone where it was there once,
// and errUnknown where it never was or will be.
func (p place) find(t *timeline.Timeline) (*timeline.Segment, error) {
	if p.epoch <= t.Gone || p.msn < t.Kept {
		return nil, errGone
	}
	r := t.Rendition(p.rendition)
	if r == nil {
		return nil, errUnknown
	}
	g := r.Segment(p.msn)
	switch {
	case g == nil && r.Left:
		return nil, errAbsent // it was hinted, or is what an MPD makes players expect
	case g == nil && p.isNext(t, r):
		return nil, errAwaited
	case g == nil || g.Epoch != p.epoch:
		return nil, errUnknown
	case p.part < g.NumParts():
		return g, nil
	case p.part == g.NumParts() && !g.Closed:
		return nil, errAwaited
	}
	return nil, errUnknown
}

// isNext reports whether p is the rendition's next segment, or its first part,
// and whether its epoch can still go on to have it. While the publisher is away
// nobody knows: players ask for more of the old epoch, and stop at a 404. A rung
// may still have more of an epoch when the next one has begun, and is to have all
// that the leading rendition has.
func (p place) isNext(t *timeline.Timeline, r *timeline.Rendition) bool {
	if t.State != timeline.Live && t.State != timeline.Away || p.part > 0 {
		return false
	}
	next := r.NextPosition(t).MSN
	if p.msn != next && (r.Open == nil || p.msn != next+1) && (!r.Follows || p.msn < next || p.msn >= t.Next.MSN) {
		return false
	}
	for i, e := range t.Epochs {
		if e.Number == p.epoch {
			trails := r.Follows && r.Epoch == e.Number && i < len(t.Epochs)-1 && p.msn < t.Epochs[i+1].FirstMSN
			return trails || i == len(t.Epochs)-1 && e.Has(p.rendition)
		}
	}
	return false
}

// media answers …/{epoch}/{n}.m4s, …/{epoch}/{n}.{part}.m4s and …/{epoch}/{n}.ts.
func (s *Server) media(x *exchange) error {
	st, feed, err := s.served(x)
	if err != nil {
		return err
	}
	p, err := parsePlace(x.r)
	if err != nil {
		return err
	}
	s.note(x, st, feed.Current(), p.rendition)
	if p.transport {
		return s.transport(x, feed, p)
	}
	if p.part >= 0 {
		x.group = s.groups.part
	}
	g, err := p.find(feed.Current())
	if err == errAwaited {
		_, waited := x.hold(feed, p.rendition, s.absence, func(t *timeline.Timeline) bool {
			g, err = p.find(t)
			return err != errAwaited
		})
		if waited != nil {
			return waited
		}
	}
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Content-Type"] = typeVideo
	if r := feed.Current().Rendition(p.rendition); g.Init != nil && g.Init.Track.Kind == media.Audio ||
		g.Init == nil && r != nil && r.Track.Kind == media.Audio {
		h["Content-Type"] = typeAudio
	}
	h["Cache-Control"] = cacheImmutable
	tag := p.etag()
	h["Etag"] = []string{tag}
	switch {
	case g.Lost: // these aren't its bytes: nobody may keep them
		h["Cache-Control"] = noStore
		delete(h, "Etag")
		return x.parts(emptyParts, len(dash.EmptySegment), "")
	case g.Stored != nil:
		return s.stored(x, p, g, tag)
	case p.part >= 0:
		return x.parts(g.Parts[p.part:p.part+1], len(g.Parts[p.part].Data), tag)
	case g.Gap():
		return x.parts(emptyParts, len(dash.EmptySegment), tag)
	case g.Closed:
		return x.parts(g.Parts, g.Size, tag)
	}
	return s.unfinished(x, feed, p, g)
}

// emptyParts are those of a segment for which nothing came: DASH players go on
// after this, and stop at a 404.
var emptyParts = []timeline.Part{{Data: []byte(dash.EmptySegment)}}

// parts answers with parts that are all there, size bytes together.
func (x *exchange) parts(parts []timeline.Part, size int, tag string) error {
	for i := range parts {
		if parts[i].Data == nil {
			return errGone
		}
	}
	if done, err := x.settled(tag); done {
		return err
	}
	if x.ranges() {
		http.ServeContent(x, x.r, "", time.Time{}, io.NewSectionReader(partsReader(parts), 0, int64(size)))
		return nil
	}
	h := x.w.Header()
	h["Accept-Ranges"] = bytesUnit
	h["Content-Length"] = []string{strconv.Itoa(size)}
	x.begin(http.StatusOK)
	return x.writeParts(parts, size)
}

// unfinished answers with an open segment: what there is of it, and each part
// when it arrives. Range doesn't apply, as the size isn't known.
func (s *Server) unfinished(x *exchange, feed *timeline.Feed, p place, g *timeline.Segment) error {
	if done, err := x.settled(p.etag()); done {
		return err
	}
	x.begin(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	sent, bytes := 0, 0
	for {
		switch { // who takes it slowly may still be at it when it isn't in memory any more
		case g.Stored != nil:
			return s.remains(x, p, g, bytes)
		case g.Gap():
			return fmt.Errorf("segment %d was lost while it was sent", p.msn)
		}
		if err := x.writeParts(g.Parts[sent:], g.Size-bytes); err != nil {
			return err
		}
		if sent, bytes = len(g.Parts), g.Size; g.Closed {
			return nil
		}
		if err := x.flush(); err != nil {
			return err
		}
		x.deadline(s.absence)
		var err error
		_, waited := x.hold(feed, p.rendition, s.absence, func(t *timeline.Timeline) bool {
			g, err = p.find(t)
			return err != nil || g.Closed || len(g.Parts) > sent
		})
		if waited != nil {
			return waited
		}
		if err != nil {
			return fmt.Errorf("segment %d left while it was sent: %w", p.msn, err)
		}
	}
}

// writeParts sends parts of size bytes together.
func (x *exchange) writeParts(parts []timeline.Part, size int) error {
	if len(parts) > 1 && size <= gatherSize {
		whole := make([]byte, 0, size)
		for i := range parts {
			whole = append(whole, parts[i].Data...)
		}
		return x.write(whole)
	}
	for i := range parts {
		if err := x.write(parts[i].Data); err != nil {
			return err
		}
	}
	return nil
}

// partsReader reads parts as if they were one.
type partsReader []timeline.Part

// ReadAt implements io.ReaderAt.
func (r partsReader) ReadAt(b []byte, off int64) (n int, err error) {
	for i := range r {
		data := r[i].Data
		if off >= int64(len(data)) {
			off -= int64(len(data))
			continue
		}
		n += copy(b[n:], data[off:])
		if off = 0; n == len(b) {
			return n, nil
		}
	}
	return n, io.EOF
}

// initSegment answers …/{epoch}/init.mp4.
func (s *Server) initSegment(x *exchange) error {
	_, feed, err := s.served(x)
	if err != nil {
		return err
	}
	epoch, ok := number(x.r.PathValue("epoch"))
	if !ok || epoch == 0 {
		return errUnknown
	}
	t := feed.Current()
	// One that is still in use counts, even where its own epoch has gone.
	init := findInit(t.Rendition(timeline.RenditionID(x.r.PathValue("rendition"))), epoch)
	if init == nil && epoch <= t.Gone {
		return errGone
	}
	if init == nil {
		return errUnknown
	}
	tag := `"` + x.r.PathValue("rendition") + "-" + x.r.PathValue("epoch") + `"`
	h := x.w.Header()
	h["Content-Type"] = typeVideo
	if init.Track.Kind == media.Audio {
		h["Content-Type"] = typeAudio
	}
	h["Cache-Control"] = cacheImmutable
	h["Etag"] = []string{tag}
	return x.parts([]timeline.Part{{Data: init.Data}}, len(init.Data), tag)
}

// findInit returns the rendition's init segment of that epoch, or nil.
func findInit(r *timeline.Rendition, epoch uint64) *timeline.Init {
	if r == nil {
		return nil
	}
	if r.Init != nil && r.Init.Epoch == epoch {
		return r.Init
	}
	for g := range r.Segments.All() {
		if g.Init != nil && g.Init.Epoch == epoch {
			return g.Init
		}
	}
	return nil
}

// parsePlace reads a media URL. One that isn't written as manifests write it
// names nothing: a second spelling would be a second copy in every cache.
func parsePlace(r *http.Request) (place, error) {
	p := place{rendition: timeline.RenditionID(r.PathValue("rendition")), part: -1}
	name, isMedia := strings.CutSuffix(r.PathValue("file"), ".m4s")
	if !isMedia {
		name, p.transport = strings.CutSuffix(name, ".ts")
		isMedia = p.transport && !strings.Contains(name, ".")
	}
	msn, part, hasPart := strings.Cut(name, ".")
	epochOK, msnOK, partOK := false, false, true
	p.epoch, epochOK = number(r.PathValue("epoch"))
	p.msn, msnOK = number(msn)
	if hasPart {
		var n uint64
		n, partOK = number(part)
		partOK = partOK && n < 1<<31
		p.part = int(n)
	}
	if !isMedia || !epochOK || !msnOK || !partOK || p.epoch == 0 || p.msn == 0 {
		return place{}, errUnknown
	}
	return p, nil
}

// number reads a decimal number without sign and leading zeros.
func number(s string) (uint64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return n, err == nil
}

// etag is strong: a URL's bytes never change.
func (p place) etag() string {
	b := make([]byte, 0, 48)
	b = append(b, '"')
	b = append(b, p.rendition...)
	b = append(b, '-')
	b = strconv.AppendUint(b, p.epoch, 10)
	b = append(b, '-')
	b = strconv.AppendUint(b, p.msn, 10)
	if p.part >= 0 {
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(p.part), 10)
	}
	if p.transport {
		b = append(b, ".ts"...)
	}
	return string(append(b, '"'))
}
