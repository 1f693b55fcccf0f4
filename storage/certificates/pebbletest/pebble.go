// Package pebbletest runs pebble, Let's Encrypt's small CA for tests, on the loopback.
package pebbletest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sluice/storage/certificates"
)

// Pebble is a running CA.
type Pebble struct {
	Directory string // URL of its ACME directory
	CAFile    string // PEM of the CA of the directory's certificate

	admin  string
	client *http.Client
	cmd    *exec.Cmd
}

// Options of a CA: the ports, on 127.0.0.1, to which it comes for its challenges,
// and how long its certificates last.
type Options struct {
	HTTP, TLS int
	Life      time.Duration
}

// Start runs a CA until the test ends. For it, every name is at 127.0.0.1.
func Start(t testing.TB, o Options) *Pebble {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		t.Fatal("pebble is missing: make need-test installs it")
	}
	dir := t.TempDir()
	tlsDir := filepath.Join(dir, "tls")
	local, err := certificates.OpenLocal(tlsDir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(local.CA())
	p := &Pebble{
		CAFile: local.CAFile(),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		}},
	}
	resolver := serveNames(t)
	// The port is free when it's chosen, and may be gone when pebble wants it.
	for range 5 {
		if p.run(t, program, dir, filepath.Join(tlsDir, "leaf.pem"), resolver, o) {
			return p
		}
	}
	t.Fatal("pebble doesn't start")
	return nil
}

func (p *Pebble) run(t testing.TB, program, dir, leaf, resolver string, o Options) bool {
	t.Helper()
	acme, admin := freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": acme, "managementListenAddress": admin,
		"certificate": leaf, "privateKey": leaf,
		"httpPort": o.HTTP, "tlsPort": o.TLS,
		"certificateValidityPeriod": int(o.Life.Seconds()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "pebble.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.Directory, p.admin = "https://"+acme+"/dir", "https://"+admin
	p.cmd = exec.Command(program, "-config", file, "-dnsserver", resolver)
	p.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { p.cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-ended
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("pebble said:\n%s", text)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := p.client.Get(p.Directory); err == nil {
			r.Body.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-tick.C:
		}
	}
}

// Stop ends the CA: nobody answers from then on.
func (p *Pebble) Stop() { p.cmd.Process.Kill() }

// Roots returns the CA that signs the certificates it issues.
func (p *Pebble) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	r, err := p.client.Get(p.admin + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("pebble's root: %v: %s", err, text)
	}
	return pool
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveNames answers every question for an address with 127.0.0.1, until the test
// ends, and returns where.
func serveNames(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	c, err := lc.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := answer(buf[:n]); err == nil {
				c.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().String()
}

func answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("no question: %w", err)
	}
	m.Response, m.RecursionAvailable = true, true
	m.Additionals = nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	return m.Pack()
}
