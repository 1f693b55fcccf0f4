package legacy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
)

func golden(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "catalog.json"))
	require.NoError(t, err)
	return text
}

func TestRead(t *testing.T) {
	c, err := Read(filepath.Join("testdata", "catalog.json"))
	require.NoError(t, err)
	require.Len(t, c.Streams, 2)
	live := c.Streams[1]
	require.Equal(t, "live", live.Name)
	require.Equal(t, time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), live.Created)
	require.Equal(t, catalog.HashKey("not a secret"), live.Keys[0].Hash)
	require.Equal(t, catalog.Timing{Segment: 4 * time.Second, Part: 500 * time.Millisecond, Window: 2 * time.Minute}, c.Streams[0].Timing)
	require.Equal(t, map[string]timeline.Numbers{"live": {Epoch: 3, MSN: 812}}, c.Numbers)
	none, err := Read(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	require.Empty(t, none.Streams)
}

func TestDamagedFiles(t *testing.T) {
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
			path := filepath.Join(t.TempDir(), "catalog.json")
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			_, err := Read(path)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(golden(f))
	f.Add([]byte(`{"version":1,"streams":[{"name":"a","keys":[],"part":"1s"}],"numbers":{"a":{"epoch":1,"msn":2}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := decode(text)
		if err != nil {
			return
		}
		for _, s := range doc.Streams {
			require.NoError(t, s.Validate())
		}
		for name := range doc.Numbers {
			require.NoError(t, catalog.ValidateName(name))
		}
	})
}
