// Package certificates is the one source of TLS certificates that RTMPS and
// HTTPS share.
//
// A Set is what a gateway has: pairs of files (Files), certificates that a CA
// issues for domains (ACME), and a CA of this installation (Local: made at first
// start, signs a leaf for this machine's names and renews it). A handshake gets
// the certificate for the name that it asks for (RFC 6066 §3; wildcards as RFC
// 6125 §6.4.3 has them), or the default one. Set.HTTPS and Set.RTMPS make
// tls.Configs for TLS 1.2 (RFC 5246; OBS 29 has no other) and 1.3 (RFC 8446).
// Certificates follow RFC 5280; the local CA's name constraints are §4.2.1.10. ACME
// is RFC 8555 by certmagic, with HTTP-01 (§8.3) and TLS-ALPN-01 (RFC 8737) answered
// by the gateway's own listeners. Clients checks the certificates of publishers,
// against revocation lists (RFC 5280 §5) too.
//
// In go paths, domains and this machine's names; out come certificates at each
// handshake, their Status, and metrics. Everything may be used by any number of
// goroutines at once; a handshake reads no file, but for the local CA's leaf, which
// one handshake a minute looks after while the others go on. The constructors start
// no goroutine: Serve does, which follows the files (a change is there within a
// second, and a pair that can't be used keeps the last good one), obtains and
// renews, and warns in the log from 21 days before an end (see WarnBefore). No
// connection is touched by any of that. Limits stand in limits.go.
package certificates
