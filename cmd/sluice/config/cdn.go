package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxCDNs   = 32
	maxWeight = 1000 // web.MaxWeight
)

// CDN is a host that serves what the gateway does, and its share of the viewers.
type CDN struct {
	Name, Host string
	Weight     uint
}

// cdnName is what a pathway may be called (RFC 8216bis §4.4.6.2), without the dot, which is
// what needs no CDN.
var cdnName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)

// cdnHost is a host's name, or an address of IPv4: players put it into URLs as it is.
var cdnHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// cdns reads a list of NAME=HOST and NAME=HOST=WEIGHT.
func cdns(to *[]CDN, v string) error {
	var all []CDN
	for _, item := range items(v) {
		name, host, ok := strings.Cut(item, "=")
		host, share, weighed := strings.Cut(host, "=")
		c := CDN{Name: name, Host: strings.ToLower(host), Weight: 1}
		switch {
		case !ok || !cdnName.MatchString(name):
			return fmt.Errorf("%.80q: want NAME=HOST, as in east=cdn-a.example; a name has letters, digits, -, _ and .", item)
		case !cdnHost.MatchString(host):
			return fmt.Errorf("%.80q: %.80q is not the name of a host: it's without scheme and path, which are the gateway's own, and without a port, which is the scheme's", item, host)
		}
		if weighed {
			n, err := strconv.ParseUint(share, 10, 32)
			if err != nil || n > maxWeight {
				return fmt.Errorf("%.80q: the weight is a whole number up to %d", item, maxWeight)
			}
			c.Weight = uint(n)
		}
		for _, other := range all {
			if other.Name == c.Name {
				return fmt.Errorf("%.80q: there is a CDN of that name already", item)
			}
		}
		all = append(all, c)
	}
	if len(all) > maxCDNs {
		return fmt.Errorf("more than %d CDNs", maxCDNs)
	}
	*to = all
	return nil
}

// publicURL reads a URL that paths are put behind.
func publicURL(to *string, v string) error {
	if strings.ContainsAny(v, "?\"<> ") {
		return fmt.Errorf("%.80q: want https://HOST, with a path at most", v)
	}
	return webURL(to, v)
}
