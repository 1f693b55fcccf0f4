package ffmpeg

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"sluice/transcode/rung"
)

// What keeps ffmpeg from being used. The errors of Find wrap them, and say
// what to do.
var (
	ErrMissing = errors.New("ffmpeg is missing")
	ErrTooOld  = errors.New("ffmpeg is too old")
)

// Tool is an ffmpeg that can be used.
type Tool struct {
	Path    string
	Version Version
}

// Version is what `ffmpeg -version` says.
type Version struct {
	Text         string // as in "5.1.9-0+deb12u1"
	Major, Minor int    // of the release; 0 where it's a build from between releases
}

// Find returns the ffmpeg at path, or the one in the PATH where path is empty.
func Find(ctx context.Context, path string) (*Tool, error) { panic("being written") }

// Encoders are those that passed their trial, for each codec.
type Encoders struct {
	// Refused are those that the tool names and that don't work here.
	Refused []Refusal
	chosen  map[rung.Codec][]string
}

// Refusal is an encoder that failed its trial, and why.
type Refusal struct {
	Encoder string
	Err     error
}

// Encoders tries each encoder, and logs one line about those that can't be used.
func (t *Tool) Encoders(ctx context.Context, log *slog.Logger) (Encoders, error) {
	panic("being written")
}

// For returns ffmpeg's name of the encoder of a family for a codec, as in
// "libx264"; false where none passed. Of AnyEncoder, hardware goes first.
func (e Encoders) For(codec rung.Codec, family rung.Encoder) (string, bool) {
	panic("being written")
}

// Codecs returns the codecs that the family can encode, H.264 first.
func (e Encoders) Codecs(family rung.Encoder) []rung.Codec { panic("being written") }

// Capacity is what work costs on this machine; it is a rung.Costs.
type Capacity struct{}

var _ rung.Costs = Capacity{}

// Decode implements rung.Costs.
func (c Capacity) Decode(width, height int, fps float64) float64 { panic("being written") }

// Encode implements rung.Costs.
func (c Capacity) Encode(o rung.Output, fps float64) float64 { panic("being written") }

// Process is how many CPU-seconds a second one process can use at most.
func (c Capacity) Process() float64 { panic("being written") }

// Overhead is what a ladder costs beside decoding and encoding, in CPU-seconds a second.
func (c Capacity) Overhead() float64 { panic("being written") }

// Measure finds out what work costs with an encoder of H.264. It takes a few seconds.
func (t *Tool) Measure(ctx context.Context, encoder string) (Capacity, error) {
	panic("being written")
}

// Store keeps a Capacity in a file.
type Store struct{ Path string }

// Capacity returns what the file has for this tool, encoder and machine; where
// it has nothing, it measures, and writes the file.
func (s Store) Capacity(ctx context.Context, t *Tool, encoder string, log *slog.Logger) (Capacity, error) {
	panic("being written")
}

// Process is one running ffmpeg.
type Process struct{}

// Start runs a job. The process is killed when ctx ends.
func (t *Tool) Start(ctx context.Context, j Job) (*Process, error) { panic("being written") }

// Write hands on bytes of the input. It blocks while the process doesn't take
// them, but not beyond the deadline, nor beyond Stop, Close, or the process's end.
func (p *Process) Write(b []byte) (int, error) { panic("being written") }

// SetWriteDeadline bounds writes from now on, also one that is waiting; zero is
// no bound. What a write that ran into it has written can't be taken back: the
// input is broken then.
func (p *Process) SetWriteDeadline(t time.Time) error { panic("being written") }

// CloseInput says that there is no more; the process ends what it has begun, and ends.
func (p *Process) CloseInput() error { panic("being written") }

// Output returns where the NUT stream of the job's output i comes from (0 for
// sound); it ends with io.EOF with the process, after all that was written
// before, and with os.ErrClosed with Close.
func (p *Process) Output(i int) io.Reader { panic("being written") }

// Progress returns what the process said last.
func (p *Process) Progress() Progress { panic("being written") }

// Progress is what ffmpeg says of itself, twice a second. Speed is cumulative:
// overload that came late doesn't show in it.
type Progress struct {
	At                  time.Time // when it said so; zero: not yet
	Frames              int64     // of the first output
	FPS                 float64
	Speed               float64 // media seconds a second
	Dropped, Duplicated int64
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { panic("being written") }

// Stop ends the process: it is asked to end, and killed where it still runs
// after grace. It returns when it has ended.
func (p *Process) Stop(grace time.Duration) { panic("being written") }

// Wait waits for the process's end. It returns nil where it ended well, or was
// asked to end by Stop, Close or the context; otherwise an *ExitError. The
// outputs can still be read.
func (p *Process) Wait() error { panic("being written") }

// Close kills the process if it still runs, waits for its end, and closes all
// pipes. It must be called; it may be called several times.
func (p *Process) Close() error { panic("being written") }

// ExitError says that a process ended by itself and not well.
type ExitError struct {
	Err    error  // as in "exit status 1"
	Stderr string // the last lines of what it said
}

func (e *ExitError) Error() string { panic("being written") }

func (e *ExitError) Unwrap() error { return e.Err }
