package certificates

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// maxNames bounds each list of a leaf: a host with thousands of container
// addresses still gets a certificate that fits a handshake.
const maxNames = 64

// Names are what a certificate is for. Both lists are sorted and hold nothing twice.
type Names struct {
	DNS []string
	IPs []netip.Addr
}

// Machine returns the names under which this machine is reached: localhost, the
// host's name (with .local for mDNS where it has no domain), and the addresses
// of its interfaces. Link-local IPv6 is left out, since a URL can't name the zone.
func Machine() Names {
	n := Names{
		DNS: []string{"localhost"},
		IPs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()},
	}
	if host, err := os.Hostname(); err == nil {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if validHost(host) {
			n.DNS = append(n.DNS, host)
			if !strings.Contains(host, ".") && host != "localhost" {
				n.DNS = append(n.DNS, host+".local")
			}
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		addrs = nil // no list of interfaces: loopback and the host's name remain
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			ip := p.Addr().Unmap()
			if !(ip.Is6() && ip.IsLinkLocalUnicast()) && !ip.IsMulticast() && !ip.IsUnspecified() {
				n.IPs = append(n.IPs, ip)
			}
		}
	}
	return n.normalize()
}

// normalize sorts and bounds the lists; loopback stays when others are cut.
func (n Names) normalize() Names {
	slices.Sort(n.DNS)
	slices.SortFunc(n.IPs, func(a, b netip.Addr) int {
		if a.IsLoopback() != b.IsLoopback() {
			if a.IsLoopback() {
				return -1
			}
			return 1
		}
		return a.Compare(b)
	})
	n.DNS, n.IPs = slices.Compact(n.DNS), slices.Compact(n.IPs)
	n.DNS = n.DNS[:min(len(n.DNS), maxNames)]
	n.IPs = n.IPs[:min(len(n.IPs), maxNames)]
	return n
}

// validHost reports whether s may stand in a certificate as a DNS name.
func validHost(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

// permitted splits n into what the CA's name constraints let it sign and what not.
func permitted(ca *x509.Certificate, n Names) (ok, refused Names) {
	for _, d := range n.DNS {
		if len(ca.PermittedDNSDomains) == 0 || slices.ContainsFunc(ca.PermittedDNSDomains, func(p string) bool {
			return d == p || strings.HasSuffix(d, "."+p)
		}) {
			ok.DNS = append(ok.DNS, d)
		} else {
			refused.DNS = append(refused.DNS, d)
		}
	}
	for _, ip := range n.IPs {
		if len(ca.PermittedIPRanges) == 0 || slices.ContainsFunc(ca.PermittedIPRanges, func(r *net.IPNet) bool {
			return r.Contains(ip.AsSlice())
		}) {
			ok.IPs = append(ok.IPs, ip)
		} else {
			refused.IPs = append(refused.IPs, ip)
		}
	}
	return ok, refused
}

// covers reports whether the leaf is valid for every name of n.
func covers(leaf *x509.Certificate, n Names) bool {
	for _, d := range n.DNS {
		if !slices.Contains(leaf.DNSNames, d) {
			return false
		}
	}
	for _, ip := range n.IPs {
		if !slices.ContainsFunc(leaf.IPAddresses, func(have net.IP) bool { return have.Equal(ip.AsSlice()) }) {
			return false
		}
	}
	return true
}

// Strings lists the names as text.
func (n Names) Strings() []string {
	s := slices.Clone(n.DNS)
	for _, ip := range n.IPs {
		s = append(s, ip.String())
	}
	return s
}

// Remote lists the names under which other machines reach this one: those that
// aren't of the loopback.
func (n Names) Remote() []string {
	s := slices.DeleteFunc(slices.Clone(n.DNS), func(d string) bool { return d == "localhost" })
	for _, ip := range n.IPs {
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			s = append(s, ip.String())
		}
	}
	return s
}
