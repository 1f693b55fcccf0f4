package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/timeline"
	"sluice/storage/journal/memory"
	"sluice/storage/objects"
	"sluice/storage/objects/disk"
)

// letGo says that all that is older than memory is in storage alone.
func letGo(t *timeline.Timeline) bool {
	for _, r := range t.Renditions {
		newest := r.Segments.Last()
		for g := range r.Segments.All() {
			if newest.Time.Sub(g.Time) > DefaultMemory && g.Stored == nil && !g.Gap() {
				return false
			}
		}
	}
	return true
}

// manifests are what viewers are told.
func manifests(t *testing.T, tl *timeline.Timeline) (all []string) {
	t.Helper()
	for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
		whole, err := hls.AppendMedia(nil, tl, id)
		require.NoError(t, err)
		delta, err := hls.AppendMediaDelta(nil, tl, id)
		require.NoError(t, err)
		all = append(all, string(whole), string(delta))
	}
	main, err := hls.AppendMultivariant(nil, tl, hls.Options{})
	require.NoError(t, err)
	mpd, err := dash.AppendMPD(nil, tl, dash.Options{TimePath: "/time"})
	require.NoError(t, err)
	return append(all, string(main), string(mpd))
}

// TestWindowIsKept publishes for longer than memory lasts, and compares what viewers are
// told with what they are told where all is in memory.
func TestWindowIsKept(t *testing.T) {
	s, err := disk.Open(t.Context(), disk.Options{Folder: filepath.Join(t.TempDir(), "dvr")})
	require.NoError(t, err)
	defer s.Close()
	j, twin := memory.New(memory.Options{}), memory.New(memory.Options{})
	_, stop := run(t, Options{Journal: j, Store: s, Names: names("live", "quiet")})
	defer stop()
	p, plain := newPublisher(t, j, "live", time.Minute), newPublisher(t, twin, "live", time.Minute)
	quiet := newPublisher(t, j, "quiet", DefaultMemory)
	for _, p := range []*publisher{p, plain, quiet} {
		p.start()
		p.segments(45)
		p.endEpoch()
		p.start()
		p.segments(30)
	}
	tl := p.settled(letGo)
	require.Equal(t, manifests(t, plain.feed.Current()), manifests(t, tl))
	require.Greater(t, requireKept(t, s, p, tl), 2*25)
	require.Less(t, tl.Bytes(), plain.feed.Current().Bytes()/2)
	require.Greater(t, tl.Kept, uint64(1), "some has left the window")
	require.Equal(t, quiet.feed.Current().Bytes(), int64(sizeOf(quiet)), "memory is enough for it")

	p.end()
	require.NoError(t, err)
	stop()
	restored, err := Restore(t.Context(), s, "live", p.feed.Current().Next, began)
	require.NoError(t, err)
	requireKept(t, s, p, restored)
	ended := p.feed.Current()
	require.Equal(t, timeline.Ended, restored.State)
	require.Equal(t, ended.Next, restored.Next)
	require.Equal(t, segmentsOf(ended), segmentsOf(restored))
	none, err := Restore(t.Context(), s, "quiet", timeline.Numbers{}, began)
	require.NoError(t, err)
	require.Nil(t, none)
	for info, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		at, ok := parseKey("live", info.Key)
		require.True(t, ok, info.Key)
		require.True(t, at.rendition == "" || at.number >= ended.Kept, "%s has left the window", info.Key)
	}
}

func sizeOf(p *publisher) (n int) {
	for _, r := range p.feed.Current().Renditions {
		for g := range r.Segments.All() {
			n += g.Size
		}
	}
	return n
}

// told is what manifests tell of a segment.
type told struct {
	rendition timeline.RenditionID
	msn       uint64
	epoch     uint64
	init      string
	size      int
	key       int
	at        int64
}

func segmentsOf(t *timeline.Timeline) (all []told) {
	for _, r := range t.Renditions {
		for g := range r.Segments.All() {
			all = append(all, told{r.ID, g.MSN, g.Epoch, string(g.Init.Data), g.Size, g.Key(), g.Time.UnixNano()})
		}
	}
	return all
}

