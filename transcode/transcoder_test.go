package transcode

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/media"
)

// Without ffmpeg, or with one that is of no use, streams are passed on.
func TestNoFFmpeg(t *testing.T) {
	old := filepath.Join(t.TempDir(), "ffmpeg")
	// A process that is started meanwhile would hold the file open, and it could not run.
	syscall.ForkLock.RLock()
	require.NoError(t, os.WriteFile(old, []byte("#!/bin/sh\necho ffmpeg version 4.4.2 Copyright\n"), 0o755))
	syscall.ForkLock.RUnlock()
	for _, path := range []string{filepath.Join(t.TempDir(), "nothing"), old} {
		tr := New(Options{Log: testLog(t), FFmpeg: path})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tr.Serve(ctx) }()
		base := newRecorder(t)
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "360p"), Timing{}, base), fullHD(t))
		p.begin(aacTrack(t))
		for n := range 200 {
			p.soundFrame(n)
			p.one()
		}
		p.end()
		require.Len(t, base.lead(), 200)
		begins, _, _ := base.all()
		require.Empty(t, begins[0][0].Name)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

// The machine is known only in the middle of a session: rungs join then, those
// that were expected.
func TestLateStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{costs: flatCosts{0.2}}, newRecorder(t)
		tr := New(Options{Log: testLog(t)})
		defer tr.shutdown()
		tr.books.total = 0.6
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "auto"), Timing{}, base), fullHD(t))
		p.begin()
		p.frames(90)
		require.Zero(t, m.started())
		tr.use(m, unmeasured)
		p.frames(60)
		require.Zero(t, m.started())
		tr.use(m, ready)
		p.frames(60)
		p.end()
		time.Sleep(time.Second)
		lead := base.lead()
		requireSame(t, lead[180:], base.of("360p"))
		require.Empty(t, base.of("720p"))
	})
}

// Likewise where the source is to be hidden then.
func TestLateHiding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, base := &fakeMachine{}, newRecorder(t)
		tr := New(Options{Log: testLog(t)})
		defer tr.shutdown()
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "720p,360p"), Timing{}, base), fullHD(t))
		p.begin(aacTrack(t))
		p.frames(90)
		tr.use(m, ready)
		p.frames(90)
		p.end()
		lead := base.lead()
		require.Len(t, lead, 180)
		requireSame(t, lead[120:], base.of("360p"))
		begins, _, _ := base.all()
		require.Len(t, begins, 2)
	})
}

// A publisher comes back while what it left is still put out.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error {
			p.work = 20 * time.Millisecond
			return nil
		}}
		tr := fakeTranscoder(t, m)
		first, second := newRecorder(t), newRecorder(t)
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p"), Timing{}, first), fullHD(t))
		p.begin()
		for range 100 { // far more than a process does in no time
			p.one()
		}
		p.end()
		second.rungs, second.epoch = first.rungs, 1 // the stream is the same
		again := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p"), Timing{}, second), fullHD(t))
		again.begin()
		again.frames(90)
		before, after := tr.newest(line{"live", media.Video}), first.of("360p")
		require.NotNil(t, before)
		again.end()
		time.Sleep(5 * time.Second)
		require.Equal(t, 2, m.started())
		requireSame(t, first.lead(), after[:100])
		require.Len(t, first.of("360p"), 190)
	})
}

// Serve ends with what there is to put out, and a process that hangs is no reason
// to stay.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{prepare: func(_ int, p *fakeProcess) error {
			p.hang = 10
			return nil
		}}
		tr := New(Options{Log: testLog(t)})
		tr.use(m, ready)
		base := newRecorder(t)
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p"), Timing{}, base), fullHD(t))
		p.begin()
		p.frames(30)
		began := time.Now()
		tr.shutdown()
		require.LessOrEqual(t, time.Since(began), shutdownLimit+time.Second)
		p.frames(60) // the session goes on, without rungs
		p.end()
		require.Len(t, base.lead(), 90)
		require.Equal(t, 1, m.started())
	})
}

// A thousand sessions leave nothing.
func TestManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{}
		tr := fakeTranscoder(t, m)
		for range 1000 {
			base := newRecorder(t)
			p := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p"), Timing{}, base), fullHD(t))
			p.begin()
			for range 20 {
				p.one()
			}
			p.end()
			base.until("the end", time.Minute, func() bool { return base.count("360p") == 20 && len(base.rungs["360p"].ends) == 1 })
		}
		synctest.Wait()
		require.Empty(t, tr.tasks)
		require.Empty(t, tr.last)
		require.Zero(t, booked(tr))
	})
}

// The packager is closed under the ladder.
func TestBaseFails(t *testing.T) {
	for _, ladder := range []string{"source,360p", "720p,360p"} {
		synctest.Test(t, func(t *testing.T) {
			m, base := &fakeMachine{}, newRecorder(t)
			sink := fakeTranscoder(t, m).Ladder("live", mustSpec(t, ladder), Timing{}, base)
			p := newPublisher(t, sink, fullHD(t))
			p.begin()
			p.frames(30)
			base.mu.Lock()
			base.fail = errFake
			base.mu.Unlock()
			time.Sleep(time.Second)
			var err error
			for range 10 {
				if err = sink.WriteSample(t.Context(), 1, p.picture(p.next), time.Now()); err != nil {
					break
				}
				p.next++
				time.Sleep(100 * time.Millisecond)
			}
			require.ErrorIs(t, err, errFake)
			require.ErrorIs(t, sink.End(t.Context(), err), errFake)
		})
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		m, base := &fakeMachine{costs: flatCosts{0.1}}, newRecorder(t)
		m.prepare = func(n int, p *fakeProcess) error {
			if n == 0 {
				p.dieAt = 30
			}
			return nil
		}
		tr := New(Options{Log: testLog(t), Metrics: registry})
		defer tr.shutdown()
		tr.use(m, ready)
		p := newPublisher(t, tr.Ladder("live", mustSpec(t, "source,360p"), Timing{}, base), fullHD(t))
		p.begin()
		p.frames(60)
		require.InDelta(t, 0.2, testutil.ToFloat64(tr.metrics.booked), 1e-9)
		p.end()
		time.Sleep(time.Second)
		require.EqualValues(t, 60, testutil.ToFloat64(tr.metrics.in.WithLabelValues("live")))
		require.EqualValues(t, 60, testutil.ToFloat64(tr.metrics.out.WithLabelValues("live", "360p")))
		require.EqualValues(t, 1, testutil.ToFloat64(tr.metrics.restarts.WithLabelValues("live", "exit")))
		require.Zero(t, testutil.ToFloat64(tr.metrics.booked))
		problems, err := testutil.GatherAndLint(registry)
		require.NoError(t, err)
		require.Empty(t, problems)
	})
}
