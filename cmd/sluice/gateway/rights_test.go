package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// live publishes until it's told why it has to end; a picture now and then keeps it
// from being idle. It returns once it has been let in.
type live struct {
	t    *testing.T
	conn net.Conn
	r    *chunk.Reader
}

func goLive(t *testing.T, g *Gateway, key string, certs ...tls.Certificate) *live {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(g.certs.CA()))
	c, err := tls.Dial("tcp", g.Addresses().RTMPS, &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: certs})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = handshake.Client(c, handshake.FormSimple)
	require.NoError(t, err)
	var all []chunk.Message
	for _, m := range []message.Message{
		message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{{Key: "app", Value: ingest.ServedApp}}}},
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, key, "live"}},
	} {
		all = append(all, m.Marshal())
	}
	require.NoError(t, chunk.NewWriter(c).WriteMessage(all...))
	l := &live{t, c, chunk.NewReader(c, chunk.Options{})}
	code, description := l.told()
	require.Equal(t, "NetStream.Publish.Start", code, description)
	return l
}

// told waits for the next onStatus.
func (l *live) told() (code, description string) {
	l.t.Helper()
	require.NoError(l.t, l.conn.SetReadDeadline(time.Now().Add(50*time.Second)))
	for {
		m, err := l.r.ReadMessage()
		require.NoError(l.t, err)
		parsed, err := message.Parse(m)
		require.NoError(l.t, err)
		if c, ok := parsed.(message.Command); ok && c.Name == "onStatus" {
			o, _ := amf0.AsObject(c.Arg(0))
			return o.String("code"), o.String("description")
		}
	}
}

// nudge keeps a session from being idle.
func (l *live) nudge() {
	l.t.Helper()
	m := message.UserControl{Event: message.EventSetBufferLength, BufferLength: 1}.Marshal()
	require.NoError(l.t, chunk.NewWriter(l.conn).WriteMessage(m))
}

// A live session ends when its certificate is revoked, and when its CA is taken out of
// the file; the encoder is told why, and others go on.
func TestCertificateRevokedWhileLive(t *testing.T) {
	ca, other := newStudios(t), newStudios(t)
	until := time.Now().Add(time.Hour)
	hall, yard, roof := ca.issue(t, "hall-encoder", until), ca.issue(t, "yard-encoder", until), other.issue(t, "roof-encoder", until)
	c := onLoopback(t)
	c.Ladder = rung.SourceSpec()
	c.TLS.Client.CA, c.TLS.Client.CRL = filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "crl.der")
	trust := func(cas ...*studios) {
		var all []byte
		for _, s := range cas {
			text, err := os.ReadFile(s.file)
			require.NoError(t, err)
			all = append(all, text...)
		}
		require.NoError(t, os.WriteFile(c.TLS.Client.CA, all, 0o600))
	}
	trust(ca, other)
	ca.revoke(t, c.TLS.Client.CRL)
	key := catalog.NewKey()
	c.Streams = []config.Stream{
		{Name: "hall", Clients: []string{"hall-encoder"}}, {Name: "yard", Clients: []string{"yard-encoder"}},
		{Name: "roof", Clients: []string{"roof-encoder"}, Key: key},
	}
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	first, second, third := goLive(t, g, "hall", hall), goLive(t, g, "yard", yard), goLive(t, g, key.Reveal(), roof)

	ca.revoke(t, c.TLS.Client.CRL, hall)
	code, description := first.told()
	require.Equal(t, "NetStream.Publish.BadName", code)
	require.Equal(t, "The client certificate is accepted no more: ask for a new one.", description)
	logs.says(t, "client certificate is accepted no more: stream hall, client hall-encoder: its certificate has been revoked")
	second.nudge()
	third.nudge()

	trust(ca)
	_, description = third.told()
	require.Equal(t, "The client certificate is accepted no more: ask for a new one.", description)
	logs.says(t, "stream roof, client roof-encoder: x509: certificate signed by unknown authority")
	_, _, metrics, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	require.Contains(t, metrics, `sluice_ingest_sessions_ended_total{reason="revoked"} 2`)
	second.nudge()
	_, ok := g.ingest.Status("yard", false)
	require.True(t, ok, "whose certificate is still good")
}

// A live session ends when its token does.
func TestTokenExpiresWhileLive(t *testing.T) {
	secret := "a secret of two parties"
	c := onLoopback(t)
	c.Ladder = rung.SourceSpec()
	c.Streams = []config.Stream{{Name: "hall"}}
	c.JWT = config.JWT{Secret: config.Secret(secret)}
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	// Clocks may differ by ten seconds, so this one has five left.
	raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "hall", "exp": time.Now().Add(-5 * time.Second).Unix()}).SignedString([]byte(secret))
	require.NoError(t, err)
	code, description := goLive(t, g, "hall?token="+raw).told()
	require.Equal(t, "NetStream.Publish.BadName", code)
	require.Equal(t, "The token has expired: ask for a new one.", description)
	logs.says(t, "token has expired: stream hall")
	require.False(t, strings.Contains(logs.String(), raw))
	_, _, metrics, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	require.Contains(t, metrics, `sluice_ingest_sessions_ended_total{reason="expired"} 1`)
}
