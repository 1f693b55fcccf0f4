package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// load is a number of publishers that push the same clip at once.
type load struct {
	stop  context.CancelFunc
	wg    sync.WaitGroup
	bytes atomic.Int64
	fails atomic.Int64
	first atomic.Pointer[error]
}

// startLoad starts n publishers, evenly out of step within a second.
func startLoad(ctx context.Context, n int, addr string, c *clip, deaf bool) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{stop: cancel}
	for i := range n {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			select {
			case <-time.After(time.Duration(i) * 2 * time.Second / time.Duration(n)):
			case <-ctx.Done():
				return
			}
			p := &publisher{addr: addr, app: "live", key: keyOf(i), clip: c, deaf: deaf, bytes: &l.bytes}
			if err := p.run(ctx); err != nil {
				l.fails.Add(1)
				l.first.CompareAndSwap(nil, &err)
			}
		}()
	}
	return l
}

func (l *load) end() error {
	l.stop()
	l.wg.Wait()
	if err := l.first.Load(); err != nil {
		return fmt.Errorf("%d publishers failed, the first with: %w", l.fails.Load(), *err)
	}
	return nil
}

// ingestFigures is what a server needs for its publishers.
type ingestFigures struct {
	cpu  time.Duration // for each stream and second
	rate float64       // Mb/s that each stream really had
	rss  int64
}

// measureIngest pushes n publishers into a running server, lets them settle
// and then reads the server's CPU clock over b.span. While they still push,
// it calls inspect, which may be nil.
func (b *bench) measureIngest(ctx context.Context, p *process, addr string, c *clip, deaf bool, settle time.Duration, inspect func() error) (ingestFigures, error) {
	l := startLoad(ctx, b.publishers, addr, c, deaf)
	sleep(ctx, settle)
	cpu, bytes, start := p.cpu(), l.bytes.Load(), time.Now()
	sleep(ctx, b.span)
	streamSeconds := float64(b.publishers) * time.Since(start).Seconds()
	f := ingestFigures{
		cpu:  time.Duration(float64(p.cpu()-cpu) / streamSeconds),
		rate: float64(l.bytes.Load()-bytes) * 8 / 1e6 / streamSeconds,
		rss:  p.rss(),
	}
	b.report("%s: %.2f CPU-ms a stream-second, %.2f Mb/s each, %s resident", filepath.Base(p.cmd.Path),
		f.cpu.Seconds()*1000, f.rate, mega(float64(f.rss)))
	var err error
	if inspect != nil {
		err = inspect()
	}
	return f, errors.Join(ctx.Err(), err, l.end())
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// benchIngest compares Sluice with nginx-rtmp and with a program that only reads.
func benchIngest(ctx context.Context, b *bench) error {
	c, err := makeClip(ctx, b.folder)
	if err != nil {
		return err
	}
	folder := filepath.Join(b.folder, "nginx")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ports, err := freePorts(4)
	if err != nil {
		return err
	}

	peer, err := startNginx(ctx, folder, ports[0], ports[1], ports[2])
	if err != nil {
		return fmt.Errorf("start nginx: %w", err)
	}
	nginx, err := b.measureIngest(ctx, peer, loopback(ports[0]), c, false, 5*time.Second, nil)
	peer.stop()
	if err != nil {
		return fmt.Errorf("nginx: %w", err)
	}

	self, err := os.Executable()
	if err != nil {
		return err
	}
	bare, err := startProcess(ctx, nil, self, "discard", loopback(ports[3]),
		filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		return err
	}
	if err := waitPort(ctx, ports[3]); err != nil {
		return err
	}
	reader, err := b.measureIngest(ctx, bare, loopback(ports[3]), c, true, 5*time.Second, nil)
	bare.stop()
	if err != nil {
		return fmt.Errorf("bare reader: %w", err)
	}

	g, err := startGateway(ctx, b.binary, b.folder, b.publishers)
	if err != nil {
		return err
	}
	defer g.stop()
	var windows float64
	var p99 time.Duration
	ours, err := b.measureIngest(ctx, g.process, loopback(g.rtmps), c, false, b.settle, func() (err error) {
		if windows, err = g.metric("sluice_window_bytes"); err != nil {
			return err
		}
		p99, err = g.quantile("sluice_part_latency_seconds", 0.99)
		return err
	})
	if err != nil {
		return fmt.Errorf("sluice: %w\n%s", err, g.log)
	}

	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }
	b.report("CPU for each stream-second, %d publishers of %.2f Mb/s over RTMPS: Sluice %s ms, nginx-rtmp %s ms, bare TLS reader %s ms",
		b.publishers, ours.rate, ms(ours.cpu), ms(nginx.cpu), ms(reader.cpu))
	b.row("CPU to nginx-rtmp (HLS, DASH, TLS by its stream module)", fmt.Sprintf("%.2fx", ratio(ours.cpu, nginx.cpu)), "0.35x", ratio(ours.cpu, nginx.cpu) <= 0.35)
	b.row("CPU to a bare Go reader of the same bytes", fmt.Sprintf("%.2fx", ratio(ours.cpu, reader.cpu)), "1.7x", ratio(ours.cpu, reader.cpu) <= 1.7)
	limit := 1.5*windows + 40e6
	b.row("Resident memory, windows hold "+mega(windows), mega(float64(ours.rss)), "1.5x + 40 MB = "+mega(limit), float64(ours.rss) <= limit)
	b.row(fmt.Sprintf("Part published after its last byte arrived, p99, %d streams", b.publishers), p99.String(), "5ms", p99 <= 5*time.Millisecond)
	return nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func mega(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) }
