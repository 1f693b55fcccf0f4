package onair

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Status says who is on air.
type Status struct {
	Stream string
	On     Role
	Since  time.Time
	Why    string // it is, in words
}

// Status returns that of a stream; false where nobody is on air.
func (c *Control) Status(stream string) (Status, bool) {
	c.mu.Lock()
	a := c.airs[stream]
	c.mu.Unlock()
	if a == nil {
		return Status{}, false
	}
	return a.status()
}

func (a *air) status() (Status, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.on == nil {
		return Status{}, false
	}
	return Status{Stream: a.stream, On: a.on.role, Since: a.since, Why: a.why}, true
}

// counters are what is counted of all streams.
type counters struct {
	changes *prometheus.CounterVec
	events  prometheus.Counter
}

func newCounters(r prometheus.Registerer) *counters {
	c := &counters{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_on_air_changes_total", Help: "Times that an input went on air, by input and reason.",
		}, []string{"input", "reason"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_off_air_events_total", Help: "Timed metadata of publishers that weren't on air.",
		}),
	}
	if r != nil {
		r.MustRegister(c.changes, c.events)
	}
	return c
}

// collector tells who is on air when it is asked.
type collector struct{ control *Control }

var onAir = prometheus.NewDesc("sluice_on_air", "1 for the input that is on air.", []string{"stream", "input"}, nil)

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) { out <- onAir }

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, a := range c.control.all() {
		if s, ok := a.status(); ok {
			out <- prometheus.MustNewConstMetric(onAir, prometheus.GaugeValue, 1, s.Stream, s.On.String())
		}
	}
}
