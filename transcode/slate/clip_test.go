package slate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// fakeReel is a loop whose frames say which they are.
func fakeReel(f form, frames int, length media.Ticks) *reel {
	r := &reel{form: f, length: length}
	for i := range frames {
		r.frames = append(r.frames, frame{f.GOP == 0 || i%f.GOP == 0, []byte{byte(i >> 8), byte(i)}})
	}
	return r
}

func (f frame) number() int { return int(f.data[0])<<8 | int(f.data[1]) }

func fakePictures(rate ffmpeg.Rate, frames, gop int) *reel {
	return fakeReel(form{Codec: "h264", Rate: rate, Frames: frames, GOP: gop}, frames, 0)
}

func fakeSilence(rate int, length media.Ticks) *reel {
	return fakeReel(form{Codec: "aac", SampleRate: rate, Channels: 2}, silentFrames, length)
}

// fakeSound is a clip's, as long as that clip.
func fakeSound(rate int, codec string, pictures *reel) *reel {
	f := form{Content: "clip", Codec: codec, SampleRate: rate, Channels: 2, Rate: pictures.form.Rate, Frames: pictures.form.Frames}
	return fakeReel(f, f.soundFrames(), f.soundFrame())
}

func fakeClip(reels ...*reel) *Clip {
	c := &Clip{reels: reels, metrics: newMetrics(nil)}
	for i, r := range reels {
		t := media.Track{ID: media.TrackID(i + 1), Kind: media.Video, Timescale: media.VideoClock}
		if r.form.SampleRate > 0 {
			t.Kind, t.Timescale = media.Audio, media.Timescale(r.form.SampleRate)
		}
		c.tracks = append(c.tracks, t)
	}
	return c
}

// rates are those of pictures.
var rates = []ffmpeg.Rate{
	{Num: 60, Den: 1}, {Num: 30, Den: 1}, {Num: 30_000, Den: 1001}, {Num: 24_000, Den: 1001}, {Num: 60_000, Den: 1001}, {Num: 25, Den: 1},
	{Num: 15, Den: 1}, {Num: 14_985, Den: 1000},
}

// After a million loops each frame is where it belongs, to the tick, and no loop of a
// clip's sound has parted from the picture's.
func TestNoDriftInAMillionLoops(t *testing.T) {
	for _, rate := range rates {
		for _, sound := range []struct {
			rate  int
			codec string
		}{{48_000, "aac"}, {44_100, "aac"}, {22_050, "mp3"}, {44_100, "mp3"}, {48_000, "opus"}, {32_000, "ac3"}} {
			pictures := fakePictures(rate, 181, 181)
			r := fakeSound(sound.rate, sound.codec, pictures)
			v := newHand(pictures, media.Track{Timescale: media.VideoClock})
			a := newHand(r, media.Track{Timescale: media.Timescale(sound.rate)})
			for loop := range int64(1_000_001) {
				if loop > 100 && loop%9973 != 0 && loop != 1_000_000 {
					continue
				}
				v.n = loop * int64(len(v.frames))
				picture := float64(v.n) * float64(rate.Den) / float64(rate.Num)
				require.InDelta(t, picture, float64(v.at(v.n))/float64(media.VideoClock), 0.51/float64(media.VideoClock)+picture*1e-15)
				begins, next := a.loopBegins(loop), a.loopBegins(loop+1)
				require.InDelta(t, picture, float64(begins)*float64(a.length)/float64(sound.rate),
					(float64(a.length)/2+1)/float64(sound.rate)+picture*1e-15, "loop %d", loop)
				require.LessOrEqual(t, next-begins, int64(len(a.frames)))
				require.GreaterOrEqual(t, next-begins, int64(len(a.frames))-2)
			}
		}
	}
}

// Hands go round: each frame follows its predecessor, and each loop begins with the first.
func TestHandsGoRound(t *testing.T) {
	pictures := fakePictures(ffmpeg.Rate{Num: 30_000, Den: 1001}, 60, 30)
	for _, r := range []*reel{pictures, fakeSilence(44_100, 1024), fakeSound(44_100, "aac", pictures)} {
		h := newHand(r, media.Track{Timescale: fakeClip(r).tracks[0].Timescale})
		before, loops := -1, 0
		var end media.Ticks
		for range 5000 {
			s := h.sample()
			require.Equal(t, end, s.DTS)
			require.Positive(t, s.Duration)
			end = s.DTS + s.Duration
			n := frame{data: s.Data}.number()
			switch {
			case before < 0:
				require.Zero(t, n)
			case n == 0:
				loops++
				require.GreaterOrEqual(t, before, len(r.frames)-3)
			default:
				require.Equal(t, before+1, n)
			}
			before = n
			h.advance()
		}
		require.Positive(t, loops)
	}
}

