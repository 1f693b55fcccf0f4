package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// benchBlocked lets thousands of viewers wait for the same part of the same
// playlist, and looks at when the last of them has it.
func benchBlocked(ctx context.Context, b *bench) error {
	limit := syscall.Rlimit{Cur: 20000, Max: 20000}
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // where it isn't allowed, connecting will say so
	var spreads []time.Duration
	var memory int64
	frames := &clock{}
	err := b.withStream(ctx, frames.note, func(ctx context.Context, g *gateway) (err error) {
		spreads, memory, err = b.blockViewers(ctx, g, frames)
		return err
	})
	if err != nil {
		return err
	}
	b.report("%d viewers, from the part's last frame sent to the last viewer's last byte: %v", b.viewers, spreads)
	slowest := slices.Max(spreads)
	each := float64(memory) / float64(b.viewers)
	b.row(fmt.Sprintf("%d blocked viewers, all served after", b.viewers), slowest.Round(time.Millisecond).String(), "150ms", slowest <= 150*time.Millisecond)
	b.row("Memory for each waiting viewer", fmt.Sprintf("%.1f KB", each/1000), "40 KB", each <= 40_000)
	return nil
}

// blockViewers connects the viewers and goes through ten rounds. It returns how
// long each took, and what the gateway's memory grew by at the most.
func (b *bench) blockViewers(ctx context.Context, g *gateway, frames *clock) (spreads []time.Duration, memory int64, err error) {
	sleep(ctx, 5*time.Second)
	conns := make([]net.Conn, b.viewers)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", loopback(g.http)); err != nil {
			return nil, 0, fmt.Errorf("viewer %d: %w", i, err)
		}
		defer conns[i].Close()
	}
	before := g.rss()
	for range 10 {
		spread, rss, err := blockedRound(ctx, g, frames, conns)
		if err != nil {
			return nil, 0, err
		}
		spreads, memory = append(spreads, spread), max(memory, rss-before)
	}
	return spreads, memory, nil
}

// blockedRound sends every viewer's request for a part that is still to come, and
// returns the time from the sending of that part's last frame to the last answer's last byte.
func blockedRound(ctx context.Context, g *gateway, frames *clock, conns []net.Conn) (time.Duration, int64, error) {
	body, err := get(ctx, g.url(sourcePlaylist))
	if err != nil {
		return 0, 0, err
	}
	hint, ok := hinted(string(body))
	if !ok {
		return 0, 0, errors.New("no preload hint")
	}
	msn, _, err := position(hint)
	if err != nil {
		return 0, 0, err
	}
	// The next segment's sixth part: more than a second for all to ask.
	request := fmt.Appendf(nil, "GET /live/s0/source/index.m3u8?_HLS_msn=%d&_HLS_part=5 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", msn+1)
	var first, last atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for _, conn := range conns {
		conn.SetDeadline(time.Now().Add(15 * time.Second))
		if _, err := conn.Write(request); err != nil {
			return 0, 0, err
		}
	}
	for _, conn := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := viewer(conn, &first, &last); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}()
	}
	sleep(ctx, 200*time.Millisecond)
	rss := g.rss()
	early := first.Load() != 0
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	if early {
		return 0, 0, errors.New("the part came before every viewer had asked")
	}
	// Segments of 60 frames, parts of six; a fresh stream's first MSN is 1.
	sent, ok := frames.frame(msn*60 + 6*6 - 1)
	if !ok || first.Load() < sent.UnixNano() {
		return 0, 0, errors.New("an answer came before the part's last frame was sent")
	}
	return time.Unix(0, last.Load()).Sub(sent), rss, nil
}

// viewer waits for its answer; first and last are the earliest first byte and the
// latest last byte over all viewers, in Unix nanoseconds.
func viewer(conn net.Conn, first, last *atomic.Int64) error {
	r := bufio.NewReaderSize(conn, 4096)
	if _, err := r.Peek(1); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	for old := first.Load(); old == 0 || now < old; old = first.Load() {
		if first.CompareAndSwap(old, now) {
			break
		}
	}
	status, err := readResponse(r)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("a blocked viewer got status %d", status)
	}
	now = time.Now().UnixNano()
	for old := last.Load(); now > old; old = last.Load() {
		if last.CompareAndSwap(old, now) {
			break
		}
	}
	return nil
}
