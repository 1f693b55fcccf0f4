// Package certificates is the one source of TLS certificates that RTMPS and
// HTTPS share.
//
// A Source is either a pair of files (Files: read again when they change) or a
// CA of this installation (Local: made at first start, signs a leaf for this
// machine's names and renews it). HTTPS and RTMPS turn a Source into a
// tls.Config for TLS 1.2 (RFC 5246; OBS 29 has no other) and 1.3 (RFC 8446).
// Certificates follow RFC 5280; the CA's name constraints are §4.2.1.10.
//
// In go paths and this machine's names; out come certificates at each
// handshake. A Source may be used by any number of goroutines at once: a
// handshake never waits for another one's disk access. The package starts no
// goroutine: the check for changed files or names rides on a handshake, at
// most once a second and once a minute.
package certificates
