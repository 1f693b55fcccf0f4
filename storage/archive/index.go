package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// errPage is wrapped by what is said of a page that can't be used.
var errPage = errors.New("not a page of an index")

// pageVersion is that of the format; a page of another one isn't read.
const pageVersion = 1

// page is an index object: the segments of a run of numbers, and the timeline as it was
// when the page was put.
type page struct {
	Version int
	Number  uint64 // of its first segment, divided by pageSegments
	// Ahead is how many numbers may be told of after this page was put and before the next
	// one is; none where the process ended in good order with it.
	Ahead    uint64
	Timeline json.RawMessage // a timeline.Saved; of use in the newest page
	Inits    []initRecord    `json:",omitempty"`
	Segments map[timeline.RenditionID][]segmentRecord
}

// initRecord is an init segment that segments of the page use.
type initRecord struct {
	Rendition timeline.RenditionID
	Epoch     uint64
	Track     media.Track
	Data      []byte
}

// segmentRecord is a segment, with short names since there are many.
type segmentRecord struct {
	MSN      uint64      `json:"n"`
	Epoch    uint64      `json:"e"`
	Init     uint64      `json:"i,omitempty"` // the epoch of its init segment
	Start    media.Ticks `json:"s"`
	Duration media.Ticks `json:"d"`
	Media    media.Ticks `json:"m,omitempty"` // see timeline.Stored
	Time     int64       `json:"t"`           // nanoseconds since 1970
	Ends     []uint32    `json:"p,omitempty"` // see timeline.Stored; none of a gap
	Lost     bool        `json:"l,omitempty"`
}

// newPage returns the page of that number. Of each rendition it has what is before the
// number that stored says.
func newPage(t *timeline.Timeline, number uint64, stored map[timeline.RenditionID]uint64) *page {
	p := &page{
		Version: pageVersion, Number: number,
		Segments: map[timeline.RenditionID][]segmentRecord{},
	}
	for _, r := range t.Renditions {
		var init *timeline.Init
		for g := range r.Segments.From(number * pageSegments) {
			if g.MSN >= min(stored[r.ID], (number+1)*pageSegments) {
				break
			}
			rec := segmentRecord{
				MSN: g.MSN, Epoch: g.Epoch, Start: g.Start, Duration: g.Duration, Lost: g.Lost,
			}
			if !g.Time.IsZero() {
				rec.Time = g.Time.UnixNano()
			}
			if s := g.Stored; s != nil {
				rec.Ends, rec.Media = s.Ends, s.Media
			} else if !g.Gap() {
				s := g.Store()
				rec.Ends, rec.Media = s.Ends, s.Media
			}
			if g.Init != nil {
				rec.Init = g.Init.Epoch
				if g.Init != init {
					init = g.Init
					p.Inits = append(p.Inits, initRecord{r.ID, init.Epoch, init.Track, init.Data})
				}
			}
			p.Segments[r.ID] = append(p.Segments[r.ID], rec)
		}
	}
	return p
}

// encode returns a page's bytes.
func encode(p *page, t timeline.Saved) ([]byte, error) {
	var err error
	if p.Timeline, err = json.Marshal(t); err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// saved is the timeline of a page.
func (p *page) saved() (s timeline.Saved, err error) {
	if err := json.Unmarshal(p.Timeline, &s); err != nil {
		return s, fmt.Errorf("%w: %w", errPage, err)
	}
	return s, nil
}

// readPage reads what encode made of a page.
func readPage(b []byte, number uint64) (*page, error) {
	var p page
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", errPage, err)
	}
	if p.Version != pageVersion || p.Number != number {
		return nil, fmt.Errorf("%w: version %d, number %d in place of %d", errPage, p.Version, p.Number, number)
	}
	return &p, nil
}

// initKey names an init segment.
type initKey struct {
	rendition timeline.RenditionID
	epoch     uint64
}

// segments returns those of a rendition. inits are the init segments of this and older
// pages, so that segments share them; the page's are added.
func (p *page) segments(id timeline.RenditionID, inits map[initKey]*timeline.Init) ([]*timeline.Segment, error) {
	for i := range p.Inits {
		in := &p.Inits[i]
		k := initKey{in.Rendition, in.Epoch}
		if in.Rendition != id || inits[k] != nil {
			continue
		}
		inits[k] = &timeline.Init{Epoch: in.Epoch, Data: in.Data, Track: in.Track}
	}
	all := make([]*timeline.Segment, 0, len(p.Segments[id]))
	for _, rec := range p.Segments[id] {
		g := &timeline.Segment{
			MSN: rec.MSN, Epoch: rec.Epoch, Start: rec.Start, Duration: rec.Duration,
			Closed: true, Lost: rec.Lost,
		}
		if rec.Time != 0 {
			g.Time = time.Unix(0, rec.Time)
		}
		if rec.Init != 0 {
			if g.Init = inits[initKey{id, rec.Init}]; g.Init == nil {
				return nil, fmt.Errorf("%w: segment %d of %s has no init segment", errPage, rec.MSN, id)
			}
		}
		if rec.MSN/pageSegments != p.Number || rec.Duration <= 0 || rec.Lost && len(rec.Ends) > 0 {
			return nil, fmt.Errorf("%w: segment %d of %s", errPage, rec.MSN, id)
		}
		if n := len(rec.Ends); n > 0 {
			for i, end := range rec.Ends {
				if i > 0 && end < rec.Ends[i-1] {
					return nil, fmt.Errorf("%w: parts of segment %d of %s", errPage, rec.MSN, id)
				}
			}
			if rec.Media < 0 || rec.Ends[n-1] > math.MaxInt32 || g.Init == nil {
				return nil, fmt.Errorf("%w: media of segment %d of %s", errPage, rec.MSN, id)
			}
			g.Stored = &timeline.Stored{Ends: rec.Ends, Media: rec.Media}
			g.Size = int(rec.Ends[n-1])
		}
		all = append(all, g)
	}
	return all, nil
}
