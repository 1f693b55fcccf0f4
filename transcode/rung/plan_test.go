package rung

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// capable is a machine that encodes everything and of which nothing is known.
var capable = Offer{Codecs: Codecs()}

// brief writes a plan's outputs as name WxH/every@kbps, comma separated.
func brief(p Plan) string {
	var pieces []string
	for _, o := range p.Outputs {
		pieces = append(pieces, fmt.Sprintf("%s %dx%d/%d@%d", o.Name, o.Width, o.Height, o.Every, o.Bitrate/1000))
	}
	return strings.Join(pieces, ", ")
}

// dropped lists what isn't made.
func dropped(p Plan) string {
	var pieces []string
	for _, d := range p.Dropped {
		pieces = append(pieces, d.Name+": "+d.Why)
	}
	return strings.Join(pieces, "; ")
}

func mustParse(t *testing.T, list string) Spec {
	t.Helper()
	s, err := Parse(list)
	require.NoError(t, err)
	return s
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		name string
		sh   Shape
		want string
	}{
		{"1080p", Shape{Width: 1920, Height: 1080}, "720p 1280x720/1@2500, 480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"720p", Shape{Width: 1280, Height: 720}, "480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"portrait", Shape{Width: 1080, Height: 1920}, "720p 720x1280/1@2500, 480p 480x854/1@1200, 360p 360x640/1@700, 240p 240x426/1@400"},
		{"854x480", Shape{Width: 854, Height: 480}, "360p 640x360/1@700, 240p 428x240/1@400"},
		{"odd", Shape{Width: 853, Height: 479}, "360p 642x360/1@700, 240p 428x240/1@400"},
		{"odd portrait", Shape{Width: 479, Height: 853}, "360p 360x642/1@700, 240p 240x428/1@400"},
		{"square", Shape{Width: 1080, Height: 1080}, "720p 720x720/1@1480, 480p 480x480/1@700, 360p 360x360/1@460, 240p 240x240/1@270"},
		{"4:3", Shape{Width: 1024, Height: 768}, "720p 960x720/1@1910, 480p 640x480/1@910, 360p 480x360/1@570, 240p 320x240/1@330"},
		{"DV PAL 16:9", Shape{Width: 720, Height: 576, SARWidth: 64, SARHeight: 45}, "480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"DV NTSC 4:3", Shape{Width: 720, Height: 480, SARWidth: 10, SARHeight: 11}, "360p 490x360/1@570, 240p 328x240/1@330"},
		{"DVCPRO HD, 4:3 pixels", Shape{Width: 960, Height: 720, SARWidth: 4, SARHeight: 3}, "480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"HDV", Shape{Width: 1440, Height: 1080, SARWidth: 4, SARHeight: 3}, "720p 1280x720/1@2500, 480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"pixels make it portrait", Shape{Width: 720, Height: 720, SARWidth: 9, SARHeight: 16}, "360p 360x640/1@700, 240p 240x426/1@400"},
		{"nonsense pixels", Shape{Width: 640, Height: 360, SARWidth: 1, SARHeight: 17}, "240p 426x240/1@400"},
		{"480p is the top", Shape{Width: 640, Height: 240}, ""},
		{"one line above", Shape{Width: 640, Height: 242}, "240p 634x240/1@520"},
		{"4K", Shape{Width: 3840, Height: 2160}, "720p 1280x720/1@2500, 480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400"},
		{"stripe", Shape{Width: 16000, Height: 300}, "240p 8192x152/1@3060"},
		{"no picture", Shape{}, ""},
		{"more than there is", Shape{Width: math.MaxInt, Height: math.MaxInt}, ""},
	} {
		p := AutoSpec().Plan(tc.sh, capable)
		require.Equal(t, tc.want, brief(p), tc.name)
		require.False(t, p.Hidden, tc.name)
		require.Empty(t, p.Why, tc.name)
	}
}

