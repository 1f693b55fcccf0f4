package amf0

import (
	"bytes"
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

// FromJSON reads a JSON text: objects as Object, with their members in order, arrays as
// StrictArray. It is false for what isn't one JSON value, or is beyond the limits that
// Decode has.
func FromJSON(text []byte) (v any, ok bool) {
	r := jsonReader{json.NewDecoder(bytes.NewReader(text)), MaxValues}
	v, ok = r.value(0)
	return v, ok && r.InputOffset() == int64(len(bytes.TrimRight(text, " \t\r\n")))
}

type jsonReader struct {
	*json.Decoder
	left int // values that may still come
}

func (r *jsonReader) value(depth int) (any, bool) {
	r.left--
	t, err := r.Token()
	if err != nil || r.left < 0 || depth > MaxDepth {
		return nil, false
	}
	switch t {
	case json.Delim('['):
		a := StrictArray{}
		for r.More() {
			v, ok := r.value(depth + 1)
			if !ok {
				return nil, false
			}
			a = append(a, v)
		}
		_, err = r.Token()
		return a, err == nil
	case json.Delim('{'):
		o := Object{}
		for r.More() {
			key, err := r.Token()
			name, isName := key.(string)
			v, ok := r.value(depth + 1)
			if err != nil || !isName || len(name) > maxString || !ok {
				return nil, false
			}
			o = append(o, Pair{name, v})
		}
		_, err = r.Token()
		return o, err == nil
	}
	return t, true // a text, a number, a boolean or null
}
