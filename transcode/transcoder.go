package transcode

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/media"
	"sluice/transcode/rung"
)

// Options configure a Transcoder.
type Options struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: counted and shown nowhere
	Data    string                // folder in which measurements are kept; empty: nowhere
	FFmpeg  string                // the program; empty: found in PATH
}

// Transcoder makes ladders for any number of streams on one machine.
type Transcoder struct {
	options Options
}

// New returns a Transcoder. It panics where o.Metrics has metrics of its names
// already.
func New(o Options) *Transcoder {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Transcoder{options: o}
}

// Serve finds ffmpeg, proves its encoders and measures the machine, and then
// waits until ctx ends and every ladder has ended, so that no process is left.
// Streams are passed on as they are until it is ready, and where there's no
// ffmpeg.
func (t *Transcoder) Serve(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Ladder returns the way into a stream for one session. segment is the target
// duration of the stream's segments, zero for the usual one.
func (t *Transcoder) Ladder(stream string, spec rung.Spec, segment time.Duration, out media.Base) media.Sink {
	return out
}
