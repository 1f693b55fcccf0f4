package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/storage/durable"
	"sluice/storage/objects"
	"sluice/storage/objects/objectstest"
)

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SLUICE_TEST_PUTS"); dir != "" {
		putForEver(dir)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	root := t.TempDir()
	objectstest.Run(t, func(t *testing.T, place string) (objects.Store, func()) {
		s, err := Open(t.Context(), Options{Folder: filepath.Join(root, t.Name(), place)})
		require.NoError(t, err)
		return s, func() { require.NoError(t, s.Close()) }
	})
}

func TestOneProcess(t *testing.T) {
	o := Options{Folder: t.TempDir()}
	s := open(t, o)
	_, err := Open(t.Context(), o)
	require.ErrorIs(t, err, durable.ErrLocked)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	open(t, o)
}

func TestMove(t *testing.T) {
	s := open(t, Options{Folder: t.TempDir()})
	for _, key := range []objects.Key{"dvr/a/index/1", "dvr/a/seg/1/2", "dvr/ab/index/1"} {
		require.NoError(t, s.Put(t.Context(), key, []byte(key)))
	}
	before, err := s.Usage()
	require.NoError(t, err)
	require.NoError(t, s.Move(t.Context(), "dvr/a", "aside/a-1"))
	require.NoError(t, s.Move(t.Context(), "dvr/a", "aside/a-1"), "it's moved already")
	for key, want := range map[objects.Key]string{"aside/a-1/index/1": "dvr/a/index/1", "aside/a-1/seg/1/2": "dvr/a/seg/1/2", "dvr/ab/index/1": "dvr/ab/index/1"} {
		got, err := objects.ReadAll(t.Context(), s, key, 100)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	_, _, err = s.Open(t.Context(), "dvr/a/index/1", 0, -1)
	require.ErrorIs(t, err, objects.ErrNotFound)
	require.NoError(t, s.Put(t.Context(), "dvr/a/index/1", nil))
	require.Error(t, s.Move(t.Context(), "dvr/a", "aside/a-1"), "something lies there")
	require.ErrorIs(t, s.Move(t.Context(), "dvr/a", "../a"), objects.ErrKey)
	after, err := s.Usage()
	require.NoError(t, err)
	require.Equal(t, before.Used, after.Used)
}

func TestBoundOfBytes(t *testing.T) {
	o := Options{Folder: t.TempDir(), MaxBytes: 100}
	s := open(t, o)
	put := func(key objects.Key, n int) error { return s.Put(t.Context(), key, make([]byte, n)) }
	used := func() int64 {
		u, err := s.Usage()
		require.NoError(t, err)
		require.Equal(t, 100-u.Used, u.Room)
		return u.Used
	}
	require.NoError(t, put("a/b", 60))
	require.ErrorIs(t, put("a/c", 41), objects.ErrFull)
	require.NoError(t, put("a/c", 40))
	require.ErrorIs(t, put("a/b", 60), objects.ErrFull, "both are there until the old one is replaced")
	require.NoError(t, s.Delete(t.Context(), "a/c"))
	require.NoError(t, put("a/b", 30))
	require.EqualValues(t, 30, used())
	require.NoError(t, put("d", 70))
	require.NoError(t, s.Close())

	s = open(t, o)
	require.EqualValues(t, 100, used())
	require.ErrorIs(t, put("e", 1), objects.ErrFull)
	require.NoError(t, put("e", 0))
	require.NoError(t, s.Delete(t.Context(), "d"))
	require.NoError(t, s.Delete(t.Context(), "d"))
	require.EqualValues(t, 30, used())
}

func TestFreeSpace(t *testing.T) {
	s := open(t, Options{Folder: t.TempDir(), MinFree: 1000})
	free := int64(1500)
	s.free = func(string) (int64, error) { return free, nil }
	require.NoError(t, s.Put(t.Context(), "a", make([]byte, 500)))
	free = 1400
	err := s.Put(t.Context(), "b", make([]byte, 401))
	require.ErrorIs(t, err, objects.ErrFull)
	require.ErrorContains(t, err, "1400 bytes are free")
	u, err := s.Usage()
	require.NoError(t, err)
	require.Equal(t, Usage{Used: 500, Room: 400}, u)

	s.free = func(string) (int64, error) { return 0, errors.New("gone") }
	require.ErrorContains(t, s.Put(t.Context(), "b", nil), "gone")
	_, err = s.Usage()
	require.ErrorContains(t, err, "gone")

	now, err := freeBytes(t.TempDir())
	require.NoError(t, err)
	require.Positive(t, now)
}

func TestDeviceErrors(t *testing.T) {
	full := classify(&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	require.ErrorIs(t, full, objects.ErrFull)
	require.ErrorIs(t, full, syscall.ENOSPC)
	require.NotErrorIs(t, classify(fs.ErrPermission), objects.ErrFull)
}

// TestBrokenFolder shows that what can't be written is an error that names the place,
// takes no room, and leaves what was there.
func TestBrokenFolder(t *testing.T) {
	s := open(t, Options{Folder: t.TempDir()})
	require.NoError(t, s.Put(t.Context(), "a/b", []byte("one")))
	require.NoError(t, os.Remove(s.fresh()))
	err := s.Put(t.Context(), "a/b", []byte("other"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, s.fresh())
	require.NoError(t, os.Mkdir(s.fresh(), 0o700))
	require.Error(t, s.Put(t.Context(), "a/b/c", []byte("a file stands there")))
	u, err := s.Usage()
	require.NoError(t, err)
	require.EqualValues(t, 3, u.Used)
	left, err := os.ReadDir(s.fresh())
	require.NoError(t, err)
	require.Empty(t, left)
	data, err := objects.ReadAll(t.Context(), s, "a/b", 100)
	require.NoError(t, err)
	require.Equal(t, "one", string(data))

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(t.Context(), Options{Folder: file})
	require.ErrorContains(t, err, file)
}

func TestLeftovers(t *testing.T) {
	o := Options{Folder: t.TempDir()}
	s := open(t, o)
	require.NoError(t, s.Put(t.Context(), "a", []byte("one")))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(s.fresh(), "123"), []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.objects(), ".DS_Store"), []byte("not ours"), 0o600))
	s = open(t, o)
	left, err := os.ReadDir(s.fresh())
	require.NoError(t, err)
	require.Empty(t, left)
	u, err := s.Usage()
	require.NoError(t, err)
	require.EqualValues(t, 3, u.Used)
}

