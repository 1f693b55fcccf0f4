package certificates

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	box   = Names{
		DNS: []string{"localhost", "studio", "studio.local"},
		IPs: []netip.Addr{
			netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"),
			netip.MustParseAddr("192.168.7.20"), netip.MustParseAddr("203.0.113.9"),
		},
	}.normalize()
)

func named(n Names) func() Names { return func() Names { return n } }

func leafOf(t *testing.T, s Source) *x509.Certificate {
	t.Helper()
	c, err := s.GetCertificate(nil)
	require.NoError(t, err)
	return c.Leaf
}

func roots(t *testing.T, s Source) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(s.CA()))
	return pool
}

func TestLocalSignsForEveryNameOfTheMachine(t *testing.T) {
	l, err := openLocal(filepath.Join(t.TempDir(), "tls"), quiet, named(box))
	require.NoError(t, err)
	leaf := leafOf(t, l)
	for _, name := range box.Strings() {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: name})
		require.NoError(t, err, name)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: "elsewhere.example"})
	require.Error(t, err)
	require.LessOrEqual(t, leaf.NotAfter.Sub(leaf.NotBefore), 397*24*time.Hour)
	require.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, leaf.ExtKeyUsage)
	require.False(t, leaf.IsCA)
}

func TestLocalCAIsBoundToLocalNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	l, err := openLocal(dir, quiet, named(box))
	require.NoError(t, err)

	for _, tc := range []struct {
		name string
		ok   bool
	}{
		{"camera.lan", true},
		{"studio", true},
		{"10.1.2.3", true},
		{"203.0.113.9", true}, // its own address when it was made
		{"bank.example", false},
		{"notstudio", false},
		{"203.0.113.10", false},
		{"8.8.8.8", false},
	} {
		n := Names{DNS: []string{tc.name}}
		if ip, err := netip.ParseAddr(tc.name); err == nil {
			n = Names{IPs: []netip.Addr{ip}}
		}
		forged, _, err := l.ca.sign(n, time.Now())
		require.NoError(t, err)
		_, err = forged.Leaf.Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: tc.name})
		require.Equal(t, tc.ok, err == nil, "%s: %v", tc.name, err)

		ok, _ := permitted(l.ca.cert, n)
		require.Equal(t, tc.ok, len(ok.Strings()) == 1, "permitted and the verifier differ on %s", tc.name)
	}
}

// OBS's mbedTLS refuses a certificate with a critical extension that it doesn't
// know; it knows basic constraints and key usages.
func TestLocalHasNoCriticalExtensionThatMbedTLSLacks(t *testing.T) {
	l, err := openLocal(filepath.Join(t.TempDir(), "tls"), quiet, named(box))
	require.NoError(t, err)
	for _, c := range []*x509.Certificate{l.ca.cert, leafOf(t, l)} {
		for _, e := range c.Extensions {
			if e.Critical {
				require.Contains(t, []string{"2.5.29.15", "2.5.29.19"}, e.Id.String())
			}
		}
	}
}

func TestLocalKeepsCAAndLeaf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "tls")
	first, err := openLocal(dir, quiet, named(box))
	require.NoError(t, err)
	again, err := openLocal(dir, quiet, named(box))
	require.NoError(t, err)

	require.Equal(t, first.CA(), again.CA())
	require.Equal(t, leafOf(t, first).Raw, leafOf(t, again).Raw)
	for name, mode := range map[string]fs.FileMode{caFile: 0o644, caKeyFile: 0o600, leafFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
}

func TestLocalReplacesLeafThatItCannotUse(t *testing.T) {
	for name, text := range map[string]string{"garbage": "not PEM", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tls")
			_, err := openLocal(dir, quiet, named(box))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, leafFile), []byte(text), 0o600))

			l, err := openLocal(dir, quiet, named(box))
			require.NoError(t, err)
			_, err = leafOf(t, l).Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: "localhost"})
			require.NoError(t, err)
		})
	}
	t.Run("another CA's", func(t *testing.T) {
		a, b := filepath.Join(t.TempDir(), "tls"), filepath.Join(t.TempDir(), "tls")
		for _, dir := range []string{a, b} {
			_, err := openLocal(dir, quiet, named(box))
			require.NoError(t, err)
		}
		require.NoError(t, os.Rename(filepath.Join(a, leafFile), filepath.Join(b, leafFile)))
		l, err := openLocal(b, quiet, named(box))
		require.NoError(t, err)
		_, err = leafOf(t, l).Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: "localhost"})
		require.NoError(t, err)
	})
}

func TestLocalRefusesHalfACA(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	_, err := openLocal(dir, quiet, named(box))
	require.NoError(t, err)

	key, err := os.ReadFile(filepath.Join(dir, caKeyFile))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, caKeyFile)))
	_, err = openLocal(dir, quiet, named(box))
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "remove the folder")

	require.NoError(t, os.WriteFile(filepath.Join(dir, caKeyFile), key[:len(key)/2], 0o600))
	_, err = openLocal(dir, quiet, named(box))
	require.ErrorContains(t, err, "read CA in "+dir)
}

func TestLocalFillsAnEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	_, err := openLocal(dir, quiet, named(box))
	require.NoError(t, err)
}

func TestLocalMadeByManyAtOnceIsOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	var wg sync.WaitGroup
	cas := make([][]byte, 8)
	for i := range cas {
		wg.Go(func() {
			if a, err := openAuthority(dir, box); err == nil {
				cas[i] = a.pem
			}
		})
	}
	wg.Wait()
	kept, err := os.ReadFile(filepath.Join(dir, caFile))
	require.NoError(t, err)
	for _, ca := range cas {
		require.Equal(t, string(kept), string(ca))
	}
}

func TestLocalRenewsAheadOfTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	synctest.Test(t, func(t *testing.T) {
		l, err := openLocal(dir, quiet, named(box))
		require.NoError(t, err)
		first := leafOf(t, l)

		time.Sleep(leafLife - renewAhead - time.Hour)
		require.Equal(t, first.Raw, leafOf(t, l).Raw)
		time.Sleep(2 * time.Hour)
		second := leafOf(t, l)
		require.NotEqual(t, first.Raw, second.Raw)
		require.True(t, second.NotAfter.After(first.NotAfter))
		_, err = second.Verify(x509.VerifyOptions{Roots: roots(t, l), DNSName: "localhost", CurrentTime: time.Now()})
		require.NoError(t, err)
	})
}

func TestLocalLeafEndsWithItsCA(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	synctest.Test(t, func(t *testing.T) {
		_, err := openLocal(dir, quiet, named(box))
		require.NoError(t, err)
		time.Sleep(caLife - 10*24*time.Hour)

		var logs bytes.Buffer
		l, err := openLocal(dir, slog.New(slog.NewTextHandler(&logs, nil)), named(box))
		require.NoError(t, err)
		require.Contains(t, logs.String(), "expires soon")
		last := leafOf(t, l)
		require.Equal(t, l.ca.cert.NotAfter, last.NotAfter)
		time.Sleep(time.Hour)
		require.Equal(t, last.Raw, leafOf(t, l).Raw, "can't be bettered, so not signed again")

		time.Sleep(10 * 24 * time.Hour)
		_, err = openLocal(dir, quiet, named(box))
		require.ErrorContains(t, err, "expired")
	})
}

func TestLocalFollowsTheMachinesNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	synctest.Test(t, func(t *testing.T) {
		now := box
		var logs bytes.Buffer
		l, err := openLocal(dir, slog.New(slog.NewTextHandler(&logs, nil)), func() Names { return now })
		require.NoError(t, err)
		first := leafOf(t, l)

		now.IPs = append([]netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("198.51.100.1")}, box.IPs...)
		require.Equal(t, first.Raw, leafOf(t, l).Raw, "looked up at most once a minute")
		time.Sleep(nameCheck)
		second := leafOf(t, l)
		require.NoError(t, second.VerifyHostname("10.0.0.5"))
		require.Error(t, second.VerifyHostname("198.51.100.1"), "not within the CA's constraints")
		require.Contains(t, logs.String(), "198.51.100.1")

		now = box // an address that went away is no reason for a new certificate
		time.Sleep(nameCheck)
		require.Equal(t, second.Raw, leafOf(t, l).Raw)
	})
}

func TestLocalServesOnWhenItCannotKeepTheLeaf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	synctest.Test(t, func(t *testing.T) {
		l, err := openLocal(dir, quiet, named(box))
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(dir))
		first := leafOf(t, l)
		time.Sleep(leafLife)
		require.NotEqual(t, first.Raw, leafOf(t, l).Raw)
	})
}

func TestParsePairRefusesAForeignKey(t *testing.T) {
	a := t.TempDir()
	require.NoError(t, makeAuthority(a, box, time.Now()))
	b := t.TempDir()
	require.NoError(t, makeAuthority(b, box, time.Now()))
	cert, err := os.ReadFile(filepath.Join(a, caFile))
	require.NoError(t, err)
	key, err := os.ReadFile(filepath.Join(b, caKeyFile))
	require.NoError(t, err)
	_, err = parsePair(cert, key)
	require.ErrorContains(t, err, "isn't the certificate's")
}

func TestMachineNames(t *testing.T) {
	n := Machine()
	require.Contains(t, n.DNS, "localhost")
	require.Contains(t, n.IPs, netip.MustParseAddr("127.0.0.1"))
	require.Contains(t, n.IPs, netip.IPv6Loopback())
}

func TestNamesAreBounded(t *testing.T) {
	var n Names
	for i := range 3 * maxNames {
		n.IPs = append(n.IPs, netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), netip.AddrFrom4([4]byte{10, 0, byte(i), 1}))
		n.DNS = append(n.DNS, fmt.Sprintf("h%d", i))
	}
	n.IPs = append(n.IPs, netip.IPv6Loopback())
	n = n.normalize()
	require.Len(t, n.IPs, maxNames)
	require.Len(t, n.DNS, maxNames)
	require.Equal(t, netip.IPv6Loopback(), n.IPs[0], "loopback outlives the cut")
}

func TestValidHost(t *testing.T) {
	for s, want := range map[string]bool{
		"studio": true, "a.b-c.example": true, "": false, "-x": false, "x-": false, "a..b": false,
		"under_score": false, "10.0.0.1": false, "ümlaut": false, "toolong" + string(make([]byte, 250)): false,
	} {
		require.Equal(t, want, validHost(s), s)
	}
}

func TestSerialsDifferAndArePositive(t *testing.T) {
	a, b := newSerial(), newSerial()
	require.NotEqual(t, a, b)
	require.Equal(t, 1, a.Sign())
	require.Equal(t, 127, a.BitLen())
}

// An RSA key in the CA's place is an error, not a panic.
func TestReadAuthorityOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, makeAuthority(dir, box, time.Now()))
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, caKeyFile), der, 0o600))
	_, err = readAuthority(dir)
	require.Error(t, err)
	require.False(t, errors.Is(err, fs.ErrNotExist))
}
