package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sluice/packager/timeline"
)

// document is a manifest, rendered at most once for each version of what it is
// made from, and shared by all who ask. The zero value is one that nobody has
// asked for yet.
type document struct{ current atomic.Pointer[rendered] }

// render makes a manifest's bytes.
type render func(dst []byte, t *timeline.Timeline) ([]byte, error)

// at returns the document of version, or a newer one. t is the timeline whose
// version that is.
func (d *document) at(t *timeline.Timeline, version uint64, f render) (*rendered, error) {
	var fresh *rendered
	for {
		known := d.current.Load()
		if known != nil && known.version >= version {
			return known, known.make(f)
		}
		if fresh == nil {
			fresh = &rendered{version: version, from: t}
		}
		if known != nil {
			fresh.size = known.size
		}
		if d.current.CompareAndSwap(known, fresh) {
			return fresh, fresh.make(f)
		}
	}
}

// rendered is one version of a document. It is immutable but for what is made
// when the first client wants it.
type rendered struct {
	version uint64

	once   sync.Once
	err    error
	from   *timeline.Timeline // what it is rendered from; nil once it is
	size   int                // of the version before, and then of this one: what to allocate
	plain  form
	fresh  []string // Cache-Control of an answer that was not waited for
	steady []string // the same, of one that hardly ever changes
	lasted []string // and of one that was, and so has a URL of its own

	squeeze sync.Once
	gzip    form
}

// form is a representation, with the values of its header.
type form struct {
	body         []byte
	etag, length []string
}

func (r *rendered) make(f render) error {
	r.once.Do(func() {
		t := r.from
		r.from = nil
		r.err = errors.New("rendering panicked") // stays if it does
		body, err := f(make([]byte, 0, r.size+r.size/8), t)
		if r.err = err; err != nil {
			return
		}
		sum := sha256.Sum256(body)
		r.size = len(body)
		r.plain = newForm(body, hex.EncodeToString(sum[:12]))
		target := t.Targets.Segment
		r.fresh, r.lasted = maxAge(target/2), maxAge(6*target)
		r.steady = []string{r.fresh[0] + staleListing}
		if t.State == timeline.Ended {
			r.lasted = r.fresh // its URL may say something else in the next broadcast
		}
	})
	return r.err
}

func newForm(body []byte, tag string) form {
	return form{body: body, etag: []string{`"` + tag + `"`}, length: []string{strconv.Itoa(len(body))}}
}

// compressed returns the gzip form, or the plain one where that is smaller.
func (r *rendered) compressed() *form {
	r.squeeze.Do(func() { r.pack(compress(r.plain.body)) })
	return &r.gzip
}

// pack sets the gzip form, which is the plain one where that is smaller.
func (r *rendered) pack(body []byte) {
	r.gzip = r.plain
	if len(body) < len(r.plain.body) {
		tag := r.plain.etag[0]
		r.gzip = newForm(body, tag[1:len(tag)-1]+"-gzip")
	}
}

// compressors holds gzip writers that are not in use.
var compressors = make(chan *gzip.Writer, spareCompressors)

// compress returns the gzip form of b.
func compress(b []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(b) / 4)
	var z *gzip.Writer
	select {
	case z = <-compressors:
		z.Reset(&out)
	default:
		z, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is a valid one
	}
	// A buffer takes every write.
	_, _ = z.Write(b)
	_ = z.Close()
	select {
	case compressors <- z:
	default:
	}
	return out.Bytes()
}

// deliver answers with a document.
func (x *exchange) deliver(r *rendered, contentType, cacheControl []string) error {
	f := &r.plain
	h := x.w.Header()
	if acceptsGzip(x.r.Header) {
		if f = r.compressed(); f.etag[0] != r.plain.etag[0] {
			h["Content-Encoding"] = encodingGzip
		}
	}
	h["Vary"] = varyEncoding
	if x.varies {
		h["Vary"] = varyBoth
	}
	h["Cache-Control"] = cacheControl
	h["Etag"] = f.etag
	if done, err := x.settled(f.etag[0]); done {
		return err
	}
	h["Content-Type"] = contentType
	h["Content-Length"] = f.length
	x.begin(http.StatusOK)
	return x.write(f.body)
}

// hold waits until ready is true of the stream's timeline, at most for limit.
// The error is errNotYet when that is over, errStopping when the server stops,
// and context.Canceled when the client leaves.
func (x *exchange) hold(f *timeline.Feed, id timeline.RenditionID, limit time.Duration, ready func(*timeline.Timeline) bool) (*timeline.Timeline, error) {
	if t := f.Current(); ready(t) {
		return t, nil
	}
	x.group.held.Inc()
	defer x.group.held.Dec()
	ctx, cancel := withLimit(x.r.Context(), limit)
	defer cancel()
	t, err := f.Await(ctx, id, ready)
	if err != nil {
		return nil, fmt.Errorf("waiting: %w", err)
	}
	return t, nil
}
