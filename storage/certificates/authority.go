package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sluice/storage/durable"
)

const (
	caFile    = "ca.crt"
	caKeyFile = "ca.key"
	caLife    = 10 * 365 * 24 * time.Hour
	backdate  = 24 * time.Hour // for clients whose clocks are behind
)

// localDomains and localRanges bound what the CA can vouch for, beside the
// host's own name and public addresses: with its key stolen, it still can't
// pretend to be a bank. The names are those that no public CA serves: RFC 6761
// (localhost), RFC 6762 (local), RFC 8375 (home.arpa), ICANN's internal, and lan,
// which home routers use. The addresses are RFC 1918, 3927, 4193, 4291, 6598.
var (
	localDomains = []string{"localhost", "local", "lan", "internal", "home.arpa"}
	localRanges  = []string{
		"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
		"100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10",
	}
)

// authority is the CA of this installation.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// openAuthority reads the CA in the folder, or makes one where there's none. The
// folder appears as a whole: a crash, or another process that makes one at the
// same moment, can't leave a certificate without its key.
func openAuthority(dir string, n Names) (*authority, error) {
	a, err := readAuthority(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		if a, err := readAuthority(dir); !errors.Is(err, fs.ErrNotExist) {
			return a, err // another process has just made it
		}
		return nil, fmt.Errorf("%s lacks %s or %s: remove the folder to have a new CA made: %w", dir, caFile, caKeyFile, err)
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".tls-*")
	if err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := makeAuthority(tmp, n, time.Now()); err != nil {
		return nil, err
	}
	os.Remove(dir) // an empty one is in the way of the rename
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	if err := durable.SyncDir(parent); err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	return readAuthority(dir)
}

// makeAuthority writes a new CA into an empty folder.
func makeAuthority(dir string, n Names, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make CA: %w", err)
	}
	host := "this machine"
	if i := slices.IndexFunc(n.DNS, func(d string) bool { return d != "localhost" }); i >= 0 {
		host = n.DNS[i]
	}
	serial := newSerial()
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			// The number keeps two installations on one machine apart in a list of CAs.
			CommonName:   fmt.Sprintf("Sluice local CA, %s, %s", host, serial.Text(16)[:6]),
			Organization: []string{"Sluice"},
		},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		// RFC 5280 wants name constraints to be critical. They aren't here: mbedTLS
		// (OBS) refuses a CA with a critical extension that it doesn't know, and the
		// clients that know it honour it all the same.
		PermittedDNSDomainsCritical: false,
	}
	tmpl.PermittedDNSDomains, tmpl.PermittedIPRanges = constraints(n)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make CA: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make CA: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // ca.crt is for everyone; the keys are 0600
		return fmt.Errorf("make CA: %w", err)
	}
	return errors.Join(
		durable.WriteFile(filepath.Join(dir, caKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
		durable.WriteFile(filepath.Join(dir, caFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
	)
}

// constraints returns what a CA for these names may sign.
func constraints(n Names) ([]string, []*net.IPNet) {
	ca := &x509.Certificate{PermittedDNSDomains: slices.Clone(localDomains)}
	for _, r := range localRanges {
		_, ipnet, err := net.ParseCIDR(r)
		if err != nil {
			panic(err) // the table above is wrong
		}
		ca.PermittedIPRanges = append(ca.PermittedIPRanges, ipnet)
	}
	_, own := permitted(ca, n)
	ca.PermittedDNSDomains = append(ca.PermittedDNSDomains, own.DNS...)
	for _, ip := range own.IPs {
		ca.PermittedIPRanges = append(ca.PermittedIPRanges, ipNet(ip))
	}
	return ca.PermittedDNSDomains, ca.PermittedIPRanges
}

func ipNet(ip netip.Addr) *net.IPNet {
	return &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
}

func readAuthority(dir string) (*authority, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, caKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	pair, err := parsePair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read CA in %s: %w", dir, err)
	}
	if !pair.cert.IsCA {
		return nil, fmt.Errorf("read CA in %s: %s is no CA certificate", dir, caFile)
	}
	if time.Now().After(pair.cert.NotAfter) {
		return nil, fmt.Errorf("the CA in %s expired on %s: remove the folder to have a new one made, and trust that",
			dir, pair.cert.NotAfter.Format(time.DateOnly))
	}
	pair.pem = certPEM
	return pair, nil
}

// parsePair reads an ECDSA key and the certificate that belongs to it.
func parsePair(certPEM, keyPEM []byte) (*authority, error) {
	cb, _ := pem.Decode(certPEM)
	kb, _ := pem.Decode(keyPEM)
	if cb == nil || cb.Type != "CERTIFICATE" || kb == nil || kb.Type != "PRIVATE KEY" {
		return nil, errors.New("not the PEM of a certificate and a PKCS #8 key")
	}
	cert, err := x509.ParseCertificate(cb.Bytes)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(kb.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("the key isn't the certificate's")
	}
	return &authority{cert: cert, key: key}, nil
}

// newSerial returns a positive number of 126 random bits (RFC 5280 §4.1.2.2).
func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x3f | 0x40 // always the same length
	return new(big.Int).SetBytes(b)
}
