package trust

import (
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/storage/certificates"
)

// fake is a machine whose commands are recorded instead of run.
type fake struct {
	machine
	programs []string
	fails    map[string]error // by a part of the command line
	ran      []string
}

func newFake(t *testing.T, goos string, programs ...string) *fake {
	t.Helper()
	f := &fake{programs: programs, fails: map[string]error{}}
	f.machine = machine{goos: goos, root: t.TempDir(), home: t.TempDir()}
	f.look = func(p string) (string, error) {
		if slices.Contains(f.programs, p) {
			return "/bin/" + p, nil
		}
		return "", fs.ErrNotExist
	}
	f.run = func(_ context.Context, argv ...string) error {
		l := line(argv...)
		f.ran = append(f.ran, l)
		for part, err := range f.fails {
			if strings.Contains(l, part) {
				return err
			}
		}
		return nil
	}
	return f
}

func (f *fake) install(t *testing.T, ca CA) []Result { return f.each(t.Context(), ca, store.install) }
func (f *fake) remove(t *testing.T, ca CA) []Result  { return f.each(t.Context(), ca, store.remove) }

func (f *fake) debian(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(f.root, "usr/local/share/ca-certificates")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

func madeCA(t *testing.T) CA {
	t.Helper()
	l, err := certificates.OpenLocal(filepath.Join(t.TempDir(), "tls"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ca, err := ReadCA(l.CAFile())
	require.NoError(t, err)
	require.Equal(t, l.CA(), ca.PEM)
	require.Contains(t, ca.Name, "Sluice local CA")
	return ca
}

func TestDebian(t *testing.T) {
	ca := madeCA(t)
	f := newFake(t, "linux", "update-ca-certificates")
	dir := f.debian(t)
	file := filepath.Join(dir, "sluice-"+ca.sum[:8]+".crt")

	r := f.install(t, ca)
	require.Len(t, r, 1)
	require.NoError(t, r[0].Err)
	require.Contains(t, r[0].Did, file)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, ca.PEM, got)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
	require.Equal(t, []string{"/bin/update-ca-certificates"}, f.ran)

	r = f.install(t, ca)
	require.Contains(t, r[0].Did, "already")
	require.Len(t, f.ran, 1)

	r = f.remove(t, ca)
	require.NoError(t, r[0].Err)
	require.NoFileExists(t, file)
	require.Equal(t, "/bin/update-ca-certificates --fresh", f.ran[1])
	r = f.remove(t, ca)
	require.NoError(t, r[0].Err)
	require.Contains(t, r[0].Did, "wasn't there")
}

func TestDebianWhereItIsNotPermitted(t *testing.T) {
	ca := madeCA(t)
	f := newFake(t, "linux", "update-ca-certificates")
	dir := f.debian(t)
	f.fails["update-ca-certificates"] = errors.New("not root")
	r := f.install(t, ca)
	require.ErrorContains(t, r[0].Err, "not root")
	require.Equal(t, "sudo update-ca-certificates", r[0].By, "the copy was made, so only the command is left")

	require.NoError(t, os.Remove(filepath.Join(dir, "sluice-"+ca.sum[:8]+".crt")))
	// A folder in the file's place refuses the copy even to an administrator.
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sluice-"+ca.sum[:8]+".crt"), 0o755))
	r = f.install(t, ca)
	require.Error(t, r[0].Err)
	require.Equal(t, "sudo install -m 644 "+ca.File+" "+dir+"/sluice-"+ca.sum[:8]+".crt\nsudo update-ca-certificates", r[0].By)
}

func TestFedora(t *testing.T) {
	f := newFake(t, "linux", "update-ca-trust")
	require.NoError(t, os.MkdirAll(filepath.Join(f.root, "etc/pki/ca-trust/source/anchors"), 0o755))
	r := f.install(t, madeCA(t))
	require.NoError(t, r[0].Err)
	require.Equal(t, []string{"/bin/update-ca-trust extract"}, f.ran)
}

func TestUnknownLinux(t *testing.T) {
	r := newFake(t, "linux").install(t, madeCA(t))
	require.Len(t, r, 1)
	require.ErrorIs(t, r[0].Err, errNoAnchors)
}

func TestBrowsersOnLinux(t *testing.T) {
	ca := madeCA(t)
	f := newFake(t, "linux", "update-ca-certificates", "chromium", "certutil")
	f.debian(t)
	profile := filepath.Join(f.home, ".mozilla/firefox/ab12.default")
	require.NoError(t, os.MkdirAll(profile, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(profile, "cert9.db"), nil, 0o600))
	shared := filepath.Join(f.home, ".pki/nssdb")
	f.fails["-L"] = errors.New("not there")

	r := f.install(t, ca)
	require.Len(t, r, 3)
	for _, v := range r {
		require.NoError(t, v.Err, v.Store)
	}
	ran := strings.Join(f.ran, "\n")
	require.Contains(t, ran, "mkdir -p "+shared)
	require.Contains(t, ran, "/bin/certutil -d sql:"+shared+" -N --empty-password")
	require.Contains(t, ran, "/bin/certutil -d sql:"+shared+" -A -t 'C,,' -n '"+ca.Name+"' -i ")
	require.Contains(t, ran, "/bin/certutil -d sql:"+profile+" -A ")
	require.NotContains(t, ran, "sql:"+profile+" -N", "a database that's there is not made anew")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "sluice-ca-*.crt"))
	require.NoError(t, err)
	for _, tmp := range left {
		require.NotContains(t, ran, tmp, "the copy is gone afterwards")
	}

	delete(f.fails, "-L")
	f.ran = nil
	for _, v := range f.remove(t, ca)[1:] {
		require.NoError(t, v.Err)
	}
	require.Contains(t, strings.Join(f.ran, "\n"), "/bin/certutil -d sql:"+profile+" -D -n '"+ca.Name+"'")
}

