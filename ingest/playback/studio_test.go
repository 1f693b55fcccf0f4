package playback

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/message"
	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// studio writes a stream's timeline as the packager does: 25 pictures a second with
// two B-frames between others, sound of 48 kHz, parts of 200 ms, segments of 2 s.
type studio struct {
	t     *testing.T
	tl    *timeline.Timeline
	epoch uint64
	now   time.Time // of the epoch's start
	lanes map[timeline.RenditionID]*lane
	ids   []timeline.RenditionID
	delay time.Duration // that epochs tell
	late  bool          // the first epoch's targets are fixed by the test
	pad   int           // bytes that samples have beside their name
	emsgs []cmaf.EventMessage
}

type lane struct {
	track    media.Track
	n        int // samples so far in this epoch
	msn      uint64
	parts    int
	began    media.Ticks // of the segment
	delay    media.Ticks // composition offset of the first picture, which the packager took out
	sequence uint32
}

const (
	frame    = 3600 // of 25 a second, at 90 kHz
	ofPart   = 5    // pictures
	ofGOP    = 50   // pictures
	aacFrame = 1024
	aacPart  = 9
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What encoders write.
var (
	avc360 = must(media.NewH264(unbase64("Z0LAHtoCgL/lwEQAAAMABAAAAwDwPFi6gA=="), unbase64("aM4PyA==")))
	avc720 = must(media.NewH264(unbase64("Z0LAH9oBQBbsBEAAAAMAQAAADwPGDKg="), unbase64("aM4PyA==")))
	hevc   = must(media.NewHEVC(unhex("40010c01ffff01600000030090000003000003003cba024000"),
		unhex("42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10"), unhex("4401c173c089")))
	aac  = must(media.NewAAC([]byte{0x11, 0x90}))
	opus = media.PlainOpus(2)
)

func videoTrack(c media.Codec) media.Track {
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: c}
}

func audioTrack(c media.Codec) media.Track {
	return media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: c}
}

func newStudio(t *testing.T) *studio {
	return &studio{t: t, tl: timeline.New(timeline.Numbers{}), now: time.Unix(1_700_000_000, 0), lanes: map[timeline.RenditionID]*lane{}}
}

func (s *studio) apply(entries ...timeline.Entry) {
	s.t.Helper()
	for _, e := range entries {
		next, err := timeline.Apply(s.tl, e)
		require.NoError(s.t, err, "%T", e)
		s.tl = next
	}
}

// begin starts an epoch; a track of video is Source, of sound Audio.
func (s *studio) begin(expected []timeline.ExpectedRendition, tracks ...media.Track) {
	s.t.Helper()
	s.epoch++
	first := s.tl.State == timeline.Offline
	e := timeline.EpochStarted{Epoch: s.epoch, At: s.now, Window: 30 * time.Second, Expected: expected, Delay: s.delay}
	s.ids = nil
	for _, t := range tracks {
		id := timeline.Source
		if t.Kind == media.Audio {
			id = timeline.Audio
		}
		e.Tracks = append(e.Tracks, timeline.RenditionTrack{Rendition: id, Track: t})
	}
	msn := s.tl.Next.MSN
	s.apply(e)
	for _, rt := range e.Tracks {
		s.open(rt, msn)
	}
	if first && !s.late {
		s.fix()
	}
}

func (s *studio) fix() {
	s.t.Helper()
	s.apply(timeline.TargetsFixed{Targets: timeline.Targets{
		Segment: 2 * time.Second, Part: 200 * time.Millisecond, HoldBack: 6 * time.Second, PartHoldBack: 600 * time.Millisecond,
	}})
}

func (s *studio) open(rt timeline.RenditionTrack, msn uint64) {
	s.t.Helper()
	init, err := cmaf.Init(rt.Track)
	require.NoError(s.t, err)
	s.apply(timeline.InitWritten{Epoch: s.epoch, InitEpoch: s.epoch, Rendition: rt.Rendition, Data: init})
	s.lanes[rt.Rendition] = &lane{track: rt.Track, msn: msn}
	s.ids = append(s.ids, rt.Rendition)
}

