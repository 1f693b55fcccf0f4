// Package flv reads what RTMP's audio and video messages carry: the tag bodies of
// the FLV format, and the metadata that goes with them.
//
// It implements "Adobe Flash Video File Format Specification" 10.1, sections
// E.4.2, E.4.3 and E.5, the tag headers of "Enhanced RTMP" v2 (ModEx and multitrack
// included), and ISO/IEC 14496-15, section 5.3.3.1 (the AVC decoder configuration
// record).
//
// In goes a message's body, out comes a tag: codec, kind of packet, composition
// time, and the payload, which refers to the body without a copy: length-prefixed
// NAL units, raw AAC, frames of MP3, a configuration record. Every codec that has a number or a
// FourCC is named; which of them are served is VideoTag.Served and AudioTag.Served.
//
// All functions are pure, allocate nothing for a tag, and may be called at once.
// Errors wrap ErrMalformed, or are a *NotServedError.
package flv
