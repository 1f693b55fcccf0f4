package console

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHandlerLines(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewHandler(&out, slog.LevelInfo))
	log.Debug("hidden")
	log.Info("publisher arrived", "stream", "live", "remote", "10.0.0.1:5")
	log.Warn("two words", "err", errors.New("read: unexpected EOF"), "dur", 1500*time.Millisecond)
	log.With("stream", "a b").WithGroup("g").Error("grouped", "k", 1)
	log.Info("bare")
	log.Info("forged\n12:00:00 ERROR line", "k", "v\nw")

	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		`INFO  publisher arrived  stream=live remote=10.0.0.1:5`,
		`WARN  two words  err="read: unexpected EOF" dur=1.5s`,
		`ERROR grouped  stream="a b" g.k=1`,
		`INFO  bare`,
		`INFO  forged 12:00:00 ERROR line  k="v\nw"`,
	}
	require.Len(t, lines, len(want))
	for i, line := range lines {
		at, rest, _ := strings.Cut(line, " ")
		_, err := time.Parse(time.TimeOnly, at)
		require.NoError(t, err)
		require.Equal(t, want[i], rest)
	}
}

// writes counts calls, which must not overlap.
type writes struct {
	busy sync.Mutex
	n    int
	t    *testing.T
}

func (w *writes) Write(p []byte) (int, error) {
	if !w.busy.TryLock() {
		w.t.Error("two writes at once")
		return len(p), nil
	}
	defer w.busy.Unlock()
	w.n++
	if bytes.Count(p, []byte("\n")) != 1 || !bytes.HasSuffix(p, []byte("\n")) {
		w.t.Errorf("not one line: %q", p)
	}
	return len(p), nil
}

func TestHandlerWritesWholeLinesFromManyGoroutines(t *testing.T) {
	w := &writes{t: t}
	log := slog.New(NewHandler(w, slog.LevelInfo))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			l := log.With("a", 1)
			for range 50 {
				l.Info("x", "k", "v")
			}
		})
	}
	wg.Wait()
	require.Equal(t, 400, w.n)
}
