// Package scte35 reads and writes splice_info_sections: the messages by which
// broadcasters say where advertisements, programmes and chapters begin and end.
//
// It implements ANSI/SCTE 35 2023r1: the section and its CRC (§9.6), splice_insert
// (§9.7.3), time_signal (§9.7.4), splice_null and bandwidth_reservation (§9.7.1,
// §9.7.5), splice_time and break_duration (§9.8), and segmentation_descriptors
// (§10.3.3). Other commands and descriptors are kept as bytes. What is encrypted
// (§11) is kept as it is: nobody here has a key.
//
// In go the bytes of a section, which Parse checks, or what Out, In and Opportunity
// build; out come a Section, its bytes (AppendTo), and what it says of the programme
// (Points). Sections that were parsed share no memory with the input. All functions
// are pure and may be called at once.
//
// A section is at most MaxSection bytes long, and has at most maxDescriptors
// descriptors and maxComponents components in each place: see limits.go. Errors wrap
// ErrMalformed.
package scte35
