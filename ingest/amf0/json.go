package amf0

import (
	"encoding/base64"
	"encoding/json"
	"math"
)

// AppendJSON appends a value as JSON, for who doesn't speak AMF. The members of
// objects keep their order, the class of a TypedObject is left out. A Date is text as
// JavaScript writes it, a ByteArray is base64; what JSON has no word for (Undefined,
// Unsupported, a Reference, a number that isn't finite) is null.
func AppendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			break
		}
		return appendMarshalled(dst, v)
	case bool, string:
		return appendMarshalled(dst, v)
	case XMLDocument:
		return appendMarshalled(dst, string(v))
	case ByteArray:
		return appendMarshalled(dst, base64.StdEncoding.EncodeToString([]byte(v)))
	case Date:
		if math.Abs(v.Millis) <= maxDate {
			return appendMarshalled(dst, v.Time().Format("2006-01-02T15:04:05.000Z"))
		}
	case StrictArray:
		dst = append(dst, '[')
		for i := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, v[i])
		}
		return append(dst, ']')
	case Object, ECMAArray, TypedObject:
		return appendJSONMembers(dst, v)
	}
	return append(dst, "null"...)
}

// maxDate is the first millisecond of the year 10000, beyond which a date has no
// usual text.
const maxDate = 253402300800000 - 1

func appendJSONMembers(dst []byte, v any) []byte {
	o, _ := AsObject(v)
	seen := make(map[string]bool, len(o))
	dst = append(dst, '{')
	for _, p := range o {
		if seen[p.Key] {
			continue
		}
		if len(seen) > 0 {
			dst = append(dst, ',')
		}
		seen[p.Key] = true
		dst = append(appendMarshalled(dst, p.Key), ':')
		dst = AppendJSON(dst, p.Value)
	}
	return append(dst, '}')
}

// appendMarshalled appends what has a form in JSON that can't fail.
func appendMarshalled(dst []byte, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
