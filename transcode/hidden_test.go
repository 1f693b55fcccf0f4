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

// refusing makes the packager refuse all, or take it again.
func (r *recorder) refusing(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// What the packager refused of one session is told to that one. The next starts anew.
func TestHiddenErrorEndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin(aacTrack(t))
		p.frames(60)
		base.refusing(errFake)
		p.one()
		synctest.Wait()
		require.ErrorIs(t, l.WriteSample(t.Context(), 1, p.picture(p.next), time.Now()), errFake)
		require.ErrorIs(t, l.WriteSample(t.Context(), 2, media.Sample{Duration: 1024, Sync: true, Data: []byte{1}}, time.Now()), errFake)
		require.ErrorIs(t, l.WriteEvent(t.Context(), media.Event{}), errFake)
		shown := len(base.lead())
		require.InDelta(t, 60, shown, 3)

		base.refusing(nil)
		time.Sleep(time.Second)
		backup := newPublisher(t, l, fullHD(t))
		backup.begin(aacTrack(t))
		require.NoError(t, l.WriteEvent(t.Context(), media.Event{}))
		for n := range 120 {
			backup.soundFrame(n)
			backup.frames(1)
		}
		backup.end()
		time.Sleep(time.Second)
		require.Len(t, base.lead(), shown+120)
		requireSame(t, base.lead()[shown:], base.of("360p")[len(base.of("360p"))-120:])
		_, _, sound := base.all()
		require.Len(t, sound, 120)
		require.Equal(t, 2, m.started())
	})
}

// What is left of a session is refused after the next one has begun, which has nothing to do
// with that, though the same process makes both.
func TestHiddenErrorOfASessionThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(60)
		shown := len(base.lead())
		require.Less(t, shown, 60, "some are still being made")
		backup := newPublisher(t, l, fullHD(t))
		backup.begin()
		base.refusing(errFake)
		backup.frames(1)
		synctest.Wait()
		base.refusing(nil)
		backup.frames(119)
		backup.end()
		require.Len(t, base.lead(), shown+120)
		require.Equal(t, 1, m.started())
	})
}

// Likewise where sound leads.
func TestLeadingSoundErrorEndsWithItsSession(t *testing.T) {
	base := newRecorder(t)
	tr := fakeTranscoder(t, newRealMachine(t))
	l := tr.Ladder("live", mustSpec(t, "source"), Timing{}, base)
	c := makeMP3(t, 44_100, 2)
	base.refusing(errFake)
	require.NoError(t, l.Begin(t.Context(), []media.Track{c.track}))
	for _, s := range c.samples[:len(c.samples)-1] {
		if err := l.WriteSample(t.Context(), c.track.ID, s, time.Now()); err != nil {
			require.ErrorIs(t, err, errFake)
			break
		}
	}
	require.Eventually(t, func() bool { return l.(*Ladder).failure() != nil }, time.Minute, 10*time.Millisecond)
	require.ErrorIs(t, l.WriteSample(t.Context(), c.track.ID, c.samples[len(c.samples)-1], time.Now()), errFake)
	base.refusing(nil)
	require.NoError(t, l.Begin(t.Context(), []media.Track{c.track}))
	for _, s := range c.samples {
		require.NoError(t, l.WriteSample(t.Context(), c.track.ID, s, time.Now()))
	}
	require.NoError(t, l.End(t.Context(), nil))
	require.NotEmpty(t, heard(base))
}
