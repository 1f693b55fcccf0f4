// Package annexb turns access units of H.264 and H.265 from the byte stream that encoders
// write into the form that samples have.
//
// It implements annex B of ITU-T H.264 and of ITU-T H.265 (start codes, leading and
// trailing zeros) and ISO/IEC 14496-15 sections 5.3.2 and 8.3.2 (NAL units behind
// their length, of four bytes).
//
// In goes an access unit; out come its NAL units, or the same with lengths and
// the parameter sets beside them. What is returned refers to the access unit,
// but for what is appended to dst, which is written once.
//
// All functions are pure and may be called at once. Time and memory are bounded
// by the size of the access unit.
package annexb