// joins adds a rung, which has what the source has from its next segment on.
func (s *studio) joins(id timeline.RenditionID, track media.Track) {
	s.t.Helper()
	track.Name = string(id)
	rt := timeline.RenditionTrack{Rendition: id, Track: track}
	leader := s.lanes[s.ids[0]]
	s.apply(timeline.RenditionJoined{Epoch: s.epoch, RenditionTrack: rt, MSN: leader.msn})
	s.open(rt, leader.msn)
	s.lanes[id].n = leader.n
}

// sample is the n-th one of the epoch as it was published: in milliseconds of the
// publisher's clock, and what is in it.
func (l *lane) sample(id timeline.RenditionID, epoch uint64, n int) (dts, cts int64, sync bool, data []byte) {
	data = fmt.Appendf(nil, "%s %d.%d", id, epoch, n)
	if l.track.Kind == media.Audio {
		return (int64(n)*aacFrame*1000 + 24_000) / 48_000, 0, true, data
	}
	// In the order of decoding I P B B P B B: a picture is shown one frame late, and
	// each P two frames later than that.
	shown := n - 1
	switch i := n % ofGOP; {
	case i == 0:
		shown = n
	case i%3 == 1 && i+2 < ofGOP:
		shown = n + 2
	case i%3 == 1:
		shown = n
	}
	if i := n % ofGOP; i == ofGOP-1 && i%3 == 1 {
		shown = n
	}
	return int64(n) * 40, int64(shown-n)*40 + 40, n%ofGOP == 0, data
}

// firstCTS is the composition time of an epoch's first picture.
const firstCTS = 40

// part publishes the next part of a rendition. n is how many samples it has.
func (s *studio) part(id timeline.RenditionID, n int) {
	s.t.Helper()
	l := s.lanes[id]
	origin := media.TicksOf(timeline.Origin, l.track.Timescale)
	f := cmaf.Fragment{Sequence: l.sequence, TrackID: l.track.ID}
	for range n {
		dts, cts, sync, data := l.sample(id, s.epoch, l.n)
		m := media.Sample{Sync: sync, Data: append(data, make([]byte, s.pad)...)}
		if l.track.Kind == media.Video {
			m.DTS, m.CTSOffset, m.Duration = origin+media.Ticks(dts)*90, media.Ticks(cts-firstCTS)*90, frame
		} else {
			m.DTS, m.Duration = origin+media.Ticks(l.n)*aacFrame-media.Ticks(firstCTS*48), aacFrame
		}
		f.Samples = append(f.Samples, m)
		l.n++
	}
	l.sequence++
	start := f.Samples[0].DTS
	if l.parts > 0 && l.track.Kind == media.Video && f.Samples[0].Sync {
		s.closeSegment(id, start)
	}
	if l.parts == 0 {
		l.began = start
	}
	var data []byte
	for i, e := range s.emsgs {
		if at := e.Time.Rescale(e.Timescale, l.track.Timescale); (l.track.Kind == media.Video || id == s.ids[0]) && at >= start && at < start+f.Duration() {
			data = s.emsgs[i].AppendTo(data)
		}
	}
	at := s.now.Add(start.Duration(l.track.Timescale) - timeline.Origin)
	s.apply(timeline.PartWritten{Epoch: s.epoch, Rendition: id, MSN: l.msn, Index: l.parts, Part: timeline.Part{
		Start: start, Duration: f.Duration(), Samples: n, Independent: f.Samples[0].Sync,
		Time: at, Arrived: at.Add(f.Duration().Duration(l.track.Timescale)), Data: f.AppendTo(data),
	}})
	l.parts++
}

func (s *studio) closeSegment(id timeline.RenditionID, end media.Ticks) {
	s.t.Helper()
	l := s.lanes[id]
	s.apply(timeline.SegmentClosed{Epoch: s.epoch, Rendition: id, MSN: l.msn, Duration: end - l.began})
	l.msn++
	l.parts = 0
}

