package trust

import (
	"context"
	"errors"
)

// keychain is macOS's System keychain. Browsers use it. OBS does not: it reads
// Apple's own roots only (SystemRootCertificates.keychain), which nobody can add to.
type keychain struct{}

const systemKeychain = "/Library/Keychains/System.keychain"

var errNotAdmin = errors.New("this needs an administrator")

func (keychain) name() string { return "the System keychain" }

func (keychain) install(ctx context.Context, m machine, ca CA) outcome {
	o := asAdmin(ctx, m, []string{"security", "add-trusted-cert", "-d", "-r", "trustRoot", "-p", "ssl", "-k", systemKeychain, ca.File})
	if o.err == nil {
		o.did = "added it to " + systemKeychain + " for browsers; OBS on macOS takes Apple's built-in roots only, " +
			"so publish to rtmp://127.0.0.1:1935/live there, or use a public certificate (--tls-cert)"
	}
	return o
}

func (keychain) remove(ctx context.Context, m machine, ca CA) outcome {
	o := asAdmin(ctx, m, []string{"security", "delete-certificate", "-t", "-Z", ca.sum, systemKeychain})
	if o.err == nil {
		o.did = "removed it from " + systemKeychain
	}
	return o
}

func asAdmin(ctx context.Context, m machine, argv []string) outcome {
	by := []string{sudo(argv...)}
	if !m.admin {
		return outcome{by: by, err: errNotAdmin}
	}
	if err := m.run(ctx, argv...); err != nil {
		return outcome{by: by, err: err}
	}
	return outcome{}
}

// rootStore is the root store of the Windows user: OBS and browsers read it, and
// no administrator is needed, but Windows asks for a confirmation in a window.
type rootStore struct{}

func (rootStore) name() string { return "the Windows root store" }

func (rootStore) install(ctx context.Context, m machine, ca CA) outcome {
	if err := m.run(ctx, "certutil", "-user", "-addstore", "Root", ca.File); err != nil {
		return outcome{by: []string{`certutil -addstore -f Root "` + ca.File + `"   (in a terminal run as administrator)`}, err: err}
	}
	return outcome{did: "added it as " + ca.Name + " for this user"}
}

func (rootStore) remove(ctx context.Context, m machine, ca CA) outcome {
	if err := m.run(ctx, "certutil", "-user", "-delstore", "Root", ca.sum); err != nil {
		return outcome{by: []string{"certutil -delstore Root " + ca.sum + "   (in a terminal run as administrator)"}, err: err}
	}
	return outcome{did: "removed it for this user"}
}
