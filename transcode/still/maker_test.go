package still

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/stills"
	"sluice/transcode/ffmpeg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// part is one that begins with a keyframe of those bytes.
func part(key string) []byte {
	f := cmaf.Fragment{Sequence: 7, TrackID: 3, Samples: []media.Sample{
		{DTS: 900_000, CTSOffset: 6000, Duration: 3000, Sync: true, Data: []byte(key)},
		{DTS: 903_000, Duration: 3000, Data: []byte("another")},
	}}
	return f.AppendTo(nil)
}

func job(id string, keys ...string) stills.Job {
	j := stills.Job{ID: id, Init: []byte("init"), Columns: 1, Rows: 1, Size: stills.Size{Width: 320, Height: 180}}
	for _, key := range keys {
		j.Keys = append(j.Keys, part(key))
	}
	if len(keys) > 1 {
		j.Columns, j.Rows = stills.Columns, stills.Rows
	}
	return j
}

// bench is a Maker in a bubble whose pictures take a second each.
type bench struct {
	*Maker
	lock   sync.Mutex // of made: there are two that make
	made   []string   // what it got to read
	fails  error
	cancel context.CancelFunc
	served chan error
}

func newBench(t *testing.T) *bench {
	b := &bench{Maker: New(Options{Metrics: prometheus.NewRegistry()}), served: make(chan error, 1)}
	b.encode = func(ctx context.Context, j ffmpeg.Still, r io.Reader) ([]byte, error) {
		in, err := io.ReadAll(r)
		require.NoError(t, err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		b.lock.Lock()
		defer b.lock.Unlock()
		b.made = append(b.made, string(in[:4])+strconv.Itoa(j.Columns*j.Rows))
		return append([]byte("jpeg of "), in[len(in)-3:]...), b.fails
	}
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(t.Context())
	go func() { b.served <- b.Serve(ctx) }()
	return b
}

func (b *bench) end(t *testing.T) {
	b.cancel()
	require.ErrorIs(t, <-b.served, context.Canceled)
}

func (b *bench) count(result string) float64 {
	return testutil.ToFloat64(b.metrics.made.WithLabelValues(result))
}

// Everybody who asks shares one picture, while it's made and after.
func TestMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end(t)
		got := make(chan string, 10)
		for range 10 {
			go func() {
				body, err := b.Make(t.Context(), job("a", "one"))
				got <- string(body)
				if err != nil {
					t.Error(err)
				}
			}()
		}
		for range 10 {
			require.Equal(t, "jpeg of one", <-got)
		}
		began := time.Now()
		_, err := b.Make(t.Context(), stills.Job{ID: "a"})
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
		_, err = b.Make(t.Context(), stills.Job{ID: "b"})
		require.ErrorIs(t, err, stills.ErrNone, "it's only looked for")
		require.Equal(t, []string{"init1"}, b.made)
		require.Equal(t, []float64{1, 10}, []float64{b.count(encoded), b.count(cached)})
	})
}

// One process at a time makes single pictures, and one makes sheets: neither waits for the other.
func TestTwoQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end(t)
		began := time.Now()
		sheets := make(chan time.Duration, 5)
		for i := range 5 {
			go func() {
				_, err := b.Make(t.Context(), job("sheet"+strconv.Itoa(i), "one", "two"))
				sheets <- time.Since(began)
				if err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		_, err := b.Make(t.Context(), job("a", "one"))
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(began))
		for i := range 5 {
			require.Equal(t, time.Duration(i+1)*time.Second, <-sheets)
		}
	})
}

// What nobody waits for any more isn't made, and what can't wait is refused.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		errs := make(chan error, maxWaiting+1)
		ask := func(id string) {
			go func() {
				_, err := b.Make(ctx, job(id, "one"))
				errs <- err
			}()
		}
		ask("first")
		synctest.Wait() // it's being made
		for i := range maxWaiting {
			ask(strconv.Itoa(i))
		}
		synctest.Wait()
		_, err := b.Make(t.Context(), job("more", "one"))
		require.ErrorIs(t, err, stills.ErrBusy)
		require.EqualValues(t, 1, b.count(refused))
		cancel(gone)
		for range maxWaiting + 1 {
			require.ErrorIs(t, <-errs, gone)
		}
		_, err = b.Make(t.Context(), job("more", "two"))
		require.NoError(t, err)
		require.Len(t, b.made, 2, "the first one, and this")
		require.Len(t, b.known, 2)
	})
}

// What was asked for longest ago makes room.
func TestKeepsWithinItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end(t)
		b.limit = 2 * len("jpeg of one")
		for _, id := range []string{"a", "b", "a", "c"} {
			_, err := b.Make(t.Context(), job(id, "one"))
			require.NoError(t, err)
		}
		require.Len(t, b.made, 3)
		require.NotContains(t, b.known, "b")
		require.LessOrEqual(t, b.bytes, b.limit)
		b.limit = 3 // nothing fits
		body, err := b.Make(t.Context(), job("d", "one"))
		require.NoError(t, err)
		require.NotEmpty(t, body)
		require.Empty(t, b.known)
		require.Zero(t, b.bytes)
	})
}

// What can't be decoded isn't tried again at once.
func TestFailureIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.end(t)
		b.fails = errors.New("exit status 1")
		for range 2 {
			_, err := b.Make(t.Context(), job("a", "one"))
			require.ErrorIs(t, err, stills.ErrNone)
			require.NotContains(t, err.Error(), "exit status", "that's for the log")
		}
		require.Len(t, b.made, 1)
		time.Sleep(failedFor)
		b.fails = nil
		_, err := b.Make(t.Context(), job("a", "one"))
		require.NoError(t, err)
		for name, j := range map[string]stills.Job{
			"too many": {ID: "many", Columns: 1, Rows: 1, Keys: [][]byte{part("a"), part("b")}},
			"garbage":  {ID: "garbage", Columns: 1, Rows: 1, Keys: [][]byte{[]byte("garbage")}},
		} {
			_, err := b.Make(t.Context(), j)
			require.ErrorIs(t, err, stills.ErrNone, name)
		}
	})
}

func TestFailuresAreBounded(t *testing.T) {
	m := New(Options{})
	for i := range 2 * maxFailed {
		require.ErrorIs(t, m.fail(strconv.Itoa(i), io.EOF), stills.ErrNone)
	}
	require.LessOrEqual(t, len(m.failed), maxFailed)
	require.Contains(t, m.failed, strconv.Itoa(2*maxFailed-1))
}

// At the end everybody hears that there won't be one.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		errs := make(chan error, 2)
		for _, id := range []string{"a", "b"} {
			go func() {
				_, err := b.Make(t.Context(), job(id, "one"))
				errs <- err
			}()
		}
		synctest.Wait()
		b.end(t)
		require.ErrorIs(t, <-errs, stills.ErrBusy)
		require.ErrorIs(t, <-errs, stills.ErrBusy)
		require.Empty(t, b.made)
		require.Empty(t, b.failed)
	})
}

func TestWithoutFFmpeg(t *testing.T) {
	m := New(Options{FFmpeg: "/nonexistent/ffmpeg"})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx) }()
	for range 2 {
		_, err := m.Make(t.Context(), job("a", "one"))
		require.ErrorIs(t, err, stills.ErrNone)
		require.Contains(t, err.Error(), "ffmpeg")
	}
	require.Empty(t, m.failed, "the picture is as good as any")
	cancel()
	<-served
}
