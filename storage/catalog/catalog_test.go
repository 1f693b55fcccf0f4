package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
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
		"window: 200h0m0s is not between 4s and 168h0m0s":  {Window: 200 * time.Hour},
		"part: 3s is longer than a segment (2s)":           {Segment: 2 * time.Second, Part: 3 * time.Second},
		"window: 10s is shorter than three segments of 4s": {Segment: 4 * time.Second, Window: 10 * time.Second},
	} {
		require.EqualError(t, bad.Validate(), want)
	}
}

func openStore(t *testing.T, dir string) *sqlite.Catalog {
	t.Helper()
	c, err := sqlite.Open(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestFirst(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	c := openStore(t, dir)

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
	c := openStore(t, dir)
	key, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.Equal(t, "left-behind-by-a-crash", key.Reveal())
	_, err = c.ByKey(t.Context(), key.Hash())
	require.NoError(t, err)
}

func TestFirstDoesNotShowADeadKey(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	c := openStore(t, dir)
	_, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	_, err = catalog.Edit(t.Context(), c, "live", func(s *catalog.Stream) error {
		s.Keys[0].Revoked = time.Now()
		return nil
	})
	require.NoError(t, err)
	key, err := catalog.First(t.Context(), c, note)
	require.NoError(t, err)
	require.True(t, key.IsZero())
}

func TestFirstNamesADamagedNote(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "live.key")
	require.NoError(t, os.WriteFile(note, []byte("%%%\n"), 0o600))
	_, err := catalog.First(t.Context(), openStore(t, dir), note)
	require.ErrorContains(t, err, note)
}

func keyed(name string, keys ...catalog.KeyHash) catalog.Stream {
	s := catalog.Stream{Name: name}
	for i, k := range keys {
		s.Keys = append(s.Keys, catalog.FixedKey(k, i+1))
	}
	return s
}

func TestOverlay(t *testing.T) {
	ctx := t.Context()
	base := openStore(t, t.TempDir())
	oldKey, newKey, hallKey := catalog.HashKey("old"), catalog.HashKey("new"), catalog.HashKey("hall")
	put := func(s catalog.Store, v catalog.Stream) (catalog.Stream, error) {
		t.Helper()
		rev, err := s.Put(ctx, v)
		v.Revision = rev
		return v, err
	}
	_, err := put(base, keyed("live", oldKey))
	require.NoError(t, err)
	hall, err := put(base, keyed("hall", hallKey))
	require.NoError(t, err)
	fixed := keyed("live", newKey)
	o, err := catalog.Overlay(base, []catalog.Stream{fixed})
	require.NoError(t, err)

	list, err := o.Streams(ctx)
	require.NoError(t, err)
	require.Equal(t, []catalog.Stream{hall, fixed}, list)
	s, err := o.ByKey(ctx, newKey)
	require.NoError(t, err)
	require.Equal(t, fixed, s)
	s, err = o.Stream(ctx, "live")
	require.NoError(t, err)
	require.Equal(t, fixed, s)
	s, err = o.Stream(ctx, "hall")
	require.NoError(t, err)
	require.Equal(t, hall, s)
	_, err = o.ByKey(ctx, oldKey)
	require.ErrorIs(t, err, catalog.ErrNotFound, "the key of a hidden stream is dead")
	_, err = o.ByKey(ctx, hallKey)
	require.NoError(t, err)

	_, err = put(o, keyed("live"))
	require.ErrorIs(t, err, catalog.ErrFixed)
	require.ErrorIs(t, o.Remove(ctx, "live"), catalog.ErrFixed)
	_, err = put(o, keyed("x", newKey))
	require.ErrorIs(t, err, catalog.ErrKeyTaken)
	_, err = put(o, keyed("x"))
	require.NoError(t, err)
	require.NoError(t, o.Remove(ctx, "x"))

	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, o.NoteUses(ctx, map[catalog.KeyHash]time.Time{newKey: at, hallKey: at}))
	s, err = o.Stream(ctx, "hall")
	require.NoError(t, err)
	require.Equal(t, at, s.Keys[0].Used)
	require.NoError(t, o.NoteUses(ctx, map[catalog.KeyHash]time.Time{newKey: at}))

	_, err = catalog.Overlay(base, []catalog.Stream{fixed, fixed})
	require.ErrorContains(t, err, "live is given twice")
	_, err = catalog.Overlay(base, []catalog.Stream{fixed, keyed("b", newKey)})
	require.ErrorIs(t, err, catalog.ErrKeyTaken)
	_, err = catalog.Overlay(base, []catalog.Stream{{Name: "Bad"}})
	require.Error(t, err)
}

