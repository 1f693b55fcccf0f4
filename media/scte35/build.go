package scte35

import "time"

// everybody is the tier of sections that are for all (§9.6.1).
const everybody = 0xFFF

// noSAP is the sap_type of sections that don't say.
const noSAP = 3

// Out returns a splice_insert that begins a break at pts; nil is at once. A planned
// duration of 0 is unknown; returns says that the break ends after it by itself.
func Out(event uint32, pts Time, planned time.Duration, returns bool) *Section {
	c := &Insert{EventID: event, Out: true, Immediate: pts == nil, Time: masked(pts)}
	if planned > 0 {
		c.Break = &Break{AutoReturn: returns, Duration: ticks(planned, 33)}
	}
	return section(c)
}

// In returns the splice_insert that ends the break that Out began.
func In(event uint32, pts Time) *Section {
	return section(&Insert{EventID: event, Immediate: pts == nil, Time: masked(pts)})
}

// Cancel returns a splice_insert that takes back one that is still to come.
func Cancel(event uint32) *Section { return section(&Insert{EventID: event, Cancel: true}) }

// Opportunity returns a time_signal that begins a placement opportunity of the
// provider, or ends one. A planned duration of 0 is unknown.
func Opportunity(event uint32, pts Time, planned time.Duration, ends bool) *Section {
	s := section(&TimeSignal{Time: masked(pts)})
	d := &Segmentation{EventID: event, TypeID: typeProviderPlacement, Num: 1, Expected: 1}
	if ends {
		d.TypeID++
	} else {
		d.Sub = &SubSegment{} // a start of this type has it (§10.3.3.1)
	}
	if planned > 0 && !ends {
		v := ticks(planned, 40)
		d.Duration = &v
	}
	s.Descriptors = []Descriptor{d}
	return s
}

func section(c Command) *Section { return &Section{SAPType: noSAP, Tier: everybody, Command: c} }

func masked(t Time) Time {
	if t == nil {
		return nil
	}
	v := *t & maxPTS
	return &v
}
