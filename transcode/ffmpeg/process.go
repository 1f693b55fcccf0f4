package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sluice/transcode/child"
)

// Process is one running ffmpeg. It is running → ended: by itself, because its
// input ended, or because Stop, Close or the context asked for it.
type Process struct {
	child    *child.Child
	stdin    *os.File
	feed     io.Writer // to stdin
	outputs  []*os.File
	readers  []io.Reader // of outputs
	said     *child.Tail
	progress *progress

	asked   atomic.Bool // somebody wants it to end
	release func() bool // of the context
	killed  chan struct{}
	once    sync.Once // of Close
}

// Start runs a job. The process is killed when ctx ends.
func (t *Tool) Start(ctx context.Context, j Job) (*Process, error) {
	if err := j.validate(); err != nil {
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	return t.start(ctx, fragmentInput, j)
}

// start runs a job whose input is what the arguments say.
func (t *Tool) start(ctx context.Context, input []string, j Job) (*Process, error) {
	return t.run(ctx, j.outputs(), func(u urls) []string { return j.arguments(input, u) })
}

// run starts a process with so many outputs.
func (t *Tool) run(ctx context.Context, outputs int, arguments func(urls) []string) (_ *Process, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Process{said: &child.Tail{Max: maxSaid}, progress: &progress{}, killed: make(chan struct{})}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close() // they have their own
		}
		if err != nil {
			p.closePipes()
			err = fmt.Errorf("start ffmpeg: %w", err)
		}
	}()
	in, stdin, err := pipe()
	if err != nil {
		return nil, err
	}
	theirs, p.stdin = append(theirs, in), stdin
	if p.feed, err = newPipeWriter(stdin); err != nil {
		return nil, err
	}
	for range outputs {
		r, out, err := pipe()
		if err != nil {
			return nil, err
		}
		theirs, p.outputs = append(theirs, out), append(p.outputs, r)
		reader, err := newPipeReader(r)
		if err != nil {
			return nil, err
		}
		p.readers = append(p.readers, reader)
	}
	cmd := exec.Command(t.Path)
	cmd.Stdin, cmd.Stderr = in, p.said
	urls, err := connect(cmd, theirs[1:], p.progress)
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, arguments(urls)...)
	if p.child, err = child.Start(cmd, niceness); err != nil {
		return nil, err
	}
	p.release = context.AfterFunc(ctx, func() {
		defer close(p.killed)
		p.ask()
		p.child.Kill()
	})
	return p, nil
}

// urls are what a process calls its pipes; progress is empty where it has none.
type urls struct {
	outputs  []string
	progress string
}

// pipeURL names a descriptor.
func pipeURL(fd int) string { return "pipe:" + strconv.Itoa(fd) }

// pipe returns one of pipeSize, or as large as is allowed.
func pipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err == nil {
		widen(w, pipeSize)
	}
	return r, w, err
}

// ask notes that the process is to end, unless it has.
func (p *Process) ask() {
	select {
	case <-p.child.Done():
	default:
		p.asked.Store(true)
	}
	p.stdin.Close() // a write that waits returns
}

// Write hands on bytes of the input. It blocks while the process doesn't take
// them, but not beyond the deadline, nor beyond CloseInput, Stop, Close, or the
// process's end.
func (p *Process) Write(b []byte) (int, error) {
	n, err := p.feed.Write(b)
	if err != nil {
		return n, fmt.Errorf("write to ffmpeg: %w", err)
	}
	return n, nil
}

// SetWriteDeadline bounds writes from now on, also one that is waiting; zero is
// no bound. What a write that ran into it has written can't be taken back: the
// input is broken then.
func (p *Process) SetWriteDeadline(t time.Time) error { return p.stdin.SetWriteDeadline(t) }

// CloseInput says that there is no more; the process ends what it has begun, and ends.
func (p *Process) CloseInput() error {
	if err := p.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close ffmpeg's input: %w", err)
	}
	return nil
}

// Output returns where the NUT stream of the job's output i comes from (0 for
// sound); it ends with io.EOF with the process, after all that was written
// before, and with os.ErrClosed with Close.
func (p *Process) Output(i int) io.Reader { return p.readers[i] }

// Progress returns what the process said last.
func (p *Process) Progress() Progress { return p.progress.read() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.child.Done() }

// Stop ends the process: it is asked to end, and killed where it still runs
// after grace. It returns when it has ended.
func (p *Process) Stop(grace time.Duration) {
	p.ask()
	p.child.Stop(grace)
}

// Wait waits for the process's end. It returns nil where it ended well, or was
// asked to end by Stop, Close or the context; otherwise an *ExitError. That it
// ended well doesn't mean that somebody wanted that: ffmpeg may take broken input
// for the end of it. The outputs can still be read.
func (p *Process) Wait() error {
	err := p.child.Wait()
	if err == nil || p.asked.Load() {
		return nil
	}
	return &ExitError{Err: err, Stderr: p.said.String()}
}

// Close kills the process if it still runs, waits for its end, and closes all
// pipes. It must be called; it may be called several times.
func (p *Process) Close() error {
	p.once.Do(func() {
		if !p.release() {
			<-p.killed
		}
		p.ask()
		p.child.Kill()
		p.closePipes()
	})
	return nil
}

func (p *Process) closePipes() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	for _, r := range p.outputs {
		r.Close()
	}
}
