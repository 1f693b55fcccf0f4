package amf0

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	goamf0 "github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/stretchr/testify/require"
)

var long = strings.Repeat("x", maxString+1)

// Every type, its bytes by the specification, and back.
var types = []struct {
	name  string
	wire  string
	value any
}{
	{"number", "\x00\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5},
	{"boolean true", "\x01\x01", true},
	{"boolean false", "\x01\x00", false},
	{"string", "\x02\x00\x07connect", "connect"},
	{"empty string", "\x02\x00\x00", ""},
	{"object", "\x03\x00\x03app\x02\x00\x04live\x00\x01n\x05\x00\x00\x09", Object{{"app", "live"}, {"n", nil}}},
	{"empty object", "\x03\x00\x00\x09", Object{}},
	{"object with an empty key", "\x03\x00\x00\x05\x00\x00\x09", Object{{"", nil}}},
	{"null", "\x05", nil},
	{"undefined", "\x06", Undefined{}},
	{"reference", "\x07\x01\x02", Reference(0x102)},
	{"ecma array", "\x08\x00\x00\x00\x01\x00\x01a\x01\x01\x00\x00\x09", ECMAArray{{"a", true}}},
	{"empty ecma array", "\x08\x00\x00\x00\x00\x00\x00\x09", ECMAArray{}},
	{"strict array", "\x0a\x00\x00\x00\x02\x05\x06", StrictArray{nil, Undefined{}}},
	{"empty strict array", "\x0a\x00\x00\x00\x00", StrictArray{}},
	{"date", "\x0b\x42\x77\x1d\x39\xa7\x81\x80\x00\xff\xff", Date{1588348000000 + 280, -1}},
	{"long string", "\x0c\x00\x01\x00\x00" + long, long},
	{"unsupported", "\x0d", Unsupported{}},
	{"xml document", "\x0f\x00\x00\x00\x04<a/>", XMLDocument("<a/>")},
	{"typed object", "\x10\x00\x01C\x00\x01a\x05\x00\x00\x09", TypedObject{"C", Object{{"a", nil}}}},
	{"byte array", "\x11\x0c\x07abc", ByteArray("abc")},
	{
		"nested", "\x03\x00\x01o\x03\x00\x01a\x0a\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x09\x00\x00\x09\x00\x00\x09",
		Object{{"o", Object{{"a", StrictArray{ECMAArray{}}}}}},
	},
}

func TestTypes(t *testing.T) {
	for _, tc := range types {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "date" {
				tc.wire = string(AppendTo(nil, tc.value)) // a double nobody writes by hand
				require.Len(t, tc.wire, 11)
				require.Equal(t, "\xff\xff", tc.wire[9:])
			}
			got, err := Decode([]byte(tc.wire))
			require.NoError(t, err)
			require.Equal(t, []any{tc.value}, got)
			require.Equal(t, tc.wire, string(AppendTo(nil, tc.value)))
			for n := 1; n < min(len(tc.wire), 200); n++ {
				got, err := Decode([]byte(tc.wire[:n]))
				if tc.name == "ecma array" && n == len(tc.wire)-3 {
					require.Equal(t, []any{tc.value}, got, "its end marker is dispensable")
					continue
				}
				require.ErrorIs(t, err, ErrMalformed, "cut at %d", n)
				require.Empty(t, got)
			}
		})
	}
}

// What is read although the specification says otherwise.
func TestTolerance(t *testing.T) {
	members := "\x00\x01a\x01\x01\x00\x01b\x01\x00"
	want := ECMAArray{{"a", true}, {"b", false}}
	for name, in := range map[string]string{
		"count 0 (live encoders)": "\x08\x00\x00\x00\x00" + members + "\x00\x00\x09",
		"count too large":         "\x08\xff\xff\xff\xff" + members + "\x00\x00\x09",
		"count too small":         "\x08\x00\x00\x00\x01" + members + "\x00\x00\x09",
		"no end marker":           "\x08\x00\x00\x00\x02" + members,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(in))
			require.NoError(t, err)
			require.Equal(t, []any{want}, got)
		})
	}

	got, err := Decode([]byte("\x01\x07"))
	require.NoError(t, err)
	require.Equal(t, []any{true}, got)
}

