// Package sei reads supplemental enhancement information out of the access units of
// H.264 (ITU-T H.264 §7.3.2.3 and annex D) and H.265 (ITU-T H.265 §7.3.2.4, annex D):
// user data that somebody put there, and closed captions (ANSI/SCTE 128-1 §8.1,
// CTA-708-E, ANSI/CTA-608-E).
//
// In go media.Sample's bytes; out come messages, and what captions there are. Nothing
// is decoded further than that. Of a unit that is cut off or makes no sense, what
// stands before the fault is given.
//
// Functions are pure and may be called at once; a Captions belongs to one goroutine.
// A unit is looked at up to MaxUnit bytes, and maxMessages messages.
package sei
