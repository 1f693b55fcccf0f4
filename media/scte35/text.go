package scte35

import (
	"fmt"
	"strings"
)

// String returns the section in words, a field a line: for people, and for tests.
func (s *Section) String() string {
	var t strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&t, format+"\n", args...) }
	line("splice_info_section sap_type=%d pts_adjustment=%d cw_index=%d tier=%#x", s.SAPType, s.PTSAdjustment, s.CWIndex, s.Tier)
	if s.Encrypted {
		line("  encrypted algorithm=%d command_length=%d bytes=%x", s.Algorithm, s.CommandLength, s.Opaque)
		return t.String()
	}
	switch c := s.Command.(type) {
	case Null:
		line("  splice_null")
	case BandwidthReservation:
		line("  bandwidth_reservation")
	case *TimeSignal:
		line("  time_signal pts=%s", timeText(c.Time))
	case *Other:
		line("  command type=%#x bytes=%x", c.Code, c.Data)
	case *Insert:
		line("  splice_insert event=%d cancel=%t out=%t immediate=%t unique=%t pts=%s program=%d avail=%d/%d",
			c.EventID, c.Cancel, c.Out, c.Immediate, !c.NotUnique, timeText(c.Time), c.UniqueProgramID, c.AvailNum, c.AvailsExpected)
		for _, k := range c.Components {
			line("    component tag=%d pts=%s", k.Tag, timeText(k.Time))
		}
		if c.Break != nil {
			line("    break auto_return=%t duration=%d", c.Break.AutoReturn, c.Break.Duration)
		}
	}
	for _, d := range s.Descriptors {
		switch d := d.(type) {
		case *Foreign:
			line("  descriptor tag=%#x identifier=%#x bytes=%x", d.Tag, d.Identifier, d.Data)
		case *Segmentation:
			d.text(line)
		}
	}
	return t.String()
}

func (d *Segmentation) text(line func(string, ...any)) {
	line("  segmentation event=%d cancel=%t unique=%t type=%#x num=%d/%d", d.EventID, d.Cancel, !d.NotUnique, d.TypeID, d.Num, d.Expected)
	if d.Restrictions != nil {
		line("    restrictions %+v", *d.Restrictions)
	}
	for _, k := range d.Components {
		line("    component tag=%d offset=%d", k.Tag, k.PTS)
	}
	if d.Duration != nil {
		line("    duration=%d", *d.Duration)
	}
	if d.UPIDType != 0 || len(d.UPID) > 0 {
		line("    upid type=%#x bytes=%x", d.UPIDType, d.UPID)
	}
	if d.Sub != nil {
		line("    sub-segment %d/%d", d.Sub.Num, d.Sub.Expected)
	}
}

func timeText(t Time) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprint(*t)
}
