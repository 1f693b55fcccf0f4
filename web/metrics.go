package web

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/timeline"
)

// group is a kind of request, as metrics tell them apart, and what they have
// in common.
type group struct {
	json bool // errors are JSON
	open bool // pages of any origin may read the answers

	kind     string
	requests *prometheus.CounterVec
	byStatus [600]atomic.Pointer[prometheus.Counter] // made when first needed, so that nothing is looked up
	sent     prometheus.Counter
	held     prometheus.Gauge
	versions *versions
}

// versions count by version of HTTP.
type versions struct{ requests, sent [4]prometheus.Counter }

func newVersions(registry prometheus.Registerer) *versions {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_version_requests_total", Help: "HTTP requests by version of HTTP.",
	}, []string{"version"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_version_sent_bytes_total", Help: "Bytes of HTTP response bodies by version of HTTP.",
	}, []string{"version"})
	registry.MustRegister(requests, sent)
	v := &versions{}
	for major := 1; major < len(v.requests); major++ {
		v.requests[major], v.sent[major] = requests.WithLabelValues(strconv.Itoa(major)), sent.WithLabelValues(strconv.Itoa(major))
	}
	v.requests[0], v.sent[0] = v.requests[1], v.sent[1] // which no server of ours sees
	return v
}

// groups are all there are.
type groups struct {
	multivariant, playlist, mpd, init, segment, part *group
	still, steering                                  *group
	api, page, asset, system, other                  *group
}

func newGroups(registry prometheus.Registerer) *groups {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_requests_total", Help: "HTTP requests by kind and status; 499 is a client that left.",
	}, []string{"kind", "status"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_sent_bytes_total", Help: "Bytes of HTTP response bodies by kind.",
	}, []string{"kind"})
	held := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_http_held_requests", Help: "Requests that wait for media or manifests to come.",
	}, []string{"kind"})
	registry.MustRegister(requests, sent, held)
	versions := newVersions(registry)
	group := func(kind string, json, open bool) *group {
		return &group{
			kind: kind, json: json, open: open,
			requests: requests, sent: sent.WithLabelValues(kind), held: held.WithLabelValues(kind), versions: versions,
		}
	}
	return &groups{
		multivariant: group("multivariant", false, true),
		playlist:     group("playlist", false, true),
		mpd:          group("mpd", false, true),
		steering:     group("steering", true, true),
		init:         group("init", false, true),
		segment:      group("segment", false, true),
		part:         group("part", false, true),
		still:        group("still", false, true),
		api:          group("api", true, true),
		page:         group("page", false, false),
		asset:        group("asset", false, false),
		system:       group("system", false, false),
		other:        group("other", false, true),
	}
}

// count counts a request over a version of HTTP, of which major is the number before the point.
func (g *group) count(major, status int, bytes int64) {
	if major < 0 || major >= len(g.versions.requests) {
		major = 0
	}
	g.versions.requests[major].Inc()
	if bytes > 0 {
		g.sent.Add(float64(bytes))
		g.versions.sent[major].Add(float64(bytes))
	}
	if status < 0 || status >= len(g.byStatus) {
		status = http.StatusInternalServerError
	}
	counter := g.byStatus[status].Load()
	if counter == nil {
		made := g.requests.WithLabelValues(g.kind, strconv.Itoa(status))
		counter = &made
		g.byStatus[status].Store(counter)
	}
	(*counter).Inc()
}

// collector tells of the streams at the moment of a scrape.
type collector struct {
	server  *Server
	streams *prometheus.Desc
	behind  *prometheus.Desc
	windows *prometheus.Desc
	viewers viewersDescs
}

func newCollector(s *Server) *collector {
	return &collector{
		server:  s,
		streams: prometheus.NewDesc("sluice_streams", "Streams by state.", []string{"state"}, nil),
		behind: prometheus.NewDesc("sluice_stream_parts_behind",
			"Time since the newest part of a live stream arrived, in part targets.", []string{"stream"}, nil),
		viewers: newViewersDescs(),
		windows: prometheus.NewDesc("sluice_window_bytes",
			"Media in memory, of the windows of all streams, with what has left the playlists and can still be fetched.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.streams
	out <- c.behind
	out <- c.windows
	c.viewers.describe(out)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	streams, err := c.server.streams.all(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.streams, err)
		return
	}
	states := map[string]int{"offline": 0, stateStarting: 0, "live": 0, "away": 0, "ended": 0}
	var windows int64
	now := c.server.now()
	for _, st := range streams {
		t := st.feed.Load().Current()
		windows += t.Bytes()
		states[stateOf(t)]++
		c.viewers.collect(out, st, t, now)
		if t.State != timeline.Live || !t.Ready() {
			continue
		}
		if newest, ok := newestPart(t); ok {
			behind := now.Sub(newest.Arrived).Seconds() / t.Targets.Part.Seconds()
			out <- prometheus.MustNewConstMetric(c.behind, prometheus.GaugeValue, behind, st.name)
		}
	}
	out <- prometheus.MustNewConstMetric(c.windows, prometheus.GaugeValue, float64(windows))
	for state, n := range states {
		out <- prometheus.MustNewConstMetric(c.streams, prometheus.GaugeValue, float64(n), state)
	}
}

// newestPart returns the part that arrived last.
func newestPart(t *timeline.Timeline) (newest timeline.Part, ok bool) {
	for _, r := range t.Renditions {
		g := r.Open
		if g == nil {
			g = r.Segments.Last()
		}
		if g == nil || len(g.Parts) == 0 {
			continue
		}
		if p := g.Parts[len(g.Parts)-1]; !ok || p.Arrived.After(newest.Arrived) {
			newest, ok = p, true
		}
	}
	return newest, ok
}
