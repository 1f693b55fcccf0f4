package ffmpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/transcode/annexb"
	"sluice/transcode/child"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

const (
	clipFrames = 30 // of a clip: one GOP
	clipTicks  = media.Ticks(media.VideoClock) / priceRate
	// leastCPU is what anything costs; less is what the system's clock can't tell.
	leastCPU = 0.002
)

// Measure finds out what work costs with an encoder of H.264. It takes a few
// seconds of one core at nice 10.
//
// Each price is the CPU time of a process that does one thing to a second of
// moving, noisy pictures, less that of one which stops after the first frame.
func (t *Tool) Measure(ctx context.Context, encoder string) (Capacity, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, measureLimit, errors.New("it takes too long"))
	defer cancel()
	c, err := t.measure(ctx, encoder)
	switch {
	case ctx.Err() != nil:
		return Capacity{}, fmt.Errorf("measure ffmpeg: %w", context.Cause(ctx))
	case err != nil:
		return Capacity{}, fmt.Errorf("measure ffmpeg: %w", err)
	}
	if err := c.validate(); err != nil {
		return Capacity{}, fmt.Errorf("measure ffmpeg: %w", err)
	}
	return c, nil
}

func (t *Tool) measure(ctx context.Context, encoder string) (Capacity, error) {
	var c Capacity
	var largest clip
	var decoding float64
	for _, height := range decodedHeights {
		var err error
		if largest, err = t.makeClip(ctx, encoder, height); err != nil {
			return c, fmt.Errorf("clip of %d lines: %w", height, err)
		}
		if decoding, err = t.spent(ctx, largest, nil); err != nil {
			return c, fmt.Errorf("decode %d lines: %w", height, err)
		}
		c.Decoded = append(c.Decoded, Price{height, rounded(max(decoding, leastCPU))})
	}
	for _, height := range encodedHeights {
		cpu, err := t.spent(ctx, largest, []Output{measuredOutput(encoder, height)})
		if err != nil {
			return c, fmt.Errorf("encode %d lines: %w", height, err)
		}
		c.Encoded = append(c.Encoded, Price{height, rounded(max(cpu-decoding, leastCPU))})
	}
	var err error
	c.Cores, err = t.cores(ctx, largest, encoder)
	return c, err
}

func measuredOutput(encoder string, height int) Output {
	o := rung.Output{Width: widthOf(height), Height: height, Every: 1, Codec: rung.H264}
	o.Bitrate = 300_000 + o.Width*o.Height*5/2 // about what rung's caps are
	return Output{Encoder: encoder, Output: o}
}

// spent returns the CPU-seconds that a second of a clip costs.
func (t *Tool) spent(ctx context.Context, c clip, outputs []Output) (float64, error) {
	base, err := t.spend(ctx, c, 1, outputs)
	if err != nil {
		return 0, err
	}
	all, err := t.spend(ctx, c, 1+clipFrames, outputs)
	return (all.cpu - base.cpu).Seconds(), err
}

// cores returns how many a process with three outputs keeps busy, at least one:
// on a loaded machine it doesn't get what it could use.
func (t *Tool) cores(ctx context.Context, c clip, encoder string) (float64, error) {
	var outputs []Output
	for _, height := range []int{720, 480, 360} {
		outputs = append(outputs, measuredOutput(encoder, height))
	}
	base, err := t.spend(ctx, c, 1, outputs)
	if err != nil {
		return 0, err
	}
	all, err := t.spend(ctx, c, 1+clipFrames, outputs)
	if err != nil {
		return 0, err
	}
	busy := 1.0
	if wall := all.wall - base.wall; wall > 0 {
		busy = (all.cpu - base.cpu).Seconds() / wall.Seconds()
	}
	return rounded(min(max(busy, 1), float64(runtime.NumCPU()))), nil
}

// clip is a GOP to be repeated.
type clip struct {
	init    []byte
	samples []media.Sample
	codec   *media.H264
}

