package vitals_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/vitals"
	"sluice/media"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sender plays a publisher into a meter.
type sender struct {
	*vitals.Meter
	clock  float64       // seconds of media in a second
	fps    float64       // sent
	late   time.Duration // of the sound
	order  []int         // of pictures: each one's place in its group
	stands map[int]time.Duration
	holds  map[int]time.Duration // from these seconds on, so much longer
	each   func(now time.Time)   // after every second
}

// tracks are a picture in High profile and stereo sound.
var tracks = func() []media.Track {
	picture, err := media.NewH264(
		[]byte{0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96},
		[]byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0})
	if err != nil {
		panic(err)
	}
	sound, err := media.NewAAC([]byte{0x11, 0x90})
	if err != nil {
		panic(err)
	}
	return []media.Track{
		{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: picture},
		{ID: 2, Kind: media.Audio, Timescale: 48000, Codec: sound},
	}
}()

// send plays for so long, with a keyframe every two seconds, and returns the end.
func (s *sender) send(d time.Duration) time.Time {
	s.Begin(tracks)
	step := time.Duration(float64(time.Second) / s.fps)
	group := max(len(s.order), 1)
	var now time.Time
	for n := 0; ; n++ {
		at := time.Duration(n) * step
		passed := time.Duration(float64(at) / s.clock)
		for after, pause := range s.stands {
			if at >= time.Duration(after)*time.Second && at < time.Duration(after)*time.Second+pause {
				passed = time.Duration(after)*time.Second + pause
			}
		}
		for after, more := range s.holds {
			if at >= time.Duration(after)*time.Second {
				passed += more
			}
		}
		if passed >= d {
			return now
		}
		now = begin.Add(passed)
		if s.each != nil && n%int(s.fps) == 0 {
			s.each(now)
		}
		key := n%int(2*s.fps) == 0
		shown := at
		if !key && len(s.order) > 0 {
			shown += time.Duration(s.order[n%group]) * step
		}
		s.Sample(1, media.Sample{
			DTS: media.TicksOf(at, media.VideoClock), CTSOffset: media.TicksOf(shown-at, media.VideoClock),
			Sync: key, Data: make([]byte, 5000),
		}, now)
		s.Sample(2, media.Sample{DTS: media.TicksOf(at-s.late, 48000), Data: make([]byte, 500)}, now)
	}
}

func TestSteadyStream(t *testing.T) {
	s := &sender{Meter: vitals.New(begin), clock: 1, fps: 30}
	s.Declare(30)
	v := s.Vitals(s.send(90 * time.Second))
	require.InDelta(t, 30, v.Video.FPS, 0.01)
	require.InDelta(t, 1, v.Speed, 0.01)
	require.InDelta(t, 5500*8*30, v.Bitrate, 1000)
	require.InDelta(t, 5500*8*30, v.BitrateMinute, 1000)
	require.InDelta(t, 5000*8*30, v.Video.Bitrate, 1000)
	require.InDelta(t, 500*8*30, v.Audio.Bitrate, 1000)
	require.Equal(t, 2*time.Second, v.Video.Keyframes.Round(time.Millisecond))
	require.Equal(t, 2*time.Second, v.Video.KeyframesMost.Round(time.Millisecond))
	require.Zero(t, v.Video.BFrames)
	require.True(t, v.OffsetKnown)
	require.Less(t, v.Offset.Abs(), time.Millisecond)
	require.True(t, v.DriftKnown)
	require.InDelta(t, 0, v.Drift, 1)
	require.Equal(t, 1, v.Epochs)
	require.Nil(t, v.Dropped)
	require.Empty(t, v.Advice())
	require.Equal(t, 2, v.Audio.Channels)
	require.Equal(t, 48000, v.Audio.SampleRate)
	require.Equal(t, "mp4a.40.2", v.Audio.Codec)
	require.Equal(t, "High", v.Video.Profile)
	require.Equal(t, "avc1.64001e", v.Video.Codec)
	require.Equal(t, 640, v.Video.Width)
}

// Encoders take half a second from their publish to their first picture, and that is no
// line that is too slow; nor has the first picture come in no time.
func TestTheTimeBeforeTheFirstSampleCountsNowhere(t *testing.T) {
	for _, silent := range []time.Duration{600 * time.Millisecond, 5 * time.Second} {
		s := &sender{Meter: vitals.New(begin.Add(-silent)), clock: 1, fps: 30}
		s.Declare(30)
		v := s.Vitals(s.send(4500 * time.Millisecond))
		require.InDelta(t, 1, v.Speed, 0.01)
		require.InDelta(t, 30, v.Video.FPS, 0.01)
		require.InEpsilon(t, 5500*8*30, v.Bitrate, 0.01)
		require.InEpsilon(t, 5500*8*30, v.BitrateMinute, 0.01)
		require.Empty(t, v.Advice())
	}
}

