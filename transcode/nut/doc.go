// Package nut reads NUT, the container in which ffmpeg hands back what it has
// encoded: one elementary stream on a pipe that can't be sought in.
//
// It implements "NUT Open Container Format" version 3 as the specification of
// 2013 has it: type definitions; packets and their checksums; main header with
// frame code table and elision headers; stream header; syncpoints; frames. Info
// packets, the index, and headers that a later version may bring are checked and
// passed over. Of ffmpeg's version 4 it knows the main header, syncpoints that
// hold a clock, and frames that hold side data, which it leaves out. Nothing is
// searched for and nothing is repaired: a pipe loses no bytes, so what is
// malformed is the end.
//
// In go bytes; out comes the Header of the stream, then a Packet for each coded
// picture or audio frame, as soon as its last byte is there: H.264 and H.265 as
// Annex B byte streams, AV1 as temporal units, AAC raw. NUT has one time for a
// frame, its PTS. A packet's Data is its only allocation, and the caller's.
//
// A Reader is used by one goroutine at a time. Errors are sticky. They are
// io.EOF at an end between packets, wrap io.ErrUnexpectedEOF at one inside a packet and
// ErrMalformed where the bytes aren't NUT of one stream or exceed a limit of
// limits.go, or are the source's own.
package nut
