// Package cmcd reads what players say of themselves in their requests: Common Media
// Client Data, CTA-5004 (version 1), and of version 2 (CTA-5004-B) the same keys in
// request mode, whose numbers may be lists.
//
// What goes in is a request's query and header; what comes out is a Report, in a
// place that the caller gives. Players write a dictionary of structured fields (RFC
// 8941 §3.2), in the query argument CMCD or spread over four headers.
//
// A stranger writes it. So it is read once, from left to right, without a copy and
// without an allocation, and within the limits of limits.go: what is longer, or not a
// dictionary, is refused as a whole; a value of the wrong type or out of its range is
// as if it weren't there. Nothing of a Report refers to the request.
//
// All functions may be called by any number of goroutines at once.
package cmcd
