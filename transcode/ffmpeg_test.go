package transcode

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/annexb"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// realTool is this machine's ffmpeg with its encoders. They are tried once.
var realTool = sync.OnceValues(func() (*tool, error) {
	found, err := ffmpeg.Find(context.Background(), "")
	if err != nil {
		return nil, err
	}
	encoders, err := found.Encoders(context.Background(), slog.New(slog.DiscardHandler))
	return &tool{Tool: found, Encoders: encoders}, err
})

// realMachine keeps the processes that it starts.
type realMachine struct {
	*tool
	encoder string // instead of one that works

	mu        sync.Mutex
	processes []process
}

func newRealMachine(t testing.TB) *realMachine {
	t.Helper()
	found, err := realTool()
	require.NoError(t, err)
	return &realMachine{tool: found}
}

func (m *realMachine) For(c rung.Codec, f rung.Encoder) (string, bool) {
	if m.encoder != "" {
		return m.encoder, true
	}
	return m.tool.For(c, f)
}

func (m *realMachine) Start(ctx context.Context, j ffmpeg.Job) (process, error) {
	p, err := m.tool.Start(ctx, j)
	if err == nil {
		m.mu.Lock()
		m.processes = append(m.processes, p)
		m.mu.Unlock()
	}
	return p, err
}

func (m *realMachine) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.processes)
}

// clip is a publisher's track and its samples in decode order.
type clip struct {
	track   media.Track
	samples []media.Sample
}

// makeClip encodes a moving picture. args are the encoder's.
func makeClip(t testing.TB, picture string, args ...string) clip {
	t.Helper()
	found, err := realTool()
	require.NoError(t, err)
	all := append([]string{
		"-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p",
		"-sc_threshold", "0", "-threads", "1", "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-bsf:v", "dump_extra=freq=keyframe",
	}, args...)
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), found.Path, append(all, "-f", "nut", "pipe:1")...)
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	return readClip(t, &out)
}

func readClip(t testing.TB, r io.Reader) clip {
	t.Helper()
	var c clip
	var times []media.Ticks
	in := nut.NewReader(r)
	h, err := in.Header()
	require.NoError(t, err)
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		data, sps, pps, err := annexb.AppendLengthPrefixed(nil, p.Data)
		require.NoError(t, err)
		if p.Key && c.track.Codec == nil {
			codec, err := media.NewH264(bytes.Clone(sps), bytes.Clone(pps))
			require.NoError(t, err)
			c.track = media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
		}
		at, ok := onVideoClock(p.PTS, h.TimeBase)
		require.True(t, ok)
		c.samples = append(c.samples, media.Sample{CTSOffset: at, Sync: p.Key, Data: data})
		times = append(times, at)
	}
	slices.Sort(times)
	const reorder = 18_000 // so that no decode time is after its presentation
	for i := range c.samples {
		s := &c.samples[i]
		n := slices.Index(times, s.CTSOffset)
		s.Duration = 3000
		if n+1 < len(times) {
			s.Duration = times[n+1] - times[n]
		}
		s.DTS = times[i] - reorder
		s.CTSOffset -= s.DTS
	}
	return c
}

// at returns the clip at another time.
func (c clip) at(shift media.Ticks) clip {
	c.samples = slices.Clone(c.samples)
	for i := range c.samples {
		c.samples[i].DTS += shift
	}
	return c
}

// ahead is how many frames a test is ahead of the rung that it waits for.
const ahead = 100

// rush is a publisher that is as fast as the last of the rungs.
type rush struct {
	testing.TB
	sink      media.Sink
	base      *recorder
	slowest   string // a rung
	every     int    // it takes one of so many frames
	published int
}

func (p *rush) publish(c clip) {
	p.Helper()
	require.NoError(p, p.sink.Begin(p.Context(), []media.Track{c.track}))
	for _, s := range c.samples {
		require.NoError(p, p.sink.WriteSample(p.Context(), 1, s, time.Now()))
		p.published++
		p.base.until("rung "+p.slowest, 2*time.Minute, func() bool {
			return p.base.count(p.slowest)*p.every >= p.published-ahead
		})
	}
}

// end ends the session, and waits until all has come out.
func (p *rush) end(tr *Transcoder) {
	p.Helper()
	endSession(p, p.sink, tr)
}

func endSession(t testing.TB, sink media.Sink, tr *Transcoder) {
	t.Helper()
	tasks := []task{tr.newest(line{"live", media.Video}), tr.newest(line{"live", media.Audio})}
	require.NoError(t, sink.End(t.Context(), nil))
	for _, k := range tasks {
		if k != nil {
			<-k.hired().gone
		}
	}
}

