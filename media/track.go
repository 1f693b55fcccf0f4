package media

import "strconv"

// Kind tells video from audio.
type Kind uint8

// The kinds of track.
const (
	Video Kind = iota + 1
	Audio
)

func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// TrackID numbers the tracks of a session from 1.
type TrackID uint32

// Track is one elementary stream in one encoding. A change of any field is a
// new track, and so begins an epoch.
type Track struct {
	ID        TrackID
	Kind      Kind
	Timescale Timescale // VideoClock for video, the sample rate for audio
	Codec     Codec
	// Name is that of the rendition in URLs, a path element; empty for the
	// usual one of the kind.
	Name string
	// Language is a tag of RFC 5646 and Label a name for people, of sound that is one
	// of several; empty where nothing is known.
	Language, Label string
}

// Equal reports whether two tracks would have the same init segment.
func (t Track) Equal(o Track) bool {
	if t.ID != o.ID || t.Kind != o.Kind || t.Timescale != o.Timescale || t.Name != o.Name ||
		t.Language != o.Language || t.Label != o.Label {
		return false
	}
	if t.Codec == nil || o.Codec == nil {
		return t.Codec == o.Codec
	}
	return t.Codec.Equal(o.Codec)
}

// Sample is an access unit with its timing, in ticks of its track's timescale.
type Sample struct {
	DTS       Ticks // decode time; never decreases within an epoch
	CTSOffset Ticks // PTS minus DTS; may be negative
	Duration  Ticks // nominal: known without waiting for the next sample
	Sync      bool  // a decoder may start here
	// Data is length-prefixed NAL units (four bytes each), the OBUs of a temporal
	// unit of AV1 without its delimiter, a frame or superframe of VP9, a raw AAC
	// frame, a packet of Opus, a frame of MP3 or FLAC with its header, or the
	// syncframes of AC-3 and E-AC-3.
	// It is shared and never written again.
	Data []byte
}

// PTS returns the presentation time.
func (s Sample) PTS() Ticks { return s.DTS + s.CTSOffset }
