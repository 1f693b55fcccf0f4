package web

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest/gate"
)

// porch is where connections of HTTPS stand until their first request: a TLS handshake costs us
// more than it costs the client. Who has asked for something isn't counted here any more. Those
// of this machine aren't at all: a proxy that hands on TLS has the viewers of all addresses.
type porch struct {
	*gate.Gate
	lines   *gate.Lines
	log     *slog.Logger
	refused *prometheus.CounterVec // by reason
}

func newPorch(log *slog.Logger, refused *prometheus.CounterVec) *porch {
	return &porch{lines: gate.NewLines(), log: log, refused: refused, Gate: gate.New(gate.Limits{
		Sessions: math.MaxInt, SessionsPerAddress: math.MaxInt, Players: math.MaxInt, PlayersPerAddress: math.MaxInt,
		HalfOpen: maxHalfOpen, HalfOpenPerAddress: maxHalfOpenPerAddress, Handshakes: maxHandshakes,
	})}
}

// enter lets a connection in, or counts it, and logs it unless one like it was logged just now.
func (p *porch) enter(v *visitor) bool {
	if v.from.IsLoopback() {
		return true
	}
	remote := netip.AddrPort{}
	if a, ok := v.RemoteAddr().(*net.TCPAddr); ok {
		remote = a.AddrPort()
	}
	from := gate.Network(remote.Addr())
	err := gate.ErrHandshakes
	if p.MayShake(from, time.Now()) {
		v.place, err = p.Enter(from, func() { p.refuse(from, v.Conn, gate.ErrEvicted); v.Conn.Close() })
	}
	if err != nil {
		p.refuse(from, v.Conn, err)
		return false
	}
	return true
}

func (p *porch) refuse(from netip.Prefix, c net.Conn, err error) {
	reason := gate.Reason(err)
	p.refused.WithLabelValues(reason).Inc()
	if err == gate.ErrCrowded || err == gate.ErrEvicted {
		from = netip.Prefix{} // it's about all of them
	}
	missed, ok := p.lines.May(from, reason, time.Now())
	if !ok {
		return
	}
	args := []any{"remote", c.RemoteAddr().String(), "err", err}
	if missed > 0 {
		args = append(args, "attempt", missed+1) // since the last line
	}
	p.log.Warn("connection refused", args...)
}

// notice takes note of what net/http says of a connection: it has begun with a request, or
// has HTTP/2, of which the first request is as good as there.
func (p *porch) notice(c net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if v, ok := c.(*visitor); ok && v.place != nil {
		_ = v.place.Pass() // whoever has lost it is closed by now
	}
}