// decode returns the sizes of the pictures that a rung's samples hold, which it
// decodes as a player would, from each keyframe's epoch on.
func decode(t testing.TB, codec *media.H264, samples []written) (width, height, frames int) {
	t.Helper()
	found, err := realTool()
	require.NoError(t, err)
	var in bytes.Buffer
	start := []byte{0, 0, 0, 1}
	for _, s := range samples {
		if s.sync {
			in.Write(slices.Concat(start, codec.SPS, start, codec.PPS))
		}
		for data := s.data; len(data) > 4; {
			n := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
			in.Write(slices.Concat(start, data[4:4+n]))
			data = data[4+n:]
		}
	}
	cmd := exec.CommandContext(t.Context(), found.Path, "-v", "error", "-xerror", "-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "framehash", "pipe:1")
	cmd.Stdin = &in
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	require.Empty(t, said.String(), "a decoder has nothing to complain about")
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			frames++
		}
	}
	return codec.Width, codec.Height, frames
}

// requireRung checks a rung against the leading rendition, frame by frame.
func requireRung(t testing.TB, base *recorder, name string, every, width, height int) {
	t.Helper()
	want, got := base.lead(), base.of(name)
	if every == 1 {
		requireSame(t, want, got)
		for i := range want {
			if want[i].sync {
				require.True(t, got[i].sync, "keyframe at frame %d", i)
			}
		}
	} else {
		at := map[place]bool{}
		for _, w := range want {
			at[place{w.epoch, w.at}] = true
		}
		for _, p := range times(got) {
			require.True(t, at[p], "frame at %d that the source hasn't", p.at)
		}
		require.InDelta(t, len(want)/every, len(got), float64(len(want)/20))
		syncs := func(w []written) []place {
			return times(slices.DeleteFunc(slices.Clone(w), func(w written) bool { return !w.sync }))
		}
		require.Equal(t, syncs(want), syncs(got))
	}
	tracks := base.rung(name).tracks
	w, h, frames := decode(t, tracks[0].Codec.(*media.H264), got)
	require.Equal(t, [2]int{width, height}, [2]int{w, h})
	require.Equal(t, len(got), frames)
	require.Len(t, tracks, 1, "one init segment for the whole session")
}

func TestRealRungs(t *testing.T) {
	type want struct {
		name                 string
		every, width, height int
	}
	for _, c := range []struct {
		name, picture string
		args          []string
		ladder        string
		want          []want
	}{
		{"B-frames", "testsrc2=s=640x360:r=30:d=8", []string{"-bf", "2", "-g", "60"}, "source,240p,144p",
			[]want{{"240p", 1, 426, 240}, {"144p", 1, 256, 144}}},
		{"29.97", "testsrc2=s=640x360:r=30000/1001:d=6", []string{"-bf", "3", "-g", "50"}, "source,240p", []want{{"240p", 1, 426, 240}}},
		{"59.94 at half rate", "testsrc2=s=640x360:r=60000/1001:d=6", []string{"-bf", "2", "-g", "121"}, "source,240p,144p60",
			[]want{{"240p", 2, 426, 240}, {"144p60", 1, 256, 144}}},
		{"variable rate", "testsrc2=s=640x360:r=50:d=8,select='not(mod(n\\,7))+not(mod(n\\,3))+gt(n\\,300)'",
			[]string{"-bf", "2", "-g", "40"}, "source,240p", []want{{"240p", 1, 426, 240}}},
		{"portrait", "testsrc2=s=360x640:r=25:d=4", []string{"-bf", "2", "-g", "50"}, "source,240p", []want{{"240p", 1, 240, 426}}},
		{"odd size", "testsrc2=s=618x350:r=25:d=4", []string{"-bf", "0", "-g", "50"}, "source,240p", []want{{"240p", 1, 424, 240}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := newRecorder(t)
			tr := fakeTranscoder(t, newRealMachine(t))
			sink := tr.Ladder("live", mustSpec(t, c.ladder), Timing{}, base)
			last := c.want[len(c.want)-1]
			p := &rush{TB: t, sink: sink, base: base, slowest: last.name, every: last.every}
			p.publish(makeClip(t, c.picture, c.args...))
			p.end(tr)
			for _, w := range c.want {
				requireRung(t, base, w.name, w.every, w.width, w.height)
			}
		})
	}
}

// The encoder changes its picture's size, and then its clock jumps, both ways.
func TestRealChanges(t *testing.T) {
	base, m := newRecorder(t), newRealMachine(t)
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "source,240p"), Timing{}, base)
	first := makeClip(t, "testsrc2=s=640x360:r=30:d=4", "-bf", "2", "-g", "60")
	second := makeClip(t, "testsrc2=s=960x540:r=30:d=4", "-bf", "2", "-g", "60")
	p := &rush{TB: t, sink: sink, base: base, slowest: "240p", every: 1}
	p.publish(first)
	p.publish(second.at(4 * 90_000))
	p.publish(second.at(48 * 90_000))
	p.publish(second.at(49 * 90_000))
	p.end(tr)
	requireRung(t, base, "240p", 1, 426, 240)
	require.Equal(t, 1, m.started())
}

