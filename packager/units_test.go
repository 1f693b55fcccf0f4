package packager

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
)

func TestPartTarget(t *testing.T) {
	aac48, aac44, aac24, aac8 := frameTime{1024, 48_000}, frameTime{1024, 44_100}, frameTime{1024, 24_000}, frameTime{1024, 8000}
	fps := func(num, den uint64) frameTime { return frameTime{den, num} }
	for _, c := range []struct {
		part   time.Duration
		tracks []frameTime
		want   time.Duration
	}{
		{200 * time.Millisecond, []frameTime{fps(30, 1), aac48}, 200 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{fps(30_000, 1001), aac48}, 200_200 * time.Microsecond},
		{200 * time.Millisecond, []frameTime{fps(60_000, 1001), aac44}, 200_200 * time.Microsecond},
		{200 * time.Millisecond, []frameTime{fps(24_000, 1001), aac48}, 208_550 * time.Microsecond},
		{200 * time.Millisecond, []frameTime{fps(24, 1), aac44}, 208_340 * time.Microsecond},
		{200 * time.Millisecond, []frameTime{fps(50, 1), aac48}, 200 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{aac48}, 192 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{aac44}, 208_980 * time.Microsecond},
		{200 * time.Millisecond, []frameTime{fps(30, 1), aac24}, 200 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{fps(30, 1), aac8}, 256 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{fps(5, 1), aac48}, 200 * time.Millisecond},
		{200 * time.Millisecond, []frameTime{fps(1, 1), aac48}, time.Second},
		{50 * time.Millisecond, []frameTime{fps(30, 1), aac48}, 66_670 * time.Microsecond},
		{20 * time.Millisecond, []frameTime{fps(30, 1), aac48}, 66_670 * time.Microsecond},
	} {
		got := partTarget(c.part, c.tracks)
		require.Equal(t, c.want, got, "%+v", c)
		for _, f := range c.tracks {
			require.True(t, f.fills(got), "%+v: parts of %v", c, f)
		}
	}
}

func TestTargets(t *testing.T) {
	for length, want := range map[time.Duration]time.Duration{
		2 * time.Second: 2 * time.Second, 2002 * time.Millisecond: 2 * time.Second, 2100 * time.Millisecond: 2 * time.Second,
		2101 * time.Millisecond: 3 * time.Second, 500 * time.Millisecond: time.Second, 8341 * time.Millisecond: 9 * time.Second,
	} {
		got := targets(length, 200*time.Millisecond, 0)
		require.Equal(t, timeline.Targets{
			Segment: want, Part: 200 * time.Millisecond, HoldBack: 3 * want, PartHoldBack: 600 * time.Millisecond,
		}, got, "%v", length)
		require.LessOrEqual(t, length.Round(time.Second), got.Segment, "RFC 8216bis §4.4.3.1")
	}
}

func TestIntake(t *testing.T) {
	video := func() *intake {
		in := newIntake(media.Track{Kind: media.Video, Timescale: media.VideoClock})
		in.take(&media.Sample{DTS: 9000, CTSOffset: 3000, Duration: 3000, Sync: true, Data: []byte{1}})
		return &in
	}
	data := []byte{1}
	for _, c := range []struct {
		name     string
		in, want media.Sample
		verdict  verdict
		repaired bool
	}{
		{name: "as it should be", in: media.Sample{DTS: 12_000, Duration: 3000, Data: data}},
		{name: "no data", in: media.Sample{DTS: 12_000, Duration: 3000}, verdict: unusable},
		{name: "beyond all times", in: media.Sample{DTS: 1 << 60, Duration: 3000, Data: data}, verdict: unusable},
		{name: "the same time again", in: media.Sample{DTS: 9000, CTSOffset: 100, Duration: 3000, Data: data},
			want: media.Sample{DTS: 9001, CTSOffset: 99, Duration: 3000, Data: data}, repaired: true},
		{name: "a millisecond back", in: media.Sample{DTS: 8910, CTSOffset: 6000, Duration: 3000, Data: data},
			want: media.Sample{DTS: 9001, CTSOffset: 5909, Duration: 3000, Data: data}, repaired: true},
		{name: "no duration", in: media.Sample{DTS: 12_000, Data: data},
			want: media.Sample{DTS: 12_000, Duration: 3000, Data: data}, repaired: true},
		{name: "an absurd duration", in: media.Sample{DTS: 12_000, Duration: 1 << 40, Data: data},
			want: media.Sample{DTS: 12_000, Duration: 3000, Data: data}, repaired: true},
		{name: "an absurd offset", in: media.Sample{DTS: 12_000, Duration: 3000, CTSOffset: -1 << 40, Data: data},
			want: media.Sample{DTS: 12_000, Duration: 3000, CTSOffset: 3000, Data: data}, repaired: true},
		{name: "a second back", in: media.Sample{DTS: -81_000, Duration: 3000, Data: data}, verdict: jumped},
		{name: "eleven seconds forth", in: media.Sample{DTS: 9000 + 990_000, Duration: 3000, Data: data}, verdict: jumped},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want.DTS == 0 {
				c.want = c.in
			}
			got := c.in
			v, repaired := video().take(&got)
			require.Equal(t, c.verdict, v)
			require.Equal(t, c.repaired, repaired)
			require.Equal(t, c.want, got)
			require.True(t, c.name == "beyond all times" || got.PTS() == c.in.PTS() || c.name == "an absurd offset",
				"the time of presentation stays")
		})
	}
}

