package transcode

import (
	"context"
	"time"

	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// machine is what there is to encode with: an ffmpeg, its encoders, and what
// their work costs here.
type machine interface {
	Codecs(family rung.Encoder) []rung.Codec
	For(codec rung.Codec, family rung.Encoder) (string, bool)
	Capacity() capacity
	Start(ctx context.Context, j ffmpeg.Job) (process, error)
}

// capacity is what work costs; see ffmpeg.Capacity. It's nil until it is measured.
type capacity interface {
	rung.Costs
	Process() float64
	Overhead() float64
}

// process is one running ffmpeg; see ffmpeg.Process.
type process interface {
	Write(b []byte) (int, error)
	CloseInput() error
	// Packets reads output i. One goroutine reads it, to its end.
	Packets(i int) packets
	Progress() ffmpeg.Progress
	Done() <-chan struct{}
	Stop(grace time.Duration)
	Wait() error
	Close() error
}

// packets is one output of a process; see nut.Reader.
type packets interface {
	Header() (nut.Header, error)
	Next() (nut.Packet, error)
}

// tool is a machine that is real.
type tool struct {
	*ffmpeg.Tool
	ffmpeg.Encoders
	capacity capacity
}

func (t *tool) Capacity() capacity { return t.capacity }

func (t *tool) Start(ctx context.Context, j ffmpeg.Job) (process, error) {
	p, err := t.Tool.Start(ctx, j)
	if err != nil {
		return nil, err
	}
	return child{p}, nil
}

type child struct{ *ffmpeg.Process }

func (c child) Packets(i int) packets { return nut.NewReader(c.Output(i)) }

// bury waits for the end of a process whose outputs have ended, so that it can say
// why, and helps where it doesn't end.
func bury(p process) error {
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.Done():
	case <-grace.C:
		p.Stop(0)
	}
	return p.Wait()
}
