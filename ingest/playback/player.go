package playback

import (
	"time"

	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/message"
	"sluice/media"
	"sluice/packager/timeline"
)

// Options of a Player.
type Options struct {
	// StreamID is the message stream that the messages are of.
	StreamID uint32
	// Rendition is the one that is played: of video, with the sound that goes with it;
	// or of sound, alone. Empty is what leads, or, where the client can't take that,
	// the first one that it can.
	Rendition timeline.RenditionID
	Takes     Takes
	// MaxLag is for how long a part may wait to be given before the newest keyframe is
	// gone to, beyond the time that the next part takes.
	MaxLag time.Duration
}

// Player goes through a stream's timeline once.
type Player struct {
	options Options
	epoch   uint64    // 0: not begun
	start   time.Time // of that epoch, on the server's clock
	idle    bool      // the epoch is over, and no other one is there

	video, audio track
	begun        bool          // something was given
	rebase       bool          // the next tag is the epoch's first
	gap          time.Duration // from the start of the epoch before to this one's
	offset       int64         // from an epoch's clock to the client's, ms
	last         int64         // the latest time that was given, ms
	describe     bool          // metadata is due

	told    [toldEvents]uint32 // the newest events' ids
	tells   int                // how many events there were
	splices map[uint32]*splice // that the client knows of, by their numbers; nil: not begun

	paused, resync bool
	skips          int

	batch []chunk.Message
	arena []byte // their bodies
}

// New returns a Player that has given nothing.
func New(o Options) *Player { return &Player{options: o} }

// Outcome says how it stands after a call of Next.
type Outcome uint8

// The outcomes.
const (
	Waiting Outcome = iota // there is nothing more until the timeline changes
	More                   // there is more already
	Over                   // the broadcast has ended, and all of it was given
	Missing                // there is no rendition of that name
	Foreign                // nothing that is published is in a codec that the client takes
)

// Next returns the messages of what t has and was not given before, in the order in
// which they are to be sent; a part's worth at most. They hold until the next call. An error
// is of a part that can't be read, and final.
func (p *Player) Next(t *timeline.Timeline) ([]chunk.Message, Outcome, error) {
	clear(p.batch)
	p.batch, p.arena = p.batch[:0], p.arena[:0]
	if cap(p.arena) > keptArena {
		p.arena = nil
	}
	ended := t.State == timeline.Ended || t.State == timeline.Offline
	switch {
	case p.paused && ended && p.epoch != 0:
		return nil, Over, nil
	case p.paused:
		return nil, Waiting, nil
	case p.epoch == 0:
		if e := t.Current(); e == nil {
			return nil, Waiting, nil
		} else if entered, o, err := p.enter(t, e, true); !entered {
			return nil, o, err
		}
	}
	for {
		if err := p.catchUp(t); err != nil {
			return nil, Over, err
		}
		o, err := p.media(t)
		if err != nil {
			return p.batch, o, err
		}
		if o == Over {
			p.tellRest()
		}
		p.tellSplices(t)
		if o != Over {
			return p.batch, o, nil
		}
		p.idle = true
		e := p.following(t)
		if e == nil && ended {
			return p.batch, Over, nil
		}
		if e == nil {
			return p.batch, Waiting, nil
		}
		if entered, o, err := p.enter(t, e, false); !entered {
			return p.batch, o, err
		}
	}
}

// Awaits names two renditions, changes of which may have something for Next; both are
// empty where every change may.
func (p *Player) Awaits() (video, audio timeline.RenditionID) {
	if p.idle || p.epoch == 0 || p.video.empty() || p.audio.empty() {
		return "", ""
	}
	return p.video.id, p.audio.id
}

// Pause stops the media, or lets it go on: from the newest keyframe, if there is one
// that was not given.
func (p *Player) Pause(paused bool) {
	p.paused = paused
	p.resync = p.resync || !paused
}

// Resync goes to the newest keyframe, if there is one that was not given.
func (p *Player) Resync() { p.resync = true }

// Skips is how often the newest keyframe was gone to because the client was behind.
func (p *Player) Skips() int { return p.skips }

// following is the first epoch after the present one.
func (p *Player) following(t *timeline.Timeline) *timeline.Epoch {
	for _, e := range t.Epochs {
		if e.Number > p.epoch {
			return e
		}
	}
	return nil
}

// lead is the track that keyframes are asked of.
func (p *Player) lead() *track {
	if p.video.empty() {
		return &p.audio
	}
	return &p.video
}

// catchUp goes to the newest keyframe where the client is behind, or wants to.
func (p *Player) catchUp(t *timeline.Timeline) error {
	k, r := p.lead(), t.Rendition(p.lead().id)
	if r == nil {
		return nil
	}
	s, err := k.fill(t, p.epoch, p.options.Takes)
	if err != nil {
		return err
	}
	_, newest := newestPart(r)
	late := s == has && newest != nil && arrival(newest, r.Track.Timescale).Sub(k.arrived) > p.options.MaxLag+k.longest
	if !late && !p.resync {
		return nil
	}
	p.resync = false
	jumped, err := p.jump(t, r)
	if jumped && late {
		p.skips++
	}
	return err
}

