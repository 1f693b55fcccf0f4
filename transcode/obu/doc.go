// Package obu turns temporal units of AV1 from the stream that encoders write
// into the form that samples have.
//
// It implements sections 4.10.5 and 5.3 of the AV1 Bitstream & Decoding Process
// Specification as far as OBUs must be told apart (headers, sizes in LEB128: the
// low-overhead format), and section 2.4 of AV1 Codec ISO Media File Format Binding
// (what a sample leaves out).
//
// In goes a temporal unit; out come the same OBUs but for those, and the sequence
// header beside them, which refers to the temporal unit. All functions are pure
// and may be called at once. Time and memory are bounded by the size of the
// temporal unit.
package obu
