package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"

	"sluice/transcode/child"
)

// Still is a JPEG of one picture, or of several in columns and rows.
type Still struct {
	Width, Height int // of each picture, in pixels
	Columns, Rows int
}

// Still decodes fragments (see Process.Write), an init segment and then keyframes alone, and
// returns them as one JPEG, of at most maxStill bytes: row by row, black where there are fewer than
// columns and rows ask for. The process lives for that long, so that no decoder holds a picture
// back, and for stillLimit at most.
func (t *Tool) Still(ctx context.Context, j Still, fragments io.Reader) ([]byte, error) {
	if j.Width < 2 || j.Height < 2 || j.Width%2 != 0 || j.Height%2 != 0 || j.Columns < 1 || j.Rows < 1 {
		return nil, fmt.Errorf("still of %dx%d pictures of %dx%d", j.Columns, j.Rows, j.Width, j.Height)
	}
	ctx, cancel := context.WithTimeout(ctx, stillLimit)
	defer cancel()
	out, said := &head{max: maxStill + 1}, &child.Tail{Max: maxSaid}
	cmd := exec.Command(t.Path, j.arguments()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = fragments, out, said
	c, err := child.Start(cmd, stillNiceness)
	if err != nil {
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Kill()
	}
	err = c.Wait()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("no picture within %v", stillLimit)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &ExitError{Err: err, Stderr: said.String()}
	case len(out.b) > maxStill:
		return nil, fmt.Errorf("picture of more than %d bytes", maxStill)
	case !bytes.HasPrefix(out.b, []byte("\xff\xd8")) || !bytes.HasSuffix(out.b, []byte("\xff\xd9")):
		return nil, &ExitError{Err: fmt.Errorf("%d bytes that are no JPEG", len(out.b)), Stderr: said.String()}
	}
	return out.b, nil
}

// arguments returns ffmpeg's for a still. No file is opened, whatever the fragments refer to.
func (j Still) arguments() []string {
	size := strconv.Itoa(j.Width) + ":" + strconv.Itoa(j.Height)
	filter := "scale=" + size + ":flags=area,setsar=1,format=yuvj420p"
	if n := j.Columns * j.Rows; n > 1 {
		filter += ",tile=" + strconv.Itoa(j.Columns) + "x" + strconv.Itoa(j.Rows)
	}
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", "-protocol_whitelist", "pipe",
		"-threads", "1", "-probesize", "32", "-analyzeduration", "0", "-ignore_editlist", "1", "-f", "mov", "-i", "pipe:0",
		"-map", "0:v:0", "-vf", filter, "-fps_mode", "passthrough", "-frames:v", "1",
		"-threads", "1", "-c:v", "mjpeg", "-q:v", "4", "-flags", "+bitexact", "-fflags", "+bitexact", "-f", "mjpeg", "pipe:1",
	}
}
