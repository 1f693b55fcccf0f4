package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// benchFragments runs the fragment writer's own benchmark and puts it beside a
// plain copy of the same bytes.
func benchFragments(ctx context.Context, b *bench) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Fragment|Copy)$", "-benchmem", "-count", "5", "./packager/cmaf")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	line := regexp.MustCompile(`Benchmark(Fragment|Copy)\S*\s+\d+\s+([\d.]+) ns/op(?:\s+[\d.]+ MB/s)?\s+(\d+) B/op\s+(\d+) allocs/op`)
	best := map[string]float64{}
	allocs := 0
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		ns, _ := strconv.ParseFloat(m[2], 64)
		if old, ok := best[m[1]]; !ok || ns < old {
			best[m[1]] = ns
		}
		if m[1] == "Fragment" {
			allocs, _ = strconv.Atoi(m[4])
		}
	}
	if best["Fragment"] == 0 || best["Copy"] == 0 {
		return fmt.Errorf("no figures in:\n%s", out)
	}
	speed := best["Copy"] / best["Fragment"]
	b.row("Fragment writing, speed to a plain copy", fmt.Sprintf("%.2fx", speed), "0.8x", speed >= 0.8)
	b.row("Fragment writing, allocations", strconv.Itoa(allocs), "2", allocs <= 2)
	return nil
}