// A source that isn't shown: all rungs have their keyframes on one grid.
func TestRealHidden(t *testing.T) {
	base, m := newRecorder(t), newRealMachine(t)
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "240p,144p15"), Timing{Segment: time.Second}, base)
	p := &rush{TB: t, sink: sink, base: base, slowest: "144p15", every: 2}
	c := makeClip(t, "testsrc2=s=640x360:r=30000/1001:d=6", "-bf", "2", "-g", "80")
	p.publish(c)
	p.publish(c.at(7_777_777))
	p.end(tr)
	lead := base.lead()
	require.Len(t, lead, 2*len(c.samples))
	requireRung(t, base, "144p15", 2, 256, 144)
	for i, s := range lead {
		if s.sync && i > 0 && s.epoch == lead[i-1].epoch {
			require.Less(t, (s.at-origin)%90_000, media.Ticks(3003), "a keyframe each second")
		}
	}
	begins, _, _ := base.all()
	require.Len(t, begins, 2)
	_, _, frames := decode(t, begins[0][0].Codec.(*media.H264), lead)
	require.Len(t, lead, frames)
}

// A GOP turns out to be too long, and the source is hidden in the middle of it.
func TestRealLongGOP(t *testing.T) {
	base, m := newRecorder(t), newRealMachine(t)
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "source,144p"), Timing{Segment: time.Second}, base)
	p := &rush{TB: t, sink: sink, base: base, slowest: "144p", every: 1}
	c := makeClip(t, "testsrc2=s=640x360:r=30:d=7", "-bf", "2", "-g", "150")
	p.publish(c)
	p.end(tr)
	lead := base.lead()
	require.Len(t, lead, len(c.samples))
	requireSame(t, lead, base.of("144p"))
	begins, _, _ := base.all()
	require.Len(t, begins, 2)
	second := slices.IndexFunc(lead, func(w written) bool { return w.epoch == 2 })
	require.True(t, lead[second].sync)
	w, h, frames := decode(t, begins[1][0].Codec.(*media.H264), lead[second:])
	require.Equal(t, [2]int{640, 360}, [2]int{w, h})
	require.Equal(t, len(lead)-second, frames)
}

func TestRealProcessIsKilled(t *testing.T) { testSignal(t, syscall.SIGKILL) }

func TestRealProcessIsStopped(t *testing.T) { testSignal(t, syscall.SIGSTOP) }

// testSignal sends a signal to ffmpeg in the middle of a GOP.
func testSignal(t *testing.T, signal syscall.Signal) {
	base, m := newRecorder(t), newRealMachine(t)
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "source,240p,144p"), Timing{}, base)
	c := makeClip(t, "testsrc2=s=640x360:r=30:d=10", "-bf", "2", "-g", "60")
	require.NoError(t, sink.Begin(t.Context(), []media.Track{c.track}))
	clock := time.NewTicker(time.Second / 30)
	defer clock.Stop()
	var hit time.Time
	for i, s := range c.samples {
		<-clock.C
		if i == 100 {
			base.until("rungs", 10*time.Second, func() bool { return base.count("240p") > 50 })
			hit = time.Now()
			require.NoError(t, syscall.Kill(children(t)[0], signal))
		}
		require.NoError(t, sink.WriteSample(t.Context(), 1, s, time.Now()))
	}
	endSession(t, sink, tr)
	require.Equal(t, 2, m.started())
	requireRung(t, base, "240p", 1, 426, 240)
	requireRung(t, base, "144p", 1, 256, 144)
	var back time.Duration
	for _, s := range base.of("240p") {
		if s.when.After(hit) && s.lag > 300*time.Millisecond {
			back = s.when.Sub(hit)
		}
	}
	t.Logf("after %v the rung was up to date in %v", signal, back)
	require.Zero(t, base.rung("240p").leaves)
}

// children returns the processes of this one.
func children(t testing.TB) []int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-x", "-P", strconv.Itoa(syscall.Getpid()), "ffmpeg").Output()
	require.NoError(t, err)
	var pids []int
	for _, f := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(f)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	slices.SortFunc(pids, cmp.Compare[int])
	require.NotEmpty(t, pids)
	return pids
}

// An encoder that refuses: the source doesn't notice.
func TestRealEncoderRefuses(t *testing.T) {
	base, m := newRecorder(t), newRealMachine(t)
	m.encoder = "h264_nvenc"
	tr := fakeTranscoder(t, m)
	sink := tr.Ladder("live", mustSpec(t, "source,240p"), Timing{}, base)
	c := makeClip(t, "testsrc2=s=640x360:r=30:d=4", "-bf", "2", "-g", "60")
	require.NoError(t, sink.Begin(t.Context(), []media.Track{c.track}))
	for _, s := range c.samples {
		require.NoError(t, sink.WriteSample(t.Context(), 1, s, time.Now()))
	}
	require.NoError(t, sink.End(t.Context(), nil))
	require.Len(t, base.lead(), len(c.samples))
	tr.shutdown()
	require.Empty(t, base.of("240p"))
}
