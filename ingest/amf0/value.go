package amf0

import (
	"errors"
	"time"
)

var (
	// ErrMalformed says that the bytes are no AMF, or end too soon.
	ErrMalformed = errors.New("malformed AMF")

	// ErrLimit says that the bytes hold more than this package is willing to read.
	ErrLimit = errors.New("AMF limit exceeded")
)

// Limits of one call of Decode.
const (
	// MaxDepth is how deep objects and arrays may nest.
	MaxDepth = 16
	// MaxValues is how many values, those in objects and arrays counted, may come.
	MaxValues = 4096
)

// Pair is a member of an object.
type Pair struct {
	Key   string
	Value any
}

// Object is an anonymous object: its members, in the order of the wire. A key may
// come twice; the first one counts.
type Object []Pair

// Get returns the member of the given name.
func (o Object) Get(key string) (any, bool) {
	for i := range o {
		if o[i].Key == key {
			return o[i].Value, true
		}
	}
	return nil, false
}

// String returns the member of the given name if it is a string, else "".
func (o Object) String(key string) string {
	v, _ := o.Get(key)
	s, _ := v.(string)
	return s
}

// Number returns the member of the given name and whether it is a number.
func (o Object) Number(key string) (float64, bool) {
	v, _ := o.Get(key)
	n, ok := v.(float64)
	return n, ok
}

// ECMAArray is an associative array: an object by another name, and onMetaData's
// usual form.
type ECMAArray Object

// StrictArray is an array with indices from 0.
type StrictArray []any

// TypedObject is an object with the name of its class.
type TypedObject struct {
	Class   string
	Members Object
}

// Undefined is the undefined value.
type Undefined struct{}

// Unsupported stands where the sender could not serialise.
type Unsupported struct{}

// Reference points to an object or array of the same message, by its index.
type Reference uint16

// Date is a point of time: milliseconds since 1970 in UTC, and a time zone that
// is reserved and should be 0.
type Date struct {
	Millis float64
	Zone   int16
}

// Time returns the date as a time, in UTC.
func (d Date) Time() time.Time { return time.UnixMilli(int64(d.Millis)).UTC() }

// XMLDocument is the text of an XML document.
type XMLDocument string

// ByteArray is AMF 3's array of bytes.
type ByteArray string

// AsObject returns the members of anything that has some: an Object, an ECMAArray,
// a TypedObject, or a StrictArray that holds one of these alone (as some cameras
// wrap their metadata).
func AsObject(v any) (Object, bool) {
	switch v := v.(type) {
	case Object:
		return v, true
	case ECMAArray:
		return Object(v), true
	case TypedObject:
		return v.Members, true
	case StrictArray:
		if len(v) == 1 {
			return AsObject(v[0])
		}
	}
	return nil, false
}
