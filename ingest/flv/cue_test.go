package flv

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/media/scte35"
)

const placement = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="

func TestParseCue(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(placement)
	require.NoError(t, err)
	built := func(s *scte35.Section) []byte {
		data, err := s.AppendTo(nil)
		require.NoError(t, err)
		return data
	}
	fields := amf0.Object{
		{Key: "messageType", Value: "splice_info"}, {Key: "splice_command_type", Value: 5.0}, {Key: "splice_event_id", Value: 77.0}, {Key: "splice_event_cancel_indicator", Value: false},
		{Key: "out_of_network_indicator", Value: true}, {Key: "splice_immediate", Value: false}, {Key: "pre_roll_time", Value: 4000.0}, {Key: "break_duration", Value: 60_000.0},
	}
	for name, c := range map[string]struct {
		values []any
		want   Cue
	}{
		"Adobe, a section": {[]any{"onAdCue", amf0.Object{
			{Key: "cue", Value: placement}, {Key: "type", Value: "scte35"}, {Key: "id", Value: "a1"}, {Key: "duration", Value: 12.5}, {Key: "time", Value: 104.0},
		}}, Cue{raw, "a1", 4 * time.Second, 12_500 * time.Millisecond}},
		"Adobe, simple": {[]any{"onAdCue", amf0.Object{{Key: "cue", Value: "SpliceOut"}, {Key: "id", Value: "6"}, {Key: "duration", Value: 15.0}, {Key: "time", Value: 99.0}}},
			Cue{built(scte35.Out(6, nil, 15*time.Second, true)), "6", -time.Second, 0}},
		"Adobe, its end": {[]any{"onAdCue", amf0.Object{{Key: "cue", Value: "SpliceIn"}, {Key: "id", Value: "6"}, {Key: "time", Value: 115.0}}},
			Cue{built(scte35.In(6, nil)), "6", 15 * time.Second, 0}},
		"base64 in the parameters": {[]any{"@setDataFrame", "onCuePoint", amf0.ECMAArray{
			{Key: "name", Value: "x"}, {Key: "type", Value: "event"}, {Key: "time", Value: 100.5}, {Key: "parameters", Value: amf0.Object{{Key: "scte35", Value: placement}}},
		}}, Cue{raw, "", 500 * time.Millisecond, 0}},
		"hexadecimal": {[]any{"onCuePoint", amf0.Object{{Key: "parameters", Value: amf0.Object{{Key: "cmd", Value: fmt.Sprintf("0x%X", raw)}}}}},
			Cue{raw, "", 0, 0}},
		"the section alone": {[]any{"onSCTE35", placement}, Cue{Section: raw}},
		"bytes":             {[]any{"onScte35", amf0.Object{{Key: "data", Value: amf0.ByteArray(raw)}}}, Cue{Section: raw}},
		"Elemental's fields": {[]any{"onCuePoint", amf0.Object{{Key: "name", Value: "scte35"}, {Key: "type", Value: "event"}, {Key: "parameters", Value: fields}}},
			Cue{built(scte35.Out(77, nil, time.Minute, false)), "", 4 * time.Second, 0}},
		"Elemental, simple": {[]any{"onCuePoint", amf0.Object{{Key: "time", Value: 1.9889}, {Key: "name", Value: "scte35"}, {Key: "type", Value: "event"},
			{Key: "parameters", Value: amf0.Object{{Key: "type", Value: "avail_in"}, {Key: "duration", Value: 12.0}}}}},
			Cue{built(scte35.Out(eventOf(""), nil, 12*time.Second, true)), "", 1989 * time.Millisecond, 0}},
		"YouTube": {[]any{"onCuePoint", amf0.Object{{Key: "type", Value: "com.youtube.cuepoint"}, {Key: "version", Value: "0.1"}, {Key: "pre_roll_time_sec", Value: 2.56},
			{Key: "cue_point_start", Value: true}, {Key: "break_duration_sec", Value: 30.0}, {Key: "splice_event_id", Value: 3.0}}},
			Cue{built(scte35.Out(3, nil, 30*time.Second, true)), "", 2560 * time.Millisecond, 0}},
		"a duration twice": {[]any{"onCuePoint", amf0.Object{{Key: "duration", Value: 9.0}, {Key: "parameters", Value: amf0.Object{{Key: "scte35", Value: placement}, {Key: "duration", Value: 9.0}}}}},
			Cue{raw, "", 0, 9 * time.Second}},
		"YouTube, its end as a number": {[]any{"onCuePoint", amf0.Object{{Key: "type", Value: "com.youtube.cuepoint"}, {Key: "cue_point_start", Value: 0.0}, {Key: "splice_event_id", Value: 3.0}}},
			Cue{built(scte35.In(3, nil)), "", 0, 0}},
		"YouTube, its end": {[]any{"onCuePoint", amf0.Object{{Key: "type", Value: "com.youtube.cuepoint"}, {Key: "cue_point_start", Value: false}, {Key: "splice_event_id", Value: 3.0}}},
			Cue{built(scte35.In(3, nil)), "", 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ParseCue(c.values, 100_000)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
	for key, want := range map[string][]byte{
		"out_of_network_indicator": built(scte35.In(77, nil)), "splice_event_cancel_indicator": built(scte35.Cancel(77)),
	} {
		changed := append(amf0.Object{{Key: key, Value: key != "out_of_network_indicator"}}, fields...)
		got, ok := ParseCue([]any{"onCuePoint", amf0.Object{{Key: "parameters", Value: changed}}}, 0)
		require.True(t, ok)
		require.Equal(t, want, got.Section, key)
	}
}

// Other cue points are none of a splice's.
func TestNoCue(t *testing.T) {
	for _, values := range [][]any{
		nil, {"onCuePoint"}, {"onMetaData", amf0.Object{{Key: "scte35", Value: placement}}}, {"onTextData", placement}, {1.0, placement},
		{"onCuePoint", "text"}, {"onCuePoint", amf0.Object{}},
		{"onCuePoint", amf0.Object{{Key: "name", Value: "chapter 1"}, {Key: "time", Value: 3.0}, {Key: "type", Value: "navigation"}, {Key: "parameters", Value: amf0.Object{{Key: "duration", Value: 3.0}}}}},
		{"onCuePoint", amf0.Object{{Key: "parameters", Value: amf0.Object{{Key: "scte35", Value: placement[:40]}}}}},
		{"onAdCue", amf0.Object{{Key: "cue", Value: "SpliceAway"}}},
	} {
		_, ok := ParseCue(values, 0)
		require.False(t, ok, "%v", values)
	}
}

func TestCueTimes(t *testing.T) {
	for _, c := range []struct {
		seconds  float64
		at       uint32
		position bool
		want     time.Duration
	}{
		{100, 100_000, false, 0}, {101.5, 100_000, false, 1500 * time.Millisecond}, {4, 100_000, false, 4 * time.Second},
		{4, 100_000, true, -96 * time.Second}, {160, 100_000, false, time.Minute}, {5000, 100_000, true, 0}, {5000, 100_000, false, 0},
		{-3, 100_000, false, -103 * time.Second}, {1e300, 0, false, 0}, {3, 2500, false, 500 * time.Millisecond},
	} {
		require.Equal(t, c.want, ahead(c.seconds, c.at, c.position), "%+v", c)
	}
}

func FuzzParseCue(f *testing.F) {
	for _, values := range [][]any{
		{"onAdCue", amf0.Object{{Key: "cue", Value: placement}, {Key: "time", Value: 3.0}}}, {"onAdCue", amf0.Object{{Key: "cue", Value: "SpliceOut"}, {Key: "duration", Value: 3.0}}},
		{"onCuePoint", amf0.Object{{Key: "parameters", Value: amf0.Object{{Key: "splice_event_id", Value: 3.0}, {Key: "break_duration", Value: 9.0}, {Key: "out_of_network_indicator", Value: 1.0}}}}},
		{"onCuePoint", amf0.Object{{Key: "type", Value: "com.youtube.cuepoint"}, {Key: "splice_event_id", Value: -3.0}}},
	} {
		f.Add(amf0.AppendTo(nil, values...), uint32(1000))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint32) {
		values, err := amf0.Decode(data)
		if err != nil {
			return
		}
		c, ok := ParseCue(values, at)
		if !ok {
			return
		}
		_, err = scte35.Parse(c.Section)
		require.NoError(t, err)
		require.LessOrEqual(t, c.Ahead.Abs(), farCue+24*time.Hour)
		require.True(t, c.Duration >= 0 && c.Duration <= lastingCue)
	})
}
