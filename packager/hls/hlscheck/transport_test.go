package hlscheck

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// transportSegment is half a second of 25 pictures a second, with B-frames.
func transportSegment(t *testing.T) []byte {
	t.Helper()
	f := cmaf.Fragment{Sequence: 1, TrackID: 1}
	for i := range 12 {
		f.Samples = append(f.Samples, media.Sample{
			DTS: media.Ticks(900_000 + 3600*i), CTSOffset: media.Ticks(3600 * (i % 2)), Duration: 3600, Sync: i == 0,
			Data: append([]byte{0, 0, 2, 0, 0x65}, make([]byte, 511)...),
		})
	}
	s := mpegts.Segment{Epoch: 1, Delay: 80 * time.Millisecond, Video: &mpegts.Stream{
		Track:     media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: &media.H264{SPS: []byte("\x67"), PPS: []byte("\x68")}},
		Fragments: [][]byte{f.AppendTo(nil)},
	}}
	b, err := s.AppendTo(nil)
	require.NoError(t, err)
	return b
}

// nth returns the nth packet of a PID.
func nth(b []byte, pid uint16, n int) []byte {
	for ; len(b) > 0; b = b[tsSize:] {
		if uint16(b[1]&0x1F)<<8|uint16(b[2]) != pid {
			continue
		}
		if n == 0 {
			return b[:tsSize]
		}
		n--
	}
	return nil
}

var transportFaults = []struct {
	rule  *Rule
	name  string
	spoil func(b []byte) []byte
}{
	{tsPackets, "half a packet", func(b []byte) []byte { return b[:len(b)-1] }},
	{tsPackets, "nothing", func([]byte) []byte { return nil }},
	{tsPackets, "no sync byte", func(b []byte) []byte { b[5*tsSize] = 0; return b }},
	{tsPackets, "a field too long", func(b []byte) []byte { nth(b, 0x100, 0)[4] = 200; return b }},
	{tsTables, "no PAT", func(b []byte) []byte { return b[tsSize:] }},
	{tsTables, "no PMT", func(b []byte) []byte { return append(b[:tsSize:tsSize], b[2*tsSize:]...) }},
	{tsCounter, "one is missing", func(b []byte) []byte { return append(b[:6*tsSize:6*tsSize], b[7*tsSize:]...) }},
	{tsCounter, "a wrong one", func(b []byte) []byte { nth(b, 0x100, 3)[3] ^= 1; return b }},
	{tsCycle, "not all", func(b []byte) []byte { return b[:len(b)-tsSize] }},
	{tsClock, "too far apart", func(b []byte) []byte {
		for n := 1; ; n++ {
			if p := nth(b, 0x100, n); p[3]&0x20 != 0 && p[5]&0x10 != 0 {
				p[8] += 8 // 512 ticks each
				return b
			}
		}
	}},
	{tsClock, "none", func(b []byte) []byte {
		for n := 0; nth(b, 0x100, n) != nil; n++ {
			if p := nth(b, 0x100, n); p[3]&0x20 != 0 {
				p[5] &^= 0x10
			}
		}
		return b
	}},
	{tsTimes, "decoded after it's shown", func(b []byte) []byte { nth(b, 0x100, 0)[12+pesHeader+2] -= 2; return b }},
	{tsTimes, "no time", func(b []byte) []byte { nth(b, 0x100, 0)[12+7] = 0; return b }},
	{tsStart, "", func(b []byte) []byte { nth(b, 0x100, 0)[5] &^= 0x40; return b }},
}

func TestTransportRules(t *testing.T) {
	for _, c := range transportFaults {
		t.Run(c.rule.ID+"/"+c.name, func(t *testing.T) {
			o := NewObserver(Options{})
			o.Transport("https://example.org/1.ts", c.spoil(transportSegment(t)), time.Time{})
			var ids []string
			for _, v := range o.Violations() {
				ids = append(ids, v.Rule.ID)
				require.NotEmpty(t, v.Detail)
			}
			require.Contains(t, ids, c.rule.ID)
		})
	}
}

func TestTransportWithoutFault(t *testing.T) {
	o := NewObserver(Options{})
	b := transportSegment(t)
	o.Transport("https://example.org/1.ts", b, time.Time{})
	require.Empty(t, o.Violations())
	r := o.media.get("https://example.org/1.ts")
	require.Equal(t, len(b), r.size)
	require.Equal(t, 10*time.Second, r.start)
}

func FuzzTransport(f *testing.F) {
	f.Add(make([]byte, tsSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		NewObserver(Options{}).Transport("https://example.org/1.ts", b, time.Time{})
	})
}
