package flv

import (
	"fmt"
	"iter"
)

// MaxTracks is how many tracks one message may have. Track ids have eight bits, but
// nobody encodes so many pictures at a time.
const MaxTracks = 16

// Tracks yields the tag as one of each of its tracks: of a tag of one, itself, with
// the track's number in Track. Where the message is cut off, or has more than
// MaxTracks, it yields an error that wraps ErrMalformed, and ends.
//
//	| FourCC 4, of ManyTracksMany only | track 1 | size 3 | composition time 0 or 3 | payload | ...
func (t VideoTag) Tracks() iter.Seq2[VideoTag, error] {
	return func(yield func(VideoTag, error) bool) {
		if t.Multitrack <= OneTrack {
			yield(t, nil)
			return
		}
		c := cursor{b: t.Payload}
		for n := 0; len(c.b) > 0; n++ {
			one := t
			one.Multitrack = OneTrack
			fourCC, track, body, err := c.track(t.Multitrack, n)
			if err != nil {
				yield(t, err)
				return
			}
			if one.Track = track; t.Multitrack == ManyTracksMany {
				one.Codec = videoCodec(fourCC)
			}
			one, err = one.read(cursor{b: body})
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// Tracks is what VideoTag.Tracks is.
func (t AudioTag) Tracks() iter.Seq2[AudioTag, error] {
	return func(yield func(AudioTag, error) bool) {
		if t.Multitrack <= OneTrack {
			yield(t, nil)
			return
		}
		c := cursor{b: t.Payload}
		for n := 0; len(c.b) > 0; n++ {
			one := t
			one.Multitrack = OneTrack
			fourCC, track, body, err := c.track(t.Multitrack, n)
			if err != nil {
				yield(t, err)
				return
			}
			if one.Track = track; t.Multitrack == ManyTracksMany {
				one.Codec = audioCodec(fourCC)
			}
			if one.Payload = body; one.Packet == PacketEnd {
				one.Payload = nil
			}
			if !yield(one, nil) {
				return
			}
		}
	}
}

// track reads the next of many tracks, the one of that number in the message.
func (c *cursor) track(m Multitrack, n int) (code uint32, id uint8, body []byte, err error) {
	if n == MaxTracks {
		return 0, 0, nil, fmt.Errorf("more than %d tracks: %w", MaxTracks, ErrMalformed)
	}
	if m == ManyTracksMany {
		if code = fourCC(c.next(4)); code < 1<<24 && !c.short {
			return 0, 0, nil, fmt.Errorf("FourCC %#08x: %w", code, ErrMalformed)
		}
	}
	id = c.next(1)[0]
	b := c.next(3)
	size := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	if c.short || size > len(c.b) {
		return 0, 0, nil, fmt.Errorf("track %d of a message cut off: %w", n+1, ErrMalformed)
	}
	body, c.b = c.b[:size:size], c.b[size:]
	return code, id, body, nil
}
