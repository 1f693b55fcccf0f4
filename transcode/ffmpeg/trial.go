package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

var errNotBuiltIn = errors.New("not built in")

// A trial encodes a few frames with the options of a rung.
const (
	trialWidth, trialHeight = 640, 360
	trialRate               = 30
	trialFrames             = 20
	trialGOP                = 7 // an IDR picture is forced at one of so many
	trialTicks              = media.Ticks(media.VideoClock) / trialRate
	// trialHeld is how many frames an encoder may have in work. Some hardware
	// has one; what has more would make its rungs late.
	trialHeld = 2
)

// try returns why an encoder can't be used. What it is to do: give back each
// frame with its time, IDR pictures where they are forced and nowhere else, with
// parameter sets, and all that while the input is still open.
func (t *Tool) try(ctx context.Context, e *encoder) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, trialLimit, errors.New("took too long"))
	defer cancel()
	p, err := t.start(ctx, rawInput(trialWidth, trialHeight, trialRate), Job{Video: &VideoJob{
		Grid: trialGOP * trialTicks, FrameRate: trialRate,
		Outputs: []Output{{Encoder: e.name, Output: rung.Output{
			Name: e.name, Width: trialWidth, Height: trialHeight, Every: 1, Bitrate: 1_000_000, Codec: e.codec,
		}}},
	}})
	if err != nil {
		return err
	}
	defer p.Close()
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feedTrial(p) // what is wrong shows in what comes back
	}()
	err = checkTrial(p, e.codec, fed)
	_ = p.CloseInput() // ends the feeder, if it isn't done
	<-fed
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.child.Kill()
	return p.why(err)
}

// why is what the process said first, which is about the cause; later lines
// are about what followed from it.
func (p *Process) why(err error) error {
	if lines := telling(p.said.String()); len(lines) > 0 {
		return errors.New(unsigned(lines[0]))
	}
	return err
}

// rawInput takes planar YUV 4:2:0.
func rawInput(width, height, fps int) []string {
	return []string{
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", width, height),
		"-framerate", strconv.Itoa(fps), "-i", "pipe:0",
	}
}

// feedTrial writes the trial's frames and leaves the input open.
func feedTrial(w io.Writer) {
	scene := newScene(trialWidth, trialHeight)
	for n := range trialFrames {
		if _, err := w.Write(scene.frame(n)); err != nil {
			return
		}
	}
}

// checkTrial reads what comes out; fed is closed when all frames have been written.
func checkTrial(p *Process, codec rung.Codec, fed <-chan struct{}) error {
	r := nut.NewReader(p.Output(0))
	if _, err := r.Header(); err != nil {
		return fmt.Errorf("nothing came out: %w", err)
	}
	late := time.AfterFunc(trialLimit/2, func() { _ = p.CloseInput() })
	defer late.Stop()
	for n := range trialFrames {
		if n == trialFrames-trialHeld && !late.Stop() {
			return errors.New("holds frames back")
		}
		if n >= trialFrames-trialHeld {
			<-fed // the process's end ends that, too
			_ = p.CloseInput()
		}
		f, err := r.Next()
		switch {
		case err != nil:
			return fmt.Errorf("%d of %d frames came out: %w", n, trialFrames, err)
		case f.PTS != int64(trialTicks)*int64(n):
			return fmt.Errorf("time of frame %d is %d", n, f.PTS)
		case f.Key != (n%trialGOP == 0):
			return fmt.Errorf("keyframes aren't where they are forced: %v at frame %d", f.Key, n)
		}
		if err := checkPacket(codec, f); err != nil {
			return fmt.Errorf("frame %d: %w", n, err)
		}
	}
	return nil
}

// checkPacket finds what samples and init segments couldn't be made of.
func checkPacket(codec rung.Codec, f nut.Packet) error {
	_, described, err := coded.Unpack(codec, f.Data, nil)
	if err != nil || !f.Key {
		return err
	}
	p, ok := described.(media.Picture)
	if !ok {
		return errors.New("keyframe without parameter sets")
	}
	if f := p.Format(); f.Width != trialWidth || f.Height != trialHeight {
		return fmt.Errorf("picture of %dx%d", f.Width, f.Height)
	}
	return nil
}
