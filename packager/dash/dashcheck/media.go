package dashcheck

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// Init is what an init segment says.
type Init struct {
	Timescale uint32
	Entry     string // the sample entry, as in "avc1"

	trex *mp4.TrexBox
}

// Media is what a segment holds.
type Media struct {
	Size     int
	Empty    bool   // no fragment
	Start    uint64 // presentation time of the first sample
	Duration uint64 // of all samples
	Sync     bool   // the first sample is a sync sample
	// Events are the schemes and values, with a slash between, of the events that stand
	// before its fragments.
	Events []string
}

// MeasureInit reads an init segment of one track.
func MeasureInit(body []byte) (Init, error) {
	file, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil {
		return Init{}, fmt.Errorf("read init segment: %w", err)
	}
	if file.Moov == nil || file.Moov.Trak == nil || file.Moov.Mvex == nil || file.Moov.Mvex.Trex == nil {
		return Init{}, errors.New("init segment without moov, trak or trex")
	}
	mdia := file.Moov.Trak.Mdia
	i := Init{Timescale: mdia.Mdhd.Timescale, trex: file.Moov.Mvex.Trex}
	if entries := mdia.Minf.Stbl.Stsd.Children; len(entries) > 0 {
		i.Entry = entries[0].Type()
	}
	return i, nil
}

// Measure reads a segment of one track.
func (i Init) Measure(body []byte) (Media, error) {
	m := Media{Size: len(body), Empty: true}
	file, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil {
		return m, fmt.Errorf("read segment: %w", err)
	}
	for _, segment := range file.Segments {
		for _, fragment := range segment.Fragments {
			for _, box := range fragment.Children {
				if e, ok := box.(*mp4.EmsgBox); ok {
					m.Events = append(m.Events, e.SchemeIDURI+"/"+e.Value)
				}
			}
			traf := fragment.Moof.Traf
			if traf == nil || traf.Tfdt == nil {
				return m, errors.New("fragment without traf or tfdt")
			}
			for _, trun := range traf.Truns {
				trun.AddSampleDefaultValues(traf.Tfhd, i.trex)
				for n, s := range trun.Samples {
					if m.Empty && n == 0 {
						m.Empty, m.Sync = false, s.IsSync()
						m.Start = uint64(int64(traf.Tfdt.BaseMediaDecodeTime()) + int64(s.CompositionTimeOffset))
					}
					m.Duration += uint64(s.Dur)
				}
			}
		}
	}
	return m, nil
}

// resources is what is known of URLs: how they are listed, and what they hold.
type resources struct {
	listed map[string]listing
	inits  map[string]*Representation // as it was listed last
	media  map[string]Media
}

// listing is a segment as it was listed last.
type listing struct {
	Segment
	in        string // which Representation
	timescale uint64
	bandwidth uint64
	buffer    time.Duration // minBufferTime
	final     bool          // its duration doesn't change any more
	events    []string      // that are declared, as in Media
	ahead     bool          // it may be listed before it is whole, and turn out to end early
}

func newResources() resources {
	return resources{listed: map[string]listing{}, inits: map[string]*Representation{}, media: map[string]Media{}}
}

// list takes note of what an MPD lists, and checks what is known of it.
func (rs *resources) list(m *MPD, f *findings) {
	for i, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				rs.inits[r.Init] = r
				for j, g := range r.Segments {
					if len(rs.listed) >= maxMedia {
						return
					}
					final := j < len(r.Segments)-1 || i < len(m.Periods)-1 || !m.Dynamic
					rs.listed[g.URL] = listing{g, r.name(), r.Timescale, r.Bandwidth, m.Buffer, final, declared(s, r), m.mayLack(r, g)}
					if media, ok := rs.media[g.URL]; ok {
						rs.listed[g.URL].check(media, f)
					}
				}
			}
		}
	}
}

// Init says what an init segment holds; url is absolute, and listed.
func (o *Observer) Init(url string, i Init) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &findings{url: url}
	if r := o.media.inits[url]; r != nil {
		f.check(uint64(i.Timescale) == r.Timescale, mediaTimescale, 0, "%s: %d in the init segment, %d in the MPD", r.name(), i.Timescale, r.Timescale)
		entry, _, _ := strings.Cut(r.Codecs, ".")
		f.check(i.Entry == entry, mediaCodec, 0, "%s: %s in the init segment, %s in the MPD", r.name(), i.Entry, r.Codecs)
	}
	o.keep(f)
}

// Segment says what a whole segment holds; url is absolute.
func (o *Observer) Segment(url string, m Media) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.media.media) < maxMedia {
		o.media.media[url] = m
	}
	f := &findings{url: url}
	if l, ok := o.media.listed[url]; ok {
		if l.ahead && m.Duration < l.Duration {
			l.Missing = l.Duration - m.Duration // the next MPD has to say so
		}
		l.check(m, f)
	}
	o.keep(f)
}

// Missing says that a URL that is listed was answered with that status.
func (o *Observer) Missing(url string, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &findings{url: url}
	f.add(mediaMissing, 0, "%s: status %d", url, status)
	o.keep(f)
}

// declared are the events that a Representation says its segments may carry.
func declared(s *Set, r *Representation) (all []string) {
	for _, of := range []*node{s.node, r.node} {
		for _, e := range of.all("InbandEventStream") {
			scheme, _ := e.attr("schemeIdUri")
			value, _ := e.attr("value")
			all = append(all, scheme+"/"+value)
		}
	}
	return all
}

// check compares a segment with how it is listed.
func (l listing) check(m Media, f *findings) {
	what := fmt.Sprintf("segment %d of %s", l.Number, l.in)
	f.check(m.Empty == l.Gap, mediaGap, l.line, "%s: empty is %v, and is listed as %v", what, m.Empty, l.Gap)
	if m.Empty {
		return
	}
	f.check(m.Start == l.Time, mediaStart, l.line, "%s: presented from %d on, listed at %d", what, m.Start, l.Time)
	f.check(m.Sync, mediaSync, l.line, "%s", what)
	for _, e := range m.Events {
		f.check(slices.Contains(l.events, e), mediaEvents, l.line, "%s has an event of %s", what, e)
	}
	if !l.final {
		return
	}
	r := Representation{Timescale: l.timescale}
	held := l.Duration - l.Missing
	off := r.ticks(max(m.Duration, held) - min(m.Duration, held))
	f.check(off <= frameSlack, mediaDuration, l.line, "%s: lasts %d, listed with %d", what, m.Duration, held)
	most := float64(l.bandwidth) * 1.001 * (l.buffer + r.ticks(l.Duration)).Seconds()
	f.check(float64(m.Size)*8 <= most, mediaBandwidth, l.line,
		"%s: %d bytes, where bandwidth %d holds for %.0f", what, m.Size, l.bandwidth, most/8)
}
