package cmaf

import (
	"bytes"
	"fmt"

	"sluice/media"
)

// EventMessage is an emsg box of version 1 (ISO/IEC 23009-1 §5.10.3.3), which stands
// in front of a fragment's moof (ISO/IEC 23000-19 §7.4.5).
type EventMessage struct {
	// Time is the presentation time and Duration how long it lasts, both in ticks of
	// Timescale, the track's. A Duration that isn't positive is told as unknown.
	Timescale      media.Timescale
	Time, Duration media.Ticks
	// ID is the same where the same event is told again, in another rendition.
	ID uint32
	// Scheme and Value hold no zero byte.
	Scheme, Value string
	Data          []byte
}

// unknownDuration says that nobody knows how long an event lasts.
const unknownDuration = 0xFFFFFFFF

// emsgFields is what version 1 has of fixed size.
const emsgFields = 4 + 8 + 4 + 4

// Size is the number of bytes that AppendTo appends.
func (e *EventMessage) Size() int {
	return fullHeader + emsgFields + len(e.Scheme) + 1 + len(e.Value) + 1 + len(e.Data)
}

// AppendTo appends the box to dst. With room for Size bytes it allocates nothing.
func (e *EventMessage) AppendTo(dst []byte) []byte {
	dst = fullBox(dst, e.Size(), "emsg", 1, 0)
	dst = u32(dst, uint32(e.Timescale))
	dst = u64(dst, uint64(e.Time))
	duration := uint32(unknownDuration)
	if 0 < e.Duration && e.Duration < unknownDuration {
		duration = uint32(e.Duration)
	}
	dst = u32(dst, duration)
	dst = u32(dst, e.ID)
	dst = append(append(dst, e.Scheme...), 0)
	dst = append(append(dst, e.Value...), 0)
	return append(dst, e.Data...)
}

// ReadEvents returns the events in front of a fragment that AppendTo has written, in
// their order; nil where there are none. Their Data refers to b. The error wraps
// ErrMalformed. What they take is bounded by the length of b.
func ReadEvents(b []byte) ([]EventMessage, error) {
	var all []EventMessage
	for {
		name, content, rest, err := nextBox(b)
		if err != nil {
			return nil, err
		}
		switch string(name) {
		case "moof":
			return all, nil
		case "emsg":
			e, err := readEvent(b[:boxHeader+len(content)])
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		case "prft", "styp":
		default:
			return nil, fmt.Errorf("%q where moof is to be: %w", name, ErrMalformed)
		}
		b = rest
	}
}

func readEvent(box []byte) (e EventMessage, err error) {
	c, _, err := cutFull(box, "emsg", 1)
	if err != nil {
		return e, err
	}
	e.Timescale, e.Time = media.Timescale(c.u32()), media.Ticks(c.u64())
	if e.Duration = media.Ticks(c.u32()); e.Duration == unknownDuration {
		e.Duration = 0
	}
	e.ID = c.u32()
	var known, valued bool
	e.Scheme, c.b, known = cutString(c.b)
	e.Value, c.b, valued = cutString(c.b)
	e.Data = c.b[:len(c.b):len(c.b)]
	if c.short || !known || !valued || e.Timescale == 0 || e.Time < 0 {
		return e, fmt.Errorf("emsg is cut off, or its time makes no sense: %w", ErrMalformed)
	}
	return e, nil
}

// cutString cuts a string that ends with a zero byte off b.
func cutString(b []byte) (string, []byte, bool) {
	s, rest, ok := bytes.Cut(b, []byte{0})
	return string(s), rest, ok
}
