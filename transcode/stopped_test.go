package transcode

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A process that is behind already, and then stops, hangs: no rung is dropped for it.
func TestHangWhileBehind(t *testing.T) {
	for hang := 130; hang < 146; hang += 2 {
		synctest.Test(t, func(t *testing.T) {
			base := newRecorder(t)
			m := &fakeMachine{prepare: func(n int, p *fakeProcess) error {
				if p.work = 10 * time.Millisecond; n == 0 {
					p.work, p.hang = 37*time.Millisecond, hang
				}
				return nil
			}}
			l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,720p,480p,360p"), Timing{}, base)
			p := newPublisher(t, l, fullHD(t))
			p.begin()
			p.frames(20 * 30)
			require.Equal(t, 2, m.started(), hang)
			require.Len(t, m.job(1).Outputs, 3, hang)
			p.end()
		})
	}
}
