package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/packager/dash"
)

// Header values that are always the same are made once: a header map takes
// slices. Nothing may write to them.
var (
	typeHLS   = []string{"application/vnd.apple.mpegurl"}
	typeMPD   = []string{"application/dash+xml"}
	typePatch = []string{dash.PatchType}
	typeVideo = []string{"video/mp4"} // RFC 4337; CMAF (ISO/IEC 23000-19) has no type of its own
	typeAudio = []string{"audio/mp4"}
	typeTS    = []string{"video/mp2t"} // RFC 3555 §4.2.9; of sound alone too
	typeJPEG  = []string{"image/jpeg"}
	typeVTT   = []string{"text/vtt; charset=utf-8"}
	typeText  = []string{"text/plain; charset=utf-8"}
	typeHTML  = []string{"text/html; charset=utf-8"}
	typeJSON  = []string{"application/json"}

	noStore        = []string{"no-store"}
	cacheSecond    = []string{"public, max-age=1"}
	cacheShort     = []string{"public, max-age=10"}
	cacheImmutable = []string{"public, max-age=31536000, immutable"}
	revalidate     = []string{"no-cache"}
	// staleListing lets caches hand out a multivariant playlist while they ask for a new
	// one (RFC 5861 §3): nobody waits for what is nearly always the same. Whatever tells of
	// media must be asked for in time.
	staleListing = ", stale-while-revalidate=5"

	encodingGzip = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
	varyOrigin   = []string{"Origin"}
	varyBoth     = []string{"Accept-Encoding, Origin"}
	bytesUnit    = []string{"bytes"}
	bearer       = []string{`Bearer realm="sluice"`}
	nosniff      = []string{"nosniff"}
	oneSecond    = []string{"1"}
	anyOrigin    = []string{"*"}
	exposed      = []string{"Date, Content-Length, Content-Range, ETag, Retry-After, Server-Timing"}
)

// allowOrigins lets pages of any origin read the answer. The value is the same
// for all, and there without an Origin in the request too, so that a cache
// needs one copy only: hence not the cors package's handler, which varies by
// origin. It answers the preflights.
func allowOrigins(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
}

// maxAge returns a Cache-Control value: d in whole seconds, at least one.
func maxAge(d time.Duration) []string {
	return []string{"public, max-age=" + strconv.Itoa(max(1, int(d/time.Second)))}
}

// acceptsGzip reports whether the request's Accept-Encoding allows gzip (RFC
// 9110 §12.5.3). Without the header we send the plain form, as a client that
// doesn't ask for compression most often can't undo it.
func acceptsGzip(h http.Header) bool {
	named, any := -1.0, -1.0
	for _, value := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(value, ",") {
			coding, params, _ := strings.Cut(item, ";")
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				named = quality(params)
			case coding == "*":
				any = quality(params)
			}
		}
	}
	if named >= 0 {
		return named > 0
	}
	return any > 0
}

// quality reads a weight, as in " q=0.5" (RFC 9110 §12.4.2). One that can't be
// read counts as a refusal.
func quality(params string) float64 {
	if params == "" {
		return 1
	}
	key, value, _ := strings.Cut(strings.TrimSpace(params), "=")
	if !strings.EqualFold(strings.TrimSpace(key), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}
