package web

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/packager/dash"
	"sluice/packager/timeline"
)

// history is what MPDs a stream's viewers may have, and the patches that lead from them
// to the newest. The zero value is empty.
type history struct {
	mu    sync.Mutex
	known []edition // oldest first
	size  int       // bytes of all known
	// patches are those to version newest, by the version that they are made of.
	newest  uint64
	patches map[uint64]*rendered
}

// edition is an MPD that was rendered.
type edition struct {
	version uint64
	body    []byte
}

// keep takes an MPD that is about to be told.
func (h *history) keep(version uint64, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = append(h.known, edition{version, body})
	h.size += len(body)
	old := 0
	for h.size > patchMemory && old < len(h.known)-1 || len(h.known)-old > maxEditions {
		h.size -= len(h.known[old].body)
		old++
	}
	// A new array, so that what has left it is free.
	h.known = append([]edition(nil), h.known[old:]...)
}

// find returns the MPD of a version, nil where it isn't known.
func (h *history) find(version uint64) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.known {
		if e.version == version {
			return e.body
		}
	}
	return nil
}

// patch returns the patch from version base to next, which is made once for all who ask.
func (h *history) patch(t *timeline.Timeline, base uint64, next *rendered) (*rendered, error) {
	was := h.find(base)
	if base == next.version {
		was = nil
	}
	if was == nil {
		base = 0 // all whom no patch leads to next are told the same
	}
	h.mu.Lock()
	if h.newest != next.version || h.patches == nil {
		h.newest, h.patches = next.version, map[uint64]*rendered{}
	}
	p := h.patches[base]
	if p == nil {
		p = &rendered{version: next.version, from: t}
		h.patches[base] = p
	}
	h.mu.Unlock()
	return p, p.make(func(dst []byte, _ *timeline.Timeline) ([]byte, error) {
		if was == nil {
			return dash.AppendNoPatch(dst, next.plain.body), nil
		}
		body, err := dash.AppendPatch(dst, was, next.plain.body)
		if err != nil { // ErrWhole
			return dash.AppendNoPatch(dst, next.plain.body), nil
		}
		return body, nil
	})
}

// hasPatches reports whether MPDs of t say where their patches are: those of long windows.
// An MPD of a short one isn't larger than its patch by much, and less can go wrong.
func hasPatches(t *timeline.Timeline) bool { return t.Window >= patchWindow }

// mpdPatch answers /live/{stream}/manifest.mpp: what has changed since the MPD of
// publishTime, held like the MPD is where ?after= is given.
func (s *Server) mpdPatch(x *exchange) error {
	st, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	q := x.r.URL.RawQuery
	base, published, err := parsePatch(q)
	if err != nil {
		return err
	}
	after, following, err := parseAfter(q)
	if err != nil {
		return err
	}
	if s.now().Sub(published) > patchAge {
		return fmt.Errorf("%w: the MPD of %v", errGone, published)
	}
	polled := false
	try := func(t *timeline.Timeline) (*rendered, error) {
		if polled = dash.Ready(t, after); !polled && following {
			return nil, errAwaited
		}
		return st.patchOf(t, base)
	}
	r, err := x.manifest(feed, "", pollHold, try)
	if following && isNotYet(err) {
		r, err = st.patchOf(feed.Current(), base)
		if errors.Is(err, dash.ErrNotReady) {
			err = errNotYet
		}
	}
	if err != nil {
		return err
	}
	if following && !polled {
		return x.deliver(r, typePatch, noStore)
	}
	return x.deliver(r, typePatch, r.fresh)
}

// patchOf returns the patch from version base to the MPD of t.
func (st *stream) patchOf(t *timeline.Timeline, base uint64) (*rendered, error) {
	next, err := st.manifestOf(t, true)
	if err != nil {
		return nil, err
	}
	return st.history.patch(t, base, next)
}

// parsePatch reads which MPD a patch is to be made of.
func parsePatch(query string) (version uint64, published time.Time, err error) {
	for key, value := range pairs(query) {
		switch key {
		case "version":
			if version, err = parseCount(value, 63); err != nil {
				return 0, published, fmt.Errorf("%w: version: %v", errBadRequest, err)
			}
		case "publishTime":
			if published, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return 0, published, fmt.Errorf("%w: publishTime: it's a date as in the MPD", errBadRequest)
			}
		}
	}
	if published.IsZero() {
		return 0, published, fmt.Errorf("%w: publishTime: it's missing", errBadRequest)
	}
	return version, published, nil
}
