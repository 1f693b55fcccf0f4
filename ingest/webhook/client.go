package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DefaultTimeout is how long an answer is waited for.
const DefaultTimeout = 3 * time.Second

// maxConnections bounds those to one host, so that a thousand encoders that come back
// at once don't knock an application over.
const maxConnections = 64

// Options of a Client. URLs that are empty are off.
type Options struct {
	OnPublish, OnPublishDone, OnPlay string

	Secret    []byte // must be given
	Timeout   time.Duration
	Log       *slog.Logger          // nil: nothing is logged
	Metrics   prometheus.Registerer // nil: nothing is registered
	Transport http.RoundTripper     // nil: HTTP/1.1 and 2, by proxy where the environment names one
}

// Client asks and tells.
type Client struct {
	options Options
	log     *slog.Logger
	http    *http.Client
	queue   *queue
	counts  *prometheus.CounterVec // by event and outcome
	lost    prometheus.Counter
}

// Outcomes of a request: values of a label.
const (
	outcomeYes    = "ok"
	outcomeDenied = "denied"
	outcomeFailed = "failed"
)

// New returns a Client. It starts nothing.
func New(o Options) *Client {
	c := &Client{options: o, log: o.Log, queue: newQueue()}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.options.Timeout <= 0 {
		c.options.Timeout = DefaultTimeout
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxConnsPerHost, t.MaxIdleConnsPerHost = maxConnections, maxConnections
		t.IdleConnTimeout = 30 * time.Second
		transport = t
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	c.counts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_webhook_requests_total", Help: "Requests to the application, by event and outcome.",
	}, []string{"event", "outcome"})
	c.lost = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_webhook_events_lost_total", Help: "Events that could not be delivered.",
	})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sluice_webhook_events_waiting", Help: "Events that are not delivered yet.",
	}, func() float64 { return float64(c.queue.len()) })
	if o.Metrics != nil {
		o.Metrics.MustRegister(c.counts, c.lost, waiting)
	}
	return c
}

// Asks reports whether there's a question for publishers.
func (c *Client) Asks() bool { return c.options.OnPublish != "" }

// NewID returns what names a message or a publication: 128 random bits.
func NewID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x", b)
}

// Ask asks whether somebody may publish. The error is a *Denied, or wraps ErrFailed,
// or is the context's. Nothing is asked twice.
func (c *Client) Ask(ctx context.Context, m Message) (Answer, error) {
	return c.question(ctx, OnPublish, c.options.OnPublish, m)
}

func (c *Client) question(ctx context.Context, event, url string, m Message) (Answer, error) {
	m.Event, m.ID = event, NewID()
	status, body, err := c.post(ctx, url, m)
	var a Answer
	if err == nil {
		a, err = parseAnswer(status, body)
	} else if ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	c.count(event, err)
	return a, err
}

func (c *Client) count(event string, err error) {
	var denied *Denied
	outcome := outcomeYes
	switch {
	case errors.As(err, &denied):
		outcome = outcomeDenied
	case err != nil:
		outcome = outcomeFailed
	}
	c.counts.WithLabelValues(event, outcome).Inc()
}

// post sends a message and returns the answer's status and body.
func (c *Client) post(ctx context.Context, to string, m Message) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	text, err := json.Marshal(m)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Sluice")
	r.Header.Set(SignatureHeader, sign(c.options.Secret, text, time.Now()))
	resp, err := c.http.Do(r)
	if err != nil {
		var at *url.Error // it tells the URL, which may hold a secret
		if errors.As(err, &at) {
			err = at.Err
		}
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, body, err
}
