// Package amf0 reads and writes ActionScript values in Action Message Format 0,
// the language of RTMP's commands and of onMetaData.
//
// It implements "Action Message Format -- AMF 0" (2007), sections 2 and 3: every
// type that has a serialisation (MovieClip and RecordSet are reserved and have
// none). Where a message switches to AMF 3 (section 3.1), the value is read by
// "Action Message Format -- AMF 3" (2013), section 3, and given in the terms of
// AMF 0.
//
// In go the bytes of a message's body; out come Go values, in the order in which
// they stand, the members of objects too:
//
//	Number           float64        AMF 3 integer too
//	Boolean          bool
//	String           string         long strings too
//	Object           Object
//	Null             nil
//	Undefined        Undefined
//	Reference        Reference      not followed: no command or metadata needs it
//	ECMA Array       ECMAArray
//	Strict Array     StrictArray
//	Date             Date
//	Unsupported      Unsupported
//	XML Document     XMLDocument
//	Typed Object     TypedObject
//	AMF 3 ByteArray  ByteArray
//
// Values share no memory with the input. All functions are pure and may be called
// at once.
//
// Depth, the number of values, and by the input's own length every string are
// bounded: see the constants. Errors wrap ErrMalformed or ErrLimit.
package amf0
