package transcode

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// sound publishes AAC frames beside p's pictures.
func (p *publisher) soundFrame(n int) {
	p.Helper()
	s := media.Sample{DTS: media.Ticks(n) * 1024, Duration: 1024, Sync: true, Data: []byte{byte(n), 1, 2}}
	require.NoError(p, p.sink.WriteSample(p.Context(), 2, s, time.Now()))
}

func TestHiddenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.gop = 100 // not on the grid
		p.begin(aacTrack(t))
		for n := range 150 {
			p.soundFrame(n)
			p.frames(1)
		}
		p.restart(7_000_000)
		p.frames(100)
		p.end()
		time.Sleep(time.Second)
		begins, expected, sound := base.all()
		require.Len(t, begins, 2)
		require.Equal(t, "720p", begins[0][0].Name)
		require.Equal(t, []media.ExpectedRung{{Name: "360p", Kind: media.Video}}, expected[0].Rungs)
		require.Len(t, sound, 150, "what came before the first picture waits for it")
		lead := base.lead()
		require.Len(t, lead, 250)
		requireSame(t, lead, base.of("360p"))
		for i, s := range base.of("360p") {
			require.Equal(t, lead[i].sync, s.sync)
			require.Equal(t, i < 150 && i%60 == 0 || i >= 150 && (i-150)%60 == 0, s.sync, i)
		}
		require.Equal(t, []uint64{2}, base.rung("360p").ends)
	})
}

// Keyframes are found to be too far apart: the top rung takes over where the
// source was.
func TestLongGOPIsHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.gop = 300
		p.begin(aacTrack(t))
		for n := range 400 {
			p.soundFrame(n)
			p.frames(1)
		}
		p.end()
		time.Sleep(time.Second)
		begins, _, sound := base.all()
		require.Len(t, begins, 2)
		require.Empty(t, begins[0][0].Name)
		require.Equal(t, "source", begins[1][0].Name)
		require.Len(t, sound, 400)
		lead := base.lead()
		require.Len(t, lead, 400, "no picture is lost, none is shown twice")
		shown := 0
		for shown < len(lead) && lead[shown].epoch == 1 {
			shown++
		}
		require.InDelta(t, 64, shown, 3, "the target, a twentieth, and a frame")
		require.True(t, lead[shown].sync)
		requireSame(t, lead, base.of("480p"))
	})
}

// Of a hidden source that nothing can be made of, viewers get what there is.
func TestHiddenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error { return errFake }}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin(aacTrack(t))
		p.frames(600)
		p.end()
		lead := base.lead()
		require.InDelta(t, 600-6*60, len(lead), 60)
		begins, _, _ := base.all()
		require.Len(t, begins, 1)
		require.Empty(t, begins[0][0].Name)
	})
}

// A leading rung that takes every other frame leaves none of the others without
// a place.
func TestHiddenLeaderAtHalfRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p15,360p30"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(120)
		p.end()
		require.Len(t, base.lead(), 60)
		require.InDelta(t, 119, len(base.of("360p30")), 1)
	})
}

// The process dies while it makes the rung that leads.
func TestHiddenProcessDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(n int, p *fakeProcess) error {
			if n == 0 {
				p.dieAt = 100
			}
			return nil
		}}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(200)
		p.end()
		require.Len(t, base.lead(), 200)
		requireSame(t, base.lead(), base.of("360p"))
	})
}

// Keyframes so far apart that no backlog holds a GOP: what leads goes on, and after
// a crash it comes back with the next keyframe.
func TestEndlessGOP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{}
		sink := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, sink, fullHD(t))
		p.gop = 40 * 30
		p.begin()
		p.frames(35 * 30)
		require.InDelta(t, 35*30, len(base.lead()), 3)
		e := sink.(*Ladder).engine
		e.mu.Lock()
		require.LessOrEqual(t, len(e.backlog.frames), 15*30+1)
		e.mu.Unlock()
		m.process(0).kill(errFake)
		p.frames(15 * 30)
		p.end()
		require.Equal(t, 2, m.started())
		lead := base.lead()
		requireSame(t, lead, base.of("360p"))
		require.InDelta(t, 45*30, len(lead), 5, "what was missing is what the next keyframe took to come")
		require.Zero(t, base.rung("360p").leaves)
	})
}
