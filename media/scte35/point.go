package scte35

import "time"

// Role is what a section says of a point of the programme.
type Role uint8

// The roles.
const (
	RoleCommand Role = iota // something else: RFC 8216bis calls it a command
	RoleOut                 // away from the programme: a break begins
	RoleIn                  // back to it
	RoleCancel              // what was announced under this id won't be
	RoleNothing             // splice_null, bandwidth_reservation: there is no point
)

func (r Role) String() string {
	return [...]string{"command", "out", "in", "cancel", "nothing"}[r]
}

// Point is one thing that a section says. A section can say several: one for each
// segmentation_descriptor.
type Point struct {
	Role Role
	// EventID is splice_event_id or segmentation_event_id, which a break's two ends
	// share. Type is that of the segmentation where it begins (one less than where it
	// ends), 0 in splice_insert: ids of different types are different.
	EventID uint32
	Type    uint8
	// PTS is when, with pts_adjustment in it, 33 bits; nil: as soon as possible.
	PTS Time
	// Duration is how long it is meant to last; 0 where nobody says.
	Duration time.Duration
	// Returns says that it ends then by itself (auto_return).
	Returns bool
}

// Segmentation types that say where advertisements are or could be (§10.3.3.1): those
// that begin one are even, and followed by the one that ends it.
const (
	typeBreak             = 0x22
	typeFirstAd           = 0x30 // provider's and distributor's advertisements, …
	typeProviderPlacement = 0x34 // placement opportunities, overlays, …
	typeLastPromo         = 0x3F // … promotions
	typeFirstBlock        = 0x44
	typeLastBlock         = 0x47
)

// Points returns what the section says: nothing but a RoleCommand where it is
// encrypted, or something that isn't known here.
func (s *Section) Points() []Point {
	switch c := s.Command.(type) {
	case Null, BandwidthReservation:
		return []Point{{Role: RoleNothing}}
	case *Insert:
		return []Point{s.insertPoint(c)}
	case *TimeSignal:
		at := s.adjusted(c.Time)
		var all []Point
		for _, d := range s.Descriptors {
			if g, ok := d.(*Segmentation); ok {
				all = append(all, g.point(at))
			}
		}
		if len(all) == 0 {
			all = []Point{{PTS: at}}
		}
		return all
	}
	return []Point{{}}
}

// adjusted is a time with pts_adjustment (§9.6.1).
func (s *Section) adjusted(t Time) Time {
	if t == nil {
		return nil
	}
	v := (*t + s.PTSAdjustment) & maxPTS
	return &v
}

func (s *Section) insertPoint(c *Insert) Point {
	if c.Cancel {
		return Point{Role: RoleCancel, EventID: c.EventID}
	}
	p := Point{Role: RoleIn, EventID: c.EventID, PTS: s.adjusted(c.Time)}
	if c.Out {
		p.Role = RoleOut
	}
	if len(c.Components) > 0 {
		p.PTS = s.adjusted(c.Components[0].Time)
	}
	if c.Break != nil {
		p.Duration, p.Returns = duration(c.Break.Duration), c.Break.AutoReturn
	}
	return p
}

func (d *Segmentation) point(at Time) Point {
	if d.Cancel {
		return Point{Role: RoleCancel, EventID: d.EventID}
	}
	p := Point{EventID: d.EventID, Type: d.TypeID &^ 1, PTS: at}
	t := d.TypeID
	if t&^1 == typeBreak || t >= typeFirstAd && t <= typeLastPromo || t >= typeFirstBlock && t <= typeLastBlock {
		p.Role = RoleOut + Role(t&1)
	}
	if d.Duration != nil {
		p.Duration = duration(*d.Duration)
	}
	return p
}

// duration converts ticks of ClockRate; 40 bits of them fit.
func duration(ticks uint64) time.Duration {
	whole, rest := ticks/ClockRate, ticks%ClockRate
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/ClockRate
}

// ticks is the inverse of duration, within a field of so many bits.
func ticks(d time.Duration, width int) uint64 {
	d = max(d, 0)
	v := uint64(d/time.Second)*ClockRate + uint64((d%time.Second*ClockRate+time.Second/2)/time.Second)
	return min(v, 1<<width-1)
}
