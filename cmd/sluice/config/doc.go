// Package config reads the gateway's configuration: flags over environment over a
// YAML file over defaults.
//
// In go the flags as the command line gave them and a function that looks up
// environment variables; out comes a checked Config, or one error that names
// every mistake with its place: "--segment", "SLUICE_SEGMENT", or file, line,
// column and key. A key that isn't known is a mistake too. Load reads one file
// of at most 1 MiB and starts nothing.
//
// The list of streams isn't merged: the highest layer that has one gives all.
package config
