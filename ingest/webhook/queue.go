package webhook

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	maxWaiting  = 1024 // events in the queue
	maxAttempts = 6
	workers     = 4 // events sent at once: one that hangs doesn't hold up the others
	// firstPause is that after the first attempt; each further one is four times as long.
	firstPause = time.Second
	// lastChance is how long Serve goes on at its end, with one attempt for each.
	lastChance = time.Second
)

// delivery is an event on its way.
type delivery struct {
	message  Message
	attempts int
	due      time.Time
}

// queue holds what isn't delivered, and isn't being sent.
type queue struct {
	mu    sync.Mutex
	items []*delivery // in the order in which they came
	grown chan struct{}
}

func newQueue() *queue { return &queue{grown: make(chan struct{}, 1)} }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// add adds a delivery; the oldest makes room, and add says so.
func (q *queue) add(d *delivery) (dropped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if dropped = len(q.items) >= maxWaiting; dropped {
		q.items = slices.Delete(q.items, 0, 1)
	}
	q.items = append(q.items, d)
	select {
	case q.grown <- struct{}{}:
	default:
	}
	return dropped
}

// take takes out the first that is due, or says when one will be; never for an
// empty queue.
func (q *queue) take(now time.Time) (d *delivery, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = time.Hour
	for i, v := range q.items {
		if left := v.due.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		q.items = slices.Delete(q.items, i, i+1)
		return v, 0
	}
	return nil, wait
}

// Tell has the application told of the end of a publication, if it wants to be. It
// doesn't wait.
func (c *Client) Tell(m Message) {
	if c.options.OnPublishDone == "" {
		return
	}
	m.Event, m.ID = OnPublishDone, NewID()
	c.put(&delivery{message: m})
}

// put has a delivery wait.
func (c *Client) put(d *delivery) {
	if c.queue.add(d) {
		c.lost.Inc()
		c.log.Warn("an event is lost: too many wait for the application", "attempt", maxWaiting)
	}
}

// Serve delivers events until ctx ends, and then tries each that is left once, for a
// second at most. It returns ctx's error.
func (c *Client) Serve(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	due := make(chan *delivery)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for d := range due {
				c.deliver(ctx, d)
			}
		})
	}
	c.hand(ctx, due)
	close(due)
	wg.Wait()
	c.finish(context.WithoutCancel(ctx))
	return ctx.Err()
}

// hand gives out what is due until ctx ends.
func (c *Client) hand(ctx context.Context, due chan<- *delivery) {
	for ctx.Err() == nil {
		d, wait := c.queue.take(time.Now())
		if d != nil {
			select {
			case due <- d:
			case <-ctx.Done():
				c.put(d)
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.queue.grown:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// deliver sends an event, or puts it back for later.
func (c *Client) deliver(ctx context.Context, d *delivery) {
	err := c.send(ctx, d)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		c.put(d) // interrupted: that was no attempt
	case d.attempts >= maxAttempts:
		c.lost.Inc()
		c.log.Warn("an event is lost: the application can't be told",
			"stream", d.message.Stream, "attempt", d.attempts, "err", err)
	default:
		if d.attempts == 1 {
			c.log.Info("the application can't be told of an event; it's tried again", "stream", d.message.Stream, "err", err)
		}
		d.due = time.Now().Add(firstPause << (2 * (d.attempts - 1)))
		c.put(d)
	}
}

func (c *Client) send(ctx context.Context, d *delivery) error {
	status, _, err := c.post(ctx, c.options.OnPublishDone, d.message)
	if err == nil && (status < 200 || status >= 300) {
		err = fmt.Errorf("%w: status %d", ErrFailed, status)
	}
	if ctx.Err() == nil {
		d.attempts++
		c.count(d.message.Event, err)
	}
	return err
}

// finish tries what is left, all at once.
func (c *Client) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastChance)
	defer cancel()
	c.queue.mu.Lock()
	left := c.queue.items
	c.queue.items = nil
	c.queue.mu.Unlock()
	failed := make([]bool, len(left))
	var wg sync.WaitGroup
	for i, d := range left { // at most maxWaiting; connections are bounded
		wg.Go(func() { failed[i] = c.send(ctx, d) != nil })
	}
	wg.Wait()
	n := 0
	for _, f := range failed {
		if f {
			n++
		}
	}
	if n > 0 {
		c.lost.Add(float64(n))
		c.log.Warn("events are lost: the application couldn't be told in time", "attempt", n)
	}
}
