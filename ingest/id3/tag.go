package id3

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed says that bytes are no tag of the form that is written here.
var ErrMalformed = errors.New("malformed ID3")

const (
	header = 10 // of a tag, and of a frame
	utf8   = 3  // the encoding of text
)

// AppendText appends a tag of one TXXX frame. Neither text may be other than UTF-8
// or hold a zero byte: what is so ends there, or is replaced.
func AppendText(dst []byte, description, value string) []byte {
	description, value = plain(description), plain(value)
	dst = appendHeaders(dst, "TXXX", 1+len(description)+1+len(value))
	dst = append(dst, utf8)
	dst = append(append(dst, description...), 0)
	return append(dst, value...)
}

// AppendPrivate appends a tag of one PRIV frame.
func AppendPrivate(dst []byte, owner string, data []byte) []byte {
	owner = plain(owner)
	dst = appendHeaders(dst, "PRIV", len(owner)+1+len(data))
	dst = append(append(dst, owner...), 0)
	return append(dst, data...)
}

// plain makes a string what a frame may hold.
func plain(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.ToValidUTF8(s, "\uFFFD")
}

// appendHeaders appends the headers of a tag and its only frame.
func appendHeaders(dst []byte, frame string, size int) []byte {
	dst = append(dst, "ID3\x04\x00\x00"...)
	dst = appendSize(dst, header+size)
	dst = append(dst, frame...)
	dst = appendSize(dst, size)
	return append(dst, 0, 0)
}

// appendSize writes 28 bits, seven to a byte.
func appendSize(dst []byte, n int) []byte {
	return append(dst, byte(n>>21)&0x7F, byte(n>>14)&0x7F, byte(n>>7)&0x7F, byte(n)&0x7F)
}

func size(b []byte) (int, bool) {
	if (b[0]|b[1]|b[2]|b[3])&0x80 != 0 {
		return 0, false
	}
	return int(b[0])<<21 | int(b[1])<<14 | int(b[2])<<7 | int(b[3]), true
}

// Frame is what a TXXX or PRIV frame holds.
type Frame struct {
	ID    string // TXXX or PRIV
	Name  string // description or owner
	Value []byte // text, or bytes
}

// Parse reads a tag that was written here.
func Parse(b []byte) (f Frame, err error) {
	if len(b) < 2*header || string(b[:6]) != "ID3\x04\x00\x00" {
		return f, fmt.Errorf("%d bytes: %w", len(b), ErrMalformed)
	}
	whole, ok := size(b[6:])
	inner, fits := size(b[14:])
	if !ok || !fits || whole != len(b)-header || inner != len(b)-2*header || b[18] != 0 || b[19] != 0 {
		return f, fmt.Errorf("sizes of %d bytes: %w", len(b), ErrMalformed)
	}
	f.ID = string(b[10:14])
	body := b[2*header:]
	switch f.ID {
	case "TXXX":
		if len(body) == 0 || body[0] != utf8 {
			return f, fmt.Errorf("text that isn't UTF-8: %w", ErrMalformed)
		}
		body = body[1:]
	case "PRIV":
	default:
		return f, fmt.Errorf("frame %q: %w", f.ID, ErrMalformed)
	}
	name, value, ok := bytes.Cut(body, []byte{0})
	if !ok {
		return f, fmt.Errorf("%s without a name: %w", f.ID, ErrMalformed)
	}
	f.Name, f.Value = string(name), value
	return f, nil
}
