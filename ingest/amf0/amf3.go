package amf0

import "encoding/binary"

// The markers of AMF 3, section 3.1. Those from vector-int (0x0d) on appear in
// no command and are refused.
const (
	amf3Undefined   = 0x00
	amf3Null        = 0x01
	amf3False       = 0x02
	amf3True        = 0x03
	amf3Integer     = 0x04
	amf3Double      = 0x05
	amf3String      = 0x06
	amf3XMLDocument = 0x07
	amf3Date        = 0x08
	amf3Array       = 0x09
	amf3Object      = 0x0a
	amf3XML         = 0x0b
	amf3ByteArray   = 0x0c
)

// amf3Tables are what later values of the same message may refer to. A reference
// to an object is given as Unsupported: like AMF 0's it is not followed.
type amf3Tables struct {
	strings []string
	traits  []amf3Traits
}

type amf3Traits struct {
	class   string
	members []string
	dynamic bool
}

// amf3Value reads a value after the switch. MaxDepth and MaxValues count on.
func (d *decoder) amf3Value(depth int) any {
	switch marker := d.uint8(); marker {
	case amf3Undefined:
		return Undefined{}
	case amf3Null:
		return nil
	case amf3False:
		return false
	case amf3True:
		return true
	case amf3Integer:
		// 29 bits, signed
		return float64(int32(d.uint29()<<3) >> 3)
	case amf3Double:
		return d.double()
	case amf3String:
		return d.amf3String()
	case amf3XMLDocument, amf3XML:
		if b, ok := d.amf3Bytes(); ok {
			return XMLDocument(b)
		}
		return Unsupported{}
	case amf3Date:
		if d.uint29()&1 == 0 {
			return Unsupported{}
		}
		return Date{Millis: d.double()}
	case amf3Array:
		return d.amf3Array(depth)
	case amf3Object:
		return d.amf3Object(depth)
	case amf3ByteArray:
		if b, ok := d.amf3Bytes(); ok {
			return ByteArray(b)
		}
		return Unsupported{}
	default:
		d.fail(ErrMalformed, "AMF 3 type 0x%02x is not served", marker)
		return nil
	}
}

// member reads a value within an array or object.
func (d *decoder) amf3Member(depth int) any {
	if !d.enter(depth) {
		return nil
	}
	return d.amf3Value(depth)
}

// uint29 reads a number of one to four bytes, section 1.3.1: seven bits of each of
// the first three, all eight of a fourth.
func (d *decoder) uint29() uint32 {
	var v uint32
	for range 3 {
		b := d.uint8()
		v = v<<7 | uint32(b&0x7f)
		if b < 0x80 {
			return v
		}
	}
	return v<<8 | uint32(d.uint8())
}

// amf3Bytes reads bytes with their length, or says that a reference stood there.
func (d *decoder) amf3Bytes() (string, bool) {
	n := d.uint29()
	if n&1 == 0 {
		return "", false
	}
	return string(d.next(int(n >> 1))), true
}

// amf3String reads a string, or finds one that came before.
func (d *decoder) amf3String() string {
	n := d.uint29()
	if n&1 == 0 {
		if i := int(n >> 1); i < len(d.amf3.strings) {
			return d.amf3.strings[i]
		}
		d.fail(ErrMalformed, "no AMF 3 string %d", n>>1)
		return ""
	}
	s := string(d.next(int(n >> 1)))
	if s != "" {
		d.amf3.strings = append(d.amf3.strings, s)
	}
	return s
}

// amf3Key reads a member's name, which must fit AMF 0.
func (d *decoder) amf3Key() string {
	s := d.amf3String()
	if len(s) > maxString {
		d.fail(ErrLimit, "key of %d bytes", len(s))
	}
	return s
}

// amf3Array reads an array: named members, then numbered ones. With names it
// becomes an ECMAArray, and the numbered ones are left out.
func (d *decoder) amf3Array(depth int) any {
	n := d.uint29()
	if n&1 == 0 {
		return Unsupported{}
	}
	var named ECMAArray
	for d.err == nil {
		key := d.amf3Key()
		if key == "" {
			break
		}
		named = append(named, Pair{key, d.amf3Member(depth + 1)})
	}
	dense := StrictArray{}
	for n >>= 1; n > 0 && d.err == nil; n-- {
		dense = append(dense, d.amf3Member(depth+1))
	}
	if named != nil {
		return named
	}
	return dense
}

// amf3Object reads an object: its traits, their members, then dynamic ones.
func (d *decoder) amf3Object(depth int) any {
	n := d.uint29()
	if n&1 == 0 {
		return Unsupported{}
	}
	t := d.amf3Traits(n)
	o := Object{}
	for _, key := range t.members {
		if d.err != nil {
			return nil
		}
		o = append(o, Pair{key, d.amf3Member(depth + 1)})
	}
	for t.dynamic && d.err == nil {
		key := d.amf3Key()
		if key == "" {
			break
		}
		o = append(o, Pair{key, d.amf3Member(depth + 1)})
	}
	if t.class != "" {
		return TypedObject{Class: t.class, Members: o}
	}
	return o
}

// amf3Traits reads or finds the traits of an object whose first number is n:
//
//	... count of members | dynamic 1 | externalizable 1 | inline traits 1 | inline object 1
func (d *decoder) amf3Traits(n uint32) amf3Traits {
	if n&2 == 0 {
		if i := int(n >> 2); i < len(d.amf3.traits) {
			return d.amf3.traits[i]
		}
		d.fail(ErrMalformed, "no AMF 3 traits %d", n>>2)
		return amf3Traits{}
	}
	if n&4 != 0 {
		d.fail(ErrMalformed, "an AMF 3 object that only its class can read")
		return amf3Traits{}
	}
	t := amf3Traits{dynamic: n&8 != 0, class: d.amf3Key()}
	for n >>= 4; n > 0 && d.enter(0); n-- { // a name takes memory as a value does
		t.members = append(t.members, d.amf3Key())
	}
	d.amf3.traits = append(d.amf3.traits, t)
	return t
}

// appendByteArray is the one AMF 3 value that is written.
func appendByteArray(dst []byte, b ByteArray) []byte {
	return append(appendUint29(append(dst, markerAVMPlus, amf3ByteArray), uint32(len(b))<<1|1), b...)
}

func appendUint29(dst []byte, v uint32) []byte {
	switch {
	case v < 1<<7:
		return append(dst, byte(v))
	case v < 1<<14:
		return append(dst, byte(v>>7)|0x80, byte(v)&0x7f)
	case v < 1<<21:
		return append(dst, byte(v>>14)|0x80, byte(v>>7)|0x80, byte(v)&0x7f)
	default:
		v := v & (1<<29 - 1)
		return binary.BigEndian.AppendUint32(dst, (v>>22|0x80)<<24|(v>>15&0x7f|0x80)<<16|(v>>8&0x7f|0x80)<<8|v&0xff)
	}
}