func TestBrowserWithoutCertutil(t *testing.T) {
	f := newFake(t, "linux", "update-ca-certificates", "chromium")
	f.debian(t)
	r := f.install(t, madeCA(t))
	require.Len(t, r, 2)
	require.ErrorIs(t, r[1].Err, errNoCertutil)
	require.Contains(t, r[1].By, "sudo apt-get install libnss3-tools")
}

func TestUnderSudoTheBrowserIsThePersons(t *testing.T) {
	f := newFake(t, "linux", "update-ca-certificates", "chromium", "certutil")
	f.debian(t)
	f.sudoUser = "jo"
	f.install(t, madeCA(t))
	for _, l := range f.ran {
		if strings.Contains(l, "nssdb") {
			require.True(t, strings.HasPrefix(l, "sudo -u jo -- "), l)
		}
	}
}

func TestMacOS(t *testing.T) {
	ca := madeCA(t)
	f := newFake(t, "darwin")
	want := "security add-trusted-cert -d -r trustRoot -p ssl -k /Library/Keychains/System.keychain " + ca.File
	r := f.install(t, ca)
	require.ErrorIs(t, r[0].Err, errNotAdmin)
	require.Equal(t, "sudo "+want, r[0].By)
	require.Empty(t, f.ran)

	f.admin = true
	r = f.install(t, ca)
	require.NoError(t, r[0].Err)
	require.Contains(t, r[0].Did, "OBS on macOS")
	require.NoError(t, f.remove(t, ca)[0].Err)
	require.Equal(t, []string{want, "security delete-certificate -t -Z " + ca.sum + " /Library/Keychains/System.keychain"}, f.ran)
}

func TestWindows(t *testing.T) {
	ca := madeCA(t)
	f := newFake(t, "windows")
	require.NoError(t, f.install(t, ca)[0].Err)
	require.NoError(t, f.remove(t, ca)[0].Err)
	require.Equal(t, []string{"certutil -user -addstore Root " + ca.File, "certutil -user -delstore Root " + ca.sum}, f.ran)

	f.fails["addstore"] = errors.New("refused")
	r := f.install(t, ca)
	require.Error(t, r[0].Err)
	require.Contains(t, r[0].By, `certutil -addstore -f Root "`+ca.File+`"`)
}

func TestReadCA(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadCA(filepath.Join(dir, "none.crt"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(dir, "bad.crt")
	require.NoError(t, os.WriteFile(file, []byte("hello"), 0o600))
	_, err = ReadCA(file)
	require.ErrorContains(t, err, file)
}

func TestLineQuotesForAShell(t *testing.T) {
	require.Equal(t, `a 'b c' 'it'\''s' '' x=y`, line("a", "b c", "it's", "", "x=y"))
}

func TestRunReportsWhatTheCommandSaid(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	err = run(t.Context(), exe, "-test.run=^$", "-no-such-flag")
	require.ErrorContains(t, err, "no-such-flag")
	require.NoError(t, run(t.Context(), exe, "-test.run=^$"))
	require.Error(t, run(t.Context(), filepath.Join(t.TempDir(), "missing")))
}

// The database that Chromium reads, written by NSS's own tool.
func TestRealCertutil(t *testing.T) {
	certutil, err := look("certutil")
	require.NoError(t, err, "certutil is needed: apt-get install libnss3-tools")
	ca := madeCA(t)
	m := newFake(t, "linux").machine
	m.look = func(program string) (string, error) {
		if program == "chromium" {
			return "/bin/chromium", nil
		}
		return look(program)
	}
	m.run = run
	db := nss{"Chromium", filepath.Join(m.home, ".pki", "nssdb")}
	require.Contains(t, m.nssStores(), store(db))

	require.Equal(t, outcome{did: "it wasn't there"}, db.remove(t.Context(), m, ca))
	o := db.install(t.Context(), m, ca)
	require.NoError(t, o.err)
	require.Contains(t, o.did, "added it")
	list, err := exec.Command(certutil, "-d", "sql:"+db.dir, "-L").Output()
	require.NoError(t, err)
	require.Regexp(t, regexp.QuoteMeta(ca.Name)+` +C,,`, string(list))
	text, err := exec.Command(certutil, "-d", "sql:"+db.dir, "-L", "-a", "-n", ca.Name).Output()
	require.NoError(t, err)
	block, _ := pem.Decode(text)
	want, _ := pem.Decode(ca.PEM)
	require.Equal(t, want.Bytes, block.Bytes)

	o = db.install(t.Context(), m, ca)
	require.Equal(t, outcome{did: "it was there already"}, o)
	require.Equal(t, outcome{did: "removed it"}, db.remove(t.Context(), m, ca))
	list, err = exec.Command(certutil, "-d", "sql:"+db.dir, "-L").Output()
	require.NoError(t, err)
	require.NotContains(t, string(list), ca.Name)
}
