package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// deadline is how long the gateway may take to end, whatever happens.
const deadline = 5 * time.Second

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. From
// then on the process ends at the deadline, and with a second signal at once.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		cancel()
		select {
		case <-signals:
			fmt.Fprintln(os.Stderr, "sluice: ended at once by a second signal")
		case <-time.After(deadline):
			fmt.Fprintf(os.Stderr, "sluice: not ended within %v; giving up\n", deadline)
		case <-done:
			return
		}
		os.Exit(1)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