// take is a sink that notes when samples come.
type take struct {
	begun []time.Duration
	at    map[media.TrackID][]time.Duration
	start time.Time
	err   error         // of the sample after
	slow  time.Duration // which a sample takes, once
	long  time.Duration // which Begin takes
}

func (s *take) Begin(context.Context, []media.Track) error {
	s.begun = append(s.begun, time.Since(s.start))
	s.at = map[media.TrackID][]time.Duration{}
	time.Sleep(s.long)
	return nil
}

func (s *take) WriteSample(ctx context.Context, id media.TrackID, m media.Sample, arrived time.Time) error {
	if len(s.begun) == 0 {
		return errors.New("a sample before Begin")
	}
	if s.err != nil {
		return s.err
	}
	s.at[id] = append(s.at[id], time.Since(s.start))
	if d := s.slow; d > 0 {
		s.slow = 0
		time.Sleep(d)
	}
	return nil
}

func (s *take) WriteEvent(context.Context, media.Event) error { return errors.New("an event") }

func (s *take) End(context.Context, error) error { return errors.New("the end") }

func TestPlayKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fakeClip(fakePictures(ffmpeg.Rate{Num: 25, Den: 1}, 100, 50), fakeSilence(48_000, 960))
		s := &take{start: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
		defer cancel()
		require.NoError(t, c.Play(ctx, s, s.start.Add(500*time.Millisecond)))
		require.Equal(t, 10*time.Second-time.Millisecond, time.Since(s.start), "it ends when it's told to")
		require.Equal(t, []time.Duration{0}, s.begun)
		for id, every := range map[media.TrackID]time.Duration{1: 40 * time.Millisecond, 2: 20 * time.Millisecond} {
			require.Len(t, s.at[id], int((9500*time.Millisecond+every-1)/every))
			for i, at := range s.at[id] {
				require.Equal(t, 500*time.Millisecond+time.Duration(i)*every, at)
			}
		}
	})
}

// What comes late for a moment is caught up with; a machine that stood still for long begins
// anew, and so does a start that was long ago.
func TestPlayDoesNotBurst(t *testing.T) {
	for _, tc := range []struct {
		name            string
		ago, slow, long time.Duration
		begun, most     int
	}{
		{"on time", 0, 0, 0, 1, 1},
		{"a little ago", 200 * time.Millisecond, 0, 0, 1, 6},
		{"long ago", time.Hour, 0, 0, 1, 1},
		{"held up", 0, 300 * time.Millisecond, 0, 1, 7},
		{"stood still", 0, time.Minute, 0, 2, 1},
		{"a slow beginning", 0, 0, 10 * time.Second, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := fakeClip(fakePictures(ffmpeg.Rate{Num: 25, Den: 1}, 100, 50))
				s := &take{start: time.Now(), slow: tc.slow, long: tc.long}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				require.NoError(t, c.Play(ctx, s, s.start.Add(-tc.ago)))
				require.Len(t, s.begun, tc.begun)
				same, most := 0, 0
				for i, at := range s.at[1] {
					if i > 0 && at == s.at[1][i-1] {
						same++
					} else {
						same = 1
					}
					most = max(most, same)
				}
				require.Equal(t, tc.most, most, "samples at one time")
			})
		})
	}
}

func TestPlayEndsWithItsSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fakeClip(fakePictures(ffmpeg.Rate{Num: 25, Den: 1}, 100, 50))
		s := &take{err: errors.New("the stream is closed")}
		require.ErrorIs(t, c.Play(t.Context(), s, time.Now()), s.err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, c.Play(ctx, &take{}, time.Now()))
	})
}

// A sample costs no memory.
func TestPlayingAllocatesNothing(t *testing.T) {
	h := newHand(fakePictures(ffmpeg.Rate{Num: 30_000, Den: 1001}, 60, 30), media.Track{Timescale: media.VideoClock})
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		_ = h.sample()
		h.advance()
	}))
}
