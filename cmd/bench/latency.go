package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluice/packager/timeline"
)

// clock remembers when each video frame's last byte was handed to the kernel.
type clock struct {
	mu   sync.Mutex
	sent []time.Time // by frame, in decode order
}

func (c *clock) note(f tag, _ time.Duration, when time.Time) {
	if f.kind != 9 {
		return
	}
	c.mu.Lock()
	c.sent = append(c.sent, when)
	c.mu.Unlock()
}

func (c *clock) frame(i int) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i >= len(c.sent) {
		return time.Time{}, false
	}
	return c.sent[i], true
}

const frameTicks = 3000 // 30 frames a second at 90 kHz

// lastFrame returns the number, counted from the epoch's first, of a
// fragment's last frame, from its tfdt and trun.
func lastFrame(fragment []byte) (int, error) {
	tfdt, err := box(fragment, "moof", "traf", "tfdt")
	if err != nil {
		return 0, err
	}
	trun, err := box(fragment, "moof", "traf", "trun")
	if err != nil {
		return 0, err
	}
	if len(tfdt) < 12 || len(trun) < 8 || tfdt[0] != 1 {
		return 0, errors.New("short tfdt or trun")
	}
	start := binary.BigEndian.Uint64(tfdt[4:]) - uint64(timeline.Origin/time.Second*90_000)
	return int(start)/frameTicks + int(binary.BigEndian.Uint32(trun[4:])) - 1, nil
}

// box returns the payload of the first box at the path (ISO/IEC 14496-12 §4.2).
func box(b []byte, path ...string) ([]byte, error) {
	for len(path) > 0 {
		found := false
		for len(b) >= 8 {
			size := int(binary.BigEndian.Uint32(b))
			if size < 8 || size > len(b) {
				return nil, errors.New("box size")
			}
			if string(b[4:8]) == path[0] {
				b, path, found = b[8:size], path[1:], true
				break
			}
			b = b[size:]
		}
		if !found {
			return nil, fmt.Errorf("no %s", path[0])
		}
	}
	return b, nil
}

// get returns the body of a URL on a connection of its own.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// benchLatency asks for each next part ahead of time, as players do, and
// compares its arrival with the moment at which its last frame was sent: from
// socket to socket, with TLS, packaging and HTTP between.
func benchLatency(ctx context.Context, b *bench) error {
	frames := &clock{}
	var late []time.Duration
	err := b.withStream(ctx, frames.note, func(ctx context.Context, g *gateway) (err error) {
		late, err = watchParts(ctx, g, frames, 30*time.Second)
		return err
	})
	if err != nil {
		return err
	}
	if len(late) < 50 {
		return fmt.Errorf("only %d parts seen", len(late))
	}
	slices.Sort(late)
	p50, p99 := late[len(late)/2], late[len(late)*99/100]
	b.report("%d parts: p50 %v, p99 %v, worst %v", len(late), p50, p99, late[len(late)-1])
	b.row("Part in a viewer's hands after its last frame was sent, p99", p99.Round(10*time.Microsecond).String(), "5ms", p99 <= 5*time.Millisecond)
	return nil
}

// watchParts asks for each hinted part for that long, and returns how late each was.
func watchParts(ctx context.Context, g *gateway, frames *clock, span time.Duration) ([]time.Duration, error) {
	var late []time.Duration
	for end := time.Now().Add(span); time.Now().Before(end); {
		body, err := get(ctx, g.url(sourcePlaylist))
		if err != nil {
			return nil, err
		}
		hint, ok := hinted(string(body))
		if !ok {
			return nil, errors.New("no preload hint in the playlist")
		}
		part, err := get(ctx, g.url("/live/s0/source/"+hint))
		arrived := time.Now()
		if err != nil {
			continue // the hint was for a part that the segment didn't get
		}
		last, err := lastFrame(part)
		if err != nil {
			return nil, err
		}
		if sent, ok := frames.frame(last); ok {
			late = append(late, arrived.Sub(sent))
		}
	}
	return late, nil
}

// readResponse reads one response and returns its status.
func readResponse(r *bufio.Reader) (int, error) {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
