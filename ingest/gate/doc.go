// Package gate says who may come in: it counts connections, all together and by
// address, and TLS handshakes by address. The ports of RTMP, RTMPS and HTTPS have
// one each.
//
// In go addresses and what connections have come to; out come places, or errors that
// say why there's none. It also bounds the lines of a log that peers can cause.
// Everything may be called by any goroutine; nothing waits. Memory is bounded by the
// limits given, and by 4096 addresses whose handshakes and lines are remembered.
package gate
