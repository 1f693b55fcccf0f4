//go:build unix

package sqlite

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What root does in a folder of somebody else's doesn't lock its owner out.
func TestFilesBelongToTheFoldersOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files for others")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 12345, 23456))
	c := beside(t, dir)
	putStream(t, c, "a", "one")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 4, "%v", files)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		owner := info.Sys().(*syscall.Stat_t)
		require.Equal(t, []uint32{12345, 23456}, []uint32{owner.Uid, owner.Gid}, f)
	}
}
