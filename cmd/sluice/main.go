package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"sluice/storage/catalog"
)

// commands is the command line.
type commands struct {
	Run     runCommand     `cmd:"" help:"Start the gateway."`
	Demo    demoCommand    `cmd:"" help:"Start the gateway and publish a test picture with a clock and a tone."`
	Trust   trustCommand   `cmd:"" help:"Have this machine trust the local CA, so that OBS and browsers accept the gateway's certificate."`
	Stream  streamCommand  `cmd:"" help:"Streams and their keys: add, list, rotate, remove; also while the gateway runs."`
	Token   tokenCommand   `cmd:"" help:"Make a token with which a stream that is signed can be watched, and show the URLs."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	// Most of the heap is media: large slices without pointers that stay for a
	// stream's window. The collector hardly has to look at them, so collecting more
	// often costs next to nothing, while Go's default of 100 would let the heap
	// grow to twice the windows. GOGC, where it's set, stands; so does GOMEMLIMIT.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	var c commands
	ctx := kong.Parse(&c,
		kong.Name("sluice"),
		kong.Description("A live video gateway: RTMPS in; HLS, low-latency HLS and DASH out.\n\n"+
			"Every flag of run and demo can also be set by the environment variable in brackets, or by its name in the YAML "+
			"file that --config names. Flags go before the environment, and that before the file."),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true}),
		kong.ShortUsageOnError(),
	)
	if err := ctx.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "sluice: %v\n", err)
		os.Exit(exitCode(err))
	}
}

// The codes that a command ends with, beside 0, and 80 for a command line that can't
// be read.
const (
	exitFailed   = 1
	exitNotFound = 3 // no such stream or key
)

func exitCode(err error) int {
	if errors.Is(err, catalog.ErrNotFound) {
		return exitNotFound
	}
	return exitFailed
}