func TestCaps(t *testing.T) {
	for _, tc := range []struct {
		w, h int
		rate float64
		want int
	}{
		{426, 240, 30, 400_000}, {640, 360, 25, 700_000}, {854, 480, 0, 1_200_000}, {1280, 720, 30, 2_500_000},
		{1920, 1080, 30, 4_500_000}, {2560, 1440, 30, 9_000_000}, {3840, 2160, 30, 16_000_000},
		{1280, 720, 30.2, 2_500_000}, // measured
		{1280, 720, 50, 3_750_000}, {1280, 720, 59.94, 3_750_000}, {426, 240, 60, 600_000},
		{960, 540, 30, 1_480_000},     // between 480p and 720p
		{128, 72, 30, 130_000},        // below all
		{7680, 4320, 30, 64_000_000},  // above all
		{8192, 8192, 60, 194_180_000}, // above all, at 60
	} {
		require.Equal(t, tc.want, defaultBitrate(tc.w, tc.h, tc.rate), "%dx%d", tc.w, tc.h)
	}
}

func TestFrameRates(t *testing.T) {
	const list = "source,1080p,720p,480p,360p15,240p60"
	for _, tc := range []struct {
		rate float64
		want string // steps of 1080p, 720p, 480p, 360p15, 240p60
	}{
		{59.94, "1 1 2 4 1"}, {60, "1 1 2 4 1"}, {50, "1 1 2 4 1"}, {30, "1 1 1 2 1"}, {29.97, "1 1 1 2 1"},
		{30.2, "1 1 1 2 1"}, {25, "1 1 1 2 1"}, {24, "1 1 1 2 1"}, {15, "1 1 1 1 1"}, {10, "1 1 1 1 1"},
		{48, "1 1 2 4 1"}, {90, "1 1 3 6 2"}, {100, "1 1 4 7 2"}, {120, "1 1 4 8 2"}, {240, "1 1 8 16 4"},
		{0, "1 1 1 1 1"}, {math.NaN(), "1 1 1 1 1"}, {math.Inf(1), "1 1 1 1 1"}, {-25, "1 1 1 1 1"}, {90_000, "1 1 1 1 1"},
	} {
		p := mustParse(t, list).Plan(Shape{Width: 3840, Height: 2160, FrameRate: tc.rate}, capable)
		require.Len(t, p.Outputs, 5)
		var steps []string
		for _, o := range p.Outputs {
			steps = append(steps, fmt.Sprint(o.Every))
		}
		require.Equal(t, tc.want, strings.Join(steps, " "), "%v", tc.rate)
	}
	// A rung that is halved is capped as one of 30, and one that isn't as one of 60.
	p := mustParse(t, list).Plan(Shape{Width: 1920, Height: 1088, FrameRate: 60000. / 1001}, capable)
	require.Equal(t, "1080p 1906x1080/1@6710, 720p 1270x720/1@3720, 480p 848x480/2@1190, 360p15 636x360/4@700, 240p60 424x240/1@600", brief(p))
	require.InDelta(t, 29.97, p.Outputs[2].Rate(60000./1001), 0.001)
	require.Zero(t, p.Outputs[2].Rate(0))
	require.EqualValues(t, 25, Output{}.Rate(25))
}

func TestRungsAboveTheSourceAreLeftOut(t *testing.T) {
	p := mustParse(t, "source,1080p,720p,480p").Plan(Shape{Width: 1280, Height: 720, FrameRate: 30}, capable)
	require.Equal(t, "480p 854x480/1@1200", brief(p))
	require.Equal(t, "1080p: not below the source's size; 720p: not below the source's size", dropped(p))

	// For portrait pictures the height names the short side.
	p = mustParse(t, "source,1080p,720p").Plan(Shape{Width: 720, Height: 1280, FrameRate: 30}, capable)
	require.Empty(t, p.Outputs)
}