// TestKilled kills the process at each of its operations, and restarts it: what a page had
// told of is there, numbers aren't used twice, and the stream goes on.
func TestKilled(t *testing.T) {
	died := true
	for puts := 0; died; puts += 7 { // each kind of Put in its turn
		s := newStore()
		s.puts = puts
		j := memory.New(memory.Options{})
		p := newPublisher(t, j, "live", 16*time.Second)
		a := New(Options{Journal: j, Store: s, Names: names("live"), Memory: time.Second})
		f := newFollower(a, "live", p.feed, func() {})
		committed := timeline.New(timeline.Numbers{})
		died = false
		for i := 0; i < 36 && !died; i++ {
			switch i {
			case 0:
				p.start()
			case 15:
				p.endEpoch()
				p.start()
			}
			p.segments(1)
			if i%2 == 1 {
				p.parts(p.tracks()[0], 0, 4, 10)
			}
			if err := f.round(t.Context(), false); err != nil {
				require.ErrorIs(t, err, errDead)
				died = true
				break
			}
			committed = p.feed.Current()
		}
		if p.feed.Current().Rendition(timeline.Source).Open == nil {
			p.parts(p.tracks()[0], 0, 4, 10)
		}
		s.puts = -1
		was := p.feed.Current()

		restored, err := Restore(t.Context(), s, "live", timeline.Numbers{}, began.Add(p.at))
		require.NoError(t, err, puts)
		if restored == nil {
			require.False(t, committed.Ready(), puts)
			continue
		}
		requireKept(t, s, p, restored)
		require.GreaterOrEqual(t, restored.Next.MSN, was.Next.MSN, puts)
		require.GreaterOrEqual(t, restored.Next.Epoch, was.Next.Epoch, puts)
		for _, g := range segmentsOf(committed) {
			again := restored.Rendition(g.rendition).Segment(g.msn)
			require.NotNil(t, again, "%d: segment %d of %s", puts, g.msn, g.rendition)
			require.Equal(t, g.size, again.Size, "%d: segment %d of %s", puts, g.msn, g.rendition)
			require.Equal(t, g.epoch, again.Epoch)
		}
		require.Equal(t, timeline.Away, restored.State)
		next := memory.New(memory.Options{Restore: func(context.Context, string, timeline.Numbers) (*timeline.Timeline, error) {
			return restored, nil
		}})
		again := newPublisher(t, next, "live", 16*time.Second)
		again.at = p.at + 10*time.Second
		again.start()
		again.segments(3)
		require.Len(t, manifests(t, again.feed.Current()), 6)
		require.Equal(t, restored.First <= again.feed.Current().First, true)
	}
}

// TestStoreAway shows what happens while storage takes nothing, and after.
func TestStoreAway(t *testing.T) {
	s := newStore()
	j := memory.New(memory.Options{})
	p := newPublisher(t, j, "live", 2*time.Minute)
	p.bytes = 1000
	a := New(Options{Journal: j, Store: s, Names: names("live"), Memory: time.Second, Pending: 150_000})
	f := newFollower(a, "live", p.feed, func() {})
	a.followers["live"] = f
	p.start()
	p.segments(10)
	require.NoError(t, f.round(t.Context(), false))
	require.Empty(t, a.Advice("live"))
	s.fail(errors.New("no route to host"))
	p.segments(12)
	require.ErrorContains(t, f.round(t.Context(), false), "no route")
	require.Equal(t, []string{"storage doesn't take the window: no route to host"}, a.Advice("live"))
	require.Zero(t, lost(p), "there is room in memory")
	p.segments(20)
	require.Error(t, f.round(t.Context(), false))
	require.Contains(t, a.Advice("live")[0], "parts of the window are lost")
	require.Positive(t, lost(p))
	require.Less(t, f.waiting(p.feed.Current()), int64(150_000)+1)
	playlist, err := hls.AppendMedia(nil, p.feed.Current(), timeline.Source)
	require.NoError(t, err)
	require.Contains(t, string(playlist), "#EXT-X-GAP\n")

	s.fail(nil)
	require.NoError(t, f.round(t.Context(), false))
	require.Empty(t, a.Advice("live"))
	gone := lost(p)
	p.segments(1)
	require.NoError(t, f.round(t.Context(), true))
	require.Equal(t, gone, lost(p))
	p.end()
	require.NoError(t, f.round(t.Context(), true))
	restored, err := Restore(t.Context(), s, "live", timeline.Numbers{}, began)
	require.NoError(t, err)
	requireKept(t, s, p, restored)
	require.Equal(t, segmentsOf(p.feed.Current()), segmentsOf(restored))
}

