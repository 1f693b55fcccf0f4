package trust

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// nss is a database of the library that Chromium and Firefox verify with on
// Linux; they don't look into the system's store.
type nss struct {
	browser string
	dir     string
}

// chromiums are the programs that share ~/.pki/nssdb.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser"}

func (m machine) nssStores() []store {
	if m.home == "" {
		return nil
	}
	var stores []store
	shared := filepath.Join(m.home, ".pki", "nssdb")
	installed := slices.ContainsFunc(chromiums, func(p string) bool { _, err := m.look(p); return err == nil })
	if installed || exists(filepath.Join(shared, "cert9.db")) {
		stores = append(stores, nss{"Chromium", shared})
	}
	for browser, pattern := range map[string]string{
		"Chromium (snap)": "snap/chromium/current/.pki/nssdb/cert9.db",
		"Firefox":         ".mozilla/firefox/*/cert9.db",
		"Firefox (snap)":  "snap/firefox/common/.mozilla/firefox/*/cert9.db",
	} {
		found, _ := filepath.Glob(filepath.Join(m.home, pattern)) // the patterns are well-formed
		for _, db := range found {
			stores = append(stores, nss{browser, filepath.Dir(db)})
		}
	}
	slices.SortStableFunc(stores, func(a, b store) int { return cmp.Compare(a.name(), b.name()) })
	return stores
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (n nss) name() string { return n.browser + "'s certificates in " + n.dir }

var errNoCertutil = errors.New("certutil is missing")

// certutil returns the command, run as the person whose browser it is.
func (n nss) certutil(m machine, args ...string) ([]string, outcome) {
	path, err := m.look("certutil")
	if err != nil {
		return nil, outcome{by: []string{sudo("apt-get", "install", "libnss3-tools"), "and then sluice trust again"}, err: errNoCertutil}
	}
	argv := append([]string{path, "-d", "sql:" + n.dir}, args...)
	if m.sudoUser != "" {
		argv = append([]string{"sudo", "-u", m.sudoUser, "--"}, argv...)
	}
	return argv, outcome{}
}

func (n nss) install(ctx context.Context, m machine, ca CA) outcome {
	list, missing := n.certutil(m, "-L", "-n", ca.Name)
	if missing.err != nil {
		return missing
	}
	if !exists(filepath.Join(n.dir, "cert9.db")) {
		folder := []string{"mkdir", "-p", n.dir}
		if m.sudoUser != "" {
			folder = append([]string{"sudo", "-u", m.sudoUser, "--"}, folder...)
		}
		fresh, _ := n.certutil(m, "-N", "--empty-password")
		for _, argv := range [][]string{folder, fresh} {
			if err := m.run(ctx, argv...); err != nil {
				return outcome{by: []string{line(argv...)}, err: err}
			}
		}
	} else if m.run(ctx, list...) == nil {
		return outcome{did: "it was there already"}
	}
	// A copy: under sudo certutil runs as somebody who may not read the data folder.
	tmp, err := publicCopy(ca)
	if err != nil {
		return outcome{err: err}
	}
	defer os.Remove(tmp)
	argv, _ := n.certutil(m, "-A", "-t", "C,,", "-n", ca.Name, "-i", tmp)
	if err := m.run(ctx, argv...); err != nil {
		return outcome{by: []string{line(append(argv[:len(argv)-1:len(argv)-1], ca.File)...)}, err: err}
	}
	return outcome{did: "added it as " + ca.Name + " (restart the browser)"}
}

func (n nss) remove(ctx context.Context, m machine, ca CA) outcome {
	if !exists(filepath.Join(n.dir, "cert9.db")) {
		return outcome{did: "it wasn't there"}
	}
	list, missing := n.certutil(m, "-L", "-n", ca.Name)
	if missing.err != nil {
		return missing
	}
	if m.run(ctx, list...) != nil {
		return outcome{did: "it wasn't there"}
	}
	argv, _ := n.certutil(m, "-D", "-n", ca.Name)
	if err := m.run(ctx, argv...); err != nil {
		return outcome{by: []string{line(argv...)}, err: err}
	}
	return outcome{did: "removed it"}
}

// publicCopy writes the certificate where everyone can read it.
func publicCopy(ca CA) (string, error) {
	f, err := os.CreateTemp("", "sluice-ca-*.crt")
	if err != nil {
		return "", err
	}
	_, werr := f.Write(ca.PEM)
	if err := errors.Join(werr, f.Chmod(0o644), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
