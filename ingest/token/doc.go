// Package token checks JSON Web Tokens that admit publishers, or viewers where a stream is
// signed: RFC 7519, signed (RFC 7515) by HS256, RS256 or ES256 (RFC 7518 §3).
//
// In goes a token as an encoder gave it; out come Claims. The algorithm is that of the
// key, not what the token says: a shared secret checks HS256 alone, an RSA key RS256, a
// P-256 key ES256. Keys come from the configuration, and from a JWK set (RFC 7517) at a
// URL, which is read again when it's ten minutes old, and when a token names a key that
// it lacks, though not more often than every ten seconds; while that fails, the last
// good set stands. Redirects are not followed. Private and symmetric keys in a set are
// passed over.
//
// What a token must say:
//
//	stream   the stream's name; where it's left out, sub is
//	exp      until when it admits; required
//	nbf      from when on; may be left out
//	allow    address or CIDR, or a list of them: where it may be used; may be left out
//	iss, aud what the configuration demands, if it does
//
// Clocks may differ by ten seconds. A token is checked when a publisher arrives; who
// keeps one that is live knows by Claims.Until when its right ends.
//
// A Verifier may be used by any number of goroutines at once. It starts none.
package token
