package ffmpeg

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorsWithoutChatter(t *testing.T) {
	const rate = "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d0c5a0] Stream #0: not enough frames to estimate rate; consider increasing probesize"
	for said, want := range map[string]string{
		"":                         "ffmpeg: exit status 1",
		rate + "\n":                "ffmpeg: exit status 1",
		rate + "\r\n  \n":          "ffmpeg: exit status 1",
		rate + "\nno space left":   "ffmpeg: exit status 1: no space left",
		"no space left\n" + rate:   "ffmpeg: exit status 1: no space left",
		"a\nb\n" + rate + "\nc\nd": "ffmpeg: exit status 1: b; c; d",
		"Svt[info]: hello\n[libx264 @ 0x1] broken": "ffmpeg: exit status 1: [libx264 @ 0x1] broken",
	} {
		e := &ExitError{Err: errors.New("exit status 1"), Stderr: said}
		require.Equal(t, want, e.Error(), "%q", said)
	}
}

// What a process says that nothing is wrong with isn't quoted when it is killed.
func TestKilledProcessQuotesNoChatter(t *testing.T) {
	p := startSmall(t, smallSource(t))
	_, err := p.Output(0).Read(make([]byte, 1)) // the input has been looked at
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(p.child.Pid(), syscall.SIGKILL))
	p.requireEnds(t)
	require.EqualError(t, p.Wait(), "ffmpeg: signal: killed")
}
