package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"sluice/packager/hls/hlscheck"
)

// hlsViewer follows a stream as a low-latency player does, and hands all that
// it sees to the strict checker.
type hlsViewer struct {
	t        *testing.T
	g        *gateway
	base     string // of the multivariant playlist
	observer *hlscheck.Observer
	// tolerated are the rules that the stream at hand can't keep to; a rung may
	// have parts that nothing hinted at after the moment called parting, when the source has
	// left: how long its last frames are meant to last isn't known where their rate
	// varies, sound that is made here may outlast the picture, and what makes a rung may
	// have failed just then.
	tolerated []string
	parting   time.Time

	mu      sync.Mutex
	newest  map[string]*hlscheck.Media // by media playlist
	fetched map[string][]byte          // media, by URL
	heard   map[string]time.Time       // when a playlist said something new last
	silence map[string]time.Duration   // the longest time in which it did not
	// promised holds every PART-HOLD-BACK that was seen.
	promised map[time.Duration]bool
	left     int   // how often a rung was gone while it was watched
	err      error // what ended playlists' loops
}

// watchHLS follows every playlist of a stream until the context ends or the
// stream does, those too that the multivariant playlist names only later; the
// returned function waits for that.
func (g *gateway) watchHLS(ctx context.Context, stream string) (*hlsViewer, func()) {
	v := &hlsViewer{
		t: g.t, g: g, base: g.url("/live/" + stream + "/index.m3u8"),
		observer: hlscheck.NewObserver(hlscheck.Options{Skew: time.Second}),
		newest:   map[string]*hlscheck.Media{}, fetched: map[string][]byte{},
		heard: map[string]time.Time{}, silence: map[string]time.Duration{}, promised: map[time.Duration]bool{},
	}
	var mv *hlscheck.Multivariant
	g.eventually("the multivariant playlist is there", func() (err error) {
		_, mv, err = v.playlist(ctx, v.base)
		return err
	})
	require.NotNil(g.t, mv, "the multivariant playlist can't be read")
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		v.note(ctx, v.followAll(ctx, mv))
	}()
	return v, func() {
		wg.Wait()
		// Once more: its BANDWIDTH must hold for all that was seen.
		_, _, err := v.playlist(context.Background(), v.base)
		require.NoError(g.t, err)
		require.NoError(g.t, v.err)
		for _, violation := range v.observer.Violations() {
			trailing := violation.Rule.ID == "hint.missing" && !v.parting.IsZero() && violation.At.After(v.parting)
			if !trailing && !slices.Contains(v.tolerated, violation.Rule.ID) {
				g.t.Errorf("HLS: %v", violation)
			}
		}
	}
}

// note keeps what went wrong before the context ended.
func (v *hlsViewer) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = errors.Join(v.err, err)
}

// reread is how often the multivariant playlist is looked at again.
const reread = time.Second

// followAll follows each playlist that the multivariant playlist names, from
// when it does, until the stream has ended in one of them and so in all.
func (v *hlsViewer) followAll(ctx context.Context, mv *hlscheck.Multivariant) (err error) {
	type outcome struct {
		playlist string
		err      error
	}
	outcomes := make(chan outcome)
	followed := map[string]bool{}
	named := map[string]bool{}
	adopt := func(mv *hlscheck.Multivariant) {
		clear(named)
		for _, playlist := range v.playlists(mv) {
			if named[playlist] = true; followed[playlist] {
				continue
			}
			followed[playlist] = true
			go func() { outcomes <- outcome{playlist, v.follow(ctx, playlist)} }()
		}
	}
	adopt(mv)
	again := time.NewTicker(reread)
	defer again.Stop()
	for over := false; len(followed) > 0; {
		select {
		case o := <-outcomes:
			delete(followed, o.playlist)
			switch {
			case statusIs(o.err, http.StatusGone):
				// A rung has left, or is behind: it is adopted again as long as it's named.
				v.mu.Lock()
				v.left++
				v.mu.Unlock()
			case o.err != nil:
				err = errors.Join(err, fmt.Errorf("%s: %w", o.playlist, o.err))
			default:
				over = true
			}
		case <-again.C:
			if over || ctx.Err() != nil {
				continue
			}
			_, now, e := v.playlist(ctx, v.base)
			if e == nil && now != nil {
				adopt(now)
			} else if e != nil && ctx.Err() == nil {
				err = errors.Join(err, e)
			}
		}
	}
	return err
}

// playlists are the URLs of all media playlists, each once.
func (v *hlsViewer) playlists(mv *hlscheck.Multivariant) []string {
	var found []string
	seen := map[string]bool{}
	add := func(uri string) {
		if u := resolve(v.base, uri); uri != "" && !seen[u] {
			seen[u] = true
			found = append(found, u)
		}
	}
	for _, variant := range mv.Variants {
		add(variant.URI)
	}
	for _, r := range mv.Renditions {
		add(r.URI)
	}
	return found
}

func resolve(base, uri string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ""
	}
	u, err := b.Parse(uri)
	if err != nil {
		return ""
	}
	return u.String()
}

