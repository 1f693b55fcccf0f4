package objects

import (
	"fmt"
	"strings"
)

// Limits of keys: what file systems and buckets take, with room for a prefix.
const (
	MaxKey     = 512 // bytes
	MaxElement = 128
)

// Key names an object: elements of a-z, 0-9, - _ and dots, with a slash between two.
// No element is empty or begins with a dot. Upper case isn't allowed, since there are
// disks that don't tell it from lower case. No object's key is the beginning of
// another's up to a slash: what has a/b has no object a.
type Key string

// NewKey joins elements to a key. It isn't checked.
func NewKey(elements ...string) Key { return Key(strings.Join(elements, "/")) }

// Check returns an error that wraps ErrKey where k is none.
func (k Key) Check() error {
	if len(k) == 0 || len(k) > MaxKey {
		return fmt.Errorf("%w: %d bytes", ErrKey, len(k))
	}
	start := 0
	for i := 0; i <= len(k); i++ {
		if i < len(k) && k[i] != '/' {
			if !plain(k[i]) || i == start && k[i] == '.' {
				return fmt.Errorf("%w: %q", ErrKey, string(k))
			}
			continue
		}
		if i == start || i-start > MaxElement {
			return fmt.Errorf("%w: %q", ErrKey, string(k))
		}
		start = i + 1
	}
	return nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// Below reports whether the key lies below a prefix as List means it.
func (k Key) Below(prefix Key) bool {
	return prefix == "" || len(k) > len(prefix) && k[len(prefix)] == '/' && k[:len(prefix)] == prefix
}
