package transcode

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/nut"
)

// makeMP3 encodes a tone in stereo.
func makeMP3(t testing.TB, rate, seconds int) clip {
	codec, err := media.NewMP3(rate, 2)
	require.NoError(t, err)
	return makeTone(t, "libmp3lame", rate, seconds, func([]byte) media.Sound { return codec })
}

// makeTone encodes a tone in stereo; describe reads its first frame.
func makeTone(t testing.TB, encoder string, rate, seconds int, describe func(frame []byte) media.Sound) clip {
	t.Helper()
	found, err := realTool()
	require.NoError(t, err)
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), found.Path, "-v", "error", "-f", "lavfi",
		"-i", "sine=r="+strconv.Itoa(rate)+":d="+strconv.Itoa(seconds), "-ac", "2", "-c:a", encoder, "-f", "nut", "pipe:1")
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	c := clip{track: media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(rate)}}
	for in := nut.NewReader(&out); ; {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return c
		}
		require.NoError(t, err)
		if c.track.Codec == nil {
			c.track.Codec = describe(p.Data)
		}
		length := c.track.Codec.(media.Sound).FrameLength()
		c.samples = append(c.samples, media.Sample{
			DTS: media.Ticks(len(c.samples)) * length, Duration: length, Sync: true, Data: p.Data,
		})
	}
}

// together publishes pictures and sound, in the order of their decode times, as
// fast as the sound comes back. each is called before each picture.
func together(t testing.TB, sink media.Sink, base *recorder, video, sound clip, each func(n int)) {
	t.Helper()
	require.NoError(t, sink.Begin(t.Context(), []media.Track{video.track, sound.track}))
	before := len(base.of(soundName))
	next := 0
	for n, s := range video.samples {
		each(n)
		for ; next < len(sound.samples); next++ {
			a := sound.samples[next]
			if a.DTS.Rescale(sound.track.Timescale, media.VideoClock) > s.DTS {
				break
			}
			require.NoError(t, sink.WriteSample(t.Context(), 2, a, time.Now()))
		}
		require.NoError(t, sink.WriteSample(t.Context(), 1, s, time.Now()))
		base.until("sound", 2*time.Minute, func() bool {
			heard := media.Ticks(base.count(soundName)-before) * aacFrame
			return heard >= media.Ticks(next-60)*sound.samples[0].Duration
		})
	}
}

// requireSound checks that sound is gapless in each epoch, and as long as the pictures.
func requireSound(t testing.TB, base *recorder, rate media.Timescale) {
	t.Helper()
	got := base.of(soundName)
	lead := base.lead()
	length := map[uint64]media.Ticks{}
	for _, w := range lead {
		length[w.epoch] = max(length[w.epoch], w.at+w.duration)
	}
	var epoch uint64
	var next media.Ticks
	for _, w := range got {
		if w.epoch != epoch {
			require.InDelta(t, 10, float64(w.at)/float64(rate), 0.03, "sound begins with the picture")
			epoch, next = w.epoch, w.at
		}
		require.Equal(t, next, w.at)
		next += aacFrame
		require.Less(t, w.at.Rescale(rate, media.VideoClock), length[epoch]+9000)
	}
	require.EqualValues(t, lead[len(lead)-1].epoch, epoch)
	require.InDelta(t, float64(length[epoch])/90_000, float64(next)/float64(rate), 0.3, "and ends with it")
	decodeSound(t, base)
}

// decodeSound lets a decoder look at all frames.
func decodeSound(t testing.TB, base *recorder) {
	t.Helper()
	config := base.rung(soundName).tracks[0].Codec.(*media.AAC).Config
	var adts mpeg4audio.ADTSPackets
	for _, w := range base.of(soundName) {
		adts = append(adts, &mpeg4audio.ADTSPacket{
			Type: config.Type, SampleRate: config.SampleRate, ChannelConfig: config.ChannelConfig, AU: w.data,
		})
	}
	in, err := adts.Marshal()
	require.NoError(t, err)
	found, err := realTool()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), found.Path, "-v", "error", "-xerror", "-f", "aac", "-i", "pipe:0", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(in)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, string(said))
}