// run publishes parts of every rendition until the pictures last so long in all.
// After each one, then is called.
func (s *studio) run(until time.Duration, then func()) {
	s.t.Helper()
	lead := s.lanes[s.ids[0]]
	for time.Duration(lead.n)*40*time.Millisecond < until {
		for _, id := range s.ids {
			l := s.lanes[id]
			if l.track.Kind == media.Video {
				s.part(id, ofPart)
				continue
			}
			for time.Duration(l.n+aacPart)*aacFrame*time.Second/48_000 <= time.Duration(lead.n)*40*time.Millisecond {
				if l.parts == 10 {
					s.closeSegment(id, l.began+10*aacPart*aacFrame)
				}
				s.part(id, aacPart)
			}
		}
		if then != nil {
			then()
		}
	}
}

// end ends the epoch; the next one starts after that pause.
func (s *studio) end(pause time.Duration) {
	s.t.Helper()
	var length time.Duration
	for _, id := range s.ids {
		l := s.lanes[id]
		_, p := newestPart(s.tl.Rendition(id))
		end := p.Start + p.Duration
		length = max(length, end.Duration(l.track.Timescale)-timeline.Origin)
		if l.parts > 0 {
			s.closeSegment(id, end)
		}
	}
	s.apply(timeline.EpochEnded{Epoch: s.epoch, At: s.now.Add(length)})
	s.now = s.now.Add(length + pause)
}

// tag is what came out.
type tag struct {
	kind   string // video, audio, config of either, meta
	at     uint32
	cts    int32
	sync   bool
	data   string
	values []any
}

// tags reads messages.
func tags(t *testing.T, ms []chunk.Message) []tag {
	t.Helper()
	var all []tag
	for _, m := range ms {
		require.EqualValues(t, 1, m.StreamID)
		parsed, err := message.Parse(m)
		require.NoError(t, err)
		switch v := parsed.(type) {
		case *message.Video:
			f, err := flv.ParseVideo(v.Body)
			require.NoError(t, err)
			kind := "video"
			if f.Packet == flv.PacketConfig {
				kind = "video config"
			}
			all = append(all, tag{kind: kind, at: v.Timestamp, cts: f.CompositionTime, sync: f.Sync(), data: string(f.Payload)})
		case *message.Audio:
			f, err := flv.ParseAudio(v.Body)
			require.NoError(t, err)
			kind := "audio"
			if f.Packet == flv.PacketConfig {
				kind = "audio config"
			}
			all = append(all, tag{kind: kind, at: v.Timestamp, data: string(f.Payload), sync: true})
		case message.Data:
			all = append(all, tag{kind: "meta", at: v.Timestamp, values: v.Values})
		default:
			t.Fatalf("a %T", parsed)
		}
	}
	return all
}

// watcher is a Player and what it has given.
type watcher struct {
	t    *testing.T
	p    *Player
	got  []tag
	last Outcome
}

func watch(t *testing.T, o Options) *watcher {
	o.StreamID = 1
	if o.MaxLag == 0 {
		o.MaxLag = 5 * time.Second
	}
	return &watcher{t: t, p: New(o)}
}

// look takes all that there is.
func (w *watcher) look(tl *timeline.Timeline) {
	w.t.Helper()
	for {
		ms, o, err := w.p.Next(tl)
		require.NoError(w.t, err)
		w.got = append(w.got, tags(w.t, ms)...)
		if w.last = o; o != More {
			return
		}
		require.NotEmpty(w.t, ms, "more, and nothing given")
	}
}

func (w *watcher) of(kind string) (all []tag) {
	for _, g := range w.got {
		if g.kind == kind {
			all = append(all, g)
		}
	}
	return all
}

func (g tag) meta(key string) any {
	o, _ := amf0.AsObject(g.values[1])
	v, _ := o.Get(key)
	return v
}
