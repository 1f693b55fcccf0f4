//go:build unix

package ffmpeg

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/transcode/nut"
)

// started is a process that has given back a frame, and how to read on.
type started struct {
	*Process
	outs []*nut.Reader
}

func startSmall(t *testing.T, s source) started {
	t.Helper()
	p, err := tool(t).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(144, 1), out(96, 1)}}})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	st := started{Process: p}
	require.NoError(t, s.feed(p))
	for i := range 2 {
		r := nut.NewReader(p.Output(i))
		_, err := r.Next()
		require.NoError(t, err)
		st.outs = append(st.outs, r)
	}
	return st
}

// requireEnds reads every output to its end.
func (s started) requireEnds(t *testing.T) {
	t.Helper()
	for _, r := range s.outs {
		for {
			if _, err := r.Next(); err != nil {
				require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
				break
			}
		}
	}
}

func smallSource(t *testing.T) source {
	return makeSource(t, "testsrc2=s=320x180:r=30:d=1", "-bf", "0", "-g", "30")
}

func TestEndOfInputIsAGoodEnd(t *testing.T) {
	p := startSmall(t, smallSource(t))
	require.NoError(t, p.CloseInput())
	require.NoError(t, p.CloseInput(), "once more")
	p.requireEnds(t)
	require.NoError(t, p.Wait())
	require.NoError(t, p.Wait(), "once more")
	_, err := p.Write([]byte("x"))
	require.ErrorIs(t, err, os.ErrClosed)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "once more")
	_, err = p.Output(0).Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestKilledProcess(t *testing.T) {
	p := startSmall(t, smallSource(t))
	require.NoError(t, syscall.Kill(p.child.Pid(), syscall.SIGKILL))
	p.requireEnds(t)
	<-p.Done()
	var exit *ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	require.ErrorContains(t, exit, "killed")
	_, err := p.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
	p.Stop(time.Minute) // what comes too late
	require.Error(t, p.Wait(), "it wasn't asked to")
}

func TestStoppedProcess(t *testing.T) {
	s := smallSource(t)
	for name, end := range map[string]func(Process *Process){
		"Stop":  func(p *Process) { p.Stop(time.Minute) },
		"Close": func(p *Process) { p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := startSmall(t, s)
			require.NoError(t, syscall.Kill(p.child.Pid(), syscall.SIGSTOP))
			writing := make(chan error)
			go func() { // until the pipe is full, and then for ever
				var err error
				for err == nil {
					_, err = p.Write(make([]byte, 1<<16))
				}
				writing <- err
			}()
			require.NoError(t, p.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
			require.ErrorIs(t, <-writing, os.ErrDeadlineExceeded)
			require.NoError(t, p.SetWriteDeadline(time.Time{}))
			go func() {
				_, err := p.Write(make([]byte, 1<<21))
				writing <- err
			}()
			end(p.Process)
			require.Error(t, <-writing)
			require.NoError(t, p.Wait())
		})
	}
}

func TestContextEndsProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := tool(t).Start(ctx, Job{Video: &VideoJob{Outputs: []Output{out(144, 1)}}})
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, p.Output(0))
	require.NoError(t, err)
	require.NoError(t, p.Wait())
	require.NoError(t, p.Close())
	_, err = tool(t).Start(ctx, Job{Video: &VideoJob{Outputs: []Output{out(144, 1)}}})
	require.ErrorIs(t, err, context.Canceled)
}

// A process whose outputs nobody reads can't end by itself.
func TestStopKillsWhatIsStuck(t *testing.T) {
	s := makeSource(t, "testsrc2=s=640x360:r=30:d=2,noise=alls=100:allf=t", "-bf", "0", "-g", "30", "-b:v", "8M")
	o := out(720, 1)
	o.Bitrate, o.CBR = 50_000_000, true
	p, err := tool(t).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{o}}})
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	_ = s.feed(p)
	p.Stop(10 * time.Millisecond)
	require.NoError(t, p.Wait())
	require.NoError(t, p.Close())
}

func TestErrorsOfTheProcessAreItsLastLines(t *testing.T) {
	p, err := tool(t).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(144, 1)}}})
	require.NoError(t, err)
	defer p.Close()
	_, _ = p.Write([]byte("this is not a fragment, and will never be one"))
	require.NoError(t, p.CloseInput())
	var exit *ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	require.Contains(t, exit.Stderr, "Invalid data")
	require.ErrorContains(t, exit, "Invalid data")
	var status *exec.ExitError
	require.ErrorAs(t, exit, &status)
}

func TestProgressOfAProcess(t *testing.T) {
	p := startSmall(t, smallSource(t))
	require.NoError(t, p.CloseInput())
	p.requireEnds(t)
	require.NoError(t, p.Wait())
	got := p.Progress() // the last one comes at the end
	require.False(t, got.At.IsZero())
	require.Equal(t, int64(30), got.Frames)
	require.Zero(t, got.Dropped)
	require.Zero(t, got.Duplicated)
	require.Positive(t, got.Speed)
}

func TestStartRefuses(t *testing.T) {
	good := out(144, 1)
	odd, zero, slow, unknown := good, good, good, good
	odd.Width, zero.Height, slow.Every, unknown.Encoder = 101, 0, 0, "libdream"
	for _, j := range []Job{
		{},
		{Video: &VideoJob{Outputs: []Output{good}}, Audio: &AudioJob{SampleRate: 48_000, Channels: 2, Bitrate: 1, From: 1024}},
		{Video: &VideoJob{}},
		{Video: &VideoJob{Outputs: make([]Output, 100)}},
		{Video: &VideoJob{Outputs: []Output{odd}}},
		{Video: &VideoJob{Outputs: []Output{zero}}},
		{Video: &VideoJob{Outputs: []Output{slow}}},
		{Video: &VideoJob{Outputs: []Output{unknown}}},
		{Video: &VideoJob{Outputs: []Output{good}, Grid: -1}},
		{Audio: &AudioJob{SampleRate: 48_000, Channels: 2, Bitrate: 128_000}},
	} {
		_, err := tool(t).Start(t.Context(), j)
		require.Error(t, err, "%+v", j)
	}
	nowhere := &Tool{Path: t.TempDir() + "/ffmpeg"}
	_, err := nowhere.Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{good}}})
	require.ErrorIs(t, err, os.ErrNotExist)
}
