package ingest

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/gate"
)

// from dials from one of the loopback's addresses, all of which Linux has.
func from(t *testing.T, source, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 20 * time.Second}
	c, err := d.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// publishFrom publishes the first stream over TLS from an address, and says goodbye.
func publishFrom(t *testing.T, h *harness, source string, n int) {
	t.Helper()
	c := greet(t, tls.Client(from(t, source, h.secure), &tls.Config{RootCAs: h.roots, ServerName: "localhost"}))
	c.mustPublish()
	c.videoConfig()
	c.picture(0, true)
	c.send(goodbye())
	c.conn.Close()
	require.NoError(t, h.doorman.sink(t, "show", n).waitEnd(t))
}

// A thousand TLS handshakes of one address: those beyond its pace are ended before
// they cost anything, counted, and there's one line about them. Others publish
// meanwhile, and who publishes already notices nothing.
func TestFloodOfTLSHandshakes(t *testing.T) {
	const flood, rate = 1000, 20
	h := start(t, Options{Limits: Limits{Handshakes: rate}})
	check := bystander(t, h)
	begin := time.Now()
	var done, refused atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 20 * time.Second}
			for range flood / 4 {
				c, err := tls.DialWithDialer(&d, "tcp", h.secure, &tls.Config{RootCAs: h.roots, ServerName: "localhost"})
				if err != nil {
					refused.Add(1)
					continue
				}
				done.Add(1)
				c.Close()
			}
		})
	}
	for n := range 5 {
		publishFrom(t, h, "127.0.0.3", n)
		check()
	}
	wg.Wait()
	check()
	most := rate*gate.HandshakeBurst + int(rate*time.Since(begin).Seconds()) + 1
	require.LessOrEqual(t, int(done.Load()), most)
	require.Positive(t, done.Load())
	counted := h.counts.refused.WithLabelValues("handshakes")
	waitFor(t, func() bool { return testutil.ToFloat64(counted) == float64(refused.Load()) }) // each is counted, once it's hung up on
	require.Equal(t, 1, strings.Count(h.log.String(), "too many TLS handshakes of one address"), "%s", h.log)
}

// Handshakes that are begun from one address and not finished: no more than so many at
// once.
func TestUnfinishedTLSHandshakes(t *testing.T) {
	h := start(t, Options{Limits: Limits{HalfOpenPerAddress: 20, Handshake: time.Hour}})
	check := bystander(t, h)
	hello := clientHello()
	for range 100 {
		from(t, "127.0.0.2", h.secure).Write(hello)
	}
	counted := h.counts.refused.WithLabelValues("crowded_address")
	waitFor(t, func() bool { return testutil.ToFloat64(counted) == 80 })
	publishFrom(t, h, "127.0.0.3", 0)
	check()
	require.Equal(t, 1, strings.Count(h.log.String(), "too many connections of one address"), "%s", h.log)
}
