package web

import (
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
)

// connections are those of viewers: how many each address has, over TCP and QUIC
// together, and how many there are.
type connections struct {
	crowd      *crowd
	tcp, quic  *carrier
	handshakes prometheus.Gauge   // of QUIC
	retries    prometheus.Counter // likewise
}

// carrier is what HTTP goes over.
type carrier struct {
	open    prometheus.Gauge
	refused prometheus.Counter
}

func newConnections(limit int, registry prometheus.Registerer) *connections {
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_http_connections", Help: "Connections of viewers by transport.",
	}, []string{"transport"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_connections_refused_total", Help: "Connections of viewers refused, as their addresses had too many.",
	}, []string{"transport"})
	c := &connections{
		crowd: newCrowd(limit),
		tcp:   &carrier{open.WithLabelValues("tcp"), refused.WithLabelValues("tcp")},
		quic:  &carrier{open.WithLabelValues("quic"), refused.WithLabelValues("quic")},
		handshakes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_http3_handshakes", Help: "QUIC handshakes under way.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_http3_retries_total", Help: "QUIC clients that had to prove their address first.",
		}),
	}
	registry.MustRegister(open, refused, c.handshakes, c.retries)
	return c
}

// enter counts a connection, or reports that its address has too many.
func (c *connections) enter(over *carrier, from netip.Addr) bool {
	if !c.crowd.enter(from) {
		over.refused.Inc()
		return false
	}
	over.open.Inc()
	return true
}

// leave takes back what enter let in.
func (c *connections) leave(over *carrier, from netip.Addr) {
	c.crowd.leave(from)
	over.open.Dec()
}
