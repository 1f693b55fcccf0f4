package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
	"sluice/storage/catalog/file"
)

func TestKeyRedactsItself(t *testing.T) {
	k := catalog.NewKey()
	secret := k.Reveal()
	hidden := struct{ inside catalog.Key }{k}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%U", "%c", "%p"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", k, &k, hidden)
	}
	fmt.Fprintln(&out, k, []catalog.Key{k}, map[string]catalog.Key{"k": k})
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "key", k, "pointer", &k, "hidden", hidden, "group", slog.GroupValue(slog.Any("k", k)))
	}
	text, err := json.Marshal(map[string]any{"k": k, "p": &k, "h": hidden})
	require.NoError(t, err)
	out.Write(text)

	got := strings.ToLower(out.String())
	require.NotContains(t, got, secret)
	require.NotContains(t, got, fmt.Sprintf("%x", secret), "in hexadecimal")
	require.Contains(t, got, "redacted")
}

func TestNewKeys(t *testing.T) {
	a, b := catalog.NewKey(), catalog.NewKey()
	require.NotEqual(t, a.Hash(), b.Hash())
	require.Regexp(t, `^[a-z2-7]{26}$`, a.Reveal())
	again, err := catalog.ParseKey(a.Reveal())
	require.NoError(t, err)
	require.Equal(t, a.Hash(), again.Hash())
	require.Equal(t, catalog.HashKey(a.Reveal()), a.Hash())
	require.False(t, a.IsZero())
	require.True(t, catalog.Key{}.IsZero())
}

func TestParseKey(t *testing.T) {
	for s, ok := range map[string]bool{
		"12345678": true, "Aa0-_.~x": true, strings.Repeat("x", 128): true,
		"1": true, "": false, strings.Repeat("x", 129): false, "with space": false,
		"slash/slash": true, "/slashes": false, "slashes/": false, "query?query": false, "a&b=c#d%e": false, "naïveté-": false,
	} {
		k, err := catalog.ParseKey(s)
		require.Equal(t, ok, err == nil, "%q: %v", s, err)
		if ok {
			require.Equal(t, s, k.Reveal())
		} else if s != "" {
			require.NotContains(t, err.Error(), s, "the error doesn't tell the key")
		}
	}
}

func TestKeyHashAsText(t *testing.T) {
	h := catalog.HashKey("abc")
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", h.String()) // FIPS 180-2, B.1
	text, err := h.MarshalText()
	require.NoError(t, err)
	var back catalog.KeyHash
	require.NoError(t, back.UnmarshalText(text))
	require.Equal(t, h, back)
}

func TestTiming(t *testing.T) {
	def := catalog.Timing{Segment: 2 * time.Second, Part: 200 * time.Millisecond, Window: 30 * time.Second}
	require.NoError(t, def.Validate())
	require.NoError(t, catalog.Timing{}.Validate())
	require.Equal(t, catalog.Timing{Segment: time.Second, Part: def.Part, Window: def.Window}, catalog.Timing{Segment: time.Second}.Or(def))

	for want, bad := range map[string]catalog.Timing{
		"segment: 100ms is not between 500ms and 20s":      {Segment: 100 * time.Millisecond},
		"part: -1s is not between 50ms and 5s":             {Part: -time.Second},
		"window: 2h0m0s is not between 4s and 1h0m0s":      {Window: 2 * time.Hour},
		"part: 3s is longer than a segment (2s)":           {Segment: 2 * time.Second, Part: 3 * time.Second},
		"window: 10s is shorter than three segments of 4s": {Segment: 4 * time.Second, Window: 10 * time.Second},
	} {
		require.EqualError(t, bad.Validate(), want)
	}
}

