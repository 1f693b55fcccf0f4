// Package gateway wires the rooms into one running gateway: the catalog and the
// certificates that it keeps, the journal, the packager, ingest, and web.
//
// In goes a config.Config; out come listeners that serve. Open makes or reads
// what is kept and binds every address, so that whatever is wrong is known
// before anything runs; Serve runs until its context ends, and then ends in
// stages (see serve.go), within five seconds at the most. One goroutine calls
// Open, Serve and Close, in this order.
package gateway
