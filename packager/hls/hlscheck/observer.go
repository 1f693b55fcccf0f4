package hlscheck

import (
	"mime"
	"net/url"
	"path"
	"sync"
	"time"
)

// Fetch is a playlist as it came.
type Fetch struct {
	URL         string // absolute, with its query
	Body        []byte
	At          time.Time // when the last byte came
	ContentType string    // as in the header; empty where there is none
}

// Options say what the observer can't know.
type Options struct {
	// Skew is by how much the server's clock may be ahead of Fetch.At's.
	Skew time.Duration
}

// Observer checks a stream as its playlists come in. Each playlist must be fed
// in the order of its answers; different ones in any order.
type Observer struct {
	options Options

	mu        sync.Mutex // guards what follows
	found     []Violation
	known     map[string]struct{} // violations that were found before
	count     map[string]int      // of a rule in a playlist
	playlists map[string]*track   // by URL without delivery directives
	masters   []master
	media     resources
}

// track is what is known of one media playlist.
type track struct {
	url       *url.URL
	m         *Media // the newest, with nothing skipped
	at        time.Time
	fromDelta bool
	gone      bool    // it isn't offered now: see Gone
	history   []whole // segments of this broadcast
	reported  position
	reportAt  time.Time // when another playlist reported that
	// unreported are the playlists that lack a report of this one.
	unreported map[string]*silence
}

// silence is a missing rendition report. That the rendition had left by then may
// be seen later than its report is missed.
type silence struct {
	url  string // of the playlist without it
	at   time.Time
	seen int // how often the rendition was offered since
}

// whole is a segment that was listed.
type whole struct {
	msn      uint64
	url      string
	duration time.Duration
	size     int       // of its range; 0: all of it
	at       time.Time // when it was seen first
}

// master is a fetch of the multivariant playlist.
type master struct {
	url *url.URL
	at  time.Time
	mv  *Multivariant
}

// position is a place in a playlist; a negative part stands for none.
type position struct {
	msn  uint64
	part int64
}

func (p position) before(q position) bool {
	return p.msn < q.msn || p.msn == q.msn && p.part < q.part
}

// NewObserver returns an observer that has seen nothing.
func NewObserver(o Options) *Observer {
	return &Observer{options: o, known: map[string]struct{}{}, count: map[string]int{}, playlists: map[string]*track{}}
}

// Playlist takes a playlist. It returns it as parsed, a delta update put
// together with what was there before; one of the results is nil, or both are,
// where it can't be read. They must not be written to.
func (o *Observer) Playlist(fetch Fetch) (*Media, *Multivariant) {
	f := &findings{url: fetch.URL, at: fetch.At}
	u, err := url.Parse(fetch.URL)
	if err != nil {
		f.add(uriGrammar, 0, "%v", err)
		u = &url.URL{}
	}
	checkContentType(u, fetch.ContentType, f)
	m, mv := parse(fetch.Body, f)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case mv != nil:
		o.masters = append(o.masters, master{u, fetch.At, mv})
		if len(o.masters) > maxMasters {
			o.masters = append(o.masters[:0:0], o.masters[1:]...)
		}
	case m != nil:
		o.checkStart(m, f)
		m = o.reload(u, m, fetch.At, f)
	}
	o.keep(f)
	return m, mv
}

// Gone says that a media playlist was answered with 410: its rendition has left.
// When it is back, it may list less than before, but nothing else.
func (o *Observer) Gone(url string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.playlists[withoutDirectives(url)]; t != nil {
		t.gone, t.at = true, at
		clear(t.unreported)
	}
}

// learn takes note of something about a resource; url is absolute.
func (o *Observer) learn(url string, note func(*resource)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.media.get(url)
	note(&r)
	o.media.set(url, r)
}

// Start says when a whole segment starts by its own clock; url is absolute.
func (o *Observer) Start(url string, start time.Duration) {
	o.learn(url, func(r *resource) { r.start, r.hasStart = start, true })
}

// Key says how many bytes of a whole segment are to be read for the picture that it
// begins with; url is absolute.
func (o *Observer) Key(url string, end int) {
	o.learn(url, func(r *resource) { r.key, r.hasKey = end, true })
}

// Media says how large a piece of media is; url is absolute.
func (o *Observer) Media(url string, size int) {
	o.learn(url, func(r *resource) { r.size, r.hasSize = size, true })
}

// Sync says whether a part has a sync sample; url is absolute.
func (o *Observer) Sync(url string, sync bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.media.get(url)
	r.sync, r.hasSync = sync, true
	o.media.set(url, r)
	f := &findings{url: url}
	r.check(url, 0, f)
	o.keep(f)
}

// Violations returns what was found so far, each thing once, in the order in
// which it was found; what only the whole observation shows comes last.
func (o *Observer) Violations() []Violation {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &findings{}
	o.checkBandwidth(f)
	return append(append([]Violation(nil), o.found...), f.list...)
}

// keep adds what was found in one playlist.
func (o *Observer) keep(f *findings) {
	for _, v := range f.list {
		if len(o.found) == maxViolations {
			return
		}
		rule := v.Rule.ID + "\x00" + withoutDirectives(v.URL)
		key := rule + "\x00" + v.Detail
		if _, ok := o.known[key]; ok || o.count[rule] == maxRepeat {
			continue
		}
		o.known[key] = struct{}{}
		o.count[rule]++
		o.found = append(o.found, v)
	}
}

func checkContentType(u *url.URL, contentType string, f *findings) {
	if contentType == "" {
		if e := path.Ext(u.Path); e != ".m3u8" && e != ".m3u" {
			f.add(docType, 0, "no Content-Type, and a name that isn't a playlist's")
		}
		return
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t != "application/vnd.apple.mpegurl" && t != "audio/mpegurl" {
		f.add(docType, 0, "%.60q", contentType)
	}
}

// withoutDirectives returns a URL without _HLS_msn and the like: what stays the
// same over a playlist's reloads.
func withoutDirectives(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.RawQuery == "" {
		return s
	}
	q := u.Query()
	for _, name := range []string{"_HLS_msn", "_HLS_part", "_HLS_skip"} {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// resolve returns the absolute form of a URI in a playlist.
func resolve(base *url.URL, uri string) string {
	u, err := base.Parse(uri)
	if err != nil {
		return uri
	}
	return u.String()
}
