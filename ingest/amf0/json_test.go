package amf0

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "null"}, {Undefined{}, "null"}, {Unsupported{}, "null"}, {Reference(3), "null"},
		{math.NaN(), "null"}, {math.Inf(-1), "null"}, {12.0, "12"}, {-0.5, "-0.5"}, {true, "true"},
		{"a \"b\" \x00\xff", `"a \"b\" \u0000\ufffd"`},
		{XMLDocument("<a/>"), `"\u003ca/\u003e"`}, {ByteArray("\x00\xff"), `"AP8="`},
		{Date{Millis: 1_500_000_000_123}, `"2017-07-14T02:40:00.123Z"`}, {Date{Millis: 1e300}, "null"},
		{StrictArray{}, "[]"}, {StrictArray{1.0, "x", StrictArray{}}, `[1,"x",[]]`},
		{Object{}, "{}"},
		{ECMAArray{{"z", 1.0}, {"a", Object{{"b", nil}}}, {"z", 2.0}}, `{"z":1,"a":{"b":null}}`},
		{TypedObject{"Class", Object{{"a", 1.0}}}, `{"a":1}`},
	} {
		got := AppendJSON([]byte("before "), c.v)
		require.Equal(t, "before "+c.want, string(got))
		require.True(t, json.Valid(got[7:]))
	}
}
