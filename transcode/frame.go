package transcode

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"sluice/media"
)

// run is what lasts from one Begin to the next, which may be another session's.
type run struct {
	number int           // rises from one run to the next
	clock  int           // the number of the run in which the source's clock began: it goes on over those made here
	all    []media.Track // that it began with
	tracks []media.Track // without those that are rungs of the picture
	video  *media.Track  // that leads; nil where there is no picture
	own    *own          // the picture's rungs that the publisher sends; nil where it sends none
	sets   []byte        // the picture's parameter sets, length-prefixed
	sound  *sound        // what makes AAC of the sound; nil where that is passed on
	expect media.Expectation
	// err is why the packager refused what leads in the source's place. The Ladder's
	// mutex guards it.
	err error
}

// offered are the tracks that are passed on.
func (r *run) offered() []media.Track {
	offered := make([]media.Track, 0, len(r.tracks))
	sounds := 0
	for _, t := range r.tracks {
		if t.Kind == media.Audio {
			sounds++
		}
		switch {
		case r.sound == nil || t.Kind != media.Audio:
		case r.sound.track.ID != t.ID:
			// What is made has the name of the first.
			t.Name = cmp.Or(t.Name, fmt.Sprintf("%s%d", soundName, sounds))
		case !r.keepsSound():
			continue
		default:
			t.Name = t.Codec.RFC6381()
		}
		offered = append(offered, t)
	}
	return offered
}

// keepsSound reports whether sound of which AAC is made is passed on too, beside a
// picture: what televisions play better than anything that is made of it.
func (r *run) keepsSound() bool {
	if r.sound == nil || r.video == nil {
		return false
	}
	switch r.sound.track.Codec.(type) {
	case *media.AC3, *media.EAC3:
		return true
	}
	return false
}

// next returns the run after r, which may be nil.
func (r *run) next(tracks []media.Track) *run {
	n := &run{all: tracks}
	if r != nil {
		n.number = r.number + 1
	}
	n.clock = n.number
	for _, t := range tracks {
		if t.Kind != media.Video || n.sizes(media.Video) == 0 {
			n.tracks = append(n.tracks, t)
		}
	}
	for i := range n.tracks {
		if n.tracks[i].Kind == media.Video {
			n.video = &n.tracks[i]
			n.sets = parameterSets(n.video.Codec)
		}
	}
	return n
}

// sizes counts the tracks of a kind that aren't rungs.
func (r *run) sizes(k media.Kind) (n int) {
	for _, t := range r.tracks {
		if t.Kind == k {
			n++
		}
	}
	return n
}

// others are the tracks that are rungs of the picture.
func (r *run) others() []media.Track {
	var others []media.Track
	for _, t := range r.all {
		if t.Kind == media.Video && t.ID != r.video.ID {
			others = append(others, t)
		}
	}
	return others
}

// parameterSets returns those that a decoder must have before the first picture of
// a run: what goes on decoding doesn't look at a new init segment. Keyframes of AV1
// and VP9 have theirs with them.
func parameterSets(c media.Codec) []byte {
	var units [][]byte
	switch c := c.(type) {
	case *media.H264:
		units = [][]byte{c.SPS, c.PPS}
	case *media.HEVC:
		units = [][]byte{c.VPS, c.SPS, c.PPS}
	}
	var sets []byte
	for _, set := range units {
		sets = append(binary.BigEndian.AppendUint32(sets, uint32(len(set))), set...)
	}
	return sets
}

// frame is one coded picture of the source as it's fed. All but what is said to
// be the engine's is immutable.
type frame struct {
	at, dts  media.Ticks // presentation and decode time on the feed's clock; at is unique
	pts      media.Ticks // presentation time on the run's clock
	duration media.Ticks // nominal
	sync     bool
	data     []byte // with the parameter sets where it's a sync sample
	captions []byte // closed captions, as three-byte constructs; see sei.Message.CaptionData
	run      *run
	arrived  time.Time

	// place is where the packager put the frame: the source's, or, where that
	// is hidden, the leading rung's. placed is false of one that it didn't take
	// (yet). Both are guarded by the engine's mutex.
	place  media.Place
	placed bool
}

// newFrame makes a frame of a source's sample.
func newFrame(r *run, s media.Sample, arrived time.Time, c *feedClock) *frame {
	f := &frame{
		pts: s.PTS(), duration: max(s.Duration, 1), sync: s.Sync, data: s.Data, run: r, arrived: arrived,
	}
	f.dts, f.at = c.stamp(s)
	f.captions = captionsOf(r.video.Codec, s.Data)
	if s.Sync && len(r.sets) > 0 {
		f.data = append(append(make([]byte, 0, len(r.sets)+len(s.Data)), r.sets...), s.Data...)
	}
	return f
}
