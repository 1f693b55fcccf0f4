package flv

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"sluice/ingest/amf0"
	"sluice/media/scte35"
)

// Cue is a splice that a script tag tells of.
type Cue struct {
	// Section is a splice_info_section: the sender's own, or one made of what the tag says.
	Section []byte
	ID      string        // the sender's; may be empty
	Ahead   time.Duration // how much later than the tag it is; negative is earlier
	// Duration is how long it is meant to last; 0 where nobody says so beside the section.
	Duration time.Duration
}

// How times in cues are understood.
const (
	nearCue  = 2 * time.Second  // a position so near to the tag's own is one
	leadCue  = time.Minute      // a smaller number is a lead else
	farCue   = 10 * time.Minute // further away from the tag is no time of this stream
	maxCueID = 256              // bytes
	// lastingCue bounds durations.
	lastingCue = 24 * time.Hour
)

// ParseCue reads the values of a data message that stands at timestamp, in
// milliseconds: "onCuePoint" or "onAdCue", or a name with scte35 in it, and an object. It
// returns false for what tells of no splice. The forms are those of
//
//   - Adobe Primetime's signalling (1.2), onAdCue: cue is a section in base64, or SpliceOut or
//     SpliceIn with an id; duration and time in seconds, time a position;
//   - anything that has a section in base64 or hexadecimal among the members, or among those
//     of parameters: its CRC tells it from other text;
//   - Elemental's onCuePoint for SCTE 35: parameters are a splice_insert's fields by their
//     names, times in milliseconds;
//   - Elemental's simple onCuePoint, name scte35: parameters.type avail_in begins a break of
//     parameters.duration seconds, time seconds after the tag;
//   - YouTube's, type com.youtube.cuepoint.
func ParseCue(values []any, timestamp uint32) (Cue, bool) {
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if len(values) < 2 {
		return Cue{}, false
	}
	name, _ := values[0].(string)
	if name != "onCuePoint" && name != "onAdCue" && !strings.Contains(strings.ToLower(name), "scte35") {
		return Cue{}, false
	}
	if raw, ok := sectionIn(values[1]); ok { // alone
		return Cue{Section: raw}, true
	}
	o, ok := amf0.AsObject(values[1])
	if !ok {
		return Cue{}, false
	}
	v, _ := o.Get("parameters")
	parameters, _ := amf0.AsObject(v)
	c := Cue{ID: text(o, "id")}
	if len(c.ID) > maxCueID {
		c.ID = ""
	}
	if at, ok := o.Number("time"); ok {
		c.Ahead = ahead(at, timestamp, name == "onAdCue")
	}
	for _, in := range []amf0.Object{o, parameters} {
		for _, p := range in {
			if raw, ok := sectionIn(p.Value); ok {
				c.Section, c.Duration = raw, lasting(cmp.Or(number(o, "duration"), number(parameters, "duration")), time.Second)
				return c, true
			}
		}
	}
	var s *scte35.Section
	switch {
	case name == "onAdCue":
		s = simple(o, o.String("cue"), eventOf(c.ID))
	case o.String("type") == "com.youtube.cuepoint":
		s = youTube(o, &c)
	case has(parameters, "splice_event_id"):
		s = insert(parameters, &c)
	case strings.EqualFold(o.String("name"), "scte35"):
		s = simple(parameters, parameters.String("type"), eventOf(text(parameters, "id")))
	}
	if s == nil {
		return Cue{}, false
	}
	raw, err := s.AppendTo(nil)
	c.Section = raw
	return c, err == nil
}

// ahead is how much later than the tag a time in seconds is.
func ahead(seconds float64, timestamp uint32, position bool) time.Duration {
	if math.IsNaN(seconds) || math.Abs(seconds) > math.MaxUint32 {
		return 0
	}
	at := time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	from := at - time.Duration(timestamp)*time.Millisecond
	switch {
	case from.Abs() <= nearCue, position && from.Abs() <= farCue:
		return from
	case !position && at >= 0 && at <= leadCue:
		return at
	case from.Abs() <= farCue:
		return from
	}
	return 0
}

