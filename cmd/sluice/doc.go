// Command sluice is the live video gateway.
//
// It has no logic of its own: it reads the configuration (package config), opens
// the gateway (package gateway) with what it keeps, tells people where it listens
// (package console), and waits for a signal.
package main
