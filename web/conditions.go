package web

import (
	"net/http"
	"strings"
)

// settled answers a request where its conditions (RFC 9110 §13.1) leave nothing to be
// sent, and reports so. tag is the strong entity tag of what would be. A condition that
// fails is an error.
func (x *exchange) settled(tag string) (bool, error) {
	if values := x.r.Header["If-Match"]; values != nil && !namesTag(values, tag, false) {
		return true, errNoMatch
	}
	if !namesTag(x.r.Header["If-None-Match"], tag, true) {
		return false, nil
	}
	h := x.w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Encoding")
	x.begin(http.StatusNotModified)
	return true, nil
}

// namesTag reports whether the values of a header name the entity tag, by weak or by strong
// comparison (RFC 9110 §8.8.3.2).
func namesTag(values []string, tag string, weak bool) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			item = strings.TrimSpace(item)
			if weak {
				item = strings.TrimPrefix(item, "W/")
			}
			if item == "*" || item == tag {
				return true
			}
		}
	}
	return false
}

// ranges reports whether a request is for ranges of bytes. They are defined for GET alone
// (RFC 9110 §14.2), and another unit is to be ignored.
func (x *exchange) ranges() bool {
	if x.r.Method != http.MethodGet {
		return false
	}
	unit, _, _ := strings.Cut(x.r.Header.Get("Range"), "=")
	return strings.EqualFold(strings.TrimSpace(unit), bytesUnit[0])
}
