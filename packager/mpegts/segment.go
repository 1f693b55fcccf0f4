package mpegts

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
)

// Segment is what a segment is made of. Nothing of it is written to.
type Segment struct {
	// Epoch is the one that it is of, and Delay that epoch's: by how much decode times
	// come before those of the fragments, so that no picture is shown before it is decoded.
	Epoch uint64
	Delay time.Duration
	// Video and Sound are nil where the epoch has none that goes into the segment. One of
	// them isn't nil, and its codec is one that Carries.
	Video, Sound *Stream
	// Events are fragments in front of which there may be events.
	Events [][]byte
}

// Stream is one track's media.
type Stream struct {
	Track media.Track
	// Fragments are as Fragment.AppendTo writes them; none where nothing came.
	Fragments [][]byte
}

// Whole reports whether the bytes of all fragments are there.
func (s *Segment) Whole() bool {
	missing := func(b []byte) bool { return b == nil }
	return !slices.ContainsFunc(s.Events, missing) &&
		(s.Video == nil || !slices.ContainsFunc(s.Video.Fragments, missing)) &&
		(s.Sound == nil || !slices.ContainsFunc(s.Sound.Fragments, missing))
}

// AppendTo appends the segment to dst. The same segment gives the same bytes. Samples
// that have no place in the stream, as those whose NAL units' lengths are wrong, are left
// out. The error wraps cmaf.ErrMalformed.
func (s *Segment) AppendTo(dst []byte) ([]byte, error) {
	p, err := s.plan()
	if err != nil {
		return dst, err
	}
	w := writer{dst: slices.Grow(dst, p.packets*packetSize)}
	p.write(&w)
	return w.dst, nil
}

// unit is what goes into one PES packet: a picture, frames of sound, or an ID3 tag.
type unit struct {
	lane     lane
	sync     bool
	sets     bool // the parameter sets are put in
	goesOn   bool // it is more of the tag before
	at       int64
	pts, dts int64
	from, to int // samples of its track; bytes of its tag
	tag      []byte
	size     int // bytes, PES header included
	packets  int
	// before is how many packets with a PCR alone are in front of it, from fill on.
	before int
	fill   int64
	// PCRs within: the first one in its first packet if clocked, then more of them,
	// which share the span behind base.
	clocked    bool
	more       int
	base, span int64
}

// clock returns the PCR of a packet of the unit, if it has one.
func (u *unit) clock(packet int) (int64, bool) {
	if packet == 0 {
		return u.at, u.clocked
	}
	for i := 1; i <= u.more; i++ {
		if packet == i*u.packets/(u.more+1) {
			return u.base + int64(i)*u.span/int64(u.more+1), true
		}
	}
	return 0, false
}

// plan is a segment's layout.
type plan struct {
	segment  *Segment
	pictures pictures
	sounds   sounds
	video    []media.Sample
	sound    []media.Sample
	units    []unit // in the order of the stream
	end      int64
	tables   int // how often the tables are there
	tail     int // packets with a PCR alone at the end, from fill on
	fill     int64
	packets  int
}

// clockLane is the lane that has the PCRs.
func (s *Segment) clockLane() lane {
	if s.Video == nil {
		return laneSound
	}
	return laneVideo
}

func (s *Segment) plan() (*plan, error) {
	p := &plan{segment: s}
	var err error
	if s.Video != nil {
		p.pictures = picturesOf(s.Video.Track.Codec)
		if p.video, err = s.Video.samples(); err != nil {
			return nil, err
		}
		p.planPictures()
	}
	if s.Sound != nil {
		p.sounds = soundsOf(s.Sound.Track.Codec)
		if p.sound, err = s.Sound.samples(); err != nil {
			return nil, err
		}
		p.planSound()
	}
	if err := p.planEvents(); err != nil {
		return nil, err
	}
	p.order()
	p.planClock()
	p.planTables()
	for _, l := range [...]lane{laneVideo, laneSound, laneID3} {
		p.pad(l)
	}
	for i := range p.units {
		p.packets += p.units[i].before + p.units[i].packets
	}
	p.packets += p.tail + 2*p.tables
	return p, nil
}

// samples reads the fragments.
func (s *Stream) samples() ([]media.Sample, error) {
	var all []media.Sample
	var f cmaf.Fragment
	for i, b := range s.Fragments {
		if err := f.Read(b); err != nil {
			return nil, fmt.Errorf("fragment %d: %w", i, err)
		}
		first, last := f.Samples[0], f.Samples[len(f.Samples)-1]
		if first.DTS < -maxTime || last.DTS > maxTime {
			return nil, fmt.Errorf("fragment %d: decode time %d: %w", i, first.DTS, cmaf.ErrMalformed)
		}
		all = append(all, f.Samples...)
	}
	return all, nil
}

