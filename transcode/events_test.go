package transcode

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func (p *publisher) event(name string, at media.Ticks) {
	p.Helper()
	require.NoError(p, p.sink.WriteEvent(p.Context(), media.Event{At: at, Scheme: media.SchemeID3, Data: []byte(name)}))
}

func (r *recorder) told() (names []string, begins []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		names, begins = append(names, string(e.Data)), append(begins, e.begins)
	}
	return names, begins
}

func TestEventsBesideAShownSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		p := newPublisher(t, fakeTranscoder(t, &fakeMachine{}).Ladder("live", mustSpec(t, "source,360p"), Timing{}, base), fullHD(t))
		p.begin()
		p.event("first", 0)
		p.frames(70)
		p.event("second", 70*3000)
		p.restart(7_000_000)
		p.event("third", 7_000_000)
		p.frames(10)
		p.end()
		names, begins := base.told()
		require.Equal(t, []string{"first", "second", "third"}, names)
		require.Equal(t, []int{1, 1, 2}, begins)
	})
}

// What leads in a hidden source's place begins its runs later than the source does:
// events of a run wait for it, and keep their times.
func TestEventsBesideAHiddenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		p := newPublisher(t, fakeTranscoder(t, &fakeMachine{}).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base), fullHD(t))
		p.begin()
		p.event("first", 0)
		p.frames(70)
		p.event("second", 70*3000)
		p.restart(7_000_000)
		p.event("third", 7_000_000)
		for range 2 * maxHeldEvents {
			p.event("flood", 7_000_000)
		}
		p.frames(30)
		p.end()
		time.Sleep(time.Second)
		names, begins := base.told()
		require.Equal(t, []string{"first", "second", "flood"}, names[:3])
		require.Len(t, names, 2+maxHeldEvents)
		require.Equal(t, []int{1, 1, 2}, begins[:3])
		require.EqualValues(t, 7_000_000, base.events[2].At)
		require.Equal(t, []string{"720p"}, []string{base.begins[0][0].Name})
	})
}

// Of a source that can't be hidden after all, events that waited are told with it.
func TestEventsOfASourceThatIsShownAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(int, *fakeProcess) error { return errFake }}
		p := newPublisher(t, fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base), fullHD(t))
		p.begin()
		p.frames(350)
		p.event("waits", 350*3000)
		p.frames(250)
		p.end()
		names, begins := base.told()
		require.Equal(t, []string{"waits"}, names)
		require.Equal(t, []int{1}, begins)
	})
}

// What is told at last, while the rest of the pictures that led is waited for, isn't
// told again with the source.
func TestEventsThatAreToldWhileTheSourceIsShownAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error { p.work = time.Hour; return nil }}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base).(*Ladder)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(30)
		p.event("once", 0)
		hidden, shown := l.run, make(chan error, 1)
		leader := *hidden.video
		go func() { shown <- l.showAgain(t.Context()) }()
		synctest.Wait() // it waits for the leading rung's process
		l.mu.Lock()
		err := l.beginHidden(t.Context(), hidden, leader)
		l.mu.Unlock()
		require.NoError(t, err)
		require.NoError(t, <-shown)
		p.end()
		names, begins := base.told()
		require.Equal(t, []string{"once"}, names)
		require.Equal(t, []int{1}, begins)
	})
}

// A run that is begun anew in the middle of a session, before anything that leads has come of
// it, leaves its events to the one that does.
func TestEventsOfARunThatNothingCameOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		l := fakeTranscoder(t, &fakeMachine{}).Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base).(*Ladder)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.event("of a clock that is over", 7)
		p.begin()
		p.event("first", 0)
		l.again(t.Context())
		p.event("second", 3000)
		p.frames(70)
		p.end()
		time.Sleep(time.Second)
		names, begins := base.told()
		require.Equal(t, []string{"first", "second"}, names)
		require.Equal(t, []int{1, 1}, begins)
	})
}