func openFile(t *testing.T, dir string) *file.Catalog {
	t.Helper()
	c, err := file.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestFirst(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	c := openFile(t, dir)

	key, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	s, err := c.ByKey(t.Context(), key.Hash())
	require.NoError(t, err)
	require.Equal(t, "live", s.Name)
	info, err := os.Stat(note)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.Equal(t, key.Reveal(), again.Reveal(), "printed at every start")

	require.NoError(t, os.Remove(note))
	gone, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.True(t, gone.IsZero(), "noted by its owner: not shown again, and no new one made")
	_, err = c.ByKey(t.Context(), key.Hash())
	require.NoError(t, err)
}

func TestFirstTakesUpAKeyThatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	require.NoError(t, os.WriteFile(note, []byte("left-behind-by-a-crash\n"), 0o600))
	c := openFile(t, dir)
	key, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.Equal(t, "left-behind-by-a-crash", key.Reveal())
	_, err = c.ByKey(t.Context(), key.Hash())
	require.NoError(t, err)
}

func TestFirstDoesNotShowADeadKey(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	c := openFile(t, dir)
	_, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.NoError(t, c.Put(t.Context(), catalog.Stream{Name: "live", Keys: []catalog.KeyHash{catalog.HashKey("rotated")}}))
	key, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.True(t, key.IsZero())
}

func TestFirstNamesADamagedNote(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	require.NoError(t, os.WriteFile(note, []byte("%%%\n"), 0o600))
	_, err := catalog.First(t.Context(), openFile(t, dir), note)
	require.ErrorContains(t, err, note)
}

func TestOverlay(t *testing.T) {
	ctx := t.Context()
	base := openFile(t, t.TempDir())
	oldKey, newKey, hall := catalog.HashKey("old"), catalog.HashKey("new"), catalog.HashKey("hall")
	require.NoError(t, base.Put(ctx, catalog.Stream{Name: "live", Keys: []catalog.KeyHash{oldKey}}))
	require.NoError(t, base.Put(ctx, catalog.Stream{Name: "hall", Keys: []catalog.KeyHash{hall}}))
	fixed := catalog.Stream{Name: "live", Keys: []catalog.KeyHash{newKey}}
	o, err := catalog.Overlay(base, []catalog.Stream{fixed})
	require.NoError(t, err)

	list, err := o.Streams(ctx)
	require.NoError(t, err)
	require.Equal(t, []catalog.Stream{{Name: "hall", Keys: []catalog.KeyHash{hall}}, fixed}, list)
	s, err := o.ByKey(ctx, newKey)
	require.NoError(t, err)
	require.Equal(t, fixed, s)
	_, err = o.ByKey(ctx, oldKey)
	require.ErrorIs(t, err, catalog.ErrNotFound, "the key of a hidden stream is dead")
	_, err = o.ByKey(ctx, hall)
	require.NoError(t, err)

	require.ErrorIs(t, o.Put(ctx, catalog.Stream{Name: "live"}), catalog.ErrFixed)
	require.ErrorIs(t, o.Remove(ctx, "live"), catalog.ErrFixed)
	require.ErrorIs(t, o.Put(ctx, catalog.Stream{Name: "x", Keys: []catalog.KeyHash{newKey}}), catalog.ErrKeyTaken)
	require.NoError(t, o.Put(ctx, catalog.Stream{Name: "x"}))
	require.NoError(t, o.Remove(ctx, "x"))

	_, err = catalog.Overlay(base, []catalog.Stream{fixed, fixed})
	require.ErrorContains(t, err, "live is given twice")
	_, err = catalog.Overlay(base, []catalog.Stream{fixed, {Name: "b", Keys: []catalog.KeyHash{newKey}}})
	require.ErrorIs(t, err, catalog.ErrKeyTaken)
	_, err = catalog.Overlay(base, []catalog.Stream{{Name: "Bad"}})
	require.Error(t, err)
}

func TestGuessableKeys(t *testing.T) {
	require.False(t, catalog.NewKey().Guessable())
	for n, want := range map[int]bool{1: true, 15: true, 16: false, 128: false} {
		k, err := catalog.ParseKey(strings.Repeat("x", n))
		require.NoError(t, err)
		require.Equal(t, want, k.Guessable(), "%d characters", n)
	}
}