func TestMalformed(t *testing.T) {
	for name, in := range map[string]string{
		"movie clip":                  "\x04",
		"record set":                  "\x0e",
		"unknown type":                "\x12",
		"object end alone":            "\x09",
		"object without end":          "\x03\x00\x01a\x05",
		"ecma array without end":      "\x08\x00\x00\x00\x05\x00\x01a\x05",
		"strict array of 4 G":         "\x0a\xff\xff\xff\xff\x05",
		"long string of 4 G":          "\x0c\xff\xff\xff\xffabc",
		"amf 3 vector":                "\x11\x0d\x01",
		"amf 3 externalizable":        "\x11\x0a\x07\x01",
		"amf 3 traits that are none":  "\x11\x0a\x09",
		"amf 3 string that is none":   "\x11\x06\x04",
		"amf 3 array of many":         "\x11\x09\xff\xff\xff\xff\x01\x01",
		"amf 3 cut after the switch":  "\x11",
		"amf 3 object with no values": "\x11\x0a\xff\xff\xff\xfb\x01",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte("\x02\x00\x01x" + in))
			require.ErrorIs(t, err, ErrMalformed)
			require.Equal(t, []any{"x"}, got, "what came before")
		})
	}
}

func TestLimits(t *testing.T) {
	_, err := Decode(bytes.Repeat([]byte{5}, MaxValues))
	require.NoError(t, err)
	_, err = Decode(bytes.Repeat([]byte{5}, MaxValues+1))
	require.ErrorIs(t, err, ErrLimit)

	nest := func(n int) []byte { return append(bytes.Repeat([]byte("\x0a\x00\x00\x00\x01"), n), 5) }
	_, err = Decode(nest(MaxDepth))
	require.NoError(t, err)
	_, err = Decode(nest(MaxDepth + 1))
	require.ErrorIs(t, err, ErrLimit)
	_, err = Decode(nest(1_000_000))
	require.ErrorIs(t, err, ErrLimit)
	_, err = Decode(append([]byte{markerAVMPlus}, bytes.Repeat([]byte("\x09\x03\x01"), 100)...))
	require.ErrorIs(t, err, ErrLimit)

	// An endless metadata object.
	_, err = Decode(append([]byte{markerObject}, bytes.Repeat([]byte("\x00\x01a\x05"), 100_000)...))
	require.ErrorIs(t, err, ErrLimit)
	// An AMF 3 class with endless names.
	_, err = Decode(append([]byte("\x11\x0a\xff\xff\xff\xf3\x01"), bytes.Repeat([]byte("\x01"), 100_000)...))
	require.ErrorIs(t, err, ErrLimit)
}

