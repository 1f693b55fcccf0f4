package e2e

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// source is what a publisher sends: ffmpeg's inputs, and the encoders for them.
type source struct {
	name   string
	inputs []string
	codecs []string
}

// video is a moving picture, encoded with two B-frames and a keyframe every
// two seconds, at a frame rate of rate, whose GOP is then gop frames.
func video(size, rate, gop string) source {
	return source{
		name:   size + "@" + rate,
		inputs: []string{"-re", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate},
		codecs: []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", gop,
			"-keyint_min", gop, "-sc_threshold", "0", "-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "1500k"},
	}
}

// tone is a sound.
func tone() source {
	return source{
		name:   "tone",
		inputs: []string{"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"},
		codecs: []string{"-c:a", "aac", "-b:a", "128k", "-ac", "2"},
	}
}

// with joins two sources into one.
func (s source) with(o source) source {
	return source{name: s.name + "+" + o.name, inputs: join(s.inputs, o.inputs), codecs: join(s.codecs, o.codecs)}
}

func join(a, b []string) []string { return append(append([]string{}, a...), b...) }

// publish pushes the source over RTMPS, as long as the test lasts.
func (g *gateway) publish(s source) *push {
	g.t.Helper()
	return g.publishWith(key, s)
}

// publishWith does so with another key than the usual one.
func (g *gateway) publishWith(key string, s source) *push {
	g.t.Helper()
	return ffmpeg(g.t, join(join(s.inputs, s.codecs), []string{"-f", "flv", "rtmps://" + g.rtmps + "/live/" + key})...)
}

// push is a running publisher.
type push struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *buffer
	exited chan struct{}
	err    error
}

// ffmpeg runs ffmpeg until it ends or the test does.
func ffmpeg(t *testing.T, args ...string) *push {
	t.Helper()
	p := &push{t: t, log: &buffer{}, exited: make(chan struct{})}
	p.cmd = exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "warning", "-nostdin"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("ffmpeg said:\n%s", p.log)
		}
	})
	return p
}

// end sends a signal and waits for the process.
func (p *push) end(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Errorf("ffmpeg outlives %v", s)
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
