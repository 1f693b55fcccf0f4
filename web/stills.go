package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/packager/stills"
	"sluice/packager/timeline"
)

// Why there are no stills.
var (
	errNoStills = fmt.Errorf("%w: they are off on this server", stills.ErrNone)
	errNoShape  = fmt.Errorf("%w: nobody knows their shape", stills.ErrNone)
)

// poster is a stream's newest picture, as it was last made.
type poster struct {
	broadcast, msn uint64
	body           []byte
	tag            string
	made           time.Time
}

// poster answers /live/{stream}/poster.jpg: the newest keyframe. Where that takes long, or the last
// one is young, that is shown.
func (s *Server) poster(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	t := feed.Current()
	g := stills.Newest(t)
	if g == nil && t.State == timeline.Live { // it's starting
		t, err = x.hold(feed, "", startHold, func(t *timeline.Timeline) bool {
			g = stills.Newest(t)
			return g != nil || t.State != timeline.Live
		})
		if err != nil {
			return err
		}
	}
	if g == nil {
		return errNoMedia
	}
	last := st.shown.Load()
	if last != nil && last.broadcast != t.Broadcast {
		last = nil
	}
	if last == nil || s.now().Sub(last.made) >= posterAge && last.msn != g.MSN {
		if last, err = s.newPoster(x, st, t, g, last); err != nil {
			return err
		}
	}
	return x.still(last.body, last.tag, maxAge(t.Targets.Segment))
}

// newPoster makes one of g, or returns last where there is one and g's isn't there in time.
func (s *Server) newPoster(x *exchange, st *stream, t *timeline.Timeline, g *timeline.Segment, last *poster) (*poster, error) {
	limit := stillHold
	if last != nil {
		limit = posterHold
	}
	body, err := s.picture(x, st, t, limit, wanted{
		kind: "poster", name: strconv.FormatUint(g.MSN, 10), width: stills.PosterWidth,
		epoch: t.Epoch(g.Epoch), of: []*timeline.Segment{g},
	})
	if err != nil {
		late := errors.Is(err, errNotYet) || errors.Is(err, stills.ErrBusy)
		if last != nil && late {
			return last, nil
		}
		return nil, err
	}
	p := &poster{broadcast: t.Broadcast, msn: g.MSN, body: body, tag: tagOf(body), made: s.now()}
	st.shown.Store(p)
	return p, nil
}

// makeStill has a job done.
func (s *Server) makeStill(x *exchange, limit time.Duration, j stills.Job) ([]byte, error) {
	x.group.held.Inc()
	defer x.group.held.Dec()
	ctx, cancel := withLimit(x.r.Context(), limit)
	defer cancel()
	return s.stills(ctx, j)
}

// sheetKind is the kind of sheets.
const sheetKind = "sheet"

// wanted is a picture, or a sheet, of segments of an epoch that have one.
type wanted struct {
	kind, name string
	width      int // at most, of each picture
	epoch      *timeline.Epoch
	of         []*timeline.Segment
}

// id is the same for the same picture, and for no other.
func (w *wanted) id(st *stream) string {
	return st.name + "/" + w.kind + "/" + strconv.FormatUint(w.epoch.Number, 10) + "/" + w.name
}

// picture has that made. What is in storage is read only where the picture isn't there already.
func (s *Server) picture(x *exchange, st *stream, t *timeline.Timeline, limit time.Duration, w wanted) ([]byte, error) {
	init := w.of[0].Init
	j := stills.Job{ID: w.id(st), Init: init.Data, Columns: 1, Rows: 1}
	if w.kind == sheetKind {
		j.Columns, j.Rows = stills.Columns, stills.Rows
	}
	var ok bool
	if j.Size, ok = stills.SizeOf(init.Track, w.width); !ok {
		return nil, errNoShape
	}
	if slices.ContainsFunc(w.of, func(g *timeline.Segment) bool { return g.Stored != nil }) {
		body, err := s.makeStill(x, limit, stills.Job{ID: j.ID})
		if !errors.Is(err, stills.ErrNone) {
			return body, err
		}
	}
	for _, g := range w.of {
		key, err := s.firstPart(x.r.Context(), st.name, stills.Leading(t, w.epoch).ID, g)
		if err != nil {
			return nil, err
		}
		j.Keys = append(j.Keys, key)
	}
	return s.makeStill(x, limit, j)
}

