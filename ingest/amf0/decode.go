package amf0

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The markers of section 2.1.
const (
	markerNumber      = 0x00
	markerBoolean     = 0x01
	markerString      = 0x02
	markerObject      = 0x03
	markerMovieClip   = 0x04
	markerNull        = 0x05
	markerUndefined   = 0x06
	markerReference   = 0x07
	markerECMAArray   = 0x08
	markerObjectEnd   = 0x09
	markerStrictArray = 0x0a
	markerDate        = 0x0b
	markerLongString  = 0x0c
	markerUnsupported = 0x0d
	markerRecordSet   = 0x0e
	markerXMLDocument = 0x0f
	markerTypedObject = 0x10
	markerAVMPlus     = 0x11
)

// Decode reads values to the end of data. With an error come the values that
// stand whole before it.
func Decode(data []byte) ([]any, error) {
	d := decoder{data: data}
	var values []any
	for d.err == nil && d.at < len(d.data) {
		v := d.value(0)
		if d.err == nil {
			values = append(values, v)
		}
	}
	return values, d.err
}

// decoder is a cursor that keeps its first error: after it, every read gives zero.
type decoder struct {
	data   []byte
	at     int
	values int
	err    error

	amf3 amf3Tables
}

func (d *decoder) fail(err error, format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("byte %d: %s: %w", d.at, fmt.Sprintf(format, args...), err)
	}
}

// next takes n bytes; nil if they are not there.
func (d *decoder) next(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.data)-d.at {
		d.fail(ErrMalformed, "%d bytes wanted, %d left", n, len(d.data)-d.at)
		return nil
	}
	b := d.data[d.at : d.at+n]
	d.at += n
	return b
}

func (d *decoder) uint8() uint8 {
	if b := d.next(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.next(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.next(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) double() float64 {
	if b := d.next(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) string() string     { return string(d.next(int(d.uint16()))) }
func (d *decoder) longString() string { return string(d.next(int(d.uint32()))) }

// enter counts a value at the given depth and says whether to go on.
func (d *decoder) enter(depth int) bool {
	d.values++
	switch {
	case d.err != nil:
	case depth > MaxDepth:
		d.fail(ErrLimit, "more than %d levels", MaxDepth)
	case d.values > MaxValues:
		d.fail(ErrLimit, "more than %d values", MaxValues)
	}
	return d.err == nil
}

// value reads a marker and what belongs to it.
func (d *decoder) value(depth int) any {
	if !d.enter(depth) {
		return nil
	}
	switch marker := d.uint8(); marker {
	case markerNumber:
		return d.double()
	case markerBoolean:
		return d.uint8() != 0
	case markerString:
		return d.string()
	case markerObject:
		return d.object(depth)
	case markerNull:
		return nil
	case markerUndefined:
		return Undefined{}
	case markerReference:
		return Reference(d.uint16())
	case markerECMAArray:
		return d.ecmaArray(depth)
	case markerStrictArray:
		return d.strictArray(depth)
	case markerDate:
		return Date{Millis: d.double(), Zone: int16(d.uint16())}
	case markerLongString:
		return d.longString()
	case markerUnsupported:
		return Unsupported{}
	case markerXMLDocument:
		return XMLDocument(d.longString())
	case markerTypedObject:
		return TypedObject{Class: d.string(), Members: d.object(depth)}
	case markerAVMPlus:
		return d.amf3Value(depth)
	case markerMovieClip, markerRecordSet:
		d.fail(ErrMalformed, "type 0x%02x is reserved", marker)
	case markerObjectEnd:
		d.fail(ErrMalformed, "end of an object that did not begin")
	default:
		d.fail(ErrMalformed, "type 0x%02x is unknown", marker)
	}
	return nil
}

// object reads members up to the end marker, an empty key before 0x09.
func (d *decoder) object(depth int) Object {
	o := Object{}
	for d.err == nil {
		if d.objectEnd() {
			return o
		}
		key := d.string()
		o = append(o, Pair{key, d.value(depth + 1)})
	}
	return nil
}

func (d *decoder) objectEnd() bool {
	b := d.data[d.at:]
	if len(b) >= 3 && b[0] == 0 && b[1] == 0 && b[2] == markerObjectEnd {
		d.at += 3
		return true
	}
	return false
}

// ecmaArray reads members likewise. The count is a hint that encoders get wrong
// (0 from live ones that write as they go); it only decides where the input ends
// without an end marker, as some write onMetaData.
func (d *decoder) ecmaArray(depth int) ECMAArray {
	count := d.uint32()
	o := Object{}
	for d.err == nil {
		if d.objectEnd() || (len(o) > 0 && uint64(len(o)) == uint64(count) && d.at == len(d.data)) {
			return ECMAArray(o)
		}
		key := d.string()
		o = append(o, Pair{key, d.value(depth + 1)})
	}
	return nil
}

// strictArray believes the count only as far as values come.
func (d *decoder) strictArray(depth int) StrictArray {
	a := StrictArray{}
	for n := d.uint32(); n > 0 && d.err == nil; n-- {
		a = append(a, d.value(depth+1))
	}
	return a
}