// TestCutter is a table of keyframes and the segments that they make.
func TestCutter(t *testing.T) {
	for _, c := range []struct {
		name    string
		gops    []media.Ticks // frames in each
		promise media.Ticks   // frames
		want    []media.Ticks // frames in each segment
	}{
		{name: "on the target", gops: []media.Ticks{60, 60, 60}, want: []media.Ticks{60, 60, 60}},
		{name: "half of it", gops: []media.Ticks{30, 30, 30, 30}, want: []media.Ticks{60, 60}},
		{name: "not dividing it", gops: []media.Ticks{45, 45, 45, 45}, want: []media.Ticks{90, 90}},
		{name: "every frame", gops: rep(1, 180), want: []media.Ticks{60, 60, 60}},
		{name: "longer", gops: []media.Ticks{100, 100}, want: []media.Ticks{100, 100}},
		{name: "a scene change", gops: []media.Ticks{60, 60, 40, 60, 60}, want: []media.Ticks{60, 60, 40, 60, 60}},
		{name: "none under a second", gops: []media.Ticks{60, 60, 10, 15, 60, 60}, want: []media.Ticks{60, 60, 85, 60}},
		{name: "regular again", gops: []media.Ticks{30, 30, 20, 30, 30, 30, 30, 30, 30, 30}, want: []media.Ticks{60, 50, 30, 30, 60, 60}},
		{name: "keeps the promise", gops: []media.Ticks{58, 58, 40, 36}, promise: 75, want: []media.Ticks{58, 58, 40}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const frame = 3000
			cut := cutter{target: 60 * frame, least: 30 * frame, frame: frame, promise: c.promise * frame}
			cut.begin(0)
			var got []media.Ticks
			at := media.Ticks(0)
			foreseen := false
			for _, g := range c.gops {
				for range g {
					foreseen = cut.count()
				}
				at += g * frame
				cut.keyframe(at)
				if cut.cuts(at) {
					got = append(got, (at-cut.start)/frame)
					cut.cut(at)
				} else {
					require.False(t, foreseen, "a cut was foreseen at %d", at/frame)
				}
			}
			require.Equal(t, c.want, got[:min(len(got), len(c.want))])
			require.LessOrEqual(t, len(got)-len(c.want), 1)
		})
	}
}

func rep(v media.Ticks, n int) []media.Ticks {
	out := make([]media.Ticks, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestSettingsBounds(t *testing.T) {
	got := Settings{Segment: time.Hour, Part: time.Nanosecond, Window: 1, Grace: -5, MaxGOPWait: time.Hour}.bounded()
	require.Equal(t, Settings{Segment: maxTarget, Part: minPart, Window: maxTarget, MaxGOPWait: maxSegmentLength}, got)
	p := New(nil, Options{Settings: Settings{Part: 500 * time.Millisecond}})
	s := p.Stream("live", Settings{Segment: 4 * time.Second})
	require.Equal(t, Settings{
		Segment: 4 * time.Second, Part: 500 * time.Millisecond, Window: defaultWindow, Grace: defaultGrace, MaxGOPWait: defaultMaxGOPWait,
	}, *s.settings.Load())
}
