package transcode

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// One composition time that can't be costs one picture, and no more.
func TestAbsurdCompositionTime(t *testing.T) {
	for _, absurd := range []time.Duration{2 * time.Hour, -2 * time.Hour, 40 * time.Second} {
		t.Run(absurd.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := newRecorder(t)
				m := &fakeMachine{}
				p := newPublisher(t, fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{}, base), fullHD(t))
				p.begin()
				p.frames(10*30 + 17)
				s := p.picture(p.next)
				s.CTSOffset = media.TicksOf(absurd, media.VideoClock)
				require.NoError(t, p.sink.WriteSample(t.Context(), p.track.ID, s, time.Now()))
				p.next++
				p.frames(20 * 30)
				p.end()
				time.Sleep(time.Second)
				require.Equal(t, 1, m.started())
				require.Len(t, base.begins, 1, "the source is shown")
				require.Zero(t, base.rung("480p").leaves)
				lead, got := base.lead(), base.of("480p")
				require.InDelta(t, len(lead), len(got), 1)
				requireSame(t, between(lead, 11, 29), between(got, 11, 29))
			})
		})
	}
}

// between are those that are shown then, in seconds from the beginning on.
func between(all []written, from, to media.Ticks) (some []written) {
	for _, w := range all {
		if at := (w.at - origin) / 90_000; from <= at && at < to {
			some = append(some, w)
		}
	}
	return some
}
