package cmcd

import "strings"

// kind is the type of a value.
type kind byte

const (
	other   kind = iota // one that no key of ours has: a negative number, an empty list
	boolean             // of true, a player writes the key alone
	number
	token
	quoted
)

// value is a member's.
type value struct {
	kind kind
	yes  bool
	n    uint64 // what stands before the point
	// text is the beginning of a token or string of length bytes.
	text   [maxSession]byte
	length int
}

// value reads an item, or a list of items, of which it takes the first.
func (c *cursor) value(v *value) {
	if !c.takes('(') {
		c.item(v)
		return
	}
	*v = value{}
	for n := 0; ; n++ {
		c.spaces()
		switch {
		case c.takes(')'):
			return
		case n == 0:
			c.item(v)
		default:
			var next value
			c.item(&next)
		}
		c.params()
		if c.now != ' ' && c.now != ')' {
			c.fail(errValue)
			return
		}
	}
}

// item reads one value (RFC 8941 §3.3, and the date of RFC 9651 §3.3.7).
func (c *cursor) item(v *value) {
	*v = value{}
	switch {
	case c.takes('"'):
		c.quoted(v)
	case c.takes('?'):
		v.kind, v.yes = boolean, c.now == '1'
		if c.now != '0' && c.now != '1' {
			c.fail(errValue)
		}
		c.step()
	case c.takes('@'):
		c.number(v)
		v.kind = other
	case c.now == '-' || isDigit(c.now):
		c.number(v)
	case c.now == '*' || isAlpha(c.now):
		v.kind = token
		for ; isWord(c.now) || c.now > ' ' && strings.IndexByte("!#$%&'*+-.^_`|~:/", byte(c.now)) >= 0; c.step() {
			v.add(c.now)
		}
	default:
		c.fail(errValue)
	}
}

// number reads a number, of which it takes the whole part.
func (c *cursor) number(v *value) {
	v.kind = number
	if c.takes('-') {
		v.kind = other
	}
	v.n = c.digits()
	if c.takes('.') {
		c.digits()
	}
}

func (c *cursor) digits() (value uint64) {
	n := 0
	for ; isDigit(c.now); c.step() {
		value = 10*value + uint64(c.now-'0')
		if n++; n > maxDigits {
			break
		}
	}
	if n == 0 || n > maxDigits {
		c.fail(errValue)
	}
	return value
}

// quoted reads a string behind its first quotation mark. It may have what isn't ASCII,
// which players leave in a content's id.
func (c *cursor) quoted(v *value) {
	v.kind = quoted
	for {
		switch {
		case c.now < ' ' || c.now == 0x7f: // its end is lacking, too
			c.fail(errValue)
			return
		case c.takes('"'):
			return
		case c.takes('\\'):
			if c.now != '"' && c.now != '\\' {
				c.fail(errValue)
				return
			}
		}
		v.add(c.now)
		c.step()
	}
}

func (v *value) add(b int) {
	if v.length < len(v.text) {
		v.text[v.length] = byte(b)
	}
	v.length++
}
