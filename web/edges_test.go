package web

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// edge is a server of deployments/cdn that runs in front of a gateway.
type edge struct{ dir, socket string }

// dial connects to it.
func (e *edge) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", e.socket)
}

// tool finds a program; without it a test is left out, but not where all are installed.
func tool(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/sbin/" + program
		_, err = os.Stat(path)
	}
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("%s is needed (Debian: apt install %s)", program, pkg)
	} else if err != nil {
		t.Skipf("%s is needed (Debian: apt install %s)", program, pkg)
	}
	return path
}

// newEdge makes the folder of one, which servers that change their user may enter.
func newEdge(t *testing.T) *edge {
	t.Helper()
	dir, err := os.MkdirTemp("", "edge") // a socket's path has to be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return &edge{dir, filepath.Join(dir, "s")}
}

// write writes a file into its folder.
func (e *edge) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(e.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// conf reads a file of deployments/cdn, and changes what is of this machine: each of
// the pairs must be found.
func conf(t *testing.T, name string, changes ...string) string {
	t.Helper()
	b, err := os.ReadFile("../deployments/cdn/" + name)
	require.NoError(t, err)
	text := string(b)
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, text, changes[i])
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	return text
}

// run runs the server until the test ends, and returns when it accepts connections.
func (e *edge) run(t *testing.T, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	// It has a socket for each viewer, and Go lets children start with the limit that it found.
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -Sn 8192 2>/dev/null; exec "$0" "$@"`, program}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "HOME="+e.dir, "XDG_DATA_HOME="+e.dir, "XDG_CONFIG_HOME="+e.dir)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Log(said.String())
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := e.dial(t.Context(), "", ""); err == nil {
			conn.Close()
			return
		}
		select {
		case <-done:
			t.Fatal(said.String())
		case <-tick.C:
		}
	}
}

// startNginx runs an nginx with a configuration of deployments/cdn in front of a gateway.
func startNginx(t *testing.T, name, origin string, files map[string]string) *edge {
	t.Helper()
	const js = "/usr/lib/nginx/modules/ngx_http_js_module.so"
	nginx := tool(t, "nginx", "nginx")
	e := newEdge(t)
	for name, text := range files {
		e.write(t, name, text)
	}
	changes := []string{
		"/var/cache/nginx/sluice", e.dir + "/cache", "/var/log/nginx/sluice.log", e.dir + "/access.log",
		"127.0.0.1:8080", strings.TrimPrefix(origin, "http://"),
		"listen 80;", "listen unix:" + e.socket + " backlog=4096; set_real_ip_from unix:; real_ip_header X-Real-IP;",
	}
	main := ""
	if files["signed.js"] != "" {
		if _, err := os.Stat(js); err != nil {
			t.Fatal("njs is needed (Debian: apt install libnginx-mod-http-js)")
		}
		changes = append(changes, "/etc/nginx/sluice/", e.dir+"/")
		main = "load_module " + js + ";\n"
	}
	text := conf(t, name, changes...)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text = kind + "_temp_path " + e.dir + "/" + kind + ";\n" + text
	}
	if os.Geteuid() == 0 {
		main += "user root;\n"
	}
	main += "daemon off;\nmaster_process off;\npid " + e.dir + "/pid;\nevents { worker_connections 4096; }\nhttp {\n" + text + "}\n"
	e.run(t, nginx, "-e", "stderr", "-p", e.dir, "-c", e.write(t, "nginx.conf", main))
	return e
}

// startVarnish runs a Varnish likewise.
func startVarnish(t *testing.T, origin string) *edge {
	t.Helper()
	varnishd := tool(t, "varnishd", "varnish")
	host, port, err := net.SplitHostPort(strings.TrimPrefix(origin, "http://"))
	require.NoError(t, err)
	e := newEdge(t)
	vcl := e.write(t, "edge.vcl", conf(t, "edge.vcl", `.host = "127.0.0.1"`, `.host = "`+host+`"`, `.port = "8080"`, `.port = "`+port+`"`))
	args := []string{
		"-F", "-n", e.dir + "/n", "-a", e.socket, "-f", vcl, "-T", "none", "-s", "malloc,64m",
		"-p", "thread_pools=1", "-p", "thread_pool_max=5000", "-p", "listen_depth=4096", "-p", "vsl_space=1m", "-p", "timeout_idle=60",
	}
	if os.Geteuid() == 0 {
		args = append([]string{"-j", "none"}, args...)
	}
	e.run(t, varnishd, args...)
	return e
}

// startCaddy runs a Caddy in front of a Varnish. It has a certificate for localhost.
func startCaddy(t *testing.T, behind *edge) *edge {
	t.Helper()
	caddy := tool(t, "caddy", "caddy")
	e := newEdge(t)
	cert, key, _ := selfSignedPEM(t, "localhost")
	text := conf(t, "Caddyfile",
		"live.example.org {", "https://localhost {\n\tbind unix/"+e.socket+"\n\ttls "+e.write(t, "cert.pem", cert)+" "+e.write(t, "key.pem", key),
		"127.0.0.1:6081", "unix/"+behind.socket)
	text = "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n" + text
	e.run(t, caddy, "run", "--adapter", "caddyfile", "--config", e.write(t, "Caddyfile", text))
	return e
}
