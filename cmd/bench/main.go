// Command bench measures a built Sluice beside its peers, in the same run on
// the same machine, and prints each figure with the one it must reach.
//
//	bench [-run ingest,latency,…] [-sluice bin/sluice] [-folder DIR]
//
// It needs ffmpeg, nginx with its rtmp and stream modules, wrk and chromium;
// all traffic stays on loopback. Ratios are what counts: both sides of one
// are measured within minutes of each other on an otherwise idle machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// bench is one run.
type bench struct {
	binary     string
	folder     string
	publishers int
	viewers    int
	settle     time.Duration // before Sluice's ingest is measured: windows must be full
	span       time.Duration // that CPU clocks are read over
	rows       []row
}

type row struct {
	what, measured, goal string
	reached              bool
}

// row adds a line to the table at the end.
func (b *bench) row(what, measured, goal string, reached bool) {
	b.rows = append(b.rows, row{what, measured, goal, reached})
	b.report("%s: %s (goal %s, reached %v)", what, measured, goal, reached)
}

func (b *bench) report(format string, args ...any) { fmt.Printf(format+"\n", args...) }

var experiments = []struct {
	name string
	run  func(context.Context, *bench) error
}{
	{"fragments", benchFragments},
	{"ingest", benchIngest},
	{"latency", benchLatency},
	{"blocked", benchBlocked},
	{"delivery", benchDelivery},
	{"glass", benchGlass},
	{"ladder-cpu", benchLadderCPU},
	{"ladder-lag", benchLadderLag},
	{"ladder-source", benchLadderSource},
}

func main() {
	if len(os.Args) == 5 && os.Args[1] == "discard" {
		if err := discard(os.Args[2], os.Args[3], os.Args[4]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var names []string
	for _, e := range experiments {
		names = append(names, e.name)
	}
	b := &bench{}
	only := flag.String("run", strings.Join(names, ","), "experiments, separated by commas")
	flag.StringVar(&b.binary, "sluice", "bin/sluice", "the binary under measurement")
	flag.StringVar(&b.folder, "folder", filepath.Join(os.TempDir(), "sluice-bench"), "for clips, logs and data")
	flag.IntVar(&b.publishers, "publishers", 100, "publishers of the ingest experiment")
	flag.IntVar(&b.viewers, "viewers", 5000, "blocked viewers")
	flag.DurationVar(&b.settle, "settle", 80*time.Second, "time for the windows to fill")
	flag.DurationVar(&b.span, "span", 30*time.Second, "time that CPU clocks are read over")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return err
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	for _, name := range strings.Split(*only, ",") {
		if !slices.Contains(names, name) {
			return fmt.Errorf("no experiment %q: there are %s", name, strings.Join(names, ", "))
		}
	}
	failed := 0
	for _, e := range experiments {
		if !slices.Contains(strings.Split(*only, ","), e.name) {
			continue
		}
		fmt.Printf("\n== %s\n", e.name)
		if err := e.run(ctx, b); err != nil {
			fmt.Printf("%s could not be measured: %v\n", e.name, err)
			failed++
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	b.table()
	if failed > 0 {
		return fmt.Errorf("%d experiments could not be measured", failed)
	}
	return nil
}

// table prints the rows as README has them.
func (b *bench) table() {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| Measured\t| Result\t| Goal\t| Reached\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|")
	for _, r := range b.rows {
		reached := "yes"
		if !r.reached {
			reached = "no"
		}
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t|\n", r.what, r.measured, r.goal, reached)
	}
	w.Flush()
}
