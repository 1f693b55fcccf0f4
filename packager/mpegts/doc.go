// Package mpegts makes MPEG-TS segments of CMAF fragments, for players that know no
// other (ISO/IEC 13818-1 §2.4.3 and §2.4.4; ISO/IEC 14496-10 annex B and ITU-T H.265
// annex B for pictures, with §2.14 and §2.17 of the former; ISO/IEC 14496-3 §1.A.2.2,
// ADTS, for AAC; ATSC A/52 annexes A and G for AC-3 and E-AC-3; RFC 8216 §3.2; Apple,
// Timed Metadata for HTTP Live Streaming, for ID3).
//
// What goes in is a Segment: the fragments of a video track, of a sound track, or of
// both, and those in front of which there are events (cmaf.EventMessage). Out come the
// bytes, which depend on nothing else: every machine makes the same ones.
//
// Every segment stands for itself. It begins with its tables and a PCR, and its
// continuity counters with 0; since each PID has a multiple of 16 packets, the next
// segment goes on where it ended, though nobody has seen both. What is missing to that
// is made by spreading the last units over more packets, never by packets that
// hold nothing: those don't count.
//
// Units are in the order of their decode times. PCRs are 200 ms before these and less than 40 ms
// apart, as far as a minute's worth of empty packets goes in a segment whose pictures
// stand still. A PES packet has one picture, or as many frames of sound as a decoder's
// buffer takes. Timed ID3 has a PID of its own in every program map, so that this
// never changes within an epoch.
//
// All functions are pure and may be called by any number of goroutines at once. What
// they take is bounded by what goes in: see limits.go.
package mpegts
