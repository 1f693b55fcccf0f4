package web

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// held returns how many requests wait, of every kind together.
func (g *gateway) held(tb testing.TB) (n float64) {
	families, err := g.registry.Gather()
	require.NoError(tb, err)
	for _, f := range families {
		if f.GetName() == "sluice_http_held_requests" {
			for _, m := range f.GetMetric() {
				n += m.GetGauge().GetValue()
			}
		}
	}
	return n
}

// errors returns how many errors have been logged.
func (g *gateway) errors() int { return strings.Count(g.logged.String(), "level=ERROR") }

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	g, p := playing(t, 3, func(o *Options) {
		o.Registry = registry
		o.Now = func() time.Time { return start.Add(7 * time.Second) } // the newest part is from 6.6
	})
	g.get("/live/live/source/1/3.m4s")
	g.get("/live/live/source/1/3.m4s", "If-None-Match: *")
	g.get("/live/live/source/1/3.m4s", "Range: bytes=0-9")
	g.get("/live/live/source/1/9.m4s")
	g.get("/live/live/source/1/3.1.m4s")
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_http_requests_total HTTP requests by kind and status; 499 is a client that left.
# TYPE sluice_http_requests_total counter
sluice_http_requests_total{kind="part",status="200"} 1
sluice_http_requests_total{kind="segment",status="200"} 1
sluice_http_requests_total{kind="segment",status="206"} 1
sluice_http_requests_total{kind="segment",status="304"} 1
sluice_http_requests_total{kind="segment",status="404"} 1
# HELP sluice_stream_parts_behind Time since the newest part of a live stream arrived, in part targets.
# TYPE sluice_stream_parts_behind gauge
sluice_stream_parts_behind{stream="live"} 2
# HELP sluice_streams Streams by state.
# TYPE sluice_streams gauge
sluice_streams{state="away"} 0
sluice_streams{state="ended"} 0
sluice_streams{state="live"} 1
sluice_streams{state="offline"} 1
sluice_streams{state="starting"} 0
`), "sluice_http_requests_total", "sluice_stream_parts_behind", "sluice_streams"))
	scrape := g.get("/metrics")
	require.Contains(t, scrape.Header().Get("Content-Type"), "text/plain")
	size := len(p.whole("source", 3)) + 10 + len("not found\n")
	require.Contains(t, scrape.Body.String(), `sluice_http_sent_bytes_total{kind="segment"} `+strconv.Itoa(size))
	p.leave()
	require.NotContains(t, g.get("/metrics").Body.String(), "sluice_stream_parts_behind{", "nobody waits for parts of a stream that is away")
}