func TestNothingYet(t *testing.T) {
	m := vitals.New(begin)
	v := m.Vitals(begin)
	require.Nil(t, v.Video)
	require.Nil(t, v.Audio)
	require.False(t, v.OffsetKnown)
	require.False(t, v.DriftKnown)
	require.Zero(t, v.Speed)
	require.Empty(t, v.Advice())
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, c := range []struct {
		name  string
		send  sender
		fps   float64 // declared
		words string
	}{
		{"an encoder that is overloaded", sender{clock: 1, fps: 22}, 30, "22 of 30 frames a second"},
		{"a slow line", sender{clock: 0.8, fps: 30}, 30, "0.80 s of media come in a second"},
		{"sound that comes late", sender{clock: 1, fps: 30, late: time.Second}, 30, "the picture comes 1.0 s before the sound"},
		{"sound that comes early", sender{clock: 1, fps: 30, late: -time.Second}, 30, "the sound comes 1.0 s before the picture"},
		{"a fast clock", sender{clock: 1.001, fps: 30}, 30, "wrong by 1000 ppm"},
		{"a slow clock", sender{clock: 0.999, fps: 30}, 30, "wrong by -1000 ppm"},
		{"many B-frames", sender{clock: 1, fps: 30, order: []int{5, 1, 1, 1, 1, 1}}, 30, "B-frames"},
		{"a line that stops", sender{clock: 1, fps: 30, stands: map[int]time.Duration{60: 1500e6, 70: 1500e6, 80: 1500e6}}, 30, "stood still 3 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.send.Meter = vitals.New(begin)
			c.send.Declare(c.fps)
			v := c.send.Vitals(c.send.send(100 * time.Second))
			a := v.Advice()
			require.Len(t, a, 1, "%+v", v)
			require.Contains(t, a[0], c.words)
		})
	}
}

// OBS buffers its sound for longer when a source needs that, and for good. So do lines.
// It's no clock that is wrong.
func TestABufferThatGrowsIsNoDrift(t *testing.T) {
	for _, holds := range []map[int]time.Duration{
		{1: 64 * time.Millisecond, 5: 85 * time.Millisecond}, // seen
		{2: 960 * time.Millisecond},                          // its most
		{15: 350 * time.Millisecond}, {30: 350 * time.Millisecond}, {33: 100 * time.Millisecond}, {200: time.Second},
	} {
		s := &sender{Meter: vitals.New(begin), clock: 1, fps: 30, holds: holds}
		s.each = func(now time.Time) {
			if v := s.Vitals(now); v.Speed >= 0.95 { // as what the line carries is told
				require.Empty(t, v.Advice(), "%v, after %s", holds, now.Sub(begin))
			}
		}
		end := s.send(15 * time.Minute)
		v := s.Vitals(end)
		require.True(t, v.DriftKnown, holds)
		require.InDelta(t, 0, v.Drift, 1, holds)
	}
}

// named is a codec of which the name is all that counts.
type named struct {
	media.Codec
	name string
}

func (n named) RFC6381() string { return n.name }

func TestProfiles(t *testing.T) {
	for name, profile := range map[string]string{
		"hvc1.1.6.L93.90": "Main", "hvc1.2.4.L120.B0": "Main 10", "av01.0.08M.08": "Main", "av01.1.08M.10": "High",
		"vp09.00.40.08": "Profile 0", "vp09.02.40.10": "Profile 2", "hvc1.A1.6.L93": "", "else": "",
	} {
		m := vitals.New(begin)
		m.Begin([]media.Track{{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: named{name: name}}})
		require.Equal(t, profile, m.Vitals(begin).Video.Profile, name)
	}
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	s := &sender{Meter: vitals.New(begin), clock: 1, fps: 30}
	end := s.send(10 * time.Second)
	require.Positive(t, s.Vitals(end).Bitrate)
	v := s.Vitals(end.Add(5 * time.Second))
	require.Zero(t, v.Bitrate)
	require.Positive(t, v.BitrateMinute)
	v = s.Vitals(end.Add(time.Hour))
	require.Zero(t, v.BitrateMinute)
	require.Zero(t, v.Stops)
}

func TestRepairsAndDrops(t *testing.T) {
	m := vitals.New(begin)
	m.Repaired()
	for n := range 1000 {
		m.Dropped(string(rune('a' + n)))
		m.Dropped("a")
	}
	v := m.Vitals(begin)
	require.Equal(t, uint64(1), v.Repaired)
	require.Equal(t, uint64(1001), v.Dropped["a"])
	require.Less(t, len(v.Dropped), 100)
}

func TestBFramesAreCounted(t *testing.T) {
	s := &sender{Meter: vitals.New(begin), clock: 1, fps: 30, order: []int{2, 0, 0}}
	require.Equal(t, 2, s.Vitals(s.send(5*time.Second)).Video.BFrames)
}

func BenchmarkSample(b *testing.B) {
	m := vitals.New(begin)
	m.Begin(tracks)
	data := make([]byte, 5000)
	b.ReportAllocs()
	for n := range b.N {
		at := time.Duration(n) * 33 * time.Millisecond
		m.Sample(1, media.Sample{DTS: media.TicksOf(at, media.VideoClock), Data: data}, begin.Add(at))
	}
}