// content is what the killed process puts: of a size of its own, and told by its ends.
func content(i int) []byte {
	return []byte(fmt.Sprintf("%d:", i) + strings.Repeat("x", i*7919%100_000) + fmt.Sprintf(":%d", i))
}

// putForEver puts new objects, and one again and again, and tells of each.
func putForEver(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Folder: dir})
	for i := 0; err == nil; i++ {
		if err = s.Put(ctx, objects.NewKey("seg", fmt.Sprint(i%3), fmt.Sprint(i)), content(i)); err == nil {
			err = s.Put(ctx, "index", content(i))
		}
		fmt.Println(i)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilled kills a process that puts objects: all that it told of are there, and
// none is there in part.
func TestKilled(t *testing.T) {
	for kill := range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SLUICE_TEST_PUTS="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		told := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, err := fmt.Sscan(lines.Text(), &told)
			require.NoError(t, err)
			if told == 5+5*kill {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait())
		require.GreaterOrEqual(t, told, 5)

		s := open(t, Options{Folder: dir})
		check := func(key objects.Key) (i int) {
			data, err := objects.ReadAll(t.Context(), s, key, 1<<20)
			require.NoError(t, err)
			_, err = fmt.Sscanf(string(data), "%d:", &i)
			require.NoError(t, err)
			require.True(t, string(data) == string(content(i)), "object %s isn't whole", key)
			return i
		}
		listed := 0
		for info, err := range s.List(t.Context(), "seg") {
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(string(info.Key), fmt.Sprintf("/%d", check(info.Key))))
			listed++
		}
		require.GreaterOrEqual(t, listed, told+1)
		require.GreaterOrEqual(t, check("index"), told)
	}
}
