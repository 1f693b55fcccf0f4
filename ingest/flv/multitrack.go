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
	return eachTrack(t, t.Multitrack, t.Payload, func(s share) (VideoTag, error) {
		one := t
		one.Multitrack, one.Track = OneTrack, s.track
		if t.Multitrack == ManyTracksMany {
			one.Codec = videoCodec(s.fourCC)
		}
		return one.read(cursor{b: s.body})
	})
}

// Tracks is what VideoTag.Tracks is.
func (t AudioTag) Tracks() iter.Seq2[AudioTag, error] {
	return eachTrack(t, t.Multitrack, t.Payload, func(s share) (AudioTag, error) {
		one := t
		one.Multitrack, one.Track, one.Payload = OneTrack, s.track, s.body
		if t.Multitrack == ManyTracksMany {
			one.Codec = audioCodec(s.fourCC)
		}
		if one.Packet == PacketEnd {
			one.Payload = nil
		}
		return one, nil
	})
}

// share is what a message of many tracks has of one.
type share struct {
	fourCC uint32 // of ManyTracksMany
	track  uint8
	body   []byte
}

// eachTrack yields a tag itself, or what of makes of each of its shares.
func eachTrack[T any](tag T, m Multitrack, payload []byte, of func(share) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if m <= OneTrack {
			yield(tag, nil)
			return
		}
		c := cursor{b: payload}
		for n := 0; len(c.b) > 0; n++ {
			one := tag
			s, err := c.share(m, n)
			if err == nil {
				one, err = of(s)
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// share reads the next track's, the one of that number in the message.
func (c *cursor) share(m Multitrack, n int) (s share, err error) {
	if n == MaxTracks {
		return s, fmt.Errorf("more than %d tracks: %w", MaxTracks, ErrMalformed)
	}
	if m == ManyTracksMany {
		if s.fourCC = fourCC(c.next(4)); s.fourCC < 1<<24 && !c.short {
			return s, fmt.Errorf("FourCC %#08x: %w", s.fourCC, ErrMalformed)
		}
	}
	s.track = c.next(1)[0]
	b := c.next(3)
	size := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	if c.short || size > len(c.b) {
		return s, fmt.Errorf("track %d of a message cut off: %w", n+1, ErrMalformed)
	}
	s.body, c.b = c.b[:size:size], c.b[size:]
	return s, nil
}
