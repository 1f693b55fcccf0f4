package slate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

var (
	errLong  = errors.New("it takes too long")
	errQuiet = errors.New("nothing comes out of ffmpeg")
)

// workshop is what loops are made with.
type workshop struct {
	tool *ffmpeg.Tool
	// quiet is how long nothing may come out: quietLimit, but for tests.
	quiet time.Duration
}

// reel encodes a loop, for makeLimit at most.
func (w workshop) reel(ctx context.Context, f form, shown source) (*reel, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, makeLimit, errLong)
	defer cancel()
	if f.SampleRate > 0 {
		return w.sound(ctx, f, shown)
	}
	var errs []error
	for _, encoder := range ffmpeg.LoopEncoders(rung.Codec(f.Codec)) {
		r, err := w.pictures(ctx, encoder, f, shown)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		errs = append(errs, fmt.Errorf("%s: %w", encoder, err))
	}
	return nil, errors.Join(errs...)
}

// bitrateOf is the most that a size's pictures take, in bits a second: some ten times of what the built-in
// picture does, and what most clips do.
func bitrateOf(width, height int) int { return 300_000 + 2*width*height }

func (w workshop) pictures(ctx context.Context, encoder string, f form, shown source) (*reel, error) {
	job := ffmpeg.Loop{File: shown.path, Longest: longest, Pictures: &ffmpeg.LoopPictures{
		Encoder: encoder, Width: f.Width, Height: f.Height, SARWidth: f.SARWidth, SARHeight: f.SARHeight,
		Rate: f.Rate, Frames: f.Frames, GOP: f.GOP, Profile: f.Profile, Bitrate: bitrateOf(f.Width, f.Height), Colour: f.Colour,
	}}
	var codec media.Codec
	var frames []frame
	unpack := func(p nut.Packet, _ nut.Header) error {
		data, sync := p.Data, p.Key
		var err error
		if f.Codec == string(ffmpeg.VP9) {
			sync = media.VP9Sync(data)
		} else {
			before := codec
			data, codec, err = coded.Unpack(rung.Codec(f.Codec), p.Data, codec)
			if err == nil && before != nil && codec != before {
				err = errors.New("its parameters change on the way")
			}
		}
		frames = append(frames, frame{sync, data})
		return err
	}
	draw := func(io.Writer) {}
	if shown.path == "" {
		draw = func(w io.Writer) {
			d := newDrawing(job.Pictures)
			for n := range f.Frames {
				if _, err := w.Write(d.draw(n)); err != nil {
					return // the process says why
				}
			}
		}
	}
	if err := w.encode(ctx, job, draw, unpack); err != nil {
		return nil, err
	}
	return newReel(f, setsOf(codec), frames)
}

func (w workshop) sound(ctx context.Context, f form, shown source) (*reel, error) {
	job, after, wanted := f.soundJob(shown)
	var sets [][]byte
	var above *replica
	if c := f.configOf(); c != nil {
		sets, above = [][]byte{c.Raw}, replicaOf(c)
	}
	var frames []frame
	unpack := func(p nut.Packet, h nut.Header) error {
		if p.PTS <= int64(after) || len(frames) == wanted {
			return nil
		}
		if len(sets) == 0 && len(h.Extradata) > 0 {
			sets = [][]byte{h.Extradata}
		}
		data := p.Data
		var err error
		if above != nil {
			data, err = above.describe(data)
		}
		frames = append(frames, frame{true, data})
		return err
	}
	if err := w.encode(ctx, job, func(io.Writer) {}, unpack); err != nil {
		return nil, err
	}
	return newReel(f, sets, frames)
}

// encode runs a job: draw writes what goes in, take gets each packet that comes out.
func (w workshop) encode(ctx context.Context, job ffmpeg.Loop, draw func(io.Writer), take func(nut.Packet, nut.Header) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p, err := w.tool.StartLoop(ctx, job)
	if err != nil {
		return err
	}
	defer p.Close()
	var drawing sync.WaitGroup
	defer drawing.Wait()
	drawing.Go(func() {
		draw(p)
		_ = p.CloseInput()
	})
	quiet := time.AfterFunc(w.quiet, func() { cancel(errQuiet) })
	defer quiet.Stop()
	err = w.read(p, quiet, take)
	if errors.Is(err, io.ErrUnexpectedEOF) { // the process knows why
		if ended := p.Wait(); ended != nil {
			err = ended
		}
	}
	if err != nil {
		cancel(err) // ends the process and the drawing
	}
	switch ended := p.Wait(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	default:
		return ended
	}
}

// read takes all that comes out.
func (w workshop) read(p *ffmpeg.Process, quiet *time.Timer, take func(nut.Packet, nut.Header) error) error {
	in := nut.NewReader(p.Output(0))
	for sum := 0; ; {
		packet, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		quiet.Reset(w.quiet)
		h, _ := in.Header() // it's there
		if sum += len(packet.Data); sum > maxReel {
			return fmt.Errorf("loop of more than %d MB", maxReel>>20)
		}
		if err := take(packet, h); err != nil {
			return err
		}
	}
}