// jump goes to the newest keyframe, where that is ahead.
func (p *Player) jump(t *timeline.Timeline, r *timeline.Rendition) (bool, error) {
	if n := len(t.Epochs); n > 0 && t.Epochs[n-1].Number != p.epoch {
		e := t.Epochs[n-1]
		if entered, _, err := p.enter(t, e, true); entered || err != nil {
			return entered, err
		}
	}
	key, part := newestKey(r, p.epoch)
	k := p.lead()
	if part == nil || !after(key, k.part) {
		return false, nil
	}
	k.jump(key)
	if k == &p.video {
		p.audio.from = part.Start.Rescale(k.ts, max(p.audio.ts, 1))
		if p.audio.at.MSN < key.MSN {
			p.audio.jump(timeline.Position{MSN: key.MSN})
		}
	}
	return true, nil
}

// media gives what there is of the epoch; Over says that it is over.
func (p *Player) media(t *timeline.Timeline) (Outcome, error) {
	if err := p.join(t); err != nil {
		return Over, err
	}
	for len(p.arena) < batchBytes {
		if p.video.empty() && p.audio.empty() {
			return Waiting, nil
		}
		v, err := p.video.fill(t, p.epoch, p.options.Takes)
		if err != nil {
			return Over, err
		}
		a, err := p.audio.fill(t, p.epoch, p.options.Takes)
		if err != nil {
			return Over, err
		}
		if e := t.Current(); e != nil && e.Number == p.epoch && p.part(v, a) {
			// A rung has left. What leads is there.
			if err := p.join(t); err != nil {
				return Over, err
			}
			continue
		}
		if v == over && a == over {
			return Over, nil
		}
		k := p.pick(t, v, a)
		if k == nil {
			return Waiting, nil
		}
		p.give(k)
	}
	return More, nil
}

// part lets go of what is over although the epoch isn't.
func (p *Player) part(v, a supply) (any bool) {
	if v == over && !p.video.empty() {
		p.video, any = track{last: p.video.last, events: p.video.events}, true
	}
	if a == over && !p.audio.empty() {
		p.audio, any = track{last: p.audio.last}, true
	}
	return any
}

// pick returns the track whose turn it is; nil where the other one may have something
// that belongs before.
func (p *Player) pick(t *timeline.Timeline, v, a supply) *track {
	k, other, s := &p.video, &p.audio, a
	switch {
	case v == has && a == has:
		if a := p.audio.next(); a < p.video.next() {
			return &p.audio
		}
		return &p.video
	case a == has:
		k, other, s = &p.audio, &p.video, v
	case v != has:
		return nil
	}
	at := k.next()
	r := t.Rendition(k.id)
	if s == over || at <= other.ready() || r == nil || edge(r, p.epoch, k.ts)-at > hold+2*max(k.longest, other.longest)+t.Targets.Lag {
		return k
	}
	if e := t.Epoch(p.epoch); e == nil || !e.Ended.IsZero() {
		return k // nothing is waited for at the end
	}
	return nil
}

// give adds the pending sample of k to the batch.
func (p *Player) give(k *track) {
	s := &k.pending[0]
	k.pending = k.pending[1:]
	dts := (s.DTS - k.delay).Rescale(k.ts, media.Milliseconds)
	if p.rebase {
		p.base(int64(dts))
	}
	at := max(p.offset+int64(dts), k.last)
	if p.describe {
		p.describe = false
		p.data(at)
	}
	p.tell(dts)
	if k.announce {
		k.announce = false
		if k.form.config != nil {
			p.tag(k, at, k.form.appendTo(p.arena, flv.PacketConfig, true, 0, k.form.config))
		}
	}
	const most = 1<<23 - 1 // FLV's composition time has 24 bits
	cts := p.offset + int64(s.PTS().Rescale(k.ts, media.Milliseconds)) - at
	cts = min(max(cts, -most), most)
	p.tag(k, at, k.form.appendTo(p.arena, flv.PacketFrames, s.Sync, int32(cts), s.Data))
	k.last = at
	p.last = max(p.last, at)
}

// base finds what an epoch's times become, of which the first one is given: they begin
// at 0, or go on by as much as the wall clock did, and never back.
func (p *Player) base(first int64) {
	p.rebase = false
	if !p.begun {
		p.begun, p.offset = true, -first
		return
	}
	p.offset = max(p.offset+p.gap.Milliseconds(), p.last+1-first)
}

// tag adds a message whose body was appended to the arena.
func (p *Player) tag(k *track, at int64, arena []byte) {
	body := arena[len(p.arena):len(arena):len(arena)]
	p.arena = arena
	if k.form.kind == media.Audio {
		p.batch = append(p.batch, message.Audio{StreamID: p.options.StreamID, Timestamp: uint32(at), Body: body}.Marshal())
		return
	}
	p.batch = append(p.batch, message.Video{StreamID: p.options.StreamID, Timestamp: uint32(at), Body: body}.Marshal())
}
