package cmcd

// end is what a cursor stands on behind the last byte.
const end = -1

// cursor reads a text byte by byte, and undoes the percent-encoding of a query.
type cursor struct {
	text    string
	at      int // the next one to read
	escaped bool
	now     int // the byte that it stands on, or end
	err     error
}

// step goes to the next byte.
func (c *cursor) step() {
	if c.err != nil || c.at >= len(c.text) {
		c.now = end
		return
	}
	b := c.text[c.at]
	c.at++
	switch {
	case c.escaped && b == '+':
		b = ' '
	case c.escaped && b == '%':
		if c.at+2 > len(c.text) {
			c.fail(errEscape)
			return
		}
		high, low := hexDigit(c.text[c.at]), hexDigit(c.text[c.at+1])
		if high > 15 || low > 15 {
			c.fail(errEscape)
			return
		}
		b = high<<4 | low
		c.at += 2
	}
	c.now = int(b)
}

// fail ends the reading; the first error stays.
func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.now = end
}

// hexDigit returns a hexadecimal digit's value, or more than 15.
func hexDigit(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10
	}
	return 16
}

// takes steps over b, if it stands on it.
func (c *cursor) takes(b byte) bool {
	if c.now != int(b) {
		return false
	}
	c.step()
	return true
}

// spaces steps over optional whitespace.
func (c *cursor) spaces() {
	for c.now == ' ' || c.now == '\t' {
		c.step()
	}
}

// members reads all of a text into r.
func (c *cursor) members(r *Report) error {
	c.spaces()
	for n := 0; c.now != end; n++ {
		if n == maxMembers {
			c.fail(errTooMany)
			break
		}
		var name [maxKey]byte
		key := name[:c.key(&name)]
		v := value{kind: boolean, yes: true} // of a key alone
		if c.takes('=') {
			c.value(&v)
		}
		c.params()
		c.spaces()
		if c.now != end {
			comma := c.takes(',')
			if c.spaces(); !comma || c.now == end {
				c.fail(errComma)
			}
		}
		if c.err == nil {
			r.take(key, &v)
		}
	}
	return c.err
}

// key reads a key into name and returns its length. Custom ones have capitals and dots.
func (c *cursor) key(name *[maxKey]byte) (n int) {
	for ; isWord(c.now) || c.now == '-' || c.now == '_' || c.now == '.' || c.now == '*'; c.step() {
		if n == maxKey {
			c.fail(errKey)
			return 0
		}
		name[n] = byte(c.now)
		n++
	}
	if n == 0 {
		c.fail(errKey)
	}
	return n
}

// params steps over a value's parameters, which only version 2 has.
func (c *cursor) params() {
	for c.takes(';') {
		c.spaces()
		var name [maxKey]byte
		c.key(&name)
		if c.takes('=') {
			var v value
			c.item(&v)
		}
	}
}

func isDigit(b int) bool { return '0' <= b && b <= '9' }
func isAlpha(b int) bool { return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' }
func isWord(b int) bool  { return isDigit(b) || isAlpha(b) }
