package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
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
	c, err := makeClip(ctx, b.folder)
	if err != nil {
		return err
	}
	g, err := startGateway(ctx, b.binary, b.folder, 1)
	if err != nil {
		return err
	}
	defer g.stop()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	l := startLoad(ctx, 1, loopback(g.rtmps), c, false)
	if _, err := waitPlaylist(ctx, g.url("/live/s0/source/index.m3u8")); err != nil {
		return fmt.Errorf("%w\n%s", err, g.log)
	}
	sleep(ctx, 5*time.Second)

	conns := make([]net.Conn, b.viewers)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", loopback(g.http)); err != nil {
			return fmt.Errorf("viewer %d: %w", i, err)
		}
		defer conns[i].Close()
	}
	before := g.rss()
	var worst []time.Duration
	var memory int64
	for range 10 {
		spread, rss, err := blockedRound(ctx, g, conns)
		if err != nil {
			return err
		}
		worst, memory = append(worst, spread), max(memory, rss-before)
	}
	if err := l.end(); err != nil {
		return err
	}
	b.report("%d viewers, ten rounds, from the part's publication to the last viewer's last byte: %v", b.viewers, worst)
	slowest := time.Duration(0)
	for _, w := range worst {
		slowest = max(slowest, w)
	}
	each := float64(memory) / float64(b.viewers)
	b.row(fmt.Sprintf("%d blocked viewers, all served after", b.viewers), slowest.Round(time.Millisecond).String(), "150ms", slowest <= 150*time.Millisecond)
	b.row("Memory for each waiting viewer", fmt.Sprintf("%.1f KB", each/1000), "40 KB", each <= 40_000)
	return nil
}

// blockedRound sends every viewer's request for a part that is still to come, and
// returns the time from the first answer's first byte to the last's last byte.
func blockedRound(ctx context.Context, g *gateway, conns []net.Conn) (time.Duration, int64, error) {
	body, err := get(ctx, g.url("/live/s0/source/index.m3u8"))
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
	return time.Duration(last.Load() - first.Load()), rss, nil
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
