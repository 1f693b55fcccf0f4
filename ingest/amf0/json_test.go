package amf0

import (
	"encoding/json"
	"math"
	"strings"
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

func TestFromJSON(t *testing.T) {
	for text, want := range map[string]any{
		"null": nil, "12": 12.0, "-0.5e1": -5.0, "true": true, ` "a\u00fc" `: "aü", "[]": StrictArray{}, "{}": Object{},
		`{"z":[1,"x",[]],"a":{"b":null}}`: Object{{"z", StrictArray{1.0, "x", StrictArray{}}}, {"a", Object{{"b", nil}}}},
	} {
		v, ok := FromJSON([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, v, text)
	}
	for _, text := range []string{
		"", " ", "hello", "12 13", "[1", `{"a"}`, `{"a":1`, "{1:2}", "[}", "]", "1e999", `{"a":1}}`,
		strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2),
		"[" + strings.Repeat("1,", MaxValues) + "1]", `{"` + strings.Repeat("a", maxString+1) + `":1}`,
	} {
		_, ok := FromJSON([]byte(text))
		require.False(t, ok, "%.40s", text)
	}
}

// FuzzFromJSON: what is read can be written, as JSON and as AMF, and is read again.
func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(`{"z":[1,"x",[]],"a":{"b":null,"c":true}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, ok := FromJSON(text)
		if !ok {
			return
		}
		require.True(t, json.Valid(text))
		again, err := Decode(AppendTo(nil, v))
		require.NoError(t, err)
		require.Equal(t, []any{v}, again)
	})
}