// thumbnailIndex answers /live/{stream}/thumbnails.vtt.
func (s *Server) thumbnailIndex(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	r, err := x.manifest(feed, "", startHold, func(t *timeline.Timeline) (*rendered, error) {
		if !t.Ready() {
			return nil, stills.ErrNotReady
		}
		return st.manifests.thumbnails.at(t, t.Whole, stills.AppendVTT)
	})
	if err != nil {
		return err
	}
	return x.deliver(r, typeVTT, r.fresh)
}

// thumbnail answers /live/{stream}/thumbnails/{epoch}/{n}.jpg and …/sheet-{a}-{s}.jpg.
func (s *Server) thumbnail(x *exchange) error {
	st, feed, err := s.served(x)
	if err != nil {
		return err
	}
	name, isPicture := strings.CutSuffix(x.r.PathValue("file"), ".jpg")
	sheet, isSheet := strings.CutPrefix(name, "sheet-")
	epoch, ok := number(x.r.PathValue("epoch"))
	if !isPicture || !ok {
		return errUnknown
	}
	if isSheet {
		return s.sheet(x, st, feed, epoch, sheet)
	}
	n, ok := number(name)
	if !ok {
		return errUnknown
	}
	t := feed.Current()
	e, err := epochOf(t, epoch)
	if err != nil {
		return err
	}
	g := stills.Segment(t, e, n)
	if g == nil && n >= e.FirstMSN && n < t.Kept {
		return errGone
	}
	if g == nil {
		return errUnknown
	}
	return s.thumbnailOf(x, st, t, wanted{
		kind: "thumbnail", name: strconv.FormatUint(n, 10), width: stills.ThumbnailWidth,
		epoch: e, of: []*timeline.Segment{g},
	}, cacheImmutable)
}

func epochOf(t *timeline.Timeline, epoch uint64) (*timeline.Epoch, error) {
	switch e := t.Epoch(epoch); {
	case e != nil:
		return e, nil
	case epoch > 0 && epoch <= t.Gone:
		return nil, errGone
	}
	return nil, errUnknown
}

// sheet answers with a sheet. One that is just about to be whole is waited for.
func (s *Server) sheet(x *exchange, st *stream, feed *timeline.Feed, epoch uint64, name string) error {
	left, right, _ := strings.Cut(name, "-")
	anchor, anchorOK := number(left)
	n, ok := number(right)
	if !anchorOK || !ok {
		return errUnknown
	}
	var t *timeline.Timeline
	var e *timeline.Epoch
	var sheet stills.Sheet
	var err error
	ready := func(now *timeline.Timeline) bool {
		t = now
		if e, err = epochOf(t, epoch); err != nil {
			return true
		}
		sheet = stills.SheetAt(t, e, anchor, n)
		return sheet.Whole || !sheet.Near()
	}
	if _, err := x.hold(feed, "", stillHold, ready); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if !sheet.Whole {
		if sheet.To == 0 && (e.Number < t.Broadcast || anchor < t.Kept) {
			return errGone
		}
		return errUnknown
	}
	segments, all := sheet.Keys(t, e)
	if len(segments) == 0 {
		return errGone
	}
	w := wanted{kind: sheetKind, name: name, width: stills.ThumbnailWidth, epoch: e, of: segments}
	if all {
		return s.thumbnailOf(x, st, t, w, cacheImmutable)
	}
	if body, err := s.makeStill(x, stillHold, stills.Job{ID: w.id(st)}); err == nil {
		return x.still(body, tagOf(body), cacheImmutable) // it was made while all of it was there
	}
	// It's asked for too late: something stands in for its beginning.
	w.name += "/from/" + strconv.FormatUint(segments[0].MSN, 10)
	return s.thumbnailOf(x, st, t, w, cacheShort)
}

func (s *Server) thumbnailOf(x *exchange, st *stream, t *timeline.Timeline, w wanted, cache []string) error {
	body, err := s.picture(x, st, t, stillHold, w)
	if err != nil {
		return err
	}
	return x.still(body, tagOf(body), cache)
}

// still answers with a JPEG.
func (x *exchange) still(body []byte, tag string, cache []string) error {
	h := x.w.Header()
	h["Content-Type"] = typeJPEG
	h["Cache-Control"] = cache
	h["Etag"] = []string{tag}
	return x.parts([]timeline.Part{{Data: body}}, len(body), tag)
}

// tagOf is an entity tag of bytes: another server may have another ffmpeg.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
