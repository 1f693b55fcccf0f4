// Package trust puts the local CA into the certificate stores of this machine,
// so that OBS and browsers accept what it signs, and takes it out again.
//
// Stores: the system's on Debian, Fedora and Arch Linux and their kin; the NSS
// databases of Chromium and Firefox on Linux; the System keychain on macOS; the
// user's root store on Windows. In goes a CA's file; out come Results that say
// what was done in each store, and which command does it where it's not permitted
// here. Nothing is done silently. The package starts no goroutine; one process at
// a time should change the stores.
package trust
