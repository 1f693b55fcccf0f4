package amf0

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxString is the longest string with a length of 16 bits; a longer one becomes
// a long string.
const maxString = 1<<16 - 1

// AppendTo appends values to dst. It panics on a value of a type that the package
// comment does not list and on a key or class name of more than 65,535 bytes:
// Decode gives neither, so that they are our own mistake.
func AppendTo(dst []byte, values ...any) []byte {
	for _, v := range values {
		dst = appendValue(dst, v)
	}
	return dst
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case float64:
		return appendDouble(append(dst, markerNumber), v)
	case bool:
		if v {
			return append(dst, markerBoolean, 1)
		}
		return append(dst, markerBoolean, 0)
	case string:
		if len(v) > maxString {
			return appendLongString(append(dst, markerLongString), v)
		}
		return appendString(append(dst, markerString), v)
	case Object:
		return appendMembers(append(dst, markerObject), v)
	case nil:
		return append(dst, markerNull)
	case Undefined:
		return append(dst, markerUndefined)
	case Reference:
		return binary.BigEndian.AppendUint16(append(dst, markerReference), uint16(v))
	case ECMAArray:
		dst = binary.BigEndian.AppendUint32(append(dst, markerECMAArray), uint32(len(v)))
		return appendMembers(dst, Object(v))
	case StrictArray:
		dst = binary.BigEndian.AppendUint32(append(dst, markerStrictArray), uint32(len(v)))
		return AppendTo(dst, v...)
	case Date:
		dst = appendDouble(append(dst, markerDate), v.Millis)
		return binary.BigEndian.AppendUint16(dst, uint16(v.Zone))
	case Unsupported:
		return append(dst, markerUnsupported)
	case XMLDocument:
		return appendLongString(append(dst, markerXMLDocument), string(v))
	case TypedObject:
		return appendMembers(appendString(append(dst, markerTypedObject), v.Class), v.Members)
	case ByteArray:
		return appendByteArray(dst, v)
	default:
		panic(fmt.Sprintf("amf0: no form for a %T", v))
	}
}

func appendMembers(dst []byte, o Object) []byte {
	for _, p := range o {
		dst = appendValue(appendString(dst, p.Key), p.Value)
	}
	return append(dst, 0, 0, markerObjectEnd)
}

func appendString(dst []byte, s string) []byte {
	if len(s) > maxString {
		panic(fmt.Sprintf("amf0: a name of %d bytes", len(s)))
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendLongString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func appendDouble(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}
