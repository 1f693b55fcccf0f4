package transcode

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A process that can't keep up with three rungs, but with two.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		slow := true
		m := &fakeMachine{costs: flatCosts{0.05}}
		m.prepare = func(_ int, p *fakeProcess) error {
			p.work = 25 * time.Millisecond
			if slow && len(p.job.Video.Outputs) > 2 {
				p.work = 45 * time.Millisecond
			}
			return nil
		}
		tr := fakeTranscoder(t, m)
		tr.books.total = 4
		l := tr.Ladder("live", mustSpec(t, "source,720p,480p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(20 * 30)
		require.Equal(t, 2, m.started())
		require.Equal(t, 1, base.rung("720p").leaves)
		require.InDelta(t, 0.1+0.05*(480+360)/360, booked(tr), 1e-9, "its cost is given back")
		m.mu.Lock()
		slow = false
		m.mu.Unlock()
		p.frames(75 * 30)
		require.Equal(t, 3, m.started(), "tried again after a minute of head-room")
		require.False(t, base.rung("720p").away)
		p.end()
		time.Sleep(time.Second)
		requireSame(t, base.lead(), base.of("360p"), "the others lose nothing")
		requireSame(t, base.lead(), base.of("480p"))
		lead, back := base.lead(), base.of("720p")
		requireSame(t, lead[len(lead)-300:], back[len(back)-300:])
	})
}

// All rungs are too much, and are tried again one by one.
func TestOverloadOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{}
		slow := true
		m.prepare = func(_ int, p *fakeProcess) error {
			if slow {
				p.work = time.Second / 20
			}
			return nil
		}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,720p,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(40 * 30)
		require.True(t, base.rung("720p").away)
		require.True(t, base.rung("480p").away)
		require.Equal(t, 2, m.started())
		m.mu.Lock()
		slow = false
		m.mu.Unlock()
		p.frames(150 * 30)
		require.False(t, base.rung("720p").away)
		require.False(t, base.rung("480p").away)
		p.end()
	})
}

// What a publisher's network held back comes at once: that is no overload.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error {
			p.work = 20 * time.Millisecond
			return nil
		}}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(10 * 30)
		time.Sleep(5 * time.Second)
		for range 5 * 30 {
			p.one()
		}
		p.frames(20 * 30)
		p.end()
		time.Sleep(time.Second)
		require.Equal(t, 1, m.started())
		require.Zero(t, base.rung("480p").leaves)
		requireSame(t, base.lead(), base.of("480p"))
	})
}

// What is too far behind goes by the stream's own parts.
func TestOverloadGoesByParts(t *testing.T) {
	for part, sheds := range map[time.Duration]int{0: 1, 200 * time.Millisecond: 1, 500 * time.Millisecond: 0} {
		t.Run(part.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := newRecorder(t)
				m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error {
					p.delay = 20 // two thirds of a second
					return nil
				}}
				l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{Part: part}, base)
				p := newPublisher(t, l, fullHD(t))
				p.begin()
				p.frames(20 * 30)
				require.Equal(t, sheds, base.rung("480p").leaves)
				p.end()
			})
		})
	}
}

// The second stream gets what the first one leaves.
func TestCapacityIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{costs: flatCosts{0.2}}
		tr := fakeTranscoder(t, m)
		tr.books.total = 1.6
		first, second := newRecorder(t), newRecorder(t)
		a := newPublisher(t, tr.Ladder("a", mustSpec(t, "auto"), Timing{}, first), fullHD(t))
		b := newPublisher(t, tr.Ladder("b", mustSpec(t, "auto"), Timing{}, second), fullHD(t))
		a.begin()
		a.frames(10)
		b.begin()
		b.frames(10)
		names := func(n int) (names []string) {
			for _, o := range m.job(n).Outputs {
				names = append(names, o.Name)
			}
			return names
		}
		require.Equal(t, []string{"720p", "480p", "360p", "240p"}, names(0))
		require.Equal(t, []string{"360p", "240p"}, names(1))
		a.end()
		b.end()
		time.Sleep(time.Second)
		require.Zero(t, booked(tr))
	})
}

func booked(tr *Transcoder) float64 {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.books.sum()
}

// At the session's end nothing is tried again any more.
func TestNoRetryAtTheEnd(t *testing.T) {
	now := time.Now()
	e := &engine{outlets: []*outlet{{outside: true}}, retry: retry{after: retryAfter, since: now.Add(-retryAfter)}}
	require.NotNil(t, e.candidate(now))
	e.closed = now
	require.Nil(t, e.candidate(now))
}
