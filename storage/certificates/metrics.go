package certificates

import (
	"github.com/prometheus/client_golang/prometheus"
)

var notAfter = prometheus.NewDesc("sluice_certificate_not_after_seconds",
	"When a certificate ends, in seconds since 1970, by the first of its names.", []string{"name", "origin"}, nil)

// collector tells of the certificates at the moment of a scrape.
type collector struct{ set *Set }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) { out <- notAfter }

// Collect implements prometheus.Collector. Of several for one name, as ECDSA and
// RSA, it's the one that ends first.
func (c collector) Collect(out chan<- prometheus.Metric) {
	type label struct{ name, origin string }
	first := map[label]Status{}
	for _, s := range c.set.List() {
		l := label{s.Names[0], string(s.Origin)}
		if other, twice := first[l]; s.NotAfter.IsZero() || twice && other.NotAfter.Before(s.NotAfter) {
			continue
		}
		first[l] = s
	}
	for l, s := range first {
		out <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(s.NotAfter.Unix()), l.name, l.origin)
	}
}

func newFailures(r prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_certificate_failures_total", Help: "Attempts to obtain, renew or read again a certificate that failed.",
	})
	if r != nil {
		r.MustRegister(c)
	}
	return c
}