func TestHidden(t *testing.T) {
	hd := Shape{Width: 1280, Height: 720, FrameRate: 60, Chroma: media.Chroma420, BitDepth: 8}
	with := func(f func(*Shape)) Shape { sh := hd; f(&sh); return sh }
	list := func(s string) Spec { return mustParse(t, s) }
	top := func(s Spec, h int) Spec { s.Source = &Source{Height: h}; return s }
	for _, tc := range []struct {
		name      string
		spec      Spec
		sh        Shape
		why, want string
		dropped   string
	}{
		{"shown", list("source,480p"), hd, "", "480p 854x480/2@1200", ""},
		{"no source", list("720p,480p"), hd, "the ladder re-encodes everything", "720p 1280x720/1@3750, 480p 854x480/2@1200", ""},
		{"no source, out of order", list("480p,720p"), hd, "the ladder re-encodes everything", "720p 1280x720/1@3750, 480p 854x480/2@1200", ""},
		{"no source, odd size", list("478p,360p"), with(func(s *Shape) { s.Width, s.Height = 853, 479 }),
			"the ladder re-encodes everything", "478p 852x478/2@1190, 360p 642x360/2@700", ""},
		{"nothing remains", list("1080p"), hd, "the ladder re-encodes everything", "source 1280x720/1@3750", "1080p: above the source's size"},
		{"the top is too high", list("1080p,1440p,480p"), hd, "the ladder re-encodes everything", "source 1280x720/1@3750, 480p 854x480/2@1200",
			"1080p: above the source's size; 1440p: above the source's size"},
		{"the top is too high, the source's size is there", list("1080p,720p"), hd, "the ladder re-encodes everything", "720p 1280x720/1@3750",
			"1080p: above the source's size"},
		{"only lower ones", list("480p"), hd, "the ladder re-encodes everything", "480p 854x480/2@1200", ""},
		{"4:2:2", list("source,720p,480p"), with(func(s *Shape) { s.Chroma = media.Chroma422 }), "not every player shows 4:2:2",
			"source 1280x720/1@3750, 480p 854x480/2@1200", "720p: not below the size of rung source"},
		{"4:4:4", AutoSpec(), with(func(s *Shape) { s.Chroma = media.Chroma444; s.FrameRate = 30 }), "not every player shows 4:4:4",
			"source 1280x720/1@2500, 480p 854x480/1@1200, 360p 640x360/1@700, 240p 426x240/1@400", "720p: not below the size of rung source"},
		{"10 bits", list("source,240p"), with(func(s *Shape) { s.BitDepth = 10 }), "not every player shows 10 bits",
			"source 1280x720/1@3750, 240p 426x240/2@400", ""},
		{"unknown format", list("source,240p"), with(func(s *Shape) { s.Chroma, s.BitDepth = "", 0 }), "", "240p 426x240/2@400", ""},
		{"long GOP", list("source,240p"), with(func(s *Shape) { s.LongGOP = true }), "keyframes are too far apart",
			"source 1280x720/1@3750, 240p 426x240/2@400", ""},
		{"all of it", list("source,240p"), with(func(s *Shape) { s.LongGOP, s.BitDepth, s.Chroma = true, 10, media.Chroma422 }),
			"not every player shows 4:2:2, not every player shows 10 bits, keyframes are too far apart",
			"source 1280x720/1@3750, 240p 426x240/2@400", ""},
		{"above the top", top(list("source,480p"), 540), hd, "the ladder's top is 540p", "source 960x540/1@2210, 480p 854x480/2@1200", ""},
		{"above the top, a rung of that size", top(list("source,540p,480p"), 540), hd, "the ladder's top is 540p",
			"source 960x540/1@2210, 480p 854x480/2@1200", "540p: not below the size of rung source"},
		{"above the top, portrait", top(list("source,480p"), 540), with(func(s *Shape) { s.Width, s.Height = 720, 1280 }), "the ladder's top is 540p",
			"source 540x960/1@2210, 480p 480x854/2@1200", ""},
		{"a top alone", top(Spec{}, 480), hd, "the ladder's top is 480p", "source 854x480/1@1800", ""},
		{"at the top", top(list("source,480p"), 720), hd, "", "480p 854x480/2@1200", ""},
		{"below the top", top(list("source,480p"), 1080), with(func(s *Shape) { s.BitDepth = 10 }), "not every player shows 10 bits",
			"source 1280x720/1@3750, 480p 854x480/2@1200", ""},
		{"tiny", AutoSpec(), Shape{Width: 17, Height: 1, BitDepth: 10}, "not every player shows 10 bits", "source 16x2/1@100",
			"720p: not below the size of rung source; 480p: not below the size of rung source; 360p: not below the size of rung source; 240p: not below the size of rung source"},
		{"no ladder", SourceSpec(), with(func(s *Shape) { s.LongGOP, s.BitDepth = true, 10 }), "", "", ""},
	} {
		p := tc.spec.Plan(tc.sh, capable)
		require.Equal(t, tc.why, p.Why, tc.name)
		require.Equal(t, tc.why != "", p.Hidden, tc.name)
		require.Equal(t, tc.want, brief(p), tc.name)
		require.Equal(t, tc.dropped, dropped(p), tc.name)
	}
}

