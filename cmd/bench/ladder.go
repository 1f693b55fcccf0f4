package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ladder is a source and what it is offered in.
type ladder struct {
	picture
	spec  string
	rungs []string
}

var (
	halfHDLadder = ladder{halfHD, "source,480p,360p", []string{"480p", "360p"}}
	fullHDLadder = ladder{fullHD, "source,720p,480p,360p", []string{"720p", "480p", "360p"}}
)

func (l ladder) String() string { return l.name + " to " + strings.Join(l.rungs, ", ") }

// capacityFile is where a gateway keeps what it has measured of the machine. The
// bench takes it from one gateway to the next: measuring takes seconds of the CPUs
// that a ladder is to be measured on.
const capacityFile = "transcode.json"

// measureMachine lets a gateway do that, once for each folder.
func (b *bench) measureMachine(ctx context.Context) error {
	kept := filepath.Join(b.folder, capacityFile)
	if _, err := os.Stat(kept); err == nil {
		return nil
	}
	return b.withPicture(ctx, halfHD, nil, func(ctx context.Context, g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		for ; ctx.Err() == nil; sleep(ctx, 200*time.Millisecond) {
			if file, err := os.ReadFile(filepath.Join(b.folder, "data", capacityFile)); err == nil {
				return os.WriteFile(kept, file, 0o600)
			}
		}
		return fmt.Errorf("the gateway doesn't measure the machine: %w", ctx.Err())
	}, "--ladder", "source,240p")
}

// withLadder runs f beside a gateway that makes a ladder of a stream, once every
// rung has come and the start is over.
func (b *bench) withLadder(ctx context.Context, l ladder, sent func(tag, time.Duration, time.Time), f func(context.Context, *gateway) error) error {
	if err := b.measureMachine(ctx); err != nil {
		return err
	}
	return b.withPicture(ctx, l.picture, sent, func(ctx context.Context, g *gateway) error {
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for _, r := range l.rungs {
			if _, err := waitPlaylist(waiting, g.url(playlistOf(r))); err != nil {
				return err
			}
		}
		sleep(ctx, settleLadder)
		return f(ctx, g)
	}, "--ladder", l.spec)
}

// settleLadder is the time until the encoders of rungs have caught up with the
// stream that they joined late, and until they no more profit from it.
const settleLadder = 10 * time.Second

func playlistOf(rendition string) string { return "/live/s0/" + rendition + "/index.m3u8" }

// transcoder returns the command line and the PID of a gateway's ladder.
func (g *gateway) transcoder() (args []string, pid int, err error) {
	for _, pid := range g.pids()[1:] {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if slices.Contains(args, "-filter_complex") {
			return args, pid, nil
		}
	}
	return nil, 0, errors.New("no ffmpeg of the gateway's makes a ladder")
}

// benchLadderCPU compares the gateway and its ffmpeg with ffmpeg alone, which
// makes the very same of a file.
func benchLadderCPU(ctx context.Context, b *bench) error {
	l := halfHDLadder
	var args []string
	var ours, gatewayAlone float64
	err := b.withLadder(ctx, l, nil, func(ctx context.Context, g *gateway) (err error) {
		var pid int
		if args, pid, err = g.transcoder(); err != nil {
			return err
		}
		start, cpu, child := time.Now(), g.cpu(), cpuOf(pid)
		sleep(ctx, b.span)
		seconds := time.Since(start).Seconds()
		ours = (g.cpu() - cpu).Seconds() / seconds
		gatewayAlone = ours - (cpuOf(pid)-child).Seconds()/seconds
		if _, after, err := g.transcoder(); err != nil || after != pid {
			return errors.Join(err, errors.New("ffmpeg was started anew meanwhile"))
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	paced, err := b.encodeAlone(ctx, l, args, true)
	if err != nil {
		return err
	}
	unpaced, err := b.encodeAlone(ctx, l, args, false)
	if err != nil {
		return err
	}
	b.report("%v: Sluice and its ffmpeg %.3f CPU-s a stream-second (%.3f of it Sluice), ffmpeg alone %.3f in real time, %.3f as fast as it can",
		l, ours, gatewayAlone, paced, unpaced)
	r := ours / paced
	b.row("Ladder of "+l.String()+", CPU to ffmpeg alone from a file in real time", fmt.Sprintf("%.2fx", r), "1.05x", r <= 1.05)
	r = ours / unpaced
	b.row("The same to ffmpeg alone as fast as it can", fmt.Sprintf("%.2fx", r), "1.05x", r <= 1.05)
	return nil
}

// beginsAt is the filter that lets a rung begin at a time.
var beginsAt = regexp.MustCompile(`select=gte\(pts\\,\d+\),`)

// encodeAlone runs ffmpeg on the clip's file with the gateway's own arguments,
// but for where it reads and writes, and returns its CPU-seconds for each second
// of the clip.
func (b *bench) encodeAlone(ctx context.Context, l ladder, args []string, inRealTime bool) (float64, error) {
	graph := slices.Index(args, "-filter_complex")
	line := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", "-y", "-threads", "1", "-copyts"}
	loops := max(1, int(b.span.Seconds())/clipSeconds)
	if inRealTime {
		line = append(line, "-re")
	}
	line = append(line, "-stream_loop", fmt.Sprint(loops-1), "-i", l.path(b.folder))
	for _, a := range args[graph:] {
		if strings.HasPrefix(a, "pipe:") {
			a = os.DevNull
		}
		// Where the rungs began is on the gateway's clock, not the file's.
		a = beginsAt.ReplaceAllString(a, "")
		line = append(line, a)
	}
	p, err := startProcess(ctx, nil, args[0], line...)
	if err != nil {
		return 0, err
	}
	if err := <-p.done; err != nil {
		return 0, fmt.Errorf("ffmpeg alone: %w\n%s", err, p.log)
	}
	used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	return used.Seconds() / float64(loops*clipSeconds), nil
}
