//go:build unix

package ffmpeg

import (
	"io"
	"os"
	"os/exec"
)

// connect gives a command its outputs as descriptors from 3, and its progress
// as its standard output.
func connect(cmd *exec.Cmd, outputs []*os.File, progress io.Writer) (urls, error) {
	const first = 3
	u := urls{progress: pipeURL(1)}
	cmd.Stdout = progress
	cmd.ExtraFiles = outputs
	for i := range outputs {
		u.outputs = append(u.outputs, pipeURL(first+i))
	}
	return u, nil
}
