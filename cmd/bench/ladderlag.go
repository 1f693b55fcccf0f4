package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// benchLadderLag asks for each part of the source and for the same part of every
// rung ahead of time, as players do, and compares when they come.
func benchLadderLag(ctx context.Context, b *bench) error {
	for _, c := range []struct {
		ladder
		goal time.Duration
	}{
		{halfHDLadder, 100 * time.Millisecond},
		{fullHDLadder, 400 * time.Millisecond},
	} {
		var lags map[string][]time.Duration
		err := b.withLadder(ctx, c.ladder, nil, func(ctx context.Context, g *gateway) (err error) {
			lags, err = watchLadder(ctx, g, c.rungs, b.span)
			return err
		})
		if err != nil {
			return fmt.Errorf("%v: %w", c.ladder, err)
		}
		var worst time.Duration
		for _, r := range c.rungs {
			all := lags[r]
			if len(all) < int(b.span/time.Second) {
				return fmt.Errorf("%v: only %d parts of %s seen", c.ladder, len(all), r)
			}
			slices.Sort(all)
			p50, p95 := all[len(all)/2], all[len(all)*95/100]
			worst = max(worst, p95)
			b.report("%v: %d parts of %s behind the source's: p50 %v, p95 %v, worst %v", c.ladder, len(all), r,
				p50.Round(10*time.Microsecond), p95.Round(10*time.Microsecond), all[len(all)-1].Round(10*time.Microsecond))
		}
		b.row("A rung's part behind the source's, "+c.ladder.String()+", p95", worst.Round(100*time.Microsecond).String(),
			c.goal.String(), worst <= c.goal)
	}
	return nil
}

// arrival is when a part was there.
type arrival struct {
	at  time.Time
	err error
}

// awaitPart fetches a part that is still to come. The gateway holds such a request
// for a rendition's next part only, so that a rung that is behind is asked again
// and again.
func awaitPart(ctx context.Context, url string, again bool) arrival {
	const longest, often = 5 * time.Second, 2 * time.Millisecond
	for end := time.Now().Add(longest); ; sleep(ctx, often) {
		_, err := get(ctx, url)
		a := arrival{time.Now(), err}
		if err == nil || !again || a.at.After(end) || !strings.Contains(err.Error(), "404") {
			return a
		}
	}
}

// watchLadder asks, for that long, for each part that the source's playlist
// hints at, in the source and in the rungs, and returns by how much each rung's
// came later.
func watchLadder(ctx context.Context, g *gateway, rungs []string, span time.Duration) (map[string][]time.Duration, error) {
	lags := map[string][]time.Duration{}
	for end := time.Now().Add(span); time.Now().Before(end); {
		body, err := get(ctx, g.url(sourcePlaylist))
		if err != nil {
			return nil, err
		}
		hint, ok := hinted(string(body))
		if !ok {
			return nil, errors.New("no preload hint in the playlist")
		}
		arrivals := make([]arrival, 1+len(rungs))
		round, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for i, r := range append([]string{"source"}, rungs...) {
			wg.Add(1)
			go func() {
				defer wg.Done()
				arrivals[i] = awaitPart(round, g.url("/live/s0/"+r+"/"+hint), i > 0)
				if i == 0 && arrivals[0].err != nil {
					cancel() // no rung gets it either
				}
			}()
		}
		wg.Wait()
		cancel()
		if arrivals[0].err != nil {
			continue // the hint was for a part that the segment doesn't get
		}
		for i, r := range rungs {
			if a := arrivals[1+i]; a.err != nil {
				return nil, a.err
			}
			lags[r] = append(lags[r], arrivals[1+i].at.Sub(arrivals[0].at))
		}
	}
	return lags, ctx.Err()
}

// benchLadderSource looks at the source's parts as the first experiment on latency
// does: without a ladder, with one, and with its ffmpeg stopped dead.
func benchLadderSource(ctx context.Context, b *bench) error {
	l := halfHDLadder
	const goal = 5 * time.Millisecond
	measure := func(title string, ladder ladder, f func(*gateway) (undo func(), err error)) error {
		frames := &clock{}
		var late []time.Duration
		watch := func(ctx context.Context, g *gateway) error {
			undo, err := f(g)
			if err != nil {
				return err
			}
			defer undo()
			late, err = watchParts(ctx, g, frames, b.span)
			return err
		}
		var err error
		if len(ladder.rungs) > 0 {
			err = b.withLadder(ctx, ladder, frames.note, watch)
		} else {
			err = b.withPicture(ctx, ladder.picture, frames.note, watch)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		if len(late) < int(b.span/time.Second) {
			return fmt.Errorf("%s: only %d parts seen", title, len(late))
		}
		slices.Sort(late)
		p50, p99 := late[len(late)/2], late[len(late)*99/100]
		b.report("%s: %d parts: p50 %v, p99 %v, worst %v", title, len(late), p50, p99, late[len(late)-1])
		b.row("Source's part in a viewer's hands, "+title+", p99", p99.Round(10*time.Microsecond).String(), goal.String(), p99 <= goal)
		return nil
	}
	nothing := func(*gateway) (func(), error) { return func() {}, nil }
	return errors.Join(
		measure("no ladder", ladder{picture: l.picture}, nothing),
		measure("ladder "+l.String(), l, nothing),
		measure("its ffmpeg stopped again and again", l, func(g *gateway) (func(), error) { return g.paralyse(ctx) }),
	)
}

// paralyse stops the gateway's ffmpeg dead with SIGSTOP, and each one that takes
// its place, until undo is called.
func (g *gateway) paralyse(ctx context.Context) (undo func(), err error) {
	if _, pid, err := g.transcoder(); err != nil {
		return nil, err
	} else if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for ctx.Err() == nil {
			sleep(ctx, 200*time.Millisecond)
			if _, pid, err := g.transcoder(); err == nil {
				_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended
			}
		}
	}()
	return func() { stop(); wg.Wait() }, nil
}
