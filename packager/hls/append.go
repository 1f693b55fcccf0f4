package hls

import (
	"strconv"
	"time"

	"sluice/media"
)

// decimals is the unit in which durations are written: 10 µs.
const decimals media.Timescale = 100_000

// dateFormat is that of EXT-X-PROGRAM-DATE-TIME; times are UTC.
const dateFormat = "2006-01-02T15:04:05.000Z"

func appendUint(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }

// appendFixed writes v, in units of 10 µs, with all five decimals.
func appendFixed(dst []byte, v int64) []byte {
	dst = strconv.AppendInt(dst, v/int64(decimals), 10)
	dst = append(dst, '.')
	for unit := int64(decimals) / 10; unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+v/unit%10))
	}
	return dst
}

// appendShort writes v, in units of 10 µs, with as many decimals as it needs,
// and at least one.
func appendShort(dst []byte, v int64) []byte {
	dst = appendFixed(dst, v)
	for dst[len(dst)-1] == '0' && dst[len(dst)-2] != '.' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// ceilUnits returns d in units of 10 µs, rounded up: a limit that is written
// with fewer digits must not become tighter.
func ceilUnits(d time.Duration) int64 {
	const unit = time.Second / time.Duration(decimals)
	return int64((d + unit - 1) / unit)
}

// between returns the span from one tick to another in units of 10 µs, as the
// difference of the rounded edges: such spans add up without drift.
func between(start, end media.Ticks, ts media.Timescale) int64 {
	return int64(end.Rescale(ts, decimals) - start.Rescale(ts, decimals))
}

func appendDate(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, dateFormat)
}
