package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "doc.json")
	require.NoError(t, WriteFile(path, []byte("one, and longer"), 0o644))
	require.NoError(t, WriteFile(path, []byte("two"), 0o600))

	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	requireOnly(t, dir, "doc.json")
}

func TestWriteFileLeavesNothingBehindOnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "inside"), 0o755))

	err := WriteFile(path, []byte("x"), 0o644)
	require.ErrorContains(t, err, "write "+path)
	requireOnly(t, dir, "taken")
}

func TestWriteFileNamesTheMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "doc.json")
	err := WriteFile(path, nil, 0o644)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func requireOnly(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, name, entries[0].Name())
}