func TestRealSound(t *testing.T) {
	video := makeClip(t, "testsrc2=s=320x180:r=30:d=5", "-bf", "2", "-g", "60")
	for _, c := range []struct {
		ladder string
		rate   int
		kill   bool
		worn   int // 0: as usual
	}{{"source", 44_100, false, 0}, {"source,144p", 48_000, true, 0}, {"144p", 22_050, false, 0}, {"source,240p", 44_100, false, 50}} {
		t.Run(c.ladder, func(t *testing.T) {
			base, m := newRecorder(t), newRealMachine(t)
			tr := fakeTranscoder(t, m)
			tr.worn = cmp.Or(c.worn, tr.worn)
			sink := tr.Ladder("live", mustSpec(t, c.ladder), Timing{}, base)
			sound := makeMP3(t, c.rate, 5)
			together(t, sink, base, video, sound, func(n int) {
				if n == 100 && c.kill {
					for _, pid := range children(t) {
						require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
					}
				}
			})
			const jump = 100
			later := sound
			later.samples = append([]media.Sample(nil), sound.samples...)
			for i := range later.samples {
				later.samples[i].DTS += media.Ticks(jump * c.rate)
			}
			together(t, sink, base, video.at(jump*90_000), later, func(int) {})
			endSession(t, sink, tr)
			requireSound(t, base, media.Timescale(c.rate))
			begins, expected, passed := base.all()
			require.Empty(t, passed)
			require.Len(t, begins, 2)
			require.Len(t, begins[0], 1)
			require.Equal(t, soundName, expected[0].Rungs[len(expected[0].Rungs)-1].Name)
			require.Equal(t, []uint64{1, 2}, base.rung(soundName).ends)
			if c.worn > 0 {
				require.Greater(t, m.started(), 6)
			}
		})
	}
}

// There's nothing to make AAC with: the sound goes on as it came, until there is.
func TestSoundIsPassedOn(t *testing.T) {
	base := newRecorder(t)
	tr := New(Options{Log: testLog(t)})
	defer tr.shutdown()
	sink := tr.Ladder("live", mustSpec(t, "source"), Timing{}, base)
	video := makeClip(t, "testsrc2=s=320x180:r=30:d=4", "-bf", "2", "-g", "30")
	sound := makeMP3(t, 48_000, 4)
	require.NoError(t, sink.Begin(t.Context(), []media.Track{video.track, sound.track}))
	for n, s := range video.samples {
		if n == 50 {
			tr.use(newRealMachine(t), unmeasured)
		}
		require.NoError(t, sink.WriteSample(t.Context(), 1, s, time.Now()))
		for _, a := range sound.samples[n*125/100 : (n+1)*125/100] {
			require.NoError(t, sink.WriteSample(t.Context(), 2, a, time.Now()))
		}
	}
	endSession(t, sink, tr)
	begins, _, passed := base.all()
	require.Len(t, begins, 2)
	require.Len(t, begins[0], 2)
	require.Len(t, begins[1], 1)
	require.Len(t, passed, 75)
	require.InDelta(t, 75*1152/1024-10, len(base.of(soundName)), 4, "less what comes before the picture")
}

