package trust

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/storage/durable"
)

// anchors is a folder whose certificates a command compiles into the system's list.
type anchors struct {
	system  string
	dir     string
	add     []string // the command after a file was added
	dropped []string // and after one was removed
}

// anchorKinds are the three layouts in use.
var anchorKinds = []anchors{
	{"Debian's certificates", "usr/local/share/ca-certificates", []string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"}},
	{"Fedora's certificates", "etc/pki/ca-trust/source/anchors", []string{"update-ca-trust", "extract"}, []string{"update-ca-trust", "extract"}},
	{"Arch's certificates", "etc/ca-certificates/trust-source/anchors", []string{"update-ca-trust"}, []string{"update-ca-trust"}},
}

func (m machine) systemStores() []store {
	for _, a := range anchorKinds {
		if _, err := m.look(a.add[0]); err != nil {
			continue
		}
		if info, err := os.Stat(filepath.Join(m.root, a.dir)); err == nil && info.IsDir() {
			return []store{a}
		}
	}
	return []store{noAnchors{}}
}

func (a anchors) name() string { return a.system }

// file is where the CA lies; two installations of Sluice don't share one.
func (a anchors) file(m machine, ca CA) string {
	return filepath.Join(m.root, a.dir, "sluice-"+ca.sum[:8]+".crt")
}

func (a anchors) install(ctx context.Context, m machine, ca CA) outcome {
	file := a.file(m, ca)
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, ca.PEM) {
		return outcome{did: "it was there already: " + file}
	}
	by := []string{sudo("install", "-m", "644", ca.File, file), sudo(a.add...)}
	if err := durable.WriteFile(file, ca.PEM, 0o644); err != nil {
		return outcome{by: by, err: err}
	}
	if err := m.run(ctx, a.argv(m, a.add)...); err != nil {
		return outcome{by: by[1:], err: err}
	}
	return outcome{did: "added " + file + " and ran " + line(a.add...)}
}

func (a anchors) remove(ctx context.Context, m machine, ca CA) outcome {
	file := a.file(m, ca)
	by := []string{sudo("rm", "-f", file), sudo(a.dropped...)}
	err := os.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return outcome{did: "it wasn't there"}
	}
	if err != nil {
		return outcome{by: by, err: err}
	}
	if err := m.run(ctx, a.argv(m, a.dropped)...); err != nil {
		return outcome{by: by[1:], err: err}
	}
	return outcome{did: "removed " + file + " and ran " + line(a.dropped...)}
}

// argv gives the command its full path.
func (a anchors) argv(m machine, command []string) []string {
	path, err := m.look(command[0])
	if err != nil {
		path = command[0] // run says that it's missing
	}
	return append([]string{path}, command[1:]...)
}

// noAnchors stands for a system whose store isn't known here.
type noAnchors struct{}

var errNoAnchors = errors.New("found none of update-ca-certificates (Debian: apt-get install ca-certificates) and update-ca-trust")

func (noAnchors) name() string { return "the system's certificates" }
func (noAnchors) install(_ context.Context, _ machine, _ CA) outcome {
	return outcome{err: errNoAnchors}
}
func (noAnchors) remove(_ context.Context, _ machine, _ CA) outcome {
	return outcome{err: errNoAnchors}
}
