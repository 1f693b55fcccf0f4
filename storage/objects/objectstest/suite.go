package objectstest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/storage/objects"
)

// Open opens the backend under test at a place, a name of t's own; stop ends its use.
type Open func(t *testing.T, place string) (s objects.Store, stop func())

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, objects.Store)
	}{
		{"PutIsRead", putIsRead},
		{"Ranges", ranges},
		{"Replaced", replaced},
		{"Absent", absent},
		{"Deleted", deleted},
		{"Keys", keys},
		{"Lists", lists},
		{"ListEnds", listEnds},
		{"OpenedStays", openedStays},
		{"DataIsNotKept", dataIsNotKept},
		{"ContextEnds", contextEnds},
		{"ReadersSeeWholeObjects", readersSeeWholeObjects},
		{"FoldersComeAndGo", foldersComeAndGo},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, stop := open(t, "only")
			defer stop()
			c.test(t, s)
		})
	}
	t.Run("Reopened", func(t *testing.T) { reopened(t, open) })
}

func put(t *testing.T, s objects.Store, key objects.Key, data string) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), key, []byte(data)), key)
}

func get(t *testing.T, s objects.Store, key objects.Key) string {
	t.Helper()
	data, err := objects.ReadAll(t.Context(), s, key, 1<<30)
	require.NoError(t, err, key)
	return string(data)
}

func list(t *testing.T, s objects.Store, prefix objects.Key) map[objects.Key]int64 {
	t.Helper()
	found := map[objects.Key]int64{}
	for info, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err)
		require.NotContains(t, found, info.Key)
		require.False(t, info.Modified.IsZero(), info.Key)
		found[info.Key] = info.Size
	}
	return found
}

func putIsRead(t *testing.T, s objects.Store) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for key, data := range map[objects.Key]string{"a": "one", "live/720p/7/1.m4s": large, "live/empty": ""} {
		put(t, s, key, data)
		require.Equal(t, data, get(t, s, key), key)
		r, info, err := s.Open(t.Context(), key, 0, -1)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, key, info.Key)
		require.EqualValues(t, len(data), info.Size)
	}
	_, err := objects.ReadAll(t.Context(), s, "live/720p/7/1.m4s", 10)
	var size *objects.SizeError
	require.ErrorAs(t, err, &size)
}

func ranges(t *testing.T, s objects.Store) {
	const data = "0123456789"
	put(t, s, "a/b", data)
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{0, 10, data}, {0, -1, data}, {0, 0, ""}, {3, 4, "3456"}, {9, 1, "9"}, {9, 5, "9"},
		{7, -1, "789"}, {10, -1, ""}, {10, 3, ""}, {4, 0, ""}, {1, 1 << 62, "123456789"},
	} {
		r, info, err := s.Open(t.Context(), "a/b", c.off, c.n)
		require.NoError(t, err, "%+v", c)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, c.want, string(got), "%+v", c)
		require.EqualValues(t, len(data), info.Size)
	}
	for _, off := range []int64{-1, 11, 1 << 62} {
		_, _, err := s.Open(t.Context(), "a/b", off, 1)
		require.ErrorIs(t, err, objects.ErrRange, off)
	}
}

func replaced(t *testing.T, s objects.Store) {
	for _, data := range []string{"a long first one", "short", "", "and a longer one than all before"} {
		put(t, s, "x/y", data)
		require.Equal(t, data, get(t, s, "x/y"))
	}
	require.Len(t, list(t, s, ""), 1)
}

func absent(t *testing.T, s objects.Store) {
	put(t, s, "a/b/c", "there")
	for _, key := range []objects.Key{"nothing", "a/nothing", "a/b", "a"} {
		_, _, err := s.Open(t.Context(), key, 0, -1)
		require.ErrorIs(t, err, objects.ErrNotFound, key)
		require.NoError(t, s.Delete(t.Context(), key), key)
	}
	require.Empty(t, list(t, s, "nothing"))
	require.Equal(t, "there", get(t, s, "a/b/c"))
}

func deleted(t *testing.T, s objects.Store) {
	put(t, s, "a/b/c", "one")
	put(t, s, "a/b/d", "two")
	require.NoError(t, s.Delete(t.Context(), "a/b/c"))
	_, _, err := s.Open(t.Context(), "a/b/c", 0, -1)
	require.ErrorIs(t, err, objects.ErrNotFound)
	require.NoError(t, s.Delete(t.Context(), "a/b/c"))
	require.Equal(t, map[objects.Key]int64{"a/b/d": 3}, list(t, s, ""))
	put(t, s, "a/b/c", "again")
	require.Equal(t, "again", get(t, s, "a/b/c"))
}

func keys(t *testing.T, s objects.Store) {
	for _, key := range []objects.Key{"", "..", "a/../../b", "/etc/x", "A", "a//b", "a/.hidden"} {
		require.ErrorIs(t, s.Put(t.Context(), key, nil), objects.ErrKey, key)
		require.ErrorIs(t, s.Delete(t.Context(), key), objects.ErrKey, key)
		_, _, err := s.Open(t.Context(), key, 0, -1)
		require.ErrorIs(t, err, objects.ErrKey, key)
		if key == "" {
			continue
		}
		for _, err := range s.List(t.Context(), key) {
			require.ErrorIs(t, err, objects.ErrKey, key)
		}
	}
	require.Empty(t, list(t, s, ""))
}

