package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// gateway is a running Sluice.
type gateway struct {
	*process
	rtmps, rtmp, http, https int
	folder                   string
}

// startGateway runs the binary with n streams called s0, s1, …, whose keys are
// key0, key1, …, and without a ladder unless the arguments ask for one.
func startGateway(ctx context.Context, binary, folder string, n int, args ...string) (*gateway, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	g := &gateway{rtmps: ports[0], rtmp: ports[1], http: ports[2], https: ports[3], folder: folder}
	data := filepath.Join(folder, "data")
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	if kept, err := os.ReadFile(filepath.Join(folder, capacityFile)); err == nil {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(data, capacityFile), kept, 0o600); err != nil {
			return nil, err
		}
	}
	streams := make([]string, n)
	for i := range streams {
		streams[i] = fmt.Sprintf("s%d=%s", i, keyOf(i))
	}
	if !slices.Contains(args, "--ladder") {
		args = append(args, "--ladder", "source")
	}
	args = append([]string{"run", "--data", data, "--rtmps-addr", loopback(g.rtmps), "--rtmp-addr", loopback(g.rtmp),
		"--http-addr", loopback(g.http), "--https-addr", loopback(g.https)}, args...)
	if g.process, err = startProcess(ctx, []string{"SLUICE_STREAMS=" + strings.Join(streams, ",")}, binary, args...); err != nil {
		return nil, err
	}
	for _, port := range []int{g.rtmps, g.http} {
		if err := waitPort(ctx, port); err != nil {
			g.stop()
			return nil, fmt.Errorf("%w\n%s", err, g.log)
		}
	}
	return g, nil
}

// withStream runs f beside a gateway to which one publisher pushes the clip, once
// the playlist lists a segment. sent may be nil; see publisher.
func (b *bench) withStream(ctx context.Context, sent func(tag, time.Duration, time.Time), f func(context.Context, *gateway) error) error {
	return b.withPicture(ctx, fullHD, sent, f)
}

// withPicture does so with another picture, and with arguments for the gateway.
func (b *bench) withPicture(ctx context.Context, p picture, sent func(tag, time.Duration, time.Time),
	f func(context.Context, *gateway) error, args ...string,
) error {
	c, err := makeClipOf(ctx, b.folder, p)
	if err != nil {
		return err
	}
	g, err := startGateway(ctx, b.binary, b.folder, 1, args...)
	if err != nil {
		return err
	}
	defer g.stop()
	publishing, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		p := &publisher{addr: loopback(g.rtmps), app: "live", key: keyOf(0), clip: c, sent: sent, bytes: new(atomic.Int64)}
		failed <- p.run(publishing)
	}()
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err = waitPlaylist(waiting, g.url(sourcePlaylist)); err == nil {
		err = f(ctx, g)
	}
	stop()
	if err = errors.Join(err, <-failed); err != nil {
		err = fmt.Errorf("%w\n%s", err, g.log)
	}
	return err
}

// sourcePlaylist is the media playlist of the first stream's video.
const sourcePlaylist = "/live/s0/source/index.m3u8"

func keyOf(i int) string { return fmt.Sprintf("bench-key-%03d", i) }

// url is that of a path over plain HTTP.
func (g *gateway) url(path string) string { return "http://" + loopback(g.http) + path }

// samples returns the samples of a metric: the labels as they stand, and the value.
func (g *gateway) samples(name string) (map[string]float64, error) {
	resp, err := http.Get(g.url("/metrics"))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	found := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		i := strings.LastIndexByte(rest, ' ')
		if found[rest[:i]], err = strconv.ParseFloat(rest[i+1:], 64); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no metric %s", name)
	}
	return found, nil
}

// metric adds up all samples of a metric, whatever their labels.
func (g *gateway) metric(name string) (float64, error) {
	found, err := g.samples(name)
	total := 0.0
	for _, v := range found {
		total += v
	}
	return total, err
}

// quantile returns the upper bound of the bucket that the quantile q of a
// histogram in seconds falls into, all its label sets together.
func (g *gateway) quantile(name string, q float64) (time.Duration, error) {
	found, err := g.samples(name + "_bucket")
	if err != nil {
		return 0, err
	}
	buckets := map[float64]float64{}
	for labels, v := range found {
		_, le, _ := strings.Cut(labels, `le="`)
		le, _, _ = strings.Cut(le, `"`)
		bound, err := strconv.ParseFloat(le, 64)
		if err != nil {
			return 0, err
		}
		buckets[bound] += v
	}
	for _, bound := range slices.Sorted(maps.Keys(buckets)) {
		if buckets[bound] >= q*buckets[math.Inf(1)] {
			return time.Duration(bound * float64(time.Second)), nil
		}
	}
	return 0, fmt.Errorf("%s has no buckets", name)
}
