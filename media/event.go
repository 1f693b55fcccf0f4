package media

import "time"

// Event is timed metadata: something that happens at a time of a session's
// picture, and that players, or the software of whoever embeds them, are told.
type Event struct {
	// At is its presentation time in VideoClock ticks, on the clock of the
	// session's samples.
	At Ticks
	// Scheme is a URI that says what Data is, and Value what it is about within that, as
	// scheme_id_uri and value of an event message box (ISO/IEC 23009-1 §5.10.3.3).
	Scheme, Value string
	// Duration is how long it lasts; zero where nobody knows.
	Duration time.Duration
	// Data is shared and never written again.
	Data []byte
}

// The schemes of events that are made here.
const (
	// SchemeID3 is an ID3v2 tag (AOMedia, Carriage of ID3 Timed Metadata in CMAF §2).
	SchemeID3 = "https://aomedia.org/emsg/ID3"
	// SchemeSCTE35 is a binary splice_info_section (SCTE 214-3 §8.3.3); Value is what its
	// sender calls it. It is told in manifests, not in fragments.
	SchemeSCTE35 = "urn:scte:scte35:2013:bin"
)
