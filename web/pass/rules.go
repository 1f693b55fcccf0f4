package pass

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Words of the lists.
const (
	Any  = "*"    // of both: whoever asks
	None = "none" // of Referers: who names no page, as players that are no browsers
)

// Rules say who may watch a stream. The zero value lets everybody.
type Rules struct {
	Signed bool // a token is needed
	// Origins are those whose pages may read the stream, as ValidateOrigin has them; any
	// if empty.
	Origins []string
	// Referers are the hosts whose pages may show the stream, as ValidateReferer has them;
	// any if empty.
	Referers []string
}

// Open reports whether nobody is refused anything.
func (r Rules) Open() bool { return !r.Signed && !r.anyOneOrigin() && r.anyReferer() }

func (r Rules) anyOneOrigin() bool { return len(r.Origins) > 0 && !slices.Contains(r.Origins, Any) }

func (r Rules) anyReferer() bool { return len(r.Referers) == 0 || slices.Contains(r.Referers, Any) }

// ValidateOrigin returns what is wrong with an entry of Origins: scheme, host and port as
// browsers write them, where the host may begin with "*." for all below it; or "*".
func ValidateOrigin(s string) error {
	if s == Any {
		return nil
	}
	scheme, host, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" || validHost(host) != nil {
		return fmt.Errorf("%.80q is no origin: want https://HOST, https://*.HOST or *", s)
	}
	return nil
}

// ValidateReferer returns what is wrong with an entry of Referers: a host, in which "*." in
// front stands for all below it, with a port where only that is meant; "none", or "*".
func ValidateReferer(s string) error {
	if s == Any || s == None {
		return nil
	}
	if err := validHost(s); err != nil {
		return fmt.Errorf("%.80q is no host: want HOST, *.HOST, none or *", s)
	}
	return nil
}

var errHost = errors.New("no host")

func validHost(s string) error {
	host := strings.TrimPrefix(s, "*.")
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || host != strings.ToLower(host) || strings.HasSuffix(host, ":") {
		return errHost
	}
	for _, c := range []byte(u.Hostname()) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '.' && c != '_' && c != ':' { // the last: of IPv6
			return errHost
		}
	}
	if strings.Contains(u.Hostname(), ":") {
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			return errHost
		}
	}
	return nil
}

// One returns the only origin that may read the stream, which can be told to everybody
// alike, or nothing.
func (r Rules) One() string {
	if len(r.Origins) != 1 || strings.Contains(r.Origins[0], Any) {
		return ""
	}
	return r.Origins[0]
}

// AnyOrigin reports whether pages of all origins may read the stream.
func (r Rules) AnyOrigin() bool { return !r.anyOneOrigin() }

// AllowsOrigin reports whether pages of an origin may read the stream.
func (r Rules) AllowsOrigin(origin string) bool {
	if r.AnyOrigin() {
		return true
	}
	scheme, host, _ := strings.Cut(origin, "://")
	return slices.ContainsFunc(r.Origins, func(entry string) bool {
		s, h, _ := strings.Cut(entry, "://")
		return s == scheme && matches(h, host)
	})
}

// AllowsReferer reports whether the page that a request names, in a header of that value,
// may show the stream. Pages of the host that was asked may always.
func (r Rules) AllowsReferer(referer, host string) bool {
	if r.anyReferer() {
		return true
	}
	if referer == "" {
		return slices.Contains(r.Referers, None)
	}
	u, err := url.Parse(referer)
	if err != nil || u.Host == "" {
		return false
	}
	from := strings.ToLower(u.Host)
	bare := strings.TrimSuffix(from, ":"+u.Port())
	return from == strings.ToLower(host) || slices.ContainsFunc(r.Referers, func(entry string) bool {
		return entry != None && (matches(entry, from) || !hasPort(entry) && matches(entry, bare))
	})
}

func hasPort(entry string) bool {
	return strings.LastIndexByte(entry, ':') > strings.LastIndexByte(entry, ']')
}

// matches reports whether a host is an entry's, or below it.
func matches(entry, host string) bool {
	below, wild := strings.CutPrefix(entry, Any)
	if !wild {
		return entry == host
	}
	return len(host) > len(below) && strings.HasSuffix(host, below)
}

// Ancestors are the pages that may have the player in a frame, as the directive
// frame-ancestors of a Content-Security-Policy names them.
func (r Rules) Ancestors() string {
	if r.anyReferer() {
		return Any
	}
	all := []string{"'self'"}
	for _, entry := range r.Referers {
		if entry == None {
			continue
		}
		if !hasPort(entry) {
			entry += ":*" // without it, the scheme's own port alone
		}
		all = append(all, entry)
	}
	return strings.Join(all, " ")
}