// lasting is a duration that makes sense, or 0.
func lasting(v float64, unit time.Duration) time.Duration {
	if !(v > 0 && v*float64(unit) <= float64(lastingCue)) {
		return 0
	}
	return time.Duration(v * float64(unit)).Round(time.Millisecond)
}

// sectionIn reads a section that is written as text, or is bytes.
func sectionIn(v any) ([]byte, bool) {
	var data []byte
	switch v := v.(type) {
	case amf0.ByteArray:
		data = []byte(v)
	case string:
		const longest = 2*scte35.MaxSection + 2
		v = strings.TrimSpace(v)
		if len(v) > longest {
			return nil, false
		}
		var err error
		if digits, found := strings.CutPrefix(strings.ToLower(v), "0x"); found {
			data, err = hex.DecodeString(digits)
		} else if data, err = base64.StdEncoding.DecodeString(v); err != nil {
			data, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(v, "="))
		}
		if err != nil {
			return nil, false
		}
	default:
		return nil, false
	}
	_, err := scte35.Parse(data)
	return data, err == nil
}

// eventOf makes an event id of what a sender calls a break; both its ends have the same.
func eventOf(id string) uint32 {
	if n, err := strconv.ParseUint(id, 10, 32); err == nil {
		return uint32(n)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum32()
}

// simple makes a section of a word.
func simple(o amf0.Object, word string, event uint32) *scte35.Section {
	switch strings.ToLower(word) {
	case "spliceout", "avail_in", "out":
		d := lasting(number(o, "duration"), time.Second)
		return scte35.Out(event, nil, d, d > 0)
	case "splicein", "avail_out", "in":
		return scte35.In(event, nil)
	}
	return nil
}

func youTube(o amf0.Object, c *Cue) *scte35.Section {
	n, _ := o.Number("splice_event_id")
	event := whole(n)
	if lead, ok := o.Number("pre_roll_time_sec"); ok {
		c.Ahead = lasting(lead, time.Second)
	}
	if has(o, "cue_point_start") && !truth(o, "cue_point_start") {
		return scte35.In(event, nil)
	}
	d := lasting(number(o, "break_duration_sec"), time.Second)
	return scte35.Out(event, nil, d, d > 0)
}

// insert makes a section of a splice_insert's fields.
func insert(o amf0.Object, c *Cue) *scte35.Section {
	n, _ := o.Number("splice_event_id")
	event := whole(n)
	if lead, ok := o.Number("pre_roll_time"); ok {
		c.Ahead = lasting(lead, time.Millisecond)
	}
	switch {
	case truth(o, "splice_event_cancel_indicator"):
		return scte35.Cancel(event)
	case !truth(o, "out_of_network_indicator"):
		return scte35.In(event, nil)
	}
	s := scte35.Out(event, nil, lasting(number(o, "break_duration"), time.Millisecond), truth(o, "auto_return"))
	command := s.Command.(*scte35.Insert)
	command.UniqueProgramID = uint16(whole(number(o, "unique_program_id")))
	command.AvailNum, command.AvailsExpected = uint8(whole(number(o, "avail_num"))), uint8(whole(number(o, "avail_expected", "avails_expected")))
	return s
}

func has(o amf0.Object, key string) bool { _, ok := o.Get(key); return ok }

// truth reads a flag, as a boolean or a number.
func truth(o amf0.Object, key string) bool {
	v, _ := o.Get(key)
	n, isNumber := v.(float64)
	return v == true || isNumber && n != 0
}

// whole is a number as an id, 0 where it is none.
func whole(v float64) uint32 {
	if !(v >= 0 && v <= math.MaxUint32) {
		return 0
	}
	return uint32(v)
}
