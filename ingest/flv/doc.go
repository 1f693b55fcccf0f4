// Package flv reads what RTMP's audio and video messages carry: the tag bodies of
// the FLV format, and the metadata that goes with them.
//
// It implements "Adobe Flash Video File Format Specification" 10.1, sections
// E.4.2, E.4.3 and E.5, the tag headers of "Enhanced RTMP" v2 (ModEx and multitrack
// included), and the configuration records of ISO/IEC 14496-15, sections 5.3.3.1 (AVC)
// and 8.3.3.1 (HEVC), of "AV1 Codec ISO Media File Format Binding", section 2.3, and
// of "VP Codec ISO Media File Format Binding".
//
// In goes a message's body, out comes a tag: codec, kind of packet, composition
// time, and the payload, which refers to the body without a copy: length-prefixed
// NAL units, AV1's OBUs, frames of VP9 and of sound, a configuration record. A message
// of many tracks is one tag, and Tracks makes of it one for each. Every codec that has a number or a
// FourCC is named; which of them are served is VideoTag.Served and AudioTag.Served.
//
// All functions are pure, allocate nothing for a tag, and may be called at once.
// Errors wrap ErrMalformed, or are a *NotServedError.
package flv