// clock turns a track's time into that of the stream.
func (s *Stream) clock(t media.Ticks) int64 {
	at := int64(t.Rescale(s.Track.Timescale, media.VideoClock))
	return min(max(at, -maxTime), maxTime)
}

// planPictures makes a unit of each picture. Pictures are decoded no later than they are shown.
func (p *plan) planPictures() {
	v := p.segment.Video
	delay := media.TicksOf(p.segment.Delay, v.Track.Timescale)
	for i := range p.video {
		delay = max(delay, -p.video[i].CTSOffset)
	}
	for i := range p.video {
		f := &p.video[i]
		size, sets := p.pictures.size(f)
		p.end = max(p.end, v.clock(f.DTS-delay+f.Duration))
		if size == 0 {
			continue
		}
		u := unit{lane: laneVideo, sync: f.Sync, sets: sets, from: i, to: i + 1, pts: v.clock(f.PTS()), dts: v.clock(f.DTS - delay)}
		u.at = u.dts
		u.size = u.headerSize() + size
		p.units = append(p.units, u)
	}
}

// planSound makes units of as many frames as fit.
func (p *plan) planSound() {
	s := p.segment.Sound
	var u *unit
	for i := range p.sound {
		f := &p.sound[i]
		size, at := p.sounds.size(f), s.clock(f.PTS())
		if p.segment.Video == nil {
			p.end = max(p.end, s.clock(f.PTS()+f.Duration))
		}
		if size == 0 {
			u = nil
			continue
		}
		end := s.clock(f.PTS() + f.Duration)
		if u == nil || u.size-ptsHeader+size > soundBytes || end-u.at > soundSpan || at < u.at || p.parts(i) {
			p.units = append(p.units, unit{lane: laneSound, from: i, pts: at, dts: at, at: at, size: ptsHeader})
			u = &p.units[len(p.units)-1]
			u.sync = p.segment.Video == nil
		}
		u.to, u.size = i+1, u.size+size
	}
}

// parts reports whether frame i doesn't follow the one before it at once: only the first
// frame of a PES packet has a time.
func (p *plan) parts(i int) bool {
	before := &p.sound[i-1]
	return p.sound[i].PTS() != before.PTS()+before.Duration
}

// planEvents makes units of ID3 tags: one each, unless it is too long.
func (p *plan) planEvents() error {
	for i, b := range p.segment.Events {
		events, err := cmaf.ReadEvents(b)
		if err != nil {
			return fmt.Errorf("events of fragment %d: %w", i, err)
		}
		for j := range events {
			e := &events[j]
			if e.Scheme != media.SchemeID3 || !isID3(e.Data) {
				continue
			}
			at := int64(e.Time.Rescale(e.Timescale, media.VideoClock))
			at = min(max(at, -maxTime), maxTime)
			for from := 0; from < len(e.Data); from += maxLength {
				part := e.Data[from:min(from+maxLength, len(e.Data))]
				p.units = append(p.units, unit{
					lane: laneID3, goesOn: from > 0, at: at, pts: at, dts: at, tag: part, size: ptsHeader + len(part),
				})
			}
		}
	}
	return nil
}

// isID3 reports whether an ID3v2 tag begins here (ID3v2.4.0 §3.1).
func isID3(b []byte) bool { return len(b) >= 10 && string(b[:3]) == "ID3" }

// order puts units in the order of their times, but first one that has a PCR. What is
// from before the segment waits for that.
func (p *plan) order() {
	clock := p.segment.clockLane()
	first := slices.IndexFunc(p.units, func(u unit) bool { return u.lane == clock })
	if first < 0 {
		p.units = nil // nothing that a decoder could keep time by
		return
	}
	start := p.units[first].at
	for i := range p.units {
		if u := &p.units[i]; u.lane != clock {
			u.at = max(u.at, start)
		}
	}
	slices.SortStableFunc(p.units, func(a, b unit) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		case a.lane == b.lane:
			return 0
		case a.lane == clock:
			return -1
		case b.lane == clock:
			return 1
		}
		return int(a.lane) - int(b.lane)
	})
	p.end = max(p.end, p.units[len(p.units)-1].at)
}
