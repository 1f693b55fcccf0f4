package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
)

// Nobody's change is lost: what was read must still be there when it's put back.
func testRevisions(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	made := put(t, b, stream("a", one))
	require.ErrorIs(t, refused(t, b, stream("a", two)), catalog.ErrConflict, "somebody made one of this name")
	mine, theirs := made.Clone(), made.Clone()
	theirs.Timing.Segment = time.Second
	theirs = put(t, b, theirs)
	require.Greater(t, theirs.Revision, made.Revision)
	mine.Timing.Segment = 4 * time.Second
	require.ErrorIs(t, refused(t, b, mine), catalog.ErrConflict)
	got, err := b.Stream(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, theirs, got)

	require.NoError(t, b.Remove(t.Context(), "a"))
	require.ErrorIs(t, refused(t, b, theirs), catalog.ErrConflict, "a stream that was removed doesn't come back")
	again := put(t, b, stream("a", one))
	require.Greater(t, again.Revision, theirs.Revision, "a revision means one content for ever")

	// Many that edit at once all get through.
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			_, err := catalog.Edit(t.Context(), b, "a", func(s *catalog.Stream) error {
				return s.AddKey(catalog.NewStreamKey(catalog.HashKey(fmt.Sprint(i)), created))
			})
			if err != nil {
				t.Errorf("edit: %v", err)
			}
		})
	}
	wg.Wait()
	got, err = b.Stream(t.Context(), "a")
	require.NoError(t, err)
	require.Len(t, got.Keys, 5)
	_, err = catalog.Edit(t.Context(), b, "nobody", func(*catalog.Stream) error { return nil })
	require.ErrorIs(t, err, catalog.ErrNotFound)
	no := errors.New("no")
	_, err = catalog.Edit(t.Context(), b, "a", func(*catalog.Stream) error { return no })
	require.ErrorIs(t, err, no)
}

// All that is known of a key comes back, in the order in which it was given.
func testKeys(t *testing.T, open Open) {
	dir := t.TempDir()
	b := open(t, dir)
	s := stream("a", one, two, three)
	s.Keys[0].Label = "OBS in the hall, señor"
	s.Keys[0].Expires = created.Add(time.Hour + 250*time.Millisecond)
	s.Keys[1].Purpose = catalog.Backup
	s.Keys[1].Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	s.Keys[2].Revoked = created.Add(time.Minute)
	s.Keys[2].Created = time.Time{}
	s = put(t, b, s)
	require.NoError(t, b.Close())
	b = opened(t, open, dir)
	for _, k := range []catalog.KeyHash{one, two, three} {
		got, err := b.ByKey(t.Context(), k)
		require.NoError(t, err, "revoked ones are found too: a log is to say so")
		require.Equal(t, s, got)
	}
	s.Keys[0], s.Keys[1] = s.Keys[1], s.Keys[0]
	s = put(t, b, s)
	got, err := b.Stream(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, s, got)
}

func testUses(t *testing.T, open Open) {
	dir := t.TempDir()
	b := open(t, dir)
	s := put(t, b, stream("a", one, two))
	at := created.Add(time.Hour)
	used := func(k catalog.KeyHash) time.Time {
		t.Helper()
		got, err := b.ByKey(t.Context(), k)
		require.NoError(t, err)
		require.Equal(t, s.Revision, got.Revision, "it is no change")
		key, ok := got.KeyOf(k)
		require.True(t, ok)
		return key.Used
	}
	require.NoError(t, b.NoteUses(t.Context(), map[catalog.KeyHash]time.Time{one: at, three: at}))
	require.Equal(t, at, used(one))
	require.Zero(t, used(two))
	require.NoError(t, b.NoteUses(t.Context(), map[catalog.KeyHash]time.Time{one: at.Add(-time.Minute)}))
	require.Equal(t, at, used(one), "it never goes back")
	for i := range 2 {
		at := at.Add(time.Duration(i) * time.Hour)
		require.NoError(t, b.NoteUses(t.Context(), map[catalog.KeyHash]time.Time{two: at}))
		all, err := b.Streams(t.Context())
		require.NoError(t, err)
		require.Equal(t, at, all[0].Keys[1].Used, "a list tells too")
	}

	s.Keys[0].Label = "labelled"
	s.Keys[0].Used = created // left as it is
	s = put(t, b, s)
	require.Equal(t, at, used(one))
	require.NoError(t, b.Close())
	b = opened(t, open, dir)
	require.Equal(t, at, used(one))
}

// A watcher sees each change, in this process and of another opening of the data.
func testChanges(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	put(t, b, stream("before", three))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	changes := make(chan catalog.Change)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(changes)
		for c, err := range b.Changes(ctx) {
			if err != nil {
				t.Errorf("changes: %v", err)
				return
			}
			select {
			case changes <- c:
			case <-ctx.Done():
			}
		}
	})
	require.Equal(t, catalog.Change{Missed: true}, <-changes)
	s := put(t, b, stream("a", one))
	require.Equal(t, catalog.Change{Name: "a", Stream: &s}, <-changes)
	require.NoError(t, b.NoteUses(t.Context(), map[catalog.KeyHash]time.Time{one: created.Add(time.Hour)}))
	s.Keys[0].Revoked = created
	s = put(t, b, s)
	s.Keys[0].Used = created.Add(time.Hour)
	require.Equal(t, catalog.Change{Name: "a", Stream: &s}, <-changes)
	require.NoError(t, b.Remove(t.Context(), "before"))
	require.Equal(t, catalog.Change{Name: "before"}, <-changes)
	cancel()
	for range changes {
	}
}