func lost(p *publisher) (n int) {
	for _, r := range p.feed.Current().Renditions {
		for g := range r.Segments.All() {
			if g.Lost {
				n++
			}
		}
	}
	return n
}

// TestFull shows that the oldest goes first where storage is full: what nobody knows, then
// the oldest window, which gets shorter and no shorter than it has to.
func TestFull(t *testing.T) {
	s := newStore()
	j := memory.New(memory.Options{})
	require.NoError(t, s.Put(t.Context(), "dvr/nobody/seg/0/source/1", make([]byte, 100_000)))
	require.NoError(t, s.Put(t.Context(), "recordings/live", make([]byte, 100_000)))
	s.limit = 700_000
	const room = 25_000
	a := New(Options{Journal: j, Store: s, Names: names("old", "new"), Memory: time.Second})
	a.least = room
	var all []*follower
	var publishers []*publisher
	for _, name := range []string{"old", "new"} {
		p := newPublisher(t, j, name, time.Hour)
		p.bytes = 1000
		f := newFollower(a, name, p.feed, func() {})
		a.followers[name] = f
		all, publishers = append(all, f), append(publishers, p)
	}
	publish := func(i, n int) {
		for range n {
			publishers[i].segments(1)
			require.NoError(t, all[i].round(t.Context(), false))
		}
	}
	publishers[0].start()
	publish(0, 40)
	publishers[1].at = time.Hour
	publishers[1].start()
	publish(1, 15)
	old, fresh := publishers[0].feed.Current(), publishers[1].feed.Current()
	require.EqualValues(t, 1, fresh.Kept)
	require.Greater(t, old.Kept, uint64(1))
	require.Greater(t, old.First, old.Kept, "who plays the oldest has some time")
	require.GreaterOrEqual(t, old.Next.MSN-old.Kept, uint64(leastListed))
	require.NotContains(t, s.all, objects.Key("dvr/nobody/seg/0/source/1"))
	require.Contains(t, s.all, objects.Key("recordings/live"))
	require.Equal(t, []string{"storage is full: the window is shorter than asked for"}, a.Advice("old"))
	require.NoError(t, all[0].round(t.Context(), false))
	publish(1, 60)
	for i, p := range publishers {
		requireKept(t, s, p, p.feed.Current())
		require.Len(t, manifests(t, p.feed.Current()), 6)
		require.NoError(t, all[i].round(t.Context(), true))
		restored, err := Restore(t.Context(), s, p.stream, timeline.Numbers{}, began)
		require.NoError(t, err)
		requireKept(t, s, p, restored)
	}
}

// TestLeftovers shows that what is not of a window goes: of streams that are over, that
// are gone, and what a killed process left.
func TestLeftovers(t *testing.T) {
	s := newStore()
	j := memory.New(memory.Options{})
	p := newPublisher(t, j, "live", time.Minute)
	a := New(Options{Journal: j, Store: s, Names: names("live"), Memory: time.Second})
	f := newFollower(a, "live", p.feed, func() {})
	p.start()
	p.segments(20)
	require.NoError(t, f.round(t.Context(), false))
	require.NoError(t, s.Put(t.Context(), segmentKey("live", timeline.Source, 21), []byte("half a story")))
	require.NoError(t, s.Put(t.Context(), "dvr/live/what/is/this", nil))
	n := len(s.all)
	require.NoError(t, newFollower(a, "live", p.feed, func() {}).tidy(t.Context()))
	require.Less(t, len(s.all), n-1)
	requireKept(t, s, p, p.feed.Current())
	p.end()
	p.append(timeline.Cleared{})
	require.NoError(t, f.round(t.Context(), false))
	require.Empty(t, s.all)
	require.NoError(t, f.round(t.Context(), false))
	require.Empty(t, s.all, "nothing is kept of a stream that is off")
}

