// Package media holds the words that every room shares: tracks, codecs,
// samples, and the arithmetic of media time.
//
// Times are those of ISO/IEC 14496-12: a decode time (DTS) and the offset from
// it to the composition time (CTSOffset), both in ticks of the track's
// timescale. Payloads are as they stand in FLV tags and in mdat boxes alike:
// length-prefixed NAL units (ISO/IEC 14496-15, four length bytes), temporal units
// of AV1 without their delimiters, raw AAC access units (ISO/IEC 14496-3) and
// frames of MP3 (ISO/IEC 11172-3), so that nothing between ingest and the
// fragment rewrites them.
//
// Values are immutable once handed on and may be read by any number of
// goroutines at once. The package imports the standard library and
// mediacommon's codec parsers only.
package media
