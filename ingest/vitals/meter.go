package vitals

import (
	"maps"
	"sync"
	"time"

	"sluice/media"
)

// Meter measures one session.
type Meter struct {
	mu    sync.Mutex
	start time.Time

	second  int64 // since start; that of now in ring
	ring    [seconds]count
	begun   bool      // the first sample has come, and start is its arrival
	arrived time.Time // the newest sample

	video, audio track
	declaredFPS  float64

	key, keyMost time.Duration // the newest keyframe's time; the longest distance
	keyStep      time.Duration
	keys         int
	newest       time.Duration // the latest presentation time of a picture
	row, bFrames int

	epochs   int
	repaired uint64
	dropped  map[string]uint64
}

// count is what came within a second.
type count struct {
	video, audio int           // bytes
	advance      time.Duration // of the leading track's decode time
	frames       int           // that went over it
	stops        int
}

// track is what is known of one.
type track struct {
	media.Track
	has  bool
	at   time.Duration // the newest decode time
	seen bool
	lead leads
}

// New returns a Meter for a session that begins now.
func New(now time.Time) *Meter { return &Meter{start: now} }

// Declare takes the frame rate that the encoder has announced; zero for none.
func (m *Meter) Declare(fps float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.declaredFPS = fps
}

// Begin says that an epoch begins, with these tracks: the first of each kind counts.
func (m *Meter) Begin(tracks []media.Track) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epochs++
	m.video, m.audio = track{}, track{}
	for _, t := range tracks {
		if p := m.of(t.Kind); !p.has {
			p.Track, p.has = t, true
		}
	}
	m.keys, m.keyMost, m.keyStep, m.row, m.bFrames = 0, 0, 0, 0, 0
}

func (m *Meter) of(k media.Kind) *track {
	if k == media.Video {
		return &m.video
	}
	return &m.audio
}

// Sample takes a sample that is handed on.
func (m *Meter) Sample(id media.TrackID, s media.Sample, arrived time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &m.video
	if !t.has || t.ID != id {
		if t = &m.audio; !t.has || t.ID != id {
			return
		}
	}
	if !m.begun { // what passed before isn't the line's
		m.start, m.second, m.ring = arrived, 0, [seconds]count{}
	}
	c := m.turn(arrived)
	if m.begun && arrived.Sub(m.arrived) > standstill {
		c.stops++
	}
	m.begun, m.arrived = true, arrived
	at := s.DTS.Duration(t.Timescale)
	after := t.seen
	if after && (t == &m.video || !m.video.has) {
		c.advance += max(at-t.at, 0)
	}
	t.at, t.seen = at, true
	t.lead.add(arrived.Sub(m.start), at)
	if t == &m.audio {
		c.audio += len(s.Data)
		return
	}
	c.video += len(s.Data)
	if after {
		c.frames++
	}
	m.picture(s, t.Timescale)
}

// picture notes keyframes, and B-frames: pictures shown before one that came earlier.
func (m *Meter) picture(s media.Sample, ts media.Timescale) {
	at := s.PTS().Duration(ts)
	if s.Sync {
		if m.keys > 0 {
			m.keyStep = at - m.key
			m.keyMost = max(m.keyMost, m.keyStep)
		}
		m.key, m.newest, m.row = at, at, 0
		m.keys++
		return
	}
	if at > m.newest {
		m.newest, m.row = at, 0
		return
	}
	m.row++
	m.bFrames = max(m.bFrames, m.row)
}

// turn returns the count of the second that now is in.
func (m *Meter) turn(now time.Time) *count {
	second := int64(now.Sub(m.start) / time.Second)
	if second-m.second >= seconds {
		m.ring, m.second = [seconds]count{}, second
	}
	for m.second < second {
		m.second++
		m.ring[m.second%seconds] = count{}
	}
	return &m.ring[m.second%seconds]
}

// Repaired says that a timestamp was.
func (m *Meter) Repaired() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.repaired++
}

// Dropped says that a sample was not handed on, and why.
func (m *Meter) Dropped(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropped == nil {
		m.dropped = map[string]uint64{}
	}
	if _, known := m.dropped[reason]; known || len(m.dropped) < maxReasons {
		m.dropped[reason]++
	}
}

// Vitals returns what is known by now.
func (m *Meter) Vitals(now time.Time) Vitals {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	v := Vitals{Epochs: m.epochs, Repaired: m.repaired, Dropped: maps.Clone(m.dropped)}
	last, few, all := m.sum(recent), m.sum(steady), m.sum(seconds-1)
	v.Bitrate, v.BitrateMinute = last.rate(last.video+last.audio), all.rate(all.video+all.audio)
	if few.seconds >= recent {
		v.Speed = few.advance.Seconds() / float64(few.seconds)
	}
	v.Stops = all.stops + m.ring[m.second%seconds].stops
	if m.video.has {
		v.Video = m.picturesVitals(last, few)
	}
	if m.audio.has {
		v.Audio = m.soundVitals(last)
	}
	if m.video.has && m.audio.has {
		if a, ok := m.audio.lead.now(); ok {
			if p, ok := m.video.lead.now(); ok {
				v.Offset, v.OffsetKnown = a-p, true
			}
		}
	}
	leading := &m.video
	if !leading.has {
		leading = &m.audio
	}
	v.Drift, v.DriftKnown = leading.lead.slope()
	return v
}

func (m *Meter) picturesVitals(last, few total) *Video {
	t := &m.video
	v := &Video{Codec: t.Codec.RFC6381(), Profile: profileOf(t.Codec), DeclaredFPS: m.declaredFPS,
		Bitrate: last.rate(last.video), BFrames: m.bFrames}
	if few.advance > 0 {
		v.FPS = float64(few.frames) / few.advance.Seconds()
	}
	if p, ok := t.Codec.(media.Picture); ok {
		f := p.Format()
		v.Width, v.Height = f.Width, f.Height
	}
	if m.keys > 0 {
		v.Keyframes = max(m.keyStep, m.newest-m.key)
		v.KeyframesMost = max(m.keyMost, v.Keyframes)
	}
	return v
}

func (m *Meter) soundVitals(last total) *Audio {
	v := &Audio{Codec: m.audio.Codec.RFC6381(), Bitrate: last.rate(last.audio), SampleRate: int(m.audio.Timescale)}
	if s, ok := m.audio.Codec.(media.Sound); ok {
		v.SampleRate, v.Channels = s.Output()
	}
	return v
}

// total is what came in the last whole seconds.
type total struct {
	count
	seconds int
}

// sum adds up the last n whole seconds, or those that there were.
func (m *Meter) sum(n int) total {
	var t total
	for i := int64(1); i <= int64(n) && m.second-i >= 0; i++ {
		c := &m.ring[(m.second-i)%seconds]
		t.video += c.video
		t.audio += c.audio
		t.frames += c.frames
		t.advance += c.advance
		t.stops += c.stops
		t.seconds++
	}
	return t
}

// rate is bytes in bits a second.
func (t total) rate(bytes int) float64 {
	if t.seconds == 0 {
		return 0
	}
	return float64(8*bytes) / float64(t.seconds)
}