// makeClip encodes what is drawn, as a publisher would.
func (t *Tool) makeClip(ctx context.Context, encoder string, height int) (clip, error) {
	o := measuredOutput(encoder, height)
	o.CBR = true // decoding costs by the bit, and publishers send many
	job := Job{Video: &VideoJob{Outputs: []Output{o}, FrameRate: priceRate, Grid: clipFrames * clipTicks}}
	p, err := t.start(ctx, rawInput(o.Width, o.Height, priceRate), job)
	if err != nil {
		return clip{}, err
	}
	defer p.Close()
	var feeding sync.WaitGroup
	feeding.Go(func() {
		drawing := newScene(o.Width, o.Height)
		for n := range clipFrames {
			if _, err := p.Write(drawing.frame(n)); err != nil {
				break // the process says why
			}
		}
		_ = p.CloseInput()
	})
	defer feeding.Wait()
	var c clip
	in := nut.NewReader(p.Output(0))
	for {
		pkt, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.add(pkt)
		}
		if err != nil {
			_ = p.CloseInput()
			return clip{}, errors.Join(err, p.Wait())
		}
	}
	if err := p.Wait(); err != nil {
		return clip{}, err
	}
	if len(c.samples) != clipFrames || c.codec == nil {
		return clip{}, fmt.Errorf("%d of %d frames", len(c.samples), clipFrames)
	}
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: c.codec}
	c.init, err = cmaf.Init(track)
	return c, err
}

// add takes the next frame. Samples of keyframes hold the parameter sets, too.
func (c *clip) add(p nut.Packet) error {
	data, sps, pps, err := annexb.AppendLengthPrefixed(nil, p.Data)
	if err != nil {
		return err
	}
	if sps != nil && pps != nil {
		if c.codec, err = media.NewH264(sps, pps); err != nil {
			return err
		}
		var sets []byte
		for _, set := range [...][]byte{sps, pps} {
			sets = append(binary.BigEndian.AppendUint32(sets, uint32(len(set))), set...)
		}
		data = append(sets, data...)
	}
	c.samples = append(c.samples, media.Sample{Duration: clipTicks, Sync: p.Key, Data: data})
	return nil
}

// fragments returns n frames of the clip over and over, and its init segment.
func (c clip) fragments(n int) []byte {
	b := bytes.Clone(c.init)
	for i := range n {
		s := c.samples[i%len(c.samples)]
		s.DTS = media.Ticks(i) * clipTicks
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: 1, Samples: []media.Sample{s}}
		b = f.AppendTo(b)
	}
	return b
}

// spending is what a process has taken.
type spending struct{ cpu, wall time.Duration }

// spend feeds n frames to a process without a pause and drops what comes out.
// Without outputs it only decodes.
func (t *Tool) spend(ctx context.Context, c clip, n int, outputs []Output) (spending, error) {
	if err := ctx.Err(); err != nil {
		return spending{}, err
	}
	fed := bytes.NewReader(c.fragments(n))
	if outputs != nil {
		return t.spendEncoding(ctx, fed, outputs)
	}
	said := &child.Tail{Max: maxSaid}
	cmd := exec.Command(t.Path, decodeOnly()...)
	cmd.Stdin, cmd.Stderr = fed, said
	began := time.Now()
	running, err := child.Start(cmd, niceness)
	if err != nil {
		return spending{}, err
	}
	select {
	case <-running.Done():
	case <-ctx.Done():
		running.Kill()
	}
	if err := running.Wait(); err != nil {
		return spending{}, &ExitError{Err: err, Stderr: said.String()}
	}
	return spending{running.CPU(), time.Since(began)}, nil
}

// decodeOnly returns arguments of a process that decodes fragments for nobody.
func decodeOnly() []string {
	args := append([]string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"}, fragmentInput...)
	return append(args, "-map", "0:v", "-f", "null", "-fps_mode", "passthrough", "-")
}

func (t *Tool) spendEncoding(ctx context.Context, fed io.Reader, outputs []Output) (spending, error) {
	began := time.Now()
	p, err := t.Start(ctx, Job{Video: &VideoJob{Outputs: outputs, FrameRate: priceRate}})
	if err != nil {
		return spending{}, err
	}
	defer p.Close()
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() {
		_, _ = io.Copy(writerOnly{p}, fed) // the process says what is wrong
		_ = p.CloseInput()
	})
	for i := range outputs {
		others.Go(func() { _, _ = io.Copy(io.Discard, p.Output(i)) })
	}
	if err := p.Wait(); err != nil {
		return spending{}, err
	}
	return spending{p.child.CPU(), time.Since(began)}, ctx.Err()
}

type writerOnly struct{ io.Writer }
