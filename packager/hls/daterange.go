package hls

import (
	"encoding/hex"
	"time"

	"sluice/packager/timeline"
)

// appendSplices writes the stream's splices, each with all that is known of it
// (RFC 8216bis §4.4.5.1, §4.4.5.1.1). A break is one tag where it begins, which stays
// as it is, and a second one of the same ID once it's over. They stand in every
// playlist alike, and in delta updates too, as CAN-SKIP-DATERANGES isn't claimed.
func (p *mediaPlaylist) appendSplices(dst []byte) []byte {
	for _, s := range p.t.Splices {
		attribute := ",SCTE35-CMD=0x"
		switch s.Kind {
		case timeline.SpliceOut:
			attribute = ",SCTE35-OUT=0x"
		case timeline.SpliceIn:
			attribute = ",SCTE35-IN=0x"
		}
		dst = appendDateRange(dst, s)
		if s.Planned > 0 {
			dst = append(dst, ",PLANNED-DURATION="...)
			dst = appendMillis(dst, s.Planned)
		}
		dst = append(dst, attribute...)
		dst = append(appendHex(dst, s.Section), '\n')
		if s.End == nil {
			continue
		}
		dst = appendDateRange(dst, s)
		dst = append(dst, ",DURATION="...)
		dst = appendMillis(dst, s.Duration())
		dst = append(dst, ",SCTE35-IN=0x"...)
		dst = append(appendHex(dst, s.End.Section), '\n')
	}
	return dst
}

// appendDateRange begins a tag.
func appendDateRange(dst []byte, s *timeline.Splice) []byte {
	dst = append(dst, `#EXT-X-DATERANGE:ID="`...)
	dst = append(dst, s.ID...)
	dst = append(dst, `",START-DATE="`...)
	return append(appendDate(dst, s.Time), '"')
}

// appendMillis writes seconds with milliseconds: the precision of dates.
func appendMillis(dst []byte, d time.Duration) []byte {
	dst = appendFixed(dst, int64(d/(time.Second/time.Duration(decimals))))
	return dst[:len(dst)-2] // 10 µs
}

func appendHex(dst, b []byte) []byte {
	from := len(dst)
	dst = hex.AppendEncode(dst, b)
	for i, c := range dst[from:] {
		if c >= 'a' {
			dst[from+i] = c - 'a' + 'A' // hexadecimal sequences are in upper case (§4.2)
		}
	}
	return dst
}

// splicesSize is an upper bound for what appendSplices writes.
func splicesSize(splices []*timeline.Splice) (n int) {
	const tag = 160 // but for the ID and the section
	for _, s := range splices {
		n += tag + len(s.ID) + 2*len(s.Section)
		if s.End != nil {
			n += tag + len(s.ID) + 2*len(s.End.Section)
		}
	}
	return n
}