func TestRungsKeepTheirSettings(t *testing.T) {
	s := Spec{CBR: true, Source: &Source{}, Rungs: []Rung{{"hall", 480, 25, 900_000, HEVC, "main", "fast"}}}
	p := s.Plan(Shape{Width: 1920, Height: 1080, FrameRate: 50, BitDepth: 10}, capable)
	require.Equal(t, []Output{
		{Name: "source", Width: 1920, Height: 1080, Every: 1, Bitrate: 6_750_000, CBR: true, Codec: H264},
		{"hall", 854, 480, 2, 900_000, true, HEVC, "main", "fast"},
	}, p.Outputs)
}

func TestCodecsThatAreMissing(t *testing.T) {
	hd := Shape{Width: 1280, Height: 720, FrameRate: 30}
	p := mustParse(t, "source,480p:hevc,360p").Plan(hd, Offer{Codecs: []Codec{H264}})
	require.Equal(t, "360p 640x360/1@700", brief(p))
	require.Equal(t, "480p-hevc: nothing here encodes hevc", dropped(p))

	p = mustParse(t, "480p:hevc").Plan(hd, Offer{Codecs: []Codec{H264}})
	require.Equal(t, "source 1280x720/1@2500", brief(p), "something must be shown")
	require.Equal(t, H264, p.Outputs[0].Codec)

	p = mustParse(t, "480p").Plan(hd, Offer{Codecs: []Codec{AV1}})
	require.Equal(t, AV1, p.Outputs[0].Codec)

	p = mustParse(t, "480p").Plan(hd, Offer{})
	require.False(t, p.Hidden)
	require.Equal(t, "the ladder re-encodes everything; but nothing can be encoded", p.Why)
	require.Empty(t, p.Outputs)
}

func TestTheSameRungTwice(t *testing.T) {
	s := mustParse(t, "source,720p60,720p30")
	p := s.Plan(Shape{Width: 1920, Height: 1080, FrameRate: 60}, capable)
	require.Equal(t, "720p60 1280x720/1@3750, 720p30 1280x720/2@2500", brief(p))
	p = s.Plan(Shape{Width: 1920, Height: 1080, FrameRate: 30}, capable)
	require.Equal(t, "720p60 1280x720/1@2500", brief(p))
	require.Equal(t, "720p30: the same as 720p60 for this source", dropped(p))
}

// measured has the costs of a machine of two cores: 720p30 is 0.23, 480p 0.10,
// 360p 0.05, 240p 0.05; decoding 720p30 takes 0.09, 1080p30 0.21.
type measured struct{}

func (measured) Decode(w, h int, fps float64) float64 {
	return map[int]float64{480: 0.05, 720: 0.09, 1080: 0.21}[min(w, h)] * fps / 30
}

