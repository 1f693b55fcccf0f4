package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// benchDelivery compares the CPU of serving a segment and a playlist with that
// of nginx serving the very same bytes as files, over plain HTTP.
func benchDelivery(ctx context.Context, b *bench) error {
	return b.withStream(ctx, nil, b.compareDelivery)
}

func (b *bench) compareDelivery(ctx context.Context, g *gateway) error {
	sleep(ctx, 35*time.Second) // a full window
	playlist, err := get(ctx, g.url(sourcePlaylist))
	if err != nil {
		return err
	}
	segments := segmentLine.FindAllStringSubmatch(string(playlist), -1)
	if len(segments) == 0 {
		return errors.New("no segment in the playlist")
	}
	// The newest whole segment stays fetchable for more than a minute.
	segmentPath := "/live/s0/source/" + segments[len(segments)-1][1]
	segment, err := get(ctx, g.url(segmentPath))
	if err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	folder := filepath.Join(b.folder, "nginx")
	peer, err := startNginx(ctx, folder, ports[0], ports[1], ports[2])
	if err != nil {
		return err
	}
	defer peer.stop()
	if err := waitPort(ctx, ports[2]); err != nil {
		return err
	}
	for name, body := range map[string][]byte{"playlist.m3u8": playlist, "segment.m4s": segment} {
		if err := os.WriteFile(filepath.Join(folder, "root", name), body, 0o644); err != nil {
			return err
		}
	}
	base := "http://" + loopback(ports[2])
	var ours, theirs [2]wrkFigures
	// Twice, interleaved, so that a busy minute of the machine hits both.
	for range 2 {
		for i, urls := range [2][2]string{{g.url(segmentPath), base + "/segment.m4s"}, {g.url(sourcePlaylist), base + "/playlist.m3u8"}} {
			f, err := wrk(ctx, g.process, urls[0])
			if err != nil {
				return err
			}
			ours[i].add(f)
			if f, err = wrk(ctx, peer, urls[1]); err != nil {
				return err
			}
			theirs[i].add(f)
		}
	}
	perGB := func(f wrkFigures) float64 { return f.cpu.Seconds() / (float64(f.bytes) / 1e9) }
	perRequest := func(f wrkFigures) float64 { return f.cpu.Seconds() * 1e6 / float64(f.requests) }
	b.report("segments of %d bytes: Sluice %.3f CPU-s a GB, nginx %.3f", len(segment), perGB(ours[0]), perGB(theirs[0]))
	b.report("playlists of %d bytes: Sluice %.1f CPU-µs a request (%d requests), nginx %.1f (%d)", len(playlist),
		perRequest(ours[1]), ours[1].requests, perRequest(theirs[1]), theirs[1].requests)
	r := perGB(ours[0]) / perGB(theirs[0])
	b.row("Segments over HTTP, CPU a GB to nginx's", fmt.Sprintf("%.2fx", r), "1.15x", r <= 1.15)
	r = perRequest(ours[1]) / perRequest(theirs[1])
	b.row("Playlists over HTTP, CPU a request to nginx's", fmt.Sprintf("%.2fx", r), "1.5x", r <= 1.5)
	return nil
}

type wrkFigures struct {
	cpu      time.Duration
	requests int
	bytes    int64
}

func (f *wrkFigures) add(o wrkFigures) {
	f.cpu += o.cpu
	f.requests += o.requests
	f.bytes += o.bytes
}

var (
	wrkTotals = regexp.MustCompile(`(\d+) requests in [\d.]+\w+, ([\d.]+)(B|KB|MB|GB|TB) read`)
	wrkErrors = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// wrk loads a URL over eight connections for eight seconds and reads the
// server's CPU clock before and after.
func wrk(ctx context.Context, p *process, url string) (wrkFigures, error) {
	before := p.cpu()
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", "8", "-d", "8s", url).CombinedOutput()
	if err != nil {
		return wrkFigures{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	f := wrkFigures{cpu: p.cpu() - before}
	if m := wrkErrors.Find(out); m != nil {
		return f, fmt.Errorf("wrk %s: %s", url, m)
	}
	m := wrkTotals.FindStringSubmatch(string(out))
	if m == nil {
		return f, fmt.Errorf("no totals in:\n%s", out)
	}
	f.requests, _ = strconv.Atoi(m[1])
	size, _ := strconv.ParseFloat(m[2], 64)
	unit := map[string]float64{"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[m[3]]
	f.bytes = int64(size * unit)
	return f, nil
}
