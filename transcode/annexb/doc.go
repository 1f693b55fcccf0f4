// Package annexb turns H.264 access units from the byte stream that encoders
// write into the form that samples have.
//
// It implements ITU-T H.264 annex B (start codes, leading and trailing zeros) and
// ISO/IEC 14496-15 section 5.3.2 (NAL units behind their length, of four bytes).
//
// In goes an access unit; out come its NAL units, or the same with lengths and
// the parameter sets beside them. What is returned refers to the access unit,
// but for what is appended to dst, which is written once.
//
// All functions are pure and may be called at once. Time and memory are bounded
// by the size of the access unit.
package annexb
