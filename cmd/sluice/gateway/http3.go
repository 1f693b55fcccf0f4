package gateway

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/storage/durable"
	"sluice/web"
)

// secretSize is how long the secret of QUIC is, in bytes.
const secretSize = 32

// wireHTTP3 makes the server of HTTP/3, where that is on.
func (g *Gateway) wireHTTP3() error {
	if g.listeners.http3 == nil {
		return nil
	}
	secret, err := quicSecret(filepath.Join(g.config.Data, "quic.key"))
	if err != nil {
		return err
	}
	// quic-go would say past the log that its sockets' buffers are small, which is nobody's concern
	// until there are thousands of viewers; README.md says it.
	os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	g.quic = g.web.NewQUIC(g.listeners.http3, g.certs.HTTPS(), web.Announce(g.web), secret)
	return nil
}

// HTTP3 returns the UDP address of HTTP/3, empty where that is off.
func (g *Gateway) HTTP3() string {
	if g.listeners.http3 == nil {
		return ""
	}
	return g.listeners.http3.LocalAddr().String()
}

// quicSecret reads the secret that outlives the process, or makes it. One that is cut
// short is made anew: that costs clients of the process before a timeout.
func quicSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the secret of HTTP/3: %w", err)
	}
	if len(secret) == secretSize {
		return secret, nil
	}
	secret = make([]byte, secretSize)
	rand.Read(secret)
	if err := durable.WriteFile(path, secret, 0o600); err != nil {
		return nil, fmt.Errorf("write the secret of HTTP/3: %w", err)
	}
	return secret, nil
}
