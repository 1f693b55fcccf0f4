// Package media holds the words that every room shares: tracks, codecs,
// samples, timed metadata, and the arithmetic of media time.
//
// Times are those of ISO/IEC 14496-12: a decode time (DTS) and the offset from
// it to the composition time (CTSOffset), both in ticks of the track's
// timescale. Payloads are as they stand in FLV tags and in mdat boxes alike:
// length-prefixed NAL units (ISO/IEC 14496-15, four length bytes), temporal units
// of AV1 without their delimiters, frames of VP9, raw AAC access units (ISO/IEC
// 14496-3), frames of MP3 (ISO/IEC 11172-3), packets of Opus (RFC 6716), frames of
// FLAC (RFC 9639) and syncframes of AC-3 and E-AC-3 (ETSI TS 102 366), so that
// nothing between ingest and the fragment rewrites them.
//
// Values are immutable once handed on and may be read by any number of
// goroutines at once. The package imports the standard library and
// mediacommon's codec parsers only.
package media
