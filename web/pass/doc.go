// Package pass says who may watch a stream: by a token in the URL's path
// (/live/{stream}/~{token}/…), by the page that shows it (Referer, RFC 9110 §10.1.3),
// and which pages may read it (CORS, the Fetch standard §3.2).
//
// A token has one of two forms. The short one is
//
//	EXPIRY.MAC      for everybody who has it
//	EXPIRY.ip.MAC   for one address
//
// where EXPIRY is a time in Unix seconds, and MAC the HMAC-SHA256 (RFC 2104), in base64url
// without padding (RFC 4648 §5), of
//
//	play:STREAM:EXPIRY:ADDRESS
//
// under the secret as it stands in the configuration. ADDRESS is empty in the first form,
// and else the viewer's as RFC 5952 writes it; an edge that knows the secret can check it
// with a few lines. The long one is a JSON Web Token, which is checked by whom Options
// names. Each has one spelling: what a cache holds under another would be a copy.
//
// Nothing here logs, waits or keeps anything. All may be used by any number of goroutines
// at once. Errors never hold a token.
package pass
