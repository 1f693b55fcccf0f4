package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/durable"
)

func golden(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "legacy", "testdata", legacyName))
	require.NoError(t, err)
	return text
}

// The file of an earlier release is taken over once, and kept.
func TestAdoptsTheFileOfAnEarlierRelease(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, legacyName)
	require.NoError(t, os.WriteFile(path, golden(t), 0o600))

	// A command may come before the gateway's first start, though not beside the
	// earlier release's.
	lock, err := durable.Lock(filepath.Join(dir, lockName))
	require.NoError(t, err)
	_, err = OpenBeside(t.Context(), dir)
	require.ErrorContains(t, err, "restart it first")
	require.FileExists(t, path)
	require.NoError(t, lock.Close())

	c := beside(t, dir)
	live, err := c.ByKey(t.Context(), catalog.HashKey("not a secret"))
	require.NoError(t, err)
	require.Equal(t, "live", live.Name)
	require.Equal(t, time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), live.Created)
	require.Equal(t, live.Created, live.Keys[0].Created)
	require.Equal(t, catalog.Primary, live.Keys[0].Purpose)
	hall, err := c.Stream(t.Context(), "church-hall")
	require.NoError(t, err)
	require.Len(t, hall.Keys, 2)
	require.Equal(t, catalog.Timing{Segment: 4 * time.Second, Part: 500 * time.Millisecond, Window: 2 * time.Minute}, hall.Timing)
	n, err := c.LoadNumbers(t.Context(), "live")
	require.NoError(t, err)
	require.Equal(t, timeline.Numbers{Epoch: 3, MSN: 812}, n)

	require.NoFileExists(t, path)
	kept, err := os.ReadFile(filepath.Join(dir, keptName))
	require.NoError(t, err)
	require.Equal(t, string(golden(t)), string(kept))

	// What is put there later is not looked at: keys that were removed since would
	// come back.
	require.NoError(t, c.Remove(t.Context(), "live"))
	require.NoError(t, os.WriteFile(path, golden(t), 0o600))
	again := opened(t, dir)
	_, err = again.Stream(t.Context(), "live")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.FileExists(t, path)
}

// A crash between the commit and the renaming takes nothing over twice.
func TestAdoptionThatWasInterrupted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, legacyName)
	require.NoError(t, os.WriteFile(path, golden(t), 0o600))
	require.NoError(t, open1(t, dir).Close())
	require.NoError(t, os.Rename(filepath.Join(dir, keptName), path))
	c := opened(t, dir)
	streams, err := c.Streams(t.Context())
	require.NoError(t, err)
	require.Len(t, streams, 2)
	require.NoFileExists(t, path)
}

// What can't be read stays as it is, and is taken over once it's right.
func TestAdoptionThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, legacyName)
	require.NoError(t, os.WriteFile(path, []byte(`{"version":2}`), 0o600))
	for range 2 {
		_, err := Open(t.Context(), dir)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "version 2, and this program knows 1")
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `{"version":2}`, string(got))
	require.NoError(t, os.WriteFile(path, golden(t), 0o600))
	c := opened(t, dir)
	_, err = c.Stream(t.Context(), "live")
	require.NoError(t, err)
}
