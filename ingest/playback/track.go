package playback

import (
	"fmt"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// track is the way of a Player through one rendition's parts, in one epoch. The zero
// value is of none.
type track struct {
	id   timeline.RenditionID
	form form
	ts   media.Timescale
	at   timeline.Position // of the part that is read next
	init *timeline.Init    // of the part that was read last

	fragment cmaf.Fragment  // of the part that was read last
	pending  []media.Sample // its samples that were not given yet
	part     timeline.Position
	arrived  time.Time     // when that part did
	covered  time.Duration // up to where parts were read, as a decode time
	longest  time.Duration // of those parts
	from     media.Ticks   // what is presented earlier is passed over
	waits    bool          // for a sync sample
	delay    media.Ticks   // by which decode times go back; see package
	announce bool          // its configuration is due
	events   []event       // of the parts that were read, later than what was given
	last     int64         // the time of its newest tag
}

// supply says what a track has to give.
type supply uint8

const (
	has  supply = iota // a sample is pending
	dry                // it may still come
	over               // nothing more comes in this epoch
)

func (k *track) empty() bool { return k.id == "" }

// fill reads parts until a sample is pending.
func (k *track) fill(t *timeline.Timeline, epoch uint64, takes Takes) (supply, error) {
	if k.empty() {
		return over, nil
	}
	r := t.Rendition(k.id)
	for {
		for len(k.pending) > 0 {
			s := &k.pending[0]
			if k.waits = k.waits && !s.Sync; !k.waits && s.PTS() >= k.from {
				return has, nil
			}
			k.pending = k.pending[1:]
		}
		if r == nil {
			return over, nil
		}
		g := k.segment(r)
		switch {
		case g == nil && k.isOver(t, r, epoch), g != nil && g.Epoch != epoch:
			return over, nil
		case g == nil || k.at.Part >= len(g.Parts) && !g.Closed:
			return dry, nil
		case k.at.Part >= len(g.Parts):
			k.at = timeline.Position{MSN: k.at.MSN + 1}
		default:
			if err := k.read(g, takes); err != nil {
				return over, err
			}
		}
	}
}

// segment is the one in which the next part is: the rendition may lack some.
func (k *track) segment(r *timeline.Rendition) *timeline.Segment {
	for g := range r.Segments.From(k.at.MSN) {
		k.goTo(g.MSN)
		return g
	}
	if r.Open != nil && r.Open.MSN >= k.at.MSN {
		k.goTo(r.Open.MSN)
		return r.Open
	}
	return nil
}

func (k *track) goTo(msn uint64) {
	if msn != k.at.MSN {
		k.at = timeline.Position{MSN: msn}
	}
}

// isOver says whether the rendition, which has no more segments now, gets none in this
// epoch. A rung may have some when the epoch has ended.
func (k *track) isOver(t *timeline.Timeline, r *timeline.Rendition, epoch uint64) bool {
	for i, e := range t.Epochs {
		if e.Number != epoch {
			continue
		}
		switch {
		case e.Ended.IsZero():
			return r.Left
		case !r.Follows, r.Left, r.Epoch != epoch, t.State == timeline.Ended:
			return true
		}
		return i+1 < len(t.Epochs) && k.at.MSN >= t.Epochs[i+1].FirstMSN
	}
	return true
}

// read reads the next part of g.
func (k *track) read(g *timeline.Segment, takes Takes) error {
	p := &g.Parts[k.at.Part]
	k.part, k.arrived = k.at, arrival(p, k.ts)
	k.at.Part++
	if p.Data == nil { // only in storage, long ago
		k.waits = k.form.kind == media.Video
		return nil
	}
	if g.Init != k.init {
		if k.init != nil && !g.Init.Track.Codec.Equal(k.form.codec) {
			f, ok := takes.formOf(g.Init.Track)
			if !ok {
				return fmt.Errorf("rendition %s goes over to %s, which the client doesn't take", k.id, g.Init.Track.Codec.Name())
			}
			k.form, k.announce = f, true
		}
		k.init = g.Init
	}
	if err := k.fragment.Read(p.Data); err != nil {
		return fmt.Errorf("part %d.%d of %s: %w", g.MSN, k.part.Part, k.id, err)
	}
	if err := k.readEvents(p.Data); err != nil {
		return fmt.Errorf("part %d.%d of %s: %w", g.MSN, k.part.Part, k.id, err)
	}
	k.pending = k.fragment.Samples
	k.covered = (p.Start + p.Duration).Duration(k.ts)
	k.longest = max(k.longest, p.Duration.Duration(k.ts))
	for i := range k.pending {
		k.delay = max(k.delay, -k.pending[i].CTSOffset)
	}
	return nil
}

// next is the decode time of the pending sample, on the epoch's clock.
func (k *track) next() time.Duration { return (k.pending[0].DTS - k.delay).Duration(k.ts) }

// ready is up to where the track's decode times are known: what comes later is later.
func (k *track) ready() time.Duration { return k.covered - k.delay.Duration(k.ts) }

// jump goes on with the part at p, which begins with a keyframe.
func (k *track) jump(p timeline.Position) {
	k.at, k.pending, k.events, k.waits = p, nil, nil, k.form.kind == media.Video
}

// lookBack learns the delay from the parts around the next one: those of its segment,
// and of the segment before.
func (k *track) lookBack(r *timeline.Rendition, epoch uint64) error {
	for _, msn := range [...]uint64{k.at.MSN - 1, k.at.MSN} {
		g := r.Segment(msn)
		if g == nil || g.Epoch != epoch {
			continue
		}
		for i := range g.Parts {
			if g.Parts[i].Data == nil {
				continue
			}
			if err := k.fragment.Read(g.Parts[i].Data); err != nil {
				return fmt.Errorf("part %d.%d of %s: %w", msn, i, k.id, err)
			}
			for _, s := range k.fragment.Samples {
				k.delay = max(k.delay, -s.CTSOffset)
			}
		}
	}
	return nil
}

// arrival is when the part's last sample was read; where nobody noted that, when it
// was on the server's clock.
func arrival(p *timeline.Part, ts media.Timescale) time.Time {
	if p.Arrived.IsZero() {
		return p.Time.Add(p.Duration.Duration(ts))
	}
	return p.Arrived
}

// newestPart is that of the rendition, and its place; nil where there is none.
func newestPart(r *timeline.Rendition) (*timeline.Segment, *timeline.Part) {
	for _, g := range [...]*timeline.Segment{r.Open, r.Segments.Last()} {
		if g != nil && len(g.Parts) > 0 {
			return g, &g.Parts[len(g.Parts)-1]
		}
	}
	return nil, nil
}

// edge is where the rendition's newest part of the epoch ends, as a decode time; 0
// where there is none.
func edge(r *timeline.Rendition, epoch uint64, ts media.Timescale) time.Duration {
	if g, p := newestPart(r); g != nil && g.Epoch == epoch {
		return (p.Start + p.Duration).Duration(ts)
	}
	return 0
}

// newestKey is the newest part of the epoch that begins with a keyframe: in the open
// segment, or in the one before.
func newestKey(r *timeline.Rendition, epoch uint64) (timeline.Position, *timeline.Part) {
	for _, g := range [...]*timeline.Segment{r.Open, r.Segments.Last()} {
		if g == nil || g.Epoch != epoch {
			continue
		}
		for i := len(g.Parts) - 1; i >= 0; i-- {
			if p := &g.Parts[i]; p.Independent && p.Data != nil {
				return timeline.Position{MSN: g.MSN, Part: i}, p
			}
		}
	}
	return timeline.Position{}, nil
}

// after says whether p comes after q.
func after(p, q timeline.Position) bool {
	return p.MSN > q.MSN || p.MSN == q.MSN && p.Part > q.Part
}