func TestAMF3(t *testing.T) {
	for _, tc := range []struct {
		name, wire string
		want       any
	}{
		{"undefined", "\x00", Undefined{}},
		{"null", "\x01", nil},
		{"false", "\x02", false},
		{"true", "\x03", true},
		{"integer", "\x04\x05", 5.0},
		{"integer of two bytes", "\x04\x81\x00", 128.0},
		{"integer of four bytes", "\x04\xbf\xff\xff\xff", float64(1<<28 - 1)},
		{"negative integer", "\x04\xff\xff\xff\xff", -1.0},
		{"double", "\x05\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5},
		{"string", "\x06\x07abc", "abc"},
		{"xml document", "\x07\x09<a/>", XMLDocument("<a/>")},
		{"xml", "\x0b\x09<a/>", XMLDocument("<a/>")},
		{"date", "\x08\x01\x3f\xf0\x00\x00\x00\x00\x00\x00", Date{Millis: 1}},
		{"dense array", "\x09\x05\x01\x03\x04\x07", StrictArray{true, 7.0}},
		{"named array", "\x09\x03\x03a\x03\x01\x02", ECMAArray{{"a", true}}},
		{"byte array", "\x0c\x05ab", ByteArray("ab")},
		{"dynamic object", "\x0a\x0b\x01\x03a\x06\x03b\x01", Object{{"a", "b"}}},
		{"sealed object of a class", "\x0a\x13\x03C\x03x\x04\x01", TypedObject{"C", Object{{"x", 1.0}}}},
		{
			"string and traits by reference",
			"\x09\x05\x01\x0a\x13\x01\x03x\x06\x03y\x0a\x01\x06\x02",
			StrictArray{Object{{"x", "y"}}, Object{{"x", "y"}}},
		},
		{"object by reference", "\x0a\x00", Unsupported{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Decode([]byte("\x11" + tc.wire))
			require.NoError(t, err)
			require.Equal(t, []any{tc.want}, got)
			for n := range tc.wire {
				_, err := Decode([]byte("\x11" + tc.wire[:n]))
				require.ErrorIs(t, err, ErrMalformed, "cut at %d", n)
			}
		})
	}
}

func TestUint29(t *testing.T) {
	for _, v := range []uint32{0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1fffff, 0x200000, 1<<29 - 1} {
		d := decoder{data: appendUint29(nil, v)}
		require.Equal(t, v, d.uint29())
		require.NoError(t, d.err)
		require.Equal(t, len(d.data), d.at)
	}
}

func TestAccess(t *testing.T) {
	o := Object{{"app", "live"}, {"n", 3.0}, {"app", "second"}}
	require.Equal(t, "live", o.String("app"))
	require.Empty(t, o.String("n"))
	require.Empty(t, o.String("absent"))
	n, ok := o.Number("n")
	require.True(t, ok)
	require.Equal(t, 3.0, n)
	_, ok = o.Number("app")
	require.False(t, ok)

	for _, v := range []any{o, ECMAArray(o), TypedObject{"C", o}, StrictArray{o}} {
		got, ok := AsObject(v)
		require.True(t, ok)
		require.Equal(t, o, got)
	}
	for _, v := range []any{nil, "x", StrictArray{}, StrictArray{o, o}} {
		_, ok := AsObject(v)
		require.False(t, ok)
	}
	require.Equal(t, time.UnixMilli(1500).UTC(), Date{Millis: 1500}.Time())
}

func TestOurOwnMistakesPanic(t *testing.T) {
	require.Panics(t, func() { AppendTo(nil, 1) })
	require.Panics(t, func() { AppendTo(nil, Object{{long, nil}}) })
}

func TestSecondOpinion(t *testing.T) {
	ours := []any{
		"connect", 1.0,
		Object{{"app", "live"}, {"fpad", false}, {"audioCodecs", 3191.0}, {"objectEncoding", nil}},
		ECMAArray{{"width", 1920.0}, {"encoder", "obs"}},
		StrictArray{"hvc1", "av01"},
	}
	theirs := goamf0.Data{
		"connect", 1.0,
		goamf0.Object{{Key: "app", Value: "live"}, {Key: "fpad", Value: false}, {Key: "audioCodecs", Value: 3191.0}, {Key: "objectEncoding"}},
		goamf0.ECMAArray{{Key: "width", Value: 1920.0}, {Key: "encoder", Value: "obs"}},
		goamf0.StrictArray{"hvc1", "av01"},
	}
	wire, err := theirs.Marshal()
	require.NoError(t, err)
	require.Equal(t, wire, AppendTo(nil, ours...))
	got, err := Decode(wire)
	require.NoError(t, err)
	require.Equal(t, ours, got)
}

// FuzzDecode: whatever is read writes back, and reads the same again.
func FuzzDecode(f *testing.F) {
	for _, tc := range types {
		if len(tc.wire) < 1000 {
			f.Add([]byte(tc.wire))
		}
	}
	f.Add([]byte("\x11\x0a\x0b\x01\x03a\x06\x03b\x01"))
	f.Add(AppendTo(nil, math.NaN(), Date{1, 2}))
	f.Fuzz(func(t *testing.T, in []byte) {
		values, err := Decode(in)
		out := AppendTo(nil, values...)
		again, err2 := Decode(out)
		if err2 != nil {
			t.Fatalf("%v; read first with error %v", err2, err)
		}
		if !bytes.Equal(out, AppendTo(nil, again...)) {
			t.Fatalf("% x became % x", out, AppendTo(nil, again...))
		}
	})
}

func BenchmarkDecodeConnect(b *testing.B) {
	in := AppendTo(nil, "connect", 1.0, Object{
		{"app", "live"}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"},
		{"swfUrl", "rtmps://localhost:1936/live"}, {"tcUrl", "rtmps://localhost:1936/live"},
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(in); err != nil {
			b.Fatal(err)
		}
	}
}
