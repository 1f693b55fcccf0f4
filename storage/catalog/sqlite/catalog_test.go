package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/catalog/catalogtest"
)

// asWriter makes the test's binary write to a folder until it is killed.
const asWriter = "SLUICE_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asWriter); dir != "" {
		writeUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestSuite(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T, dir string) catalogtest.Backend { return open1(t, dir) })
}

func open1(t *testing.T, dir string) *Catalog {
	t.Helper()
	c, err := Open(t.Context(), dir)
	require.NoError(t, err)
	return c
}

func opened(t *testing.T, dir string) *Catalog {
	t.Helper()
	c := open1(t, dir)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func beside(t *testing.T, dir string) *Catalog {
	t.Helper()
	c, err := OpenBeside(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func putStream(t *testing.T, c catalog.Store, name string, keys ...string) {
	t.Helper()
	s := catalog.Stream{Name: name}
	for _, k := range keys {
		s.Keys = append(s.Keys, catalog.NewStreamKey(catalog.HashKey(k), time.Now()))
	}
	_, err := c.Put(t.Context(), s)
	require.NoError(t, err)
}

func TestOneGatewayAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made here", "a%20b?c#d")
	c := open1(t, dir)
	_, err := Open(t.Context(), dir)
	require.ErrorIs(t, err, errInUse)
	require.ErrorContains(t, err, dir)
	require.FileExists(t, filepath.Join(dir, fileName), "whatever the folder is called")
	require.NoError(t, c.Close())
	require.NoError(t, open1(t, dir).Close())

	// A command beside a gateway, and a gateway beside a command.
	c = open1(t, dir)
	b := beside(t, dir)
	putStream(t, b, "a", "one")
	s, err := c.ByKey(t.Context(), catalog.HashKey("one"))
	require.NoError(t, err, "what a command does is seen by whoever asks later")
	require.Equal(t, "a", s.Name)
	require.NoError(t, c.Close())
	require.NoError(t, open1(t, dir).Close())
}

// Commands that are the first in a folder, all at once, make one catalog.
func TestManyOpenANewFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c, err := OpenBeside(t.Context(), dir)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if _, err := c.Put(t.Context(), catalog.Stream{Name: fmt.Sprint("s", i)}); err != nil {
				t.Errorf("put: %v", err)
			}
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
	streams, err := opened(t, dir).Streams(t.Context())
	require.NoError(t, err)
	require.Len(t, streams, 8)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir)
	putStream(t, c, "a", "one")
	files, err := filepath.Glob(filepath.Join(dir, "catalog.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f)
	}
}

// What another process changes is told within two seconds.
func TestChangesOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir)
	b := beside(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for change, err := range c.Changes(ctx) {
		require.NoError(t, err)
		if change.Missed {
			putStream(t, b, "a", "one")
			continue
		}
		require.Equal(t, "a", change.Name)
		require.Len(t, change.Stream.Keys, 1)
		return
	}
	t.Fatal("never told")
}

// An error is told once, and then that something may have been missed.
func TestChangesGoOnAfterAnError(t *testing.T) {
	c := opened(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	step := 0
	for change, err := range c.Changes(ctx) {
		switch step++; step {
		case 1:
			require.True(t, change.Missed)
			_, err := c.writer.ExecContext(ctx, `ALTER TABLE meta RENAME TO away`)
			require.NoError(t, err)
		case 2:
			require.ErrorContains(t, err, "meta")
			_, err := c.writer.ExecContext(ctx, `ALTER TABLE away RENAME TO meta`)
			require.NoError(t, err)
			putStream(t, c, "a")
		case 3:
			require.NoError(t, err)
			require.True(t, change.Missed)
			return
		}
	}
	t.Fatal("never told")
}

// A killed process loses nothing that it was told is kept.
func TestKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for round := 1; round <= 3; round++ {
		exe, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), asWriter+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewReader(out)
		for range 7 * round {
			_, err := lines.ReadString('\n')
			require.NoError(t, err)
		}
		require.NoError(t, cmd.Process.Kill())
		rest, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Error(t, cmd.Wait())
		kept := 7 * round
		if whole := strings.Split(string(rest), "\n"); len(whole) > 1 {
			kept, err = strconv.Atoi(whole[len(whole)-2])
			require.NoError(t, err)
		}

		c := open1(t, dir)
		n, err := c.LoadNumbers(t.Context(), "live")
		require.NoError(t, err)
		require.GreaterOrEqual(t, n.MSN, uint64(kept))
		s, err := c.ByKey(t.Context(), catalog.HashKey(fmt.Sprint(kept)))
		require.NoError(t, err)
		require.Equal(t, "live", s.Name)
		require.NoError(t, c.Remove(t.Context(), "live"))
		require.NoError(t, c.SaveNumbers(t.Context(), "live", timeline.Numbers{}))
		require.NoError(t, c.Close())
	}
}

