package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/durable"
)

func golden(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", legacyName))
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

func TestDamagedFilesOfAnEarlierRelease(t *testing.T) {
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
		"not hexadecimal": {`{"version":1,"streams":[{"name":"a","keys":["` + strings.Repeat("x", 64) + `"]}]}`, "invalid byte"},
		"bad duration":    {`{"version":1,"streams":[{"name":"a","keys":[],"part":"soon"}]}`, `invalid duration "soon"`},
		"negative number": {`{"version":1,"numbers":{"a":{"epoch":-1,"msn":1}}}`, "line 1"},
		"large number":    {`{"version":1,"numbers":{"a":{"epoch":9223372036854775808,"msn":1}}}`, "too large"},
		"bad number name": {`{"version":1,"numbers":{"A":{"epoch":1,"msn":1}}}`, "numbers: stream name"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, legacyName)
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			_, err := Open(t.Context(), dir)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, tc.want)

			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, tc.text, string(got), "what can't be read isn't touched")

			// Refusing gives the lock back, and once the file is right it is taken over.
			require.NoError(t, os.WriteFile(path, golden(t), 0o600))
			c := opened(t, dir)
			_, err = c.Stream(t.Context(), "live")
			require.NoError(t, err)
		})
	}
}

func FuzzLegacy(f *testing.F) {
	f.Add(golden(f))
	f.Add([]byte(`{"version":1,"streams":[{"name":"a","keys":[],"part":"1s"}],"numbers":{"a":{"epoch":1,"msn":2}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := decodeLegacy(text)
		if err != nil {
			return
		}
		for _, s := range doc.Streams {
			require.NoError(t, s.stream().Validate())
		}
		for name := range doc.Numbers {
			require.NoError(t, catalog.ValidateName(name))
		}
	})
}
