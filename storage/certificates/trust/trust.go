package trust

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CA is the certificate that is to be trusted.
type CA struct {
	File string // absolute
	Name string // its common name, under which stores list it
	PEM  []byte
	sum  string // SHA-1 of the certificate, by which stores find it
}

// ReadCA reads the CA's certificate from a PEM file.
func ReadCA(file string) (CA, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return CA{}, fmt.Errorf("read CA: %w", err)
	}
	text, err := os.ReadFile(abs)
	if err != nil {
		return CA{}, fmt.Errorf("read CA: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return CA{}, fmt.Errorf("read CA: %s holds no PEM", abs)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return CA{}, fmt.Errorf("read CA: %s: %w", abs, err)
	}
	sum := sha1.Sum(cert.Raw) // what the stores call a thumbprint; it protects nothing
	return CA{abs, cert.Subject.CommonName, text, hex.EncodeToString(sum[:])}, nil
}

// Result is what happened in one store.
type Result struct {
	Store string // for people: "Debian's certificates"
	Did   string // what was done, or why there was nothing to do; empty where it failed
	By    string // the command that does it by hand, where it couldn't be done here
	Err   error  // why not
}

// Install puts the CA into every store found on this machine.
func Install(ctx context.Context, ca CA) []Result { return here().each(ctx, ca, store.install) }

// Remove takes it out of them.
func Remove(ctx context.Context, ca CA) []Result { return here().each(ctx, ca, store.remove) }

// store is one place that holds trusted CAs.
type store interface {
	name() string
	install(context.Context, machine, CA) outcome
	remove(context.Context, machine, CA) outcome
}

type outcome struct {
	did string
	by  []string // alternatives to err, as shell lines
	err error
}

func (m machine) each(ctx context.Context, ca CA, do func(store, context.Context, machine, CA) outcome) []Result {
	var results []Result
	for _, s := range m.stores() {
		o := do(s, ctx, m, ca)
		results = append(results, Result{s.name(), o.did, strings.Join(o.by, "\n"), o.err})
	}
	return results
}

func (m machine) stores() []store {
	switch m.goos {
	case "darwin":
		return []store{keychain{}}
	case "windows":
		return []store{rootStore{}}
	default:
		return append(m.systemStores(), m.nssStores()...)
	}
}