func writeUntilKilled(dir string) {
	ctx := context.Background()
	c, err := Open(ctx, dir)
	for n := uint64(1); err == nil; n++ {
		s, _ := c.Stream(ctx, "live")
		s.Name = "live"
		s.Keys = []catalog.StreamKey{catalog.NewStreamKey(catalog.HashKey(fmt.Sprint(n)), time.Now())}
		if n > 1 { // the one before stays, for whoever is killed in between
			s.Keys = append(s.Keys, catalog.NewStreamKey(catalog.HashKey(fmt.Sprint(n-1)), time.Now()))
		}
		if _, err = c.Put(ctx, s); err == nil {
			err = c.SaveNumbers(ctx, "live", timeline.Numbers{Epoch: n, MSN: n})
		}
		if err == nil {
			_, err = fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A full disk gives an error that says so, and reading goes on.
func TestFullDisk(t *testing.T) {
	c := opened(t, t.TempDir())
	putStream(t, c, "a", "one")
	require.NoError(t, c.SaveNumbers(t.Context(), "a", timeline.Numbers{Epoch: 1}))
	var pages int
	require.NoError(t, c.writer.QueryRow(`PRAGMA page_count`).Scan(&pages))
	var most int
	require.NoError(t, c.writer.QueryRow(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)).Scan(&most))

	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = c.Put(t.Context(), catalog.Stream{Name: fmt.Sprint("s", i)})
	}
	require.ErrorIs(t, err, errFull)
	require.ErrorContains(t, err, "put stream s")
	require.ErrorContains(t, err, "the disk is full")
	s, err := c.ByKey(t.Context(), catalog.HashKey("one"))
	require.NoError(t, err)
	require.Equal(t, "a", s.Name)

	require.NoError(t, c.writer.QueryRow(`PRAGMA max_page_count = 1000000`).Scan(&most))
	putStream(t, c, "b", "two") // there is room again
}

// A hundred streams that save while the disk is busy are on it after one commit.
func TestNumbersShareACommit(t *testing.T) {
	c := opened(t, t.TempDir())
	busy, err := c.writer.Conn(t.Context())
	require.NoError(t, err)
	var wg sync.WaitGroup
	names := []string{"a", "b", "c", "d"}
	for i, name := range names {
		wg.Go(func() {
			if err := c.SaveNumbers(t.Context(), name, timeline.Numbers{Epoch: uint64(i + 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	for asked := uint64(0); asked < uint64(len(names)); { // all of them stand in line
		c.mu.Lock()
		asked = c.asked
		c.mu.Unlock()
	}
	var before, after int
	reader, err := c.readers.Conn(t.Context())
	require.NoError(t, err)
	defer reader.Close()
	version := func(to *int) { require.NoError(t, reader.QueryRowContext(t.Context(), `PRAGMA data_version`).Scan(to)) }
	version(&before)
	require.NoError(t, busy.Close())
	wg.Wait()
	version(&after)
	require.NotEqual(t, before, after)
	for i, name := range names {
		n, err := c.LoadNumbers(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), n.Epoch)
	}
	require.Empty(t, c.pending)
	require.EqualValues(t, len(names), c.saved)
}

// A name too many is refused by itself: those that are known go on being saved.
func TestNamesTooMany(t *testing.T) {
	c := opened(t, t.TempDir())
	require.NoError(t, c.SaveNumbers(t.Context(), "old", timeline.Numbers{Epoch: 1}))
	_, err := c.writer.Exec(`WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO numbers SELECT 'gone' || i, 1, 1 FROM n`, maxNumbers)
	require.NoError(t, err)
	for range 2 {
		require.ErrorIs(t, c.SaveNumbers(t.Context(), "new", timeline.Numbers{Epoch: 1}), errNames)
		require.NoError(t, c.SaveNumbers(t.Context(), "old", timeline.Numbers{Epoch: 2}))
	}
	require.Empty(t, c.pending)
	for name, epoch := range map[string]uint64{"old": 2, "new": 0} {
		n, err := c.LoadNumbers(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, epoch, n.Epoch, name)
	}
	_, err = c.writer.Exec(`DELETE FROM numbers WHERE stream = 'gone2'`)
	require.NoError(t, err)
	require.NoError(t, c.SaveNumbers(t.Context(), "new", timeline.Numbers{Epoch: 1}))
}

func TestWaitForTheWriterEndsWithTheContext(t *testing.T) {
	c := opened(t, t.TempDir())
	busy, err := c.writer.Conn(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = c.Put(ctx, catalog.Stream{Name: "a"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, c.SaveNumbers(ctx, "a", timeline.Numbers{Epoch: 1}), context.DeadlineExceeded)
	require.NoError(t, busy.Close())
	putStream(t, c, "a")
}

func TestFilesThatAreNotOurs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	junk := strings.Repeat("this is no database\n", 400)
	require.NoError(t, os.WriteFile(path, []byte(junk), 0o600))
	_, err := Open(t.Context(), dir)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "the file is damaged")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, junk, string(got), "what can't be read isn't touched")
	require.NoError(t, os.Remove(path))

	for change, want := range map[string]string{
		`PRAGMA user_version = 99`:   "version 99, and this program knows 1: it's of a later release",
		`PRAGMA application_id = 99`: "another program's database",
	} {
		c := open1(t, dir)
		_, err = c.writer.Exec(change)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		_, err = Open(t.Context(), dir)
		require.ErrorContains(t, err, want)
		_, err = OpenBeside(t.Context(), dir)
		require.ErrorContains(t, err, want)
		require.NoError(t, os.Remove(path))
	}
	require.NoError(t, open1(t, dir).Close(), "refusing gives the lock back")
}

func TestFolderThatCannotBeHad(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	_, err := Open(t.Context(), taken)
	require.ErrorContains(t, err, "data folder "+taken)
	require.ErrorContains(t, err, "--data", "what to do")
}
