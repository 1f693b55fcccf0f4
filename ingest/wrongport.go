package ingest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Ports are the addresses that the gateway listens on, for those who came to the
// wrong one; empty where there is none, or none is known.
type Ports struct{ RTMPS, RTMP, HTTP, HTTPS string }

// Peers that speak a protocol which belongs to another port.
var (
	errPlainToTLS = errors.New("a plain RTMP client on the RTMPS port")
	errTLSToPlain = errors.New("a TLS client on the RTMP port")
	errHTTP       = errors.New("an HTTP client on a port for publishers")
)

// tlsAlert is a TLS record with a fatal handshake_failure (RFC 5246 §7.2): a client
// that gets it stops at once.
const tlsAlert = "\x15\x03\x01\x00\x02\x02\x28"

// wrong says who came to the wrong port, and what is to be changed.
func (p Ports) wrong(who error) error {
	say, want := "the encoder's server is to be", p.Publish()
	switch {
	case who == errHTTP:
		say, want = "viewers and the dashboard are at", urls(at("http", p.HTTP, "/"), at("https", p.HTTPS, "/"))
	case who == errTLSToPlain && p.RTMPS == "" && p.RTMP != "":
		say = "RTMPS is off; " + say
	}
	if len(want) == 0 {
		return who
	}
	return fmt.Errorf("%w: %s %s", who, say, strings.Join(want, " or "))
}

// Publish are the URLs that publishers may use, the better one first.
func (p Ports) Publish() []string {
	return urls(at("rtmps", p.RTMPS, "/"+ServedApp), at("rtmp", p.RTMP, "/"+ServedApp))
}

func urls(all ...string) []string {
	return slices.DeleteFunc(all, func(url string) bool { return url == "" })
}

// at is a URL at the address's port, on whatever name the client has for us; empty
// for no address.
func at(scheme, addr, path string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return scheme + "://HOST:" + port + path
}
