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

// Something else takes half of the machine for over two seconds. One of two rungs
// is dropped, so that the other isn't late; an only one stays, unless that lasts.
func TestContention(t *testing.T) {
	for _, c := range []struct {
		name, ladder string
		frames       int // that take twice their time
		sheds        int
	}{
		{"of two", "source,480p,360p", 40, 1},
		{"the only one", "source,480p", 40, 0},
		{"the only one, for long", "source,480p", 300, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := newRecorder(t)
				m := &fakeMachine{prepare: func(n int, p *fakeProcess) error {
					p.work = 10 * time.Millisecond
					if n == 0 {
						p.slow, p.slowly = [2]int{300, 300 + c.frames}, time.Second/15
					}
					return nil
				}}
				l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, c.ladder), Timing{}, base)
				p := newPublisher(t, l, fullHD(t))
				p.begin()
				p.frames(40 * 30)
				require.Equal(t, c.sheds, base.rung("480p").leaves)
				p.end()
				time.Sleep(time.Second)
				if c.sheds == 0 {
					requireSame(t, base.lead(), base.of("480p"))
				}
			})
		})
	}
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

// The second stream gets what the first one leaves, and the rest when that has ended.
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
		var maybe []string
		for _, x := range second.known[0].Rungs {
			if x.Maybe {
				maybe = append(maybe, x.Name)
			}
		}
		require.Equal(t, []string{"720p", "480p"}, maybe)
		b.frames(130 * 30)
		require.Equal(t, 2, m.started(), "there's no room for more")
		a.end()
		b.frames(125 * 30)
		require.Equal(t, []string{"480p", "360p", "240p"}, names(2), "the first stream's is free")
		b.frames(60 * 30)
		require.Equal(t, []string{"720p", "480p", "360p", "240p"}, names(3), "one more each minute")
		b.end()
		time.Sleep(time.Second)
		lead := second.lead()
		for _, r := range []string{"360p", "240p"} {
			requireSame(t, lead, second.of(r))
		}
		requireSame(t, lead[len(lead)-300:], second.of("720p")[len(second.of("720p"))-300:])
		time.Sleep(time.Second)
		require.Zero(t, booked(tr))
	})
}

// A stream that gets nothing at first gets its rungs when there is room.
func TestNoRoomForAnyRung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{costs: flatCosts{0.2}}
		tr := fakeTranscoder(t, m)
		tr.books.total = 0.6
		tr.books.take("other", 0.5)
		base := newRecorder(t)
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p,240p"), Timing{}, base), fullHD(t))
		p.begin()
		p.frames(130 * 30)
		require.Zero(t, m.started())
		require.Zero(t, booked(tr)-0.5)
		tr.mu.Lock()
		tr.books.give("other")
		tr.mu.Unlock()
		p.frames(125 * 30)
		require.Equal(t, 2, m.started(), "one more each minute")
		require.InDelta(t, 0.1+0.2+0.2*240/360, booked(tr), 1e-9)
		p.end()
		time.Sleep(time.Second)
		require.Zero(t, booked(tr))
		lead, got := base.lead(), base.of("360p")
		requireSame(t, lead[len(lead)-300:], got[len(got)-300:])
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
