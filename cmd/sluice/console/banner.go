package console

import (
	"fmt"
	"io"
	"net"
	"strings"

	"sluice/storage/catalog"
)

// maxListed bounds the streams that a start lists.
const maxListed = 4

// Banner is what a start tells people. Addresses are those the listeners have;
// an empty one is off.
type Banner struct {
	Version string
	Data    string

	RTMPS, RTMP, HTTP, HTTPS string

	Streams []string
	// Key is that of the stream "live" where a first start made it and its note,
	// KeyFile, is still there; else the zero Key.
	Key     catalog.Key
	KeyFile string
	Names   []string // under which other machines reach this one

	// LocalCA says that the certificate is the local CA's, and Trusted that this
	// machine trusts that; TrustBy is the command that makes it.
	LocalCA, Trusted bool
	TrustBy          string
}

// Print writes the banner. It's the only place that shows the key.
func (b Banner) Print(w io.Writer) error {
	var s strings.Builder
	line := func(name, value string) { fmt.Fprintf(&s, "    %-12s%s\n", name, value) }
	fmt.Fprintf(&s, "\n  Sluice %s, data in %s\n", b.Version, b.Data)

	s.WriteString("\n  Publish (OBS: Settings, Stream, Service: Custom)\n")
	if b.RTMPS != "" {
		line("Server", url("rtmps", b.RTMPS, "/live"))
	}
	if b.RTMP != "" {
		note := ""
		if loopback(b.RTMP) {
			note = "   (from this machine only, without TLS)"
		}
		line(map[bool]string{true: "or", false: "Server"}[b.RTMPS != ""], url("rtmp", b.RTMP, "/live")+note)
	}
	switch {
	case !b.Key.IsZero():
		line("Stream key", b.Key.Reveal()+"   (also in "+b.KeyFile+"; delete that file once noted)")
	case len(b.Streams) > 0:
		line("Stream key", "the one of the stream; keys aren't kept in readable form")
	}

	s.WriteString("\n  Watch\n")
	for _, name := range b.Streams[:min(len(b.Streams), maxListed)] {
		line("Player", b.site("/watch/"+name))
		line("HLS", b.site("/live/"+name+"/index.m3u8"))
		line("DASH", b.site("/live/"+name+"/manifest.mpd"))
	}
	if more := len(b.Streams) - maxListed; more > 0 {
		fmt.Fprintf(&s, "    and %d streams more\n", more)
	}
	if b.HTTP != "" && b.HTTPS != "" && len(b.Streams) > 0 {
		line("With TLS", url("https", b.HTTPS, "/watch/"+b.Streams[0]))
	}
	if len(b.Names) > 0 && (wide(b.HTTP) || wide(b.HTTPS) || wide(b.RTMPS)) {
		fmt.Fprintf(&s, "    From other machines, with one of these in the place of localhost: %s\n", strings.Join(b.Names, ", "))
	}
	if b.LocalCA && (b.RTMPS != "" || b.HTTPS != "") {
		s.WriteString("\n")
		if b.Trusted {
			s.WriteString("  This machine trusts the gateway's certificate.")
		} else {
			s.WriteString("  OBS and browsers don't trust the gateway's certificate yet: run  " + b.TrustBy)
		}
		fmt.Fprintf(&s, "\n  On other machines install the CA from %s\n", b.site("/ca.crt"))
	}
	s.WriteString("\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// site is a viewers' URL: over HTTP where that's on, since it needs no trust.
func (b Banner) site(path string) string {
	if b.HTTP != "" {
		return url("http", b.HTTP, path)
	}
	return url("https", b.HTTPS, path)
}

// url names an address as somebody on this machine would type it: localhost
// where it listens there, also for 127.0.0.1, since OBS 29 can't check a
// certificate for an IP address.
func url(scheme, addr, path string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return scheme + "://" + addr + path
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
		if scheme == "rtmp" && ip != nil && ip.IsLoopback() {
			host = ip.String() // localhost may be ::1 first, where nobody listens
		}
	}
	if port == map[string]string{"http": "80", "https": "443"}[scheme] {
		return scheme + "://" + bracket(host) + path
	}
	return scheme + "://" + net.JoinHostPort(host, port) + path
}

func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr) // an empty host isn't
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// wide reports whether an address is reachable from everywhere.
func wide(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "" || ip != nil && ip.IsUnspecified())
}
