package gateway

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/storage/catalog"
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

// clientRules are the streams that certificates open.
type clientRules struct {
	byName map[string][]string // names of streams, by name in a certificate
	strict map[string]bool     // streams that need a certificate
	keyed  map[string]bool     // of those, the ones that need a key as well
}

func newClientRules(streams []config.Stream) clientRules {
	r := clientRules{byName: map[string][]string{}, strict: map[string]bool{}, keyed: map[string]bool{}}
	for _, s := range streams {
		if len(s.Clients) == 0 {
			continue
		}
		r.strict[s.Name] = true
		r.keyed[s.Name] = !s.Key.IsZero()
		for _, name := range s.Clients {
			r.byName[name] = append(r.byName[name], s.Name)
		}
	}
	return r
}

// opens reports whether a certificate opens the stream, among others.
func (r clientRules) opens(stream string, p ingest.Peer) bool {
	return slices.ContainsFunc(p.Names, func(name string) bool { return slices.Contains(r.byName[name], stream) })
}

// stream returns the stream that a publisher's certificate opens without a key:
// the one that it names where a key would stand or, naming none, the only one.
func (r clientRules) stream(p ingest.Publish) (string, bool) {
	var open []string
	for _, name := range p.Peer.Names {
		for _, s := range r.byName[name] {
			if !r.keyed[s] && !slices.Contains(open, s) {
				open = append(open, s)
			}
		}
	}
	if wish := string(p.Key); wish != "" {
		return wish, slices.Contains(open, wish)
	}
	if len(open) == 1 {
		return open[0], true
	}
	return "", false
}

// find returns a stream of the store by name.
func find(ctx context.Context, store catalog.Store, name string) (catalog.Stream, error) {
	streams, err := store.Streams(ctx)
	if err != nil {
		return catalog.Stream{}, err
	}
	for _, s := range streams {
		if s.Name == name {
			return s, nil
		}
	}
	return catalog.Stream{}, catalog.ErrNotFound
}
