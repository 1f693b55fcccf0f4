package dashcheck

import (
	"mime"
	"strings"
	"sync"
	"time"
)

// DefaultHold is how long this project's server holds a request with ?after=.
const DefaultHold = 8 * time.Second

// Options say what the observer can't know.
type Options struct {
	// Skew is by how much the server's clock may be ahead of Fetch.At's.
	Skew time.Duration
	// Hold is how long a request with ?after= may be held; DefaultHold where zero.
	Hold time.Duration
}

// Observer checks one stream as its MPDs come in, in the order of their answers.
type Observer struct {
	options Options

	mu    sync.Mutex // guards what follows
	found []Violation
	known map[string]struct{} // violations that were found before
	count map[string]int      // of a rule
	last  *MPD                // the newest on the dynamic presentation's clock
	gone  map[string]struct{} // ids of Periods that were removed
	media resources
}

// NewObserver returns an observer that has seen nothing.
func NewObserver(o Options) *Observer {
	if o.Hold <= 0 {
		o.Hold = DefaultHold
	}
	return &Observer{
		options: o, known: map[string]struct{}{}, count: map[string]int{}, gone: map[string]struct{}{},
		media: newResources(),
	}
}

// MPD takes an MPD and returns it as parsed, or nil where it can't be read. It
// must not be written to.
func (o *Observer) MPD(fetch Fetch) *MPD {
	f := &findings{url: fetch.URL, at: fetch.At}
	if fetch.ContentType != "" {
		t, _, err := mime.ParseMediaType(fetch.ContentType)
		f.check(err == nil && t == "application/dash+xml", docType, 0, "%.60q", fetch.ContentType)
	}
	m := parse(fetch.URL, fetch.Body, f)
	o.mu.Lock()
	defer o.mu.Unlock()
	if m != nil {
		checkMPD(m, f)
		checkFuture(m, fetch.At, o.options.Skew, f)
		o.checkPoll(m, fetch, f)
		o.update(m, f)
		o.media.list(m, f)
	}
	o.keep(f)
	return m
}

// checkPoll checks what was answered to ?after=N.
func (o *Observer) checkPoll(m *MPD, fetch Fetch, f *findings) {
	after, ok := fetch.after()
	if !ok || fetch.Asked.IsZero() {
		return
	}
	held := fetch.At.Sub(fetch.Asked)
	f.check(held <= o.options.Hold+pollSlack, pollLate, 0, "held for %v", held)
	_, newest, ok := m.newest()
	if m.Dynamic && ok && newest <= after {
		f.check(held >= o.options.Hold-pollSlack/4, pollEarly, 0, "after %v, without a segment after %d", held, after)
	}
}

// Clock says what the URL of UTCTiming answered.
func (o *Observer) Clock(url string, body []byte, at time.Time) {
	f := &findings{url: url, at: at}
	text := strings.TrimSpace(string(body))
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		f.add(timingClock, 1, "%.60q: %v", text, err)
	} else if d := t.Sub(at).Abs(); d > o.options.Skew+time.Second {
		f.add(timingClock, 1, "%.60q, and it is %v", text, at.UTC())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(f)
}

// Violations returns what was found so far, each thing once, in the order in
// which it was found.
func (o *Observer) Violations() []Violation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Violation(nil), o.found...)
}

// keep adds what was found in one step.
func (o *Observer) keep(f *findings) {
	for _, v := range f.list {
		key := v.Rule.ID + "\x00" + v.Detail
		if _, ok := o.known[key]; ok || o.count[v.Rule.ID] == maxRepeat || len(o.found) == maxViolations {
			continue
		}
		o.known[key] = struct{}{}
		o.count[v.Rule.ID]++
		o.found = append(o.found, v)
	}
}
