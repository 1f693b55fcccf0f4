package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/gateway"
	"sluice/storage/certificates"
	"sluice/storage/certificates/trust"
)

type trustCommand struct {
	Config *string `placeholder:"FILE" help:"The gateway's YAML file. [SLUICE_CONFIG]"`
	Data   *string `placeholder:"./data" help:"The gateway's data folder, with the CA. [SLUICE_DATA]"`
	CA     string  `name:"ca" placeholder:"FILE" help:"A CA of another machine or container, as its /ca.crt hands it out, instead."`
	Remove bool    `help:"Take the CA out of the stores again."`
}

var errNotEverywhere = errors.New("not done in every store; see above")

// Run changes this machine's stores, and says what it did.
func (c trustCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	file, err := c.file()
	if err != nil {
		return err
	}
	ca, err := trust.ReadCA(file)
	if err != nil {
		return err
	}
	do := trust.Install
	if c.Remove {
		do = trust.Remove
	}
	fmt.Printf("%s (%s)\n", ca.Name, ca.File)
	return report(os.Stdout, do(ctx, ca))
}

// file returns the CA's certificate; the CA is made where there is none yet.
func (c trustCommand) file() (string, error) {
	if c.CA != "" {
		return c.CA, nil
	}
	cfg, err := config.Load(config.Flags{Config: c.Config, Data: c.Data}, os.LookupEnv)
	if err != nil {
		return "", err
	}
	if len(cfg.TLS.Certs) > 0 {
		return "", fmt.Errorf("the gateway is configured to use %s, so there's no local CA to trust", cfg.TLS.Certs[0])
	}
	dir := gateway.TLSDir(cfg)
	if _, err := os.Stat(dir); err != nil && !c.Remove {
		fmt.Printf("no CA in %s yet: making it\n", filepath.Clean(dir))
	}
	local, err := certificates.OpenLocal(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	return local.CAFile(), nil
}

func report(w io.Writer, results []trust.Result) error {
	var failed error
	for _, r := range results {
		if r.Err == nil {
			fmt.Fprintf(w, "  %s: %s\n", r.Store, r.Did)
			continue
		}
		failed = errNotEverywhere
		fmt.Fprintf(w, "  %s: not done: %v\n", r.Store, r.Err)
		if r.By != "" {
			fmt.Fprintf(w, "    do it with:\n      %s\n", strings.ReplaceAll(r.By, "\n", "\n      "))
		}
	}
	return failed
}