// TestStreamsThatAreNoMore shows that what is kept of them goes when their window has passed,
// unless they come back before.
func TestStreamsThatAreNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		j := memory.New(memory.Options{})
		for _, name := range []string{"gone", "back"} {
			p := newPublisher(t, j, name, time.Minute)
			p.start()
			p.segments(40)
			f := newFollower(New(Options{Journal: j, Store: s, Names: names(name)}), name, p.feed, func() {})
			require.NoError(t, f.round(t.Context(), true))
		}
		require.NoError(t, s.Put(t.Context(), "dvr/odd/seg/0/source/1", nil))
		require.NoError(t, s.Put(t.Context(), "recordings/gone", nil))
		of := func(stream string) (n int) {
			for info, err := range s.List(t.Context(), streamKey(stream)) {
				require.NoError(t, err, info)
				n++
			}
			return n
		}
		var mu sync.Mutex
		there := []string{"other"}
		_, stop := run(t, Options{Journal: j, Store: s, Names: func(context.Context) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(there), nil
		}})
		defer stop()
		all := of("gone")
		require.Greater(t, all, 2*40)
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		require.Equal(t, all, of("gone"))
		mu.Lock()
		there = append(there, "back")
		mu.Unlock()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		require.Zero(t, of("gone"))
		require.Equal(t, all, of("back"))
		require.Equal(t, 1, of("odd"), "nobody knows how long its window was")
		time.Sleep(unknownWindow)
		synctest.Wait()
		require.Zero(t, of("odd"))
		require.Equal(t, all, of("back"))

		mu.Lock()
		there = nil
		mu.Unlock()
		time.Sleep(2 * nameInterval)
		synctest.Wait()
		require.Zero(t, of("back"), "it was taken away")
		require.Contains(t, s.all, objects.Key("recordings/gone"))
	})
}

// TestIdle shows that nobody waits for the parts of a stream with a short window, and that one
// whose window gets longer is kept.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		j := memory.New(memory.Options{})
		p := newPublisher(t, j, "live", DefaultMemory)
		_, stop := run(t, Options{Journal: j, Store: s, Names: names("live")})
		defer stop()
		synctest.Wait()
		p.start()
		synctest.Wait()
		allocated := testing.AllocsPerRun(100, func() {
			p.feed.Publish(p.feed.Current())
			synctest.Wait()
		})
		require.Zero(t, allocated)
		p.segments(30)
		p.endEpoch()
		time.Sleep(2 * idlePause)
		require.Empty(t, s.all)
		p.window = time.Minute
		p.start()
		p.segments(10)
		time.Sleep(2 * idlePause)
		synctest.Wait()
		require.Greater(t, requireKept(t, s, p, p.feed.Current()), 2*10)
	})
}

// TestSetAside shows that what can't be read is deleted by nobody before a week has passed, or
// there is no room.
func TestSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := newPublisher(t, memory.New(memory.Options{}), "live", time.Minute)
		p.start()
		p.segments(40)
		o := Options{Journal: p.journal, Store: s, Names: names("live"), Memory: time.Second}
		require.NoError(t, newFollower(New(o), "live", p.feed, func() {}).round(t.Context(), false))
		was := maps.Clone(s.all)
		s.all[pageKey("live", 1)] = []byte("{")

		var a *Archive
		o.Journal = memory.New(memory.Options{Restore: func(ctx context.Context, stream string, next timeline.Numbers) (*timeline.Timeline, error) {
			return a.Restore(ctx, stream, next, time.Now())
		}})
		a = New(o)
		again := newPublisher(t, o.Journal.(*memory.Journal), "live", time.Minute)
		require.Empty(t, again.feed.Current().Renditions)
		f := newFollower(a, "live", again.feed, func() {})
		s.fail(errors.New("no such bucket"))
		require.Error(t, f.round(t.Context(), false))
		s.fail(nil)
		again.start()
		again.segments(20)
		require.NoError(t, f.round(t.Context(), false))
		requireKept(t, s, again, again.feed.Current())
		found := 0
		for info, err := range s.List(t.Context(), aside) {
			require.NoError(t, err)
			require.NotEmpty(t, info.Key)
			found++
		}
		require.Equal(t, len(was), found)
		require.NoError(t, newFollower(a, "live", again.feed, func() {}).round(t.Context(), false))
		requireKept(t, s, again, again.feed.Current())

		time.Sleep(unknownWindow)
		a.clearAside(t.Context())
		require.Len(t, s.all, found+2*20+1, "not longer ago than that")
		time.Sleep(time.Second)
		a.clearAside(t.Context())
		require.Len(t, s.all, 2*20+1)
	})
}

var update = flag.Bool("update", false, "write golden files anew")

