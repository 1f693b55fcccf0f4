package transcode

import (
	"context"
	"time"

	"sluice/media"
)

// task is what a Transcoder runs for a ladder: an engine, or sound.
type task interface {
	// serve runs it, until all is done or ctx ends, and closes the worker's gone.
	serve(ctx context.Context)
	// close says that no more comes in.
	close()
	hired() *worker
}

// worker is what all tasks have. The Transcoder sets it when it starts one.
type worker struct {
	machine machine
	after   <-chan struct{}    // closed when the line's task before this one has ended
	stop    context.CancelFunc // ends it at once
	gone    chan struct{}      // closed when it has ended
	// patience is for how long a rung may be too far behind.
	patience time.Duration
	// drain is how long it may put out what it has left.
	drain time.Duration
}

func newWorker() worker { return worker{gone: make(chan struct{})} }

func (w *worker) hired() *worker { return w }

// first reports whether the task before this one has ended.
func (w *worker) first() bool {
	select {
	case <-w.after:
		return true
	default:
		return false
	}
}

// over reports whether it has ended.
func (w *worker) over() bool {
	select {
	case <-w.gone:
		return true
	default:
		return false
	}
}

// line is where one task follows another: what a stream has of a kind.
type line struct {
	stream string
	kind   media.Kind
}
