package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// version is set by the build where there's no repository to ask: -X main.version=v1.2.3.
var version string

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	_, err := fmt.Fprintln(os.Stdout, versionLine())
	return err
}

func versionLine() string {
	v, commit := buildVersion()
	if commit != "" {
		commit = " (commit " + commit + ")"
	}
	return fmt.Sprintf("sluice %s%s, %s %s/%s", v, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// buildVersion returns the module's version, and the commit as far as the build knows it.
func buildVersion() (v, commit string) {
	v = version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v, ""
	}
	if v == "" {
		v = info.Main.Version
	}
	changed := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed since"
		}
	}
	if commit != "" {
		commit += changed
	}
	return v, commit
}
