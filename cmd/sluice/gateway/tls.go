package gateway

import (
	"net"
	"path/filepath"
	"strings"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/admit"
	"sluice/storage/certificates"
)

// openCertificates reads or makes what the configuration names. The listeners are
// bound by then: a CA's challenges are answered there.
func (g *Gateway) openCertificates() (*certificates.Set, error) {
	t := g.config.TLS
	o := certificates.Options{Local: TLSDir(g.config), Log: g.log, Metrics: g.registry}
	for i, cert := range t.Certs {
		o.Pairs = append(o.Pairs, certificates.Pair{Cert: cert, Key: t.Keys[i]})
	}
	if len(t.Domains) > 0 {
		a := g.Addresses()
		o.ACME = &certificates.ACMEOptions{
			Domains: t.Domains, Email: t.ACME.Email, Directory: t.ACME.Directory, CAFile: t.ACME.CA,
			Folder: filepath.Join(g.config.Data, "acme"), HTTP: a.HTTP, TLS: a.HTTPS,
		}
		if a.HTTPS == "" {
			o.ACME.TLS = a.RTMPS
		}
		if !onPort(o.ACME.TLS, "443") && !onPort(o.ACME.HTTP, "80") {
			g.log.Info("the CA comes to port 443 or 80 of the domains: have one of them forwarded here",
				"names", t.Domains, "443", o.ACME.TLS, "80", o.ACME.HTTP)
		}
	}
	if t.Client.CA != "" {
		o.Clients = &certificates.ClientOptions{CA: t.Client.CA, CRL: t.Client.CRL, Required: t.Client.Required}
	}
	return certificates.Open(o)
}

func onPort(addr, port string) bool {
	_, p, err := net.SplitHostPort(addr)
	return err == nil && p == port
}

// LocalCA reports whether the certificate is of a CA of this installation, and
// whether this machine trusts that.
func (g *Gateway) LocalCA() (local, trusted bool) {
	l := g.certs.Local()
	local = l != nil && len(g.config.TLS.Domains) == 0
	return local, local && l.Trusted()
}

// publishAt says where publishers are to go.
func (g *Gateway) publishAt() string {
	return "the encoder's server is to be " + strings.Join(ingest.Ports(g.Addresses()).Publish(), " or ")
}

// clients are the streams that certificates open, alone or with a key.
func clients(streams []config.Stream) []admit.Client {
	var list []admit.Client
	for _, s := range streams {
		if len(s.Clients) > 0 {
			list = append(list, admit.Client{Stream: s.Name, Names: s.Clients, Keyed: len(s.Catalog().Keys) > 0})
		}
	}
	return list
}