// follow reloads a playlist, each time blocking for the next part, and every
// fifth time as a delta update; it fetches whatever is new in it.
func (v *hlsViewer) follow(ctx context.Context, playlist string) error {
	query := ""
	for n := 0; ; n++ {
		m, _, err := v.playlist(ctx, playlist+query)
		if ctx.Err() != nil {
			return nil
		}
		if statusIs(err, http.StatusServiceUnavailable) {
			continue // nothing came in three target durations: ask again
		}
		if err != nil {
			return err
		}
		if m == nil {
			return errors.New("not a media playlist")
		}
		v.hear(playlist, m)
		if err := v.collect(ctx, playlist, m); err != nil {
			return err
		}
		if m.Ended {
			return nil
		}
		msn, part := m.Sequence+uint64(len(m.Segments)), 0
		if m.Open != nil {
			part = len(m.Open.Parts)
		}
		query = fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", msn, part)
		if n%5 == 4 {
			query += "&_HLS_skip=YES"
		}
	}
}

// hear keeps what a playlist says now.
func (v *hlsViewer) hear(playlist string, m *hlscheck.Media) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.newest[playlist] = m
	now := time.Now()
	if last, ok := v.heard[playlist]; ok && !m.Ended { // the end comes after the grace
		v.silence[playlist] = max(v.silence[playlist], now.Sub(last))
	}
	v.heard[playlist] = now
	v.promised[m.Control.PartHoldBack] = true
}

// longestSilence is the longest time that a rendition's playlist had no new part.
func (v *hlsViewer) longestSilence(rendition string) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.silence[v.g.url("/live/live/"+rendition+"/index.m3u8")]
}

// collect fetches the init segments, segments and parts that it hasn't yet.
func (v *hlsViewer) collect(ctx context.Context, playlist string, m *hlscheck.Media) error {
	segments := m.Segments
	if m.Open != nil {
		segments = append(append([]hlscheck.Segment{}, segments...), *m.Open)
	}
	for _, s := range segments {
		for _, p := range s.Parts {
			if p.Gap {
				continue
			}
			body, fresh, err := v.media(ctx, resolve(playlist, p.URI))
			if err != nil {
				return err
			}
			if fresh {
				sync, err := startsWithSync(body)
				if err != nil {
					return fmt.Errorf("%s: %w", p.URI, err)
				}
				v.observer.Sync(resolve(playlist, p.URI), sync)
			}
		}
		for _, uri := range []string{s.Map, s.URI} {
			if uri == "" || s.Gap && uri == s.URI {
				continue
			}
			if _, _, err := v.media(ctx, resolve(playlist, uri)); err != nil {
				return err
			}
		}
	}
	return nil
}

// media fetches a URL once.
func (v *hlsViewer) media(ctx context.Context, u string) (body []byte, fresh bool, err error) {
	v.mu.Lock()
	body, ok := v.fetched[u]
	v.mu.Unlock()
	if ok {
		return body, false, nil
	}
	body, header, err := fetch(ctx, u)
	if err != nil {
		return nil, false, err
	}
	if !strings.Contains(header.Get("Cache-Control"), "immutable") {
		return nil, false, fmt.Errorf("%s: Cache-Control %q", u, header.Get("Cache-Control"))
	}
	v.observer.Media(u, len(body))
	v.mu.Lock()
	v.fetched[u] = body
	v.mu.Unlock()
	return body, true, nil
}

// playlist fetches a playlist and shows it to the checker.
func (v *hlsViewer) playlist(ctx context.Context, u string) (*hlscheck.Media, *hlscheck.Multivariant, error) {
	at := time.Now()
	body, header, err := fetch(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	if u != v.base {
		at = time.Now() // the multivariant playlist knows of what was listed before it was asked for
	}
	m, mv := v.observer.Playlist(hlscheck.Fetch{URL: u, Body: body, At: at, ContentType: header.Get("Content-Type")})
	return m, mv, nil
}

func statusIs(err error, status int) bool { return statusOf(err) == status }

// startsWithSync reads a fragment with an independent library.
func startsWithSync(fragment []byte) (bool, error) {
	f, err := mp4.DecodeFile(bytes.NewReader(fragment))
	if err != nil {
		return false, err
	}
	for _, s := range f.Segments {
		for _, frag := range s.Fragments {
			samples, err := frag.GetFullSamples(nil)
			if err != nil {
				return false, err
			}
			return len(samples) > 0 && samples[0].IsSync(), nil
		}
	}
	return false, errors.New("no fragment")
}

// whole returns the media of a rendition's newest playlist as one file: the
// init segment, and the segments of its last epoch.
func (v *hlsViewer) whole(rendition string) []byte {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	playlist := v.g.url("/live/live/" + rendition + "/index.m3u8")
	m := v.newest[playlist]
	require.NotNil(v.t, m, "no playlist of %s", rendition)
	require.NotEmpty(v.t, m.Segments)
	last := m.Segments[len(m.Segments)-1]
	out := append([]byte{}, v.fetched[resolve(playlist, last.Map)]...)
	for _, s := range m.Segments {
		if s.Discontinuity == last.Discontinuity {
			out = append(out, v.fetched[resolve(playlist, s.URI)]...)
		}
	}
	return out
}

// segments is how many whole segments the newest playlist of a rendition has had.
func (v *hlsViewer) segments(rendition string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	m := v.newest[v.g.url("/live/live/"+rendition+"/index.m3u8")]
	if m == nil {
		return 0
	}
	return int(m.Sequence) + len(m.Segments)
}

// awaitMore waits, rendition by rendition, until n more segments are listed than now.
func (v *hlsViewer) awaitMore(n int, renditions ...string) {
	v.t.Helper()
	for _, r := range renditions {
		from := v.segments(r)
		v.g.eventually("segments of "+r+" arrive", func() error {
			if now := v.segments(r); now < from+n {
				return fmt.Errorf("%d of %d", now-from, n)
			}
			return nil
		})
	}
}
