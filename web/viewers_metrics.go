package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/timeline"
	"sluice/web/cmcd"
)

// reports counts what players say of themselves, of all streams together.
type reports struct{ taken, refused prometheus.Counter }

func newReports(registry prometheus.Registerer) reports {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_cmcd_reports_total", Help: "Requests with CMCD, by whether it could be taken or was refused.",
	}, []string{"result"})
	registry.MustRegister(all)
	return reports{taken: all.WithLabelValues("taken"), refused: all.WithLabelValues("refused")}
}

// The upper bounds of the histograms' buckets, in seconds and bits a second.
var (
	timeBounds = []float64{0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32}
	rateBounds = []float64{250e3, 500e3, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6}
)

// rungReports are what the requests for a rendition's media said, since the start.
type rungReports struct {
	requests, starved, startups           uint64
	buffer, deadline, bitrate, throughput histogram
}

func newRungReports() *rungReports {
	return &rungReports{
		buffer: newHistogram(timeBounds), deadline: newHistogram(timeBounds),
		bitrate: newHistogram(rateBounds), throughput: newHistogram(rateBounds),
	}
}

func (r *rungReports) note(report *cmcd.Report) {
	r.requests++
	if report.Starved {
		r.starved++
	}
	if report.Startup {
		r.startups++
	}
	if report.Has&cmcd.Buffer != 0 {
		r.buffer.observe(report.Buffer.Seconds())
	}
	if report.Has&cmcd.Deadline != 0 {
		r.deadline.observe(report.Deadline.Seconds())
	}
	if report.Has&cmcd.Bitrate != 0 {
		r.bitrate.observe(float64(report.Bitrate))
	}
	if report.Has&cmcd.Throughput != 0 {
		r.throughput.observe(float64(report.Throughput))
	}
}

// histogram is one of a rendition, which goes with it. The client library's are kept by
// their labels until somebody deletes them.
type histogram struct {
	bounds []float64
	counts []uint64 // of each bucket alone
	n      uint64
	sum    float64
}

func newHistogram(bounds []float64) histogram {
	return histogram{bounds: bounds, counts: make([]uint64, len(bounds))}
}

func (h *histogram) observe(value float64) {
	h.n++
	h.sum += value
	for i, bound := range h.bounds {
		if value <= bound {
			h.counts[i]++
			return
		}
	}
}

// metric is the histogram as it is now.
func (h *histogram) metric(desc *prometheus.Desc, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.bounds))
	below := uint64(0)
	for i, bound := range h.bounds {
		below += h.counts[i]
		buckets[bound] = below
	}
	return prometheus.MustNewConstHistogram(desc, h.n, h.sum, buckets, labels...)
}

// viewersDescs describe what is told of each rendition. A session is never a label.
type viewersDescs struct {
	sessions, requests, starved, startups *prometheus.Desc
	buffer, deadline, bitrate, throughput *prometheus.Desc
}

func newViewersDescs() viewersDescs {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sluice_viewer"+name, help, []string{"stream", "rendition"}, nil)
	}
	return viewersDescs{
		sessions:   desc("s", "Viewers who told of themselves (CMCD) in the last half minute, by what they play; of those with no rendition, nothing yet."),
		requests:   desc("_requests_total", "Requests for media that came with CMCD."),
		starved:    desc("_starved_requests_total", "Those of players that had stood still since their request before."),
		startups:   desc("_startup_requests_total", "Those of players that start, or have to start again."),
		buffer:     desc("_buffer_seconds", "Media that players had loaded ahead when they asked for more."),
		deadline:   desc("_deadline_seconds", "Time that players said the answer may take before they run dry."),
		bitrate:    desc("_bitrate_bits_per_second", "Bit rate of the media that players asked for, as manifests told them."),
		throughput: desc("_throughput_bits_per_second", "What players measured their lines to carry."),
	}
}

func (d *viewersDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		d.sessions, d.requests, d.starved, d.startups, d.buffer, d.deadline, d.bitrate, d.throughput,
	} {
		out <- desc
	}
}

// collect tells of a stream's viewers. What was told of renditions that have left is forgotten.
func (d *viewersDescs) collect(out chan<- prometheus.Metric, st *stream, t *timeline.Timeline, now time.Time) {
	v := &st.viewers
	if told := v.status(now); told != nil {
		silent := told.Sessions
		for _, r := range told.Renditions {
			silent -= r.Sessions
			out <- prometheus.MustNewConstMetric(d.sessions, prometheus.GaugeValue, float64(r.Sessions), st.name, r.ID)
		}
		out <- prometheus.MustNewConstMetric(d.sessions, prometheus.GaugeValue, float64(silent), st.name, "")
	}
	for _, m := range v.metrics(d, st.name, t) {
		out <- m
	}
}

// metrics are those of the renditions. Nobody who reads them slowly holds up a player.
func (v *viewers) metrics(d *viewersDescs, stream string, t *timeline.Timeline) (all []prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget(t)
	for id, r := range v.rungs {
		count := func(desc *prometheus.Desc, n uint64) {
			all = append(all, prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), stream, string(id)))
		}
		count(d.requests, r.requests)
		count(d.starved, r.starved)
		count(d.startups, r.startups)
		all = append(all, r.buffer.metric(d.buffer, stream, string(id)), r.deadline.metric(d.deadline, stream, string(id)),
			r.bitrate.metric(d.bitrate, stream, string(id)), r.throughput.metric(d.throughput, stream, string(id)))
	}
	return all
}
