// Package admit decides who may publish: by client certificates, by the keys of the
// catalog, by tokens, and by what an application says.
//
// In goes a publisher's wish (ingest.Publish); out comes a Decision, or one of package
// ingest's errors. In this order:
//
//   - A client certificate, which package ingest's listener has verified, may open a
//     stream by itself (see Client), unless a token is shown. Nothing of it can be
//     guessed, so nobody who has one waits.
//   - An address from which too many wrong keys came waits for its turn, or is refused
//     without its key being looked at (see limiter); one that has published with this
//     very key before is let through.
//   - A token, given as the key or as ?token=, is checked by package token.
//   - Anything else is looked up in the catalog: its hash, which is then compared in
//     constant time. Expiry, revocation and address ranges are checked.
//   - If the configuration names a URL, the application is asked (package webhook): it
//     may refuse whoever has got here, and admit whom none of these knows.
//
// A stream that wants certificates wants them of everybody, whatever let them in, and
// before the application is asked about them. Whoever lacks one is told what those with
// a wrong key are told.
//
// A stream must be in the catalog, whoever names it: viewers are served no other.
//
// Who has been admitted is remembered until it's over: Serve ends sessions whose key
// was revoked or rotated, has expired, or lost their address's range, as well as those
// whose stream was removed, within a second or two of the change, in whichever process
// that was made. It also ends those whose token has expired (unless Options.Outlive), and
// those whose client certificate would pass no handshake any more (see Trust). Serve also notes, once a minute, when keys were used, and delivers
// the application's events.
//
// A Policy may be used by any number of goroutines at once.
package admit
