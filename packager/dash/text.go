package dash

import (
	"strconv"
	"strings"
	"time"
)

// appendInt writes an attribute.
func appendInt(dst []byte, name string, v int64) []byte {
	dst = append(append(append(dst, ' '), name...), `="`...)
	return append(strconv.AppendInt(dst, v, 10), '"')
}

// appendText writes an attribute, escaped.
func appendText(dst []byte, name, v string) []byte {
	dst = append(append(append(dst, ' '), name...), `="`...)
	if strings.ContainsAny(v, `&<>"`) {
		v = escaper.Replace(v)
	}
	return append(append(dst, v...), '"')
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// appendRatio writes an attribute of the form n:d in lowest terms; of the form
// n/d a whole number stands alone.
func appendRatio(dst []byte, name string, n, d int, sign byte) []byte {
	a, b := n, d
	for b > 0 {
		a, b = b, a%b
	}
	if a > 0 {
		n, d = n/a, d/a
	}
	dst = append(append(append(dst, ' '), name...), `="`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	if sign != '/' || d != 1 {
		dst = strconv.AppendInt(append(dst, sign), int64(d), 10)
	}
	return append(dst, '"')
}

// appendDuration writes an attribute of type xs:duration, in seconds with the
// milliseconds that are not zero.
func appendDuration(dst []byte, name string, d time.Duration) []byte {
	dst = append(append(append(dst, ' '), name...), `="PT`...)
	ms := roundUp(max(d, 0)).Milliseconds()
	dst = strconv.AppendInt(dst, ms/1000, 10)
	if rest := ms % 1000; rest > 0 {
		digits := [4]byte{'.', byte('0' + rest/100), byte('0' + rest/10%10), byte('0' + rest%10)}
		n := len(digits)
		for digits[n-1] == '0' {
			n--
		}
		dst = append(dst, digits[:n]...)
	}
	return append(dst, `S"`...)
}
