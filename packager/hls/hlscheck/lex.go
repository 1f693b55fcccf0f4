package hlscheck

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// findings collects the violations of one playlist.
type findings struct {
	url   string
	at    time.Time
	list  []Violation
	count map[*Rule]int
}

func (f *findings) add(r *Rule, line int, format string, args ...any) {
	if f.count == nil {
		f.count = map[*Rule]int{}
	}
	if f.count[r]++; f.count[r] > maxRepeat {
		return
	}
	f.list = append(f.list, Violation{Rule: r, URL: f.url, At: f.at, Line: line, Detail: fmt.Sprintf(format, args...)})
}

// line is a tag or a URI.
type line struct {
	number int
	spec   *tagSpec // nil for a URI
	name   string   // of the tag
	value  string   // of the tag, or the URI
	attrs  attributes
}

// attributes are those of one tag, by name, without their quotes.
type attributes map[string]attribute

type attribute struct {
	value  string
	quoted bool
}

func (a attributes) has(name string) bool { _, ok := a[name]; return ok }
func (a attributes) text(name string) string {
	return a[name].value
}
func (a attributes) yes(name string) bool { return a[name].value == "YES" }

func (a attributes) number(name string) uint64 {
	n, _ := strconv.ParseUint(a[name].value, 10, 64)
	return n
}

func (a attributes) seconds(name string) time.Duration {
	d, _ := parseSeconds(a[name].value)
	return d
}

// lex splits a playlist into its lines and checks each by itself.
func lex(body []byte, f *findings) []line {
	text := string(body)
	checkEncoding(text, f)
	var lines []line
	for i, raw := range strings.Split(text, "\n") {
		number := i + 1
		raw = strings.TrimSuffix(raw, "\r")
		if strings.TrimSpace(raw) != raw {
			f.add(docEncoding, number, "whitespace around %.40q", raw)
			raw = strings.TrimSpace(raw)
		}
		if number == 1 && raw != "#EXTM3U" {
			f.add(docHeader, 1, "%.40q", raw)
		}
		switch {
		case raw == "" || strings.HasPrefix(raw, "#") && !strings.HasPrefix(raw, "#EXT"):
		case raw[0] == '#':
			if l, ok := lexTag(raw, number, f); ok {
				lines = append(lines, l)
			}
		default:
			checkURI(raw, number, f)
			lines = append(lines, line{number: number, value: raw})
		}
	}
	return lines
}

func checkEncoding(text string, f *findings) {
	if strings.HasPrefix(text, "\ufeff") {
		f.add(docEncoding, 1, "byte order mark")
	}
	number := 1
	for i, r := range text {
		switch {
		case r == '\n':
			number++
		case r == '\r':
			if i+1 >= len(text) || text[i+1] != '\n' {
				f.add(docEncoding, number, "carriage return without line feed")
			}
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				f.add(docEncoding, number, "not UTF-8")
			}
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			f.add(docEncoding, number, "control character %U", r)
		}
	}
}

func lexTag(raw string, number int, f *findings) (line, bool) {
	name, value, hasValue := strings.Cut(raw[1:], ":")
	spec := tagSpecs[name]
	if spec == nil {
		f.add(tagUnknown, number, "#%.40s", name)
		return line{}, false
	}
	l := line{number: number, spec: spec, name: name, value: value}
	if hasValue != (spec.form != formNone) {
		f.add(tagValue, number, "#%s with value %.40q", name, value)
		return l, true
	}
	switch spec.form {
	case formAttributes:
		l.attrs = lexAttributes(value, number, f)
		checkAttributes(l, f)
	default:
		if err := spec.form.check(value); err != nil {
			f.add(tagValue, number, "#%s: %v", name, err)
		}
	}
	return l, true
}

// lexAttributes reads an attribute list (§4.2). It stops at the first error.
func lexAttributes(s string, number int, f *findings) attributes {
	attrs := attributes{}
	for {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || !isName(name) {
			f.add(attrGrammar, number, "no attribute name in %.40q", s)
			return attrs
		}
		var a attribute
		if strings.HasPrefix(rest, `"`) {
			value, after, closed := strings.Cut(rest[1:], `"`)
			if !closed {
				f.add(attrGrammar, number, "%s: no closing quote", name)
				return attrs
			}
			a, rest = attribute{value, true}, after
		} else {
			end := strings.IndexByte(rest, ',')
			if end < 0 {
				end = len(rest)
			}
			a, rest = attribute{value: rest[:end]}, rest[end:]
			if a.value == "" || strings.ContainsAny(a.value, " \t\"") {
				f.add(attrGrammar, number, "%s=%.40q", name, a.value)
			}
		}
		if attrs.has(name) {
			f.add(attrTwice, number, "%s", name)
		}
		attrs[name] = a
		if rest == "" {
			return attrs
		}
		if rest[0] != ',' {
			f.add(attrGrammar, number, "%.40q after %s", rest, name)
			return attrs
		}
		s = rest[1:]
	}
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

var errNumber = errors.New("not a decimal number")

// parseSeconds reads a non-negative decimal number of seconds exactly, to the
// nanosecond.
func parseSeconds(s string) (time.Duration, error) {
	whole, fraction, point := strings.Cut(s, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return 0, fmt.Errorf("%w: %.40q", errNumber, s)
	}
	seconds, err := strconv.ParseInt(whole, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q", errNumber, s)
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q", errNumber, s)
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanos), nil
}
