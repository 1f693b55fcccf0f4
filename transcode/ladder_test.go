package transcode

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/rung"
)

func TestRungsFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,720p,360p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(150)
		p.end()
		synctest.Wait()
		time.Sleep(time.Second)
		_, expected, _ := base.all()
		require.Equal(t, []media.ExpectedRung{{Name: "720p", Kind: media.Video}, {Name: "360p", Kind: media.Video}}, expected[0].Rungs)
		for _, name := range []string{"720p", "360p"} {
			requireSame(t, base.lead(), base.of(name))
			require.Equal(t, []uint64{1}, base.rung(name).ends)
			require.Zero(t, base.rung(name).leaves)
			for i, s := range base.of(name) {
				require.Equal(t, i%60 == 0, s.sync)
				require.LessOrEqual(t, s.lag, 150*time.Millisecond)
			}
		}
		require.Equal(t, 1, m.started())
	})
}

func TestUntouchedStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", rung.SourceSpec(), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(10)
		p.end()
		require.Len(t, base.lead(), 10)
		require.Zero(t, m.started())
	})
}

// The publisher's clock jumps: an epoch begins, the process goes on.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(100)
		p.restart(p.base + 40*90_000)
		p.frames(70)
		p.restart(p.base - 3*90_000)
		p.frames(70)
		p.end()
		time.Sleep(time.Second)
		require.Equal(t, 1, m.started())
		requireSame(t, base.lead(), base.of("480p"))
		require.EqualValues(t, 3, base.of("480p")[239].epoch)
	})
}

// A process that has had enough gives way to another at a keyframe: nothing is
// lost, no rung leaves, and nothing counts as a failure.
func TestWornProcess(t *testing.T) {
	for _, ladder := range []string{"source,720p,360p", "720p,360p15", "source,480p15"} {
		t.Run(ladder, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, base := &fakeMachine{}, newRecorder(t)
				tr := fakeTranscoder(t, m)
				tr.worn = 100
				l := tr.Ladder("live", mustSpec(t, ladder), Timing{}, base)
				p := newPublisher(t, l, fullHD(t))
				p.begin()
				p.frames(420)
				p.end()
				time.Sleep(time.Second)
				require.Equal(t, 4, m.started())
				require.Len(t, base.lead(), 420)
				for name, r := range base.rungs {
					require.Zero(t, r.leaves)
					var halved []written
					for i, w := range shownOrder(base.lead()) {
						if !strings.HasSuffix(name, "15") || i%2 == 0 {
							halved = append(halved, w)
						}
					}
					requireSame(t, halved, base.of(name))
				}
				require.Zero(t, testutil.CollectAndCount(tr.metrics.restarts))
			})
		})
	}
}

func TestProcessDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(n int, p *fakeProcess) error {
			if n == 0 {
				p.dieAt = 100
			}
			return nil
		}}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p,360p30"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(200)
		p.end()
		time.Sleep(time.Second)
		require.Equal(t, 2, m.started())
		requireSame(t, base.lead(), base.of("480p"), "nothing is lost, nothing comes twice")
		requireSame(t, base.lead(), base.of("360p30"))
		from := m.job(1).Outputs[0].From
		require.Positive(t, from)
	})
}

func TestProcessHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		m := &fakeMachine{prepare: func(n int, p *fakeProcess) error {
			if n == 0 {
				p.hang = 100
			}
			return nil
		}}
		l := fakeTranscoder(t, m).Ladder("live", mustSpec(t, "source,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(300)
		p.end()
		time.Sleep(time.Second)
		require.Equal(t, 2, m.started())
		requireSame(t, base.lead(), base.of("480p"))
		worst := time.Duration(0)
		for _, s := range base.of("480p") {
			worst = max(worst, s.lag)
		}
		require.Less(t, worst, 5*time.Second)
	})
}

// A process that never works: rungs leave, the source goes on, and the backlog
// stays within its bounds. When it works again rungs join.
func TestCrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newRecorder(t)
		broken := true
		m := &fakeMachine{}
		m.prepare = func(n int, p *fakeProcess) error {
			if n > 0 && broken {
				p.dieAt = 1
				p.delay = 100
			} else if n == 0 {
				p.dieAt = 150
			}
			return nil
		}
		tr := fakeTranscoder(t, m)
		l := tr.Ladder("live", mustSpec(t, "source,480p"), Timing{}, base)
		p := newPublisher(t, l, fullHD(t))
		p.begin()
		p.frames(30 * 60)
		require.Equal(t, 1, base.rung("480p").leaves)
		require.Less(t, m.started(), 15, "restarts pause")
		e := tr.newest(line{"live", media.Video}).(*engine)
		e.mu.Lock()
		require.LessOrEqual(t, len(e.backlog.frames), 15*30+60)
		e.mu.Unlock()
		m.mu.Lock()
		broken = false
		m.mu.Unlock()
		p.frames(35 * 30)
		require.False(t, base.rung("480p").away)
		p.end()
		time.Sleep(time.Second)
		lead, rung := base.lead(), base.of("480p")
		requireSame(t, lead[len(lead)-100:], rung[len(rung)-100:])
	})
}
