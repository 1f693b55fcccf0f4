// Package console is what the gateway shows on a terminal: a slog handler whose
// lines people read, and the few lines that a start prints.
//
// In go log records and addresses; out come lines on an io.Writer. A Handler
// may be used by any number of goroutines at once; each record is one Write.
package console
