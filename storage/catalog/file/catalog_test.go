package file

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/catalog/catalogtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestSuite(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T, dir string) catalogtest.Backend { return open(t, dir) })
}

func open(t *testing.T, dir string) *Catalog {
	t.Helper()
	c, err := Open(dir)
	require.NoError(t, err)
	return c
}

func TestDocumentOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	c := open(t, dir)
	defer c.Close()
	require.NoError(t, c.Put(t.Context(), catalog.Stream{
		Name: "live", Keys: []catalog.KeyHash{catalog.HashKey("not a secret")},
		Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}))
	require.NoError(t, c.Put(t.Context(), catalog.Stream{
		Name: "church-hall", Keys: []catalog.KeyHash{catalog.HashKey("a"), catalog.HashKey("b")},
		Timing: catalog.Timing{Segment: 4 * time.Second, Part: 500 * time.Millisecond, Window: 2 * time.Minute},
	}))
	require.NoError(t, c.SaveNumbers(t.Context(), "live", timeline.Numbers{Epoch: 3, MSN: 812}))

	got, err := os.ReadFile(filepath.Join(dir, fileName))
	require.NoError(t, err)
	golden := filepath.Join("testdata", "catalog.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	info, err := os.Stat(filepath.Join(dir, fileName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestDamagedDocumentsAreNamed(t *testing.T) {
	const stream = `{"name":"live","keys":[]}`
	for name, tc := range map[string]struct{ text, want string }{
		"empty file":      {"", "line 1: EOF"},
		"torn":            {"{\n\"version\": 1,\n\"streams\": [", "line 3: unexpected EOF"},
		"unknown field":   {"{\"version\":1,\n\"owner\":\"me\"}", `line 2: json: unknown field "owner"`},
		"wrong type":      {"{\"version\":1,\n\n\"streams\":7}", "line 3:"},
		"later version":   {`{"version":2}`, "version 2, and this program knows 1"},
		"no version":      {`{}`, "version 0"},
		"trailing":        {`{"version":1}{}`, "something follows"},
		"twice":           {`{"version":1,"streams":[` + stream + `,` + stream + `]}`, "live stands there twice"},
		"bad name":        {`{"version":1,"streams":[{"name":"A B","keys":[]}]}`, `stream name "A B"`},
		"short hash":      {`{"version":1,"streams":[{"name":"a","keys":["abcd"]}]}`, "64 hexadecimal digits"},
		"not hexadecimal": {`{"version":1,"streams":[{"name":"a","keys":["` + string(make64('x')) + `"]}]}`, "invalid byte"},
		"bad duration":    {`{"version":1,"streams":[{"name":"a","keys":[],"part":"soon"}]}`, `invalid duration "soon"`},
		"negative number": {`{"version":1,"numbers":{"a":{"epoch":-1,"msn":1}}}`, "line 1"},
		"bad number name": {`{"version":1,"numbers":{"A":{"epoch":1,"msn":1}}}`, "numbers: stream name"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			_, err := Open(dir)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, tc.want)

			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, tc.text, string(got), "what can't be read isn't touched")

			// Refusing gives the lock back.
			require.NoError(t, os.Remove(path))
			require.NoError(t, open(t, dir).Close())
		})
	}
}

func make64(c byte) []byte {
	b := make([]byte, 64)
	for i := range b {
		b[i] = c
	}
	return b
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	_, err := Open(dir)
	require.ErrorIs(t, err, errInUse)
	require.ErrorContains(t, err, dir)
	require.NoError(t, c.Close())
	require.NoError(t, open(t, dir).Close())
}

func TestFailedWriteChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := open(t, dir)
	defer c.Close()
	require.NoError(t, c.Put(t.Context(), catalog.Stream{Name: "a"}))
	require.NoError(t, os.RemoveAll(dir))

	require.ErrorIs(t, c.Put(t.Context(), catalog.Stream{Name: "b"}), os.ErrNotExist)
	require.ErrorIs(t, c.Remove(t.Context(), "a"), os.ErrNotExist)
	require.ErrorIs(t, c.SaveNumbers(t.Context(), "a", timeline.Numbers{Epoch: 1}), os.ErrNotExist)
	list, err := c.Streams(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "a", list[0].Name)

	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, c.SaveNumbers(t.Context(), "a", timeline.Numbers{Epoch: 2}))
}

// A hundred streams that save while the disk is busy are on it after one write.
func TestNumbersShareAWrite(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, dir)
		defer c.Close()
		require.NoError(t, c.begin(t.Context()))
		var wg sync.WaitGroup
		names := []string{"a", "b", "c", "d"}
		for i, name := range names {
			wg.Go(func() {
				if err := c.SaveNumbers(t.Context(), name, timeline.Numbers{Epoch: uint64(i + 1)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all of them stand in line
		require.NoError(t, c.write(c.current.Load().clone()))
		require.NoError(t, os.Remove(c.path)) // so that a second write would show
		c.end()
		wg.Wait()
		require.NoFileExists(t, c.path)
		for i, name := range names {
			n, err := c.LoadNumbers(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, uint64(i+1), n.Epoch)
		}
		require.Empty(t, c.pending)
	})
}

func TestWaitForTheDiskEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, dir)
		defer c.Close()
		require.NoError(t, c.begin(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Put(ctx, catalog.Stream{Name: "a"}), context.DeadlineExceeded)
		c.end()
		require.NoError(t, c.Put(t.Context(), catalog.Stream{Name: "a"}))
	})
}

func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "catalog.json"))
	require.NoError(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decode(text)
		if err != nil {
			return
		}
		again, err := s.encode()
		require.NoError(t, err)
		s2, err := decode(again)
		require.NoError(t, err)
		require.Equal(t, s.sorted(), s2.sorted())
		require.Equal(t, s.numbers, s2.numbers)
	})
}

func TestFolderThatCannotBeHad(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	_, err := Open(taken)
	require.ErrorContains(t, err, "data folder "+taken)
	require.ErrorContains(t, err, "--data", "what to do")
}
