// Package cmaf writes CMAF tracks: an init segment for each track, and the
// fragments that follow it; and reads its own fragments back (ISO/IEC 23000-19 §7; ISO/IEC 14496-12 §8.8 for
// fragments, §12 for sample entries; ISO/IEC 14496-15 §5.3 for avcC and §8.3 for hvcC;
// AV1 Codec ISO Media File Format Binding §2 for av1C; ISO/IEC 14496-1 §7.2.6 for esds, of
// AAC and of MP3; ISO/IEC 23009-1 §5.10.3.3 for emsg, of timed metadata).
//
// In go a media.Track and runs of media.Sample with their final decode times;
// out come bytes. A fragment is one moof and one mdat with one track run, of
// which every payload is copied once. There are no edit lists: decode times are
// to be shifted by the caller so that a segment's first decode time equals its
// earliest presentation time, which is what negative composition offsets
// (trun version 1, brand cmf2) are for.
//
// Fragment.Read and ReadEvents take apart what AppendTo wrote, and nothing else: every other form is
// ErrMalformed. What it gives refers to the bytes that it was given.
//
// All functions are pure and may be called by any number of goroutines at once.
// Limits: durations and composition offsets must fit 32 bits, a fragment 4 GiB;
// the packager cuts far below either.
package cmaf