// Changes of a stream that the configuration hides are nobody's business.
func TestOverlayHidesChanges(t *testing.T) {
	base := openStore(t, t.TempDir())
	o, err := catalog.Overlay(base, []catalog.Stream{keyed("live")})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for c, err := range o.Changes(ctx) {
		require.NoError(t, err)
		if c.Missed {
			for _, name := range []string{"live", "hall"} {
				_, err := base.Put(ctx, keyed(name))
				require.NoError(t, err)
			}
			continue
		}
		require.Equal(t, "hall", c.Name)
		return
	}
	t.Fatal("never told")
}

func TestCheckOfAKey(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ranges := func(list ...string) (all []netip.Prefix) {
		for _, s := range list {
			p, err := catalog.ParseRange(s)
			require.NoError(t, err)
			all = append(all, p)
		}
		return all
	}
	for _, tc := range []struct {
		key  catalog.StreamKey
		from string
		want error
	}{
		{catalog.StreamKey{}, "192.0.2.1", nil},
		{catalog.StreamKey{Expires: now.Add(time.Millisecond)}, "192.0.2.1", nil},
		{catalog.StreamKey{Expires: now}, "192.0.2.1", catalog.ErrExpired},
		{catalog.StreamKey{Expires: now, Revoked: now.Add(-time.Hour)}, "192.0.2.1", catalog.ErrRevoked},
		{catalog.StreamKey{Allow: ranges("192.0.2.77/24")}, "192.0.2.1", nil},
		{catalog.StreamKey{Allow: ranges("192.0.2.0/24")}, "::ffff:192.0.2.1", nil},
		{catalog.StreamKey{Allow: ranges("192.0.2.0/24")}, "192.0.3.1", catalog.ErrAddress},
		{catalog.StreamKey{Allow: ranges("2001:db8::/32", "192.0.3.1")}, "192.0.3.1", nil},
		{catalog.StreamKey{Allow: ranges("fe80::/10")}, "fe80::1%eth0", nil},
		{catalog.StreamKey{Allow: ranges("2001:db8::/32")}, "192.0.3.1", catalog.ErrAddress},
	} {
		require.ErrorIs(t, tc.key.Check(now, netip.MustParseAddr(tc.from)), tc.want, "%+v from %s", tc.key, tc.from)
	}
	require.ErrorIs(t, catalog.StreamKey{Allow: ranges("::/0")}.Check(now, netip.Addr{}), catalog.ErrAddress, "no address at all")
	for _, bad := range []string{"", "192.0.2.0/33", "hall", "192.0.2", "fe80::1%eth0", "::ffff:0:0/90"} {
		_, err := catalog.ParseRange(bad)
		require.ErrorContains(t, err, "want CIDR", bad)
	}
	require.Equal(t, "192.0.2.0/24", ranges("::ffff:192.0.2.1/120")[0].String())
}

func TestKeysOfAStream(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := catalog.Stream{Name: "a"}
	for i := range catalog.MaxKeys {
		require.NoError(t, s.AddKey(catalog.NewStreamKey(catalog.HashKey(fmt.Sprint(i)), now)))
	}
	require.NoError(t, s.Validate())
	more := catalog.NewStreamKey(catalog.HashKey("more"), now)
	require.ErrorContains(t, s.AddKey(more), "remove one first")
	s.Keys[3].Revoked, s.Keys[5].Revoked = now.Add(time.Hour), now
	gone := s.Keys[5]
	require.NoError(t, s.AddKey(more))
	require.NoError(t, s.Validate())
	require.NotContains(t, s.Keys, gone, "the one that was revoked first")
	require.Equal(t, more, s.Keys[len(s.Keys)-1])
	k, ok := s.KeyOf(more.Hash)
	require.True(t, ok)
	require.Equal(t, more, k)
	_, ok = s.KeyOf(gone.Hash)
	require.False(t, ok)
}

func TestGuessableKeys(t *testing.T) {
	require.False(t, catalog.NewKey().Guessable())
	for n, want := range map[int]bool{1: true, 15: true, 16: false, 128: false} {
		k, err := catalog.ParseKey(strings.Repeat("x", n))
		require.NoError(t, err)
		require.Equal(t, want, k.Guessable(), "%d characters", n)
	}
}