// Sound without a picture: what is made of it leads.
func TestRealSoundAlone(t *testing.T) {
	base, m := newRecorder(t), newRealMachine(t)
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "source"), Timing{}, base)
	sound := makeMP3(t, 44_100, 4)
	for run, at := range []media.Ticks{0, 90_000_000, 1000} {
		require.NoError(t, sink.Begin(t.Context(), []media.Track{sound.track}))
		before := len(heard(base))
		for n, a := range sound.samples {
			a.DTS += at
			base.until("sound", 2*time.Minute, func() bool { return (len(base.sound)-before)*1024 >= (n-60)*1152 })
			require.NoError(t, sink.WriteSample(t.Context(), 2, a, time.Now()))
			if run == 1 && n == 60 {
				require.NoError(t, syscall.Kill(children(t)[0], syscall.SIGKILL))
			}
		}
	}
	endSession(t, sink, tr)
	begins, _, heard := base.all()
	require.Len(t, begins, 3)
	length := len(heard) / 3
	require.InDelta(t, len(sound.samples)*1152/1024, length, 3)
	require.Empty(t, base.of(soundName))
	for i, w := range heard {
		if i%length > 0 && w.at < heard[i-1].at+10*44_100 && w.at > heard[i-1].at {
			require.Equal(t, heard[i-1].at+aacFrame, w.at)
		}
		require.IsType(t, &media.AAC{}, begins[0][0].Codec)
	}
	require.Equal(t, 4, m.started())
}

func heard(base *recorder) []written {
	_, _, sound := base.all()
	return sound
}

// Nothing comes of it: it's passed on.
func TestSoundAloneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		m.prepare = func(int, *fakeProcess) error { return errFake }
		sink := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source"), Timing{}, base)
		codec, err := media.NewMP3(48_000, 2)
		require.NoError(t, err)
		track := media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: codec}
		require.NoError(t, sink.Begin(t.Context(), []media.Track{track}))
		for n := range 1000 {
			a := media.Sample{DTS: media.Ticks(n) * 1152, Duration: 1152, Sync: true, Data: []byte{1}}
			require.NoError(t, sink.WriteSample(t.Context(), 2, a, time.Now()))
			time.Sleep(24 * time.Millisecond)
		}
		require.NoError(t, sink.End(t.Context(), nil))
		_, _, heard := base.all()
		require.InDelta(t, 1000-10_500/24, len(heard), 20)
	})
}

// AC-3 is passed on, and AAC is made of it for those who don't know it.
func TestRealSoundBesideAAC(t *testing.T) {
	video := makeClip(t, "testsrc2=s=320x180:r=30:d=4", "-bf", "2", "-g", "30")
	for encoder, describe := range map[string]func([]byte) media.Sound{
		"ac3":  func(b []byte) media.Sound { c, err := media.NewAC3(b); require.NoError(t, err); return c },
		"eac3": func(b []byte) media.Sound { c, err := media.NewEAC3(b); require.NoError(t, err); return c },
	} {
		t.Run(encoder, func(t *testing.T) {
			base := newRecorder(t)
			tr := fakeTranscoder(t, newRealMachine(t))
			sink := tr.Ladder("live", mustSpec(t, "source"), 0, base)
			sound := makeTone(t, encoder, 48_000, 4, describe)
			sound.track.Language = "de"
			together(t, sink, base, video, sound, func(int) {})
			endSession(t, sink, tr)
			requireSound(t, base, 48_000)
			begins, _, passed := base.all()
			require.Len(t, begins, 1)
			require.Len(t, begins[0], 2)
			require.Equal(t, sound.track.Codec.RFC6381(), begins[0][1].Name)
			require.InDelta(t, len(sound.samples), len(passed), 6, "all that comes with the picture")
			require.Equal(t, "de", base.rung(soundName).tracks[0].Language)
		})
	}
}

// Opus is known to all browsers: nothing is made of it.
func TestOpusIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source"), 0, base)
		track := media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: media.PlainOpus(2)}
		require.NoError(t, l.Begin(t.Context(), []media.Track{track}))
		for n := range media.Ticks(10) {
			require.NoError(t, l.WriteSample(t.Context(), 2, media.Sample{DTS: n * 960, Duration: 960, Sync: true, Data: []byte{1}}, time.Now()))
		}
		require.NoError(t, l.End(t.Context(), nil))
		_, _, passed := base.all()
		require.Len(t, passed, 10)
		require.Zero(t, m.started())
	})
}