func (measured) Encode(o Output, fps float64) float64 {
	return map[int]float64{240: 0.05, 360: 0.05, 480: 0.10, 720: 0.23, 1080: 0.45}[min(o.Width, o.Height)] * fps / 30
}

func TestCapacity(t *testing.T) {
	sd, hd, full := Shape{Width: 854, Height: 480}, Shape{Width: 1280, Height: 720, FrameRate: 30}, Shape{Width: 1920, Height: 1080, FrameRate: 30}
	fast := full
	fast.FrameRate = 60
	deep := full
	deep.BitDepth = 10
	const all = "source,720p,480p,360p,240p"
	offer := func(free, process float64, shared bool) Offer {
		return Offer{Codecs: Codecs(), Costs: measured{}, Free: free, Process: process, Overhead: 0.02, Shared: shared}
	}
	for _, tc := range []struct {
		name    string
		spec    string
		sh      Shape
		offer   Offer
		want    string
		cost    float64
		dropped string
	}{
		{"all fit", "auto", full, offer(2, 1, false), "720p 480p 360p 240p", 0.66, ""},
		{"just", "auto", full, offer(0.66, 0.64, false), "720p 480p 360p 240p", 0.66, ""},
		{"the costliest goes", "auto", full, offer(0.65, 1, false), "480p 360p 240p", 0.43,
			"720p: the ladder would take 0.66 CPU-seconds a second of the 0.65 that are free"},
		{"two go", "auto", full, offer(0.4, 1, false), "360p 240p", 0.33,
			"720p: the ladder would take 0.66 CPU-seconds a second of the 0.40 that are free; " +
				"480p: the ladder would take 0.43 CPU-seconds a second of the 0.40 that are free"},
		{"all go", "auto", full, offer(0.25, 1, false), "", 0, "LAST 240p: the ladder would take 0.28 CPU-seconds a second of the 0.25 that are free"},
		{"nothing is free", "auto", hd, offer(-1, 1, false), "", 0, "LAST 240p: the ladder would take 0.16 CPU-seconds a second of the 0.00 that are free"},
		// 0.42 of decoding, 0.46 of 720p60 and the others at 30.
		{"one process", "auto", fast, offer(2, 1, false), "480p 360p 240p", 0.64,
			"720p: the ladder would take 1.08 CPU-seconds a second of the 1.00 that one process can use"},
		{"a process without bound", "auto", fast, offer(2, 0, false), "720p 480p 360p 240p", 1.10, ""},
		{"unknown rate is priced as 30", "auto", sd, offer(0.12, 1, false), "240p", 0.12,
			"360p: the ladder would take 0.17 CPU-seconds a second of the 0.12 that are free"},
		{"a list alone is taken at its word", all, full, offer(0.1, 0.1, false), "720p 480p 360p 240p", 0.66, ""},
		{"a list beside others is cut", all, full, offer(0.5, 0.1, true), "480p 360p 240p", 0.43,
			"720p: the ladder would take 0.66 CPU-seconds a second of the 0.50 that are free"},
		{"a hidden source loses its own rung", "auto", deep, offer(0.7, 1, false), "720p 480p 360p 240p", 0.66,
			"source: the ladder would take 1.11 CPU-seconds a second of the 0.70 that are free"},
		{"a hidden source keeps one", "auto", deep, offer(0, 1, false), "240p", 0.28, "LAST 360p: the ladder would take 0.33 CPU-seconds a second of the 0.00 that are free"},
	} {
		p := mustParse(t, tc.spec).Plan(tc.sh, tc.offer)
		var names []string
		for _, o := range p.Outputs {
			names = append(names, o.Name)
		}
		require.Equal(t, tc.want, strings.Join(names, " "), tc.name)
		require.InDelta(t, tc.cost, p.Cost, 1e-9, tc.name)
		got := dropped(Plan{Dropped: capacity(p.Dropped)})
		if last, ok := strings.CutPrefix(tc.dropped, "LAST "); ok {
			require.True(t, strings.HasSuffix(got, last), "%s: %s", tc.name, got)
		} else {
			require.Equal(t, tc.dropped, got, tc.name)
		}
	}
}