// TestPage shows what is on disks: a change of it needs a new version.
func TestPage(t *testing.T) {
	s := newStore()
	p := newPublisher(t, memory.New(memory.Options{}), "live", time.Minute)
	f := newFollower(New(Options{Journal: p.journal, Store: s, Memory: time.Second}), "live", p.feed, func() {})
	p.start()
	p.segments(3)
	require.NoError(t, f.round(t.Context(), true))
	var got bytes.Buffer
	require.NoError(t, json.Indent(&got, s.all[pageKey("live", 0)], "", " "))
	golden := filepath.Join("testdata", "page.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, append(got.Bytes(), '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String()+"\n")
}

// TestListingFails shows that nothing is done before it is known what is there.
func TestListingFails(t *testing.T) {
	s := newStore()
	j := memory.New(memory.Options{})
	p := newPublisher(t, j, "live", time.Minute)
	f := newFollower(New(Options{Journal: j, Store: s, Names: names("live"), Memory: time.Second}), "live", p.feed, func() {})
	p.start()
	p.segments(20)
	s.listing = errors.New("no such bucket")
	require.ErrorContains(t, f.round(t.Context(), false), "no such bucket")
	require.Empty(t, s.all)
	require.Contains(t, f.advice()[0], "no such bucket")
	s.listing = nil
	require.NoError(t, f.round(t.Context(), false))
	require.Empty(t, f.advice())
	requireKept(t, s, p, p.feed.Current())
}

func TestKeys(t *testing.T) {
	for _, id := range []timeline.RenditionID{timeline.Source, "720p", "Sound/2", "x-1", "ü", ".."} {
		key := segmentKey("live", id, 12345)
		require.NoError(t, key.Check())
		p, ok := parseKey("live", key)
		require.True(t, ok, key)
		require.Equal(t, place{id, 12345}, p)
		require.Equal(t, streamKey("live"), streamOf(key))
	}
	p, ok := parseKey("live", pageKey("live", 7))
	require.True(t, ok)
	require.Equal(t, place{"", 7}, p)
	for _, key := range []objects.Key{"dvr/live2/index/1", "dvr/live/index/01", "dvr/live/index/x", "dvr/live/1", "dvr/live/seg/1/source/1", "dvr/live/seg/0/x-zz/1", "dvr/live/seg/0/x-/1"} {
		_, ok := parseKey("live", key)
		require.False(t, ok, key)
	}
}

func TestGoesOn(t *testing.T) {
	for next, want := range map[timeline.Numbers]struct {
		ahead uint64
		ok    bool
	}{
		{}:                        {2, true},
		{Epoch: 5, MSN: 100}:      {2, true},
		{Epoch: 5, MSN: 99}:       {2, true},
		{Epoch: 5, MSN: 107}:      {7, true},
		{Epoch: 2005, MSN: 2100}:  {2, true},
		{Epoch: 5, MSN: 2100}:     {2000, false},
		{Epoch: 9, MSN: 110}:      {10, false},
		{Epoch: 90000, MSN: 9000}: {2, false},
	} {
		ahead, ok := goesOn(timeline.Numbers{Epoch: 5, MSN: 100}, 2, next)
		require.Equal(t, want.ok, ok, "%+v", next)
		require.Equal(t, want.ahead, ahead, "%+v", next)
	}
}

// FuzzRestore reads pages that nobody wrote.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"Version":1}`))
	f.Add(seedPage(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStore()
		require.NoError(t, s.Put(t.Context(), pageKey("live", 0), b))
		for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
			for msn := range uint64(4) {
				require.NoError(t, s.Put(t.Context(), segmentKey("live", id, msn), nil))
			}
		}
		tl, err := Restore(t.Context(), s, "live", timeline.Numbers{}, began)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		if tl == nil {
			return
		}
		if tl.Ready() && tl.Next.MSN-tl.First < 1000 {
			for _, r := range tl.Renditions {
				_, _ = hls.AppendMedia(nil, tl, r.ID)
			}
			_, _ = dash.AppendMPD(nil, tl, dash.Options{TimePath: "/time"})
		}
	})
}

// seedPage is a real page.
func seedPage(f *testing.F) []byte {
	f.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "page.json"))
	require.NoError(f, err)
	var short bytes.Buffer
	require.NoError(f, json.Compact(&short, b))
	return short.Bytes()
}