func lists(t *testing.T, s objects.Store) {
	all := map[objects.Key]int64{"a": 1, "b/c": 2, "b/d/e": 3, "b/d/f": 4, "bb/c": 5, "b-c/d": 6}
	for key, size := range all {
		put(t, s, key, strings.Repeat("x", int(size)))
	}
	require.Equal(t, all, list(t, s, ""))
	require.Equal(t, map[objects.Key]int64{"b/c": 2, "b/d/e": 3, "b/d/f": 4}, list(t, s, "b"))
	require.Equal(t, map[objects.Key]int64{"b/d/e": 3, "b/d/f": 4}, list(t, s, "b/d"))
	require.Empty(t, list(t, s, "b/c"))
}

// listEnds ends lists early, and deletes what they yield.
func listEnds(t *testing.T, s objects.Store) {
	for i := range 20 {
		put(t, s, objects.NewKey("a", fmt.Sprint(i)), "x")
	}
	for range s.List(t.Context(), "a") {
		break
	}
	n := 0
	for info, err := range s.List(t.Context(), "a") {
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), info.Key))
		n++
	}
	require.Equal(t, 20, n)
	require.Empty(t, list(t, s, ""))
}

// openedStays reads on after its object was replaced, or fails; it never reads another's.
func openedStays(t *testing.T, s objects.Store) {
	old, fresh := strings.Repeat("old", 100_000), strings.Repeat("new", 100_000)
	for _, change := range []func(){
		func() { put(t, s, "a/b", fresh) },
		func() { require.NoError(t, s.Delete(t.Context(), "a/b")) },
	} {
		put(t, s, "a/b", old)
		r, _, err := s.Open(t.Context(), "a/b", 0, -1)
		require.NoError(t, err)
		head := make([]byte, 3)
		_, err = io.ReadFull(r, head)
		require.NoError(t, err)
		change()
		rest, err := io.ReadAll(r)
		if got := string(head) + string(rest); err == nil {
			require.True(t, got == old, "reads on in another object")
		} else {
			require.True(t, strings.HasPrefix(old, got), "reads on in another object")
		}
		require.NoError(t, r.Close())
	}
}

func dataIsNotKept(t *testing.T, s objects.Store) {
	data := []byte("as it was put")
	require.NoError(t, s.Put(t.Context(), "a", data))
	clear(data)
	require.Equal(t, "as it was put", get(t, s, "a"))
}

func contextEnds(t *testing.T, s objects.Store) {
	put(t, s, "a/b", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Put(ctx, "a/c", []byte("y")), context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, "a/b"), context.Canceled)
	_, _, err := s.Open(ctx, "a/b", 0, -1)
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range s.List(ctx, "") {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, map[objects.Key]int64{"a/b": 1}, list(t, s, ""))
}

// readersSeeWholeObjects reads and lists an object while it is replaced by ones of
// other sizes, each of one letter.
func readersSeeWholeObjects(t *testing.T, s objects.Store) {
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 1000*(i%26+1)) }
	require.NoError(t, s.Put(t.Context(), "a/b", version(0)))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				data, err := objects.ReadAll(t.Context(), s, "a/b", 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				if len(data) == 0 || !bytes.Equal(data, version(int(data[0]-'a'))) {
					t.Errorf("%d bytes that nobody put", len(data))
					return
				}
				for info, err := range s.List(t.Context(), "") {
					if err != nil || info.Key != "a/b" || info.Size%1000 != 0 || info.Size == 0 {
						t.Errorf("listed %+v, %v", info, err)
						return
					}
				}
			}
		})
	}
	for i := range 26 {
		require.NoError(t, s.Put(t.Context(), "a/b", version(i)))
	}
	close(done)
	readers.Wait()
}

// foldersComeAndGo puts and deletes beside each other, so that what holds a key's
// elements is emptied while another key is to go into it.
func foldersComeAndGo(t *testing.T, s objects.Store) {
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			key := objects.NewKey("shared", "folder", fmt.Sprint(w))
			for range 6 {
				if err := s.Put(t.Context(), key, []byte("x")); err != nil {
					t.Error(err)
					return
				}
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	require.Empty(t, list(t, s, ""))
}

func reopened(t *testing.T, open Open) {
	s, stop := open(t, "kept")
	put(t, s, "a/b", "one")
	put(t, s, "a/c", "two")
	put(t, s, "a/b", "three")
	require.NoError(t, s.Delete(t.Context(), "a/c"))
	stop()
	s, stop = open(t, "kept")
	defer stop()
	require.Equal(t, map[objects.Key]int64{"a/b": 5}, list(t, s, ""))
	require.Equal(t, "three", get(t, s, "a/b"))
	other, stopOther := open(t, "other")
	defer stopOther()
	require.Empty(t, list(t, other, ""))
}