// capacity leaves out what isn't dropped for want of capacity.
func capacity(all []Dropped) (list []Dropped) {
	for _, d := range all {
		if strings.Contains(d.Why, "CPU") {
			list = append(list, d)
		}
	}
	return list
}

func TestEqual(t *testing.T) {
	p := AutoSpec().Plan(Shape{Width: 1280, Height: 720}, capable)
	q := AutoSpec().Plan(Shape{Width: 1280, Height: 720}, capable)
	require.True(t, p.Equal(q))
	q.Outputs[0].Bitrate++
	require.False(t, p.Equal(q))
	q = AutoSpec().Plan(Shape{Width: 1280, Height: 720}, capable)
	q.Hidden = true
	require.False(t, p.Equal(q))
	q = AutoSpec().Plan(Shape{Width: 1280, Height: 720}, capable)
	q.Cost, q.Why, q.Dropped = 1, "x", nil
	require.True(t, p.Equal(q), "what is made is the same")
}

func TestShapeOf(t *testing.T) {
	c := &media.H264{Width: 720, Height: 576, SARWidth: 64, SARHeight: 45, FrameRate: 25, Chroma: media.Chroma422, BitDepth: 10}
	require.Equal(t, Shape{720, 576, 64, 45, 29.97, media.Chroma422, 10, true}, ShapeOf(c, 29.97, true))
	require.Equal(t, Shape{}, ShapeOf(nil, 0, false))
}

// Whatever the source is: sizes are even and never above it, and the picture's
// shape is kept.
func FuzzPlan(f *testing.F) {
	f.Add("auto", 1920, 1080, 1, 1, 30.0, 8, 1.0)
	f.Add("source,720p,480p@1200k,360p30@600k:hevc", 1080, 1920, 4, 3, 59.94, 10, 0.3)
	f.Add("1080p,479p", 853, 479, 10, 11, 0.0, 8, 0.0)
	f.Add("72p", 1<<16, 1, 1<<16, 1<<12, 1e9, 8, 0.0)
	f.Fuzz(func(t *testing.T, list string, w, h, sw, sh int, rate float64, bits int, free float64) {
		s, err := Parse(list)
		if err != nil {
			return
		}
		shape := Shape{Width: w, Height: h, SARWidth: sw & 0xffff, SARHeight: sh & 0xffff, FrameRate: rate, BitDepth: bits}
		p := s.Plan(shape, Offer{Codecs: Codecs(), Costs: measured{}, Free: free, Process: 1})
		if p.Hidden && len(p.Outputs) == 0 {
			t.Fatal("a hidden source without a rung")
		}
		pic := shape.picture()
		for _, o := range p.Outputs {
			if o.Width < 2 || o.Height < 2 || o.Width%2 != 0 || o.Height%2 != 0 || max(o.Width, o.Height) > maxSide {
				t.Fatalf("size %dx%d", o.Width, o.Height)
			}
			if int64(o.Width-2) > pic.width/pic.unit || int64(o.Height-2) > pic.height/pic.unit {
				t.Fatalf("%dx%d is above %dx%d", o.Width, o.Height, w, h)
			}
			if o.Every < 1 || o.Bitrate < MinBitrate || o.Bitrate > MaxBitrate {
				t.Fatalf("%+v", o)
			}
			// The sides agree with the source's to within the two pixels of rounding.
			off := int64(o.Width)*pic.height - int64(o.Height)*pic.width
			if max(off, -off) > 2*max(pic.width, pic.height) && min(w, h) > 64 && max(o.Width, o.Height) < maxSide {
				t.Fatalf("%dx%d of %dx%d (%d:%d)", o.Width, o.Height, w, h, shape.SARWidth, shape.SARHeight)
			}
		}
	})
}
