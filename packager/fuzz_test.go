package packager_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager"
	"sluice/packager/timeline"
)

// publisher is one that does whatever ops say.
type publisher struct {
	*rig
	rand         *rand.Rand
	tracks       []media.Track
	video, audio media.Ticks // next decode times
	frame        media.Ticks
	gop, inGOP   int
	at           time.Duration
	skew         time.Duration // the sound's arrival

	rung    media.Rung
	owed    []owed // pictures that the rung hasn't given yet
	lag     int    // how many it may owe
	stopped bool   // it gives nothing
}

// The operations of a publisher, by their number.
const (
	opRun = iota // frames as they should be
	opRunMore
	opKeyframe
	opGOP
	opFrameRate
	opHole
	opJump
	opRepeat
	opEmpty
	opAbsurd
	opSkew
	opSilence
	opBegin
	opReconnect
	opRungLag
	opRungStop
	opRungLeave
	opRungEnd
	opRungAbsurd
	opExpect
	opRungChange
	opEvent // arg: where from here
	opSplice
	opCount
)

func (p *publisher) beginAgain(arg int) {
	sets := [][]media.Track{
		{videoTrack(p), audioTrack(p, 48_000)}, {videoTrack(p)}, {audioTrack(p, 48_000)},
		{otherVideoTrack(p), audioTrack(p, 48_000)}, {audioTrack(p, 48_000), videoTrack(p)},
	}
	p.tracks = sets[arg%len(sets)]
	p.begin(p.tracks...)
	p.inGOP = 0
}

func (p *publisher) has(kind media.Kind) bool {
	for _, t := range p.tracks {
		if t.Kind == kind {
			return true
		}
	}
	return false
}

func (p *publisher) put(id media.TrackID, s media.Sample, at time.Duration) {
	p.Helper()
	p.rig.at(at)
	require.NoError(p, p.stream.WriteSample(p.Context(), id, s, p.start.Add(at)))
	if place, ok := p.stream.Placed(); ok && id == videoID && p.has(media.Video) {
		s.DTS, s.CTSOffset = s.PTS()+place.Shift, 0
		p.owed = append(p.owed, owed{place.Epoch, s, at})
	}
	p.pay(p.lag)
}

// pay gives what the rung owes, but for the newest few.
func (p *publisher) pay(keep int) {
	p.Helper()
	for len(p.owed) > keep {
		o := p.owed[0]
		p.owed = p.owed[1:]
		if !p.stopped {
			require.NoError(p, p.rung.WriteSample(p.Context(), o.epoch, o.sample, p.start.Add(o.at)))
		}
	}
}

// open makes the rung that track.
func (p *publisher) open(t media.Track) {
	t.Name = "480p"
	p.rung = p.stream.Open(t)
}

// expect announces the rung, or none.
func (p *publisher) expect(yes bool) {
	var x media.Expectation
	if yes {
		x = media.Expectation{Lag: 100 * time.Millisecond, Rungs: []media.ExpectedRung{{Name: "480p", Kind: media.Video}}}
	}
	p.stream.Expect(x)
}

// picture sends a frame, and run sends some of both tracks.
func (p *publisher) picture() {
	s := media.Sample{DTS: p.video, Duration: p.frame, Sync: p.inGOP == 0, Data: []byte{1, 2, 3}}
	if p.rand.IntN(4) == 0 {
		s.CTSOffset = p.frame * media.Ticks(p.rand.IntN(3))
	}
	p.video += p.frame
	p.at += p.frame.Duration(media.VideoClock)
	if p.inGOP++; p.inGOP >= p.gop {
		p.inGOP = 0
	}
	if p.has(media.Video) {
		p.put(videoID, s, p.at)
	}
}

func (p *publisher) run(frames int, video, audio bool) {
	for range frames {
		if video {
			p.picture()
		} else {
			p.video += p.frame
			p.at += p.frame.Duration(media.VideoClock)
		}
		limit := media.TicksOf(p.video.Duration(media.VideoClock)+p.skew, 48_000)
		for ; p.audio < limit; p.audio += 1024 {
			if audio && p.has(media.Audio) {
				p.put(audioID, media.Sample{DTS: p.audio, Duration: 1024, Data: []byte{9}}, p.at)
			}
		}
	}
}

func (p *publisher) do(op, arg int) {
	switch op {
	case opRun, opRunMore:
		p.run(arg*(1+op), true, true)
	case opKeyframe:
		p.inGOP = 0
	case opGOP:
		p.gop = 1 + arg*2
	case opFrameRate:
		p.frame = []media.Ticks{3000, 3003, 1500, 3750, 9000, 90_000, 90, 1}[arg%8]
	case opHole:
		p.video += media.Ticks(arg) * 1000
		p.audio += media.Ticks(arg) * 500
	case opJump:
		p.video += media.Ticks(arg-128) * 90_000
		p.audio += media.Ticks(arg-128) * 48_000
	case opRepeat:
		p.video -= media.Ticks(arg) * 20
		p.audio -= media.Ticks(arg) * 10
	case opEmpty:
		id := p.tracks[arg%len(p.tracks)].ID
		p.put(id, media.Sample{DTS: p.video}, p.at)
	case opAbsurd:
		s := media.Sample{
			DTS: media.Ticks(p.rand.Uint64()), CTSOffset: media.Ticks(p.rand.Uint64()), Duration: media.Ticks(p.rand.Uint64()),
			Sync: arg%2 == 0, Data: []byte{1},
		}
		if arg%3 > 0 { // only one of them
			s.DTS = p.video
		}
		p.put(p.tracks[arg%len(p.tracks)].ID, s, p.at)
	case opSkew:
		p.skew = time.Duration(arg-128) * 30 * time.Millisecond
	case opSilence:
		p.run(arg*3, arg%2 == 0, arg%2 == 1)
	case opBegin:
		p.beginAgain(arg)
	case opReconnect:
		p.end()
		p.video, p.audio = media.Ticks(arg)*100, media.Ticks(arg)*53
		p.beginAgain(arg)
	case opRungLag:
		p.lag = arg
	case opRungStop:
		p.stopped = arg%2 == 0
	case opRungLeave:
		require.NoError(p, p.rung.Leave(p.Context()))
	case opRungEnd:
		require.NoError(p, p.rung.End(p.Context(), uint64(arg)))
	case opRungAbsurd:
		s := media.Sample{DTS: media.Ticks(p.rand.Uint64()), Duration: media.Ticks(p.rand.Uint64()), Sync: arg%2 == 0, Data: []byte{1}}
		if arg%3 > 0 {
			s.DTS = p.video + media.Ticks(arg)*1000
		}
		require.NoError(p, p.rung.WriteSample(p.Context(), uint64(arg%4), s, p.start.Add(p.at)))
	case opExpect:
		p.expect(arg%2 == 0)
	case opEvent:
		for n := range arg % 7 {
			e := media.Event{At: p.video + media.Ticks(arg-100)*9000 + media.Ticks(n), Scheme: media.SchemeID3, Data: make([]byte, n)}
			if arg > 250 {
				e.At = media.Ticks(p.rand.Uint64())
			}
			require.NoError(p, p.stream.WriteEvent(p.Context(), e))
		}
	case opSplice:
		at := p.video + media.Ticks(arg-100)*9000
		section := []*scte35.Section{
			scte35.Out(uint32(arg%3), nil, time.Duration(arg)*50*time.Millisecond, arg%2 == 0), scte35.In(uint32(arg%3), nil),
			scte35.Cancel(uint32(arg % 3)), scte35.Opportunity(uint32(arg%3), nil, 0, arg%2 == 0),
		}[arg%4]
		if arg%5 > 2 {
			_, _ = p.packager.Cue(p.Context(), "live", packager.Cue{Section: sectionOf(p, section), Ahead: time.Duration(arg-50) * 100 * time.Millisecond})
			break
		}
		if arg > 250 {
			at = media.Ticks(p.rand.Uint64())
		}
		p.splice(section, at, "")
	case opRungChange:
		p.open([]media.Track{otherVideoTrack(p), videoTrack(p)}[arg%2])
	}
}

// FuzzSamples publishes whatever comes, and wants a legal journal out of it.
func FuzzSamples(f *testing.F) {
	f.Add(uint64(1), []byte{opRun, 200, opGOP, 30, opRunMore, 200, opReconnect, 1, opRun, 100})
	f.Add(uint64(2), []byte{opFrameRate, 1, opRun, 100, opHole, 200, opRun, 50, opRepeat, 1, opRun, 90})
	f.Add(uint64(3), []byte{opRun, 90, opSilence, 201, opRun, 90, opSilence, 202, opRun, 90})
	f.Add(uint64(4), []byte{opRun, 90, opAbsurd, 0, opRun, 90, opAbsurd, 1, opAbsurd, 2, opJump, 0, opRun, 200, opJump, 255, opRun, 90})
	f.Add(uint64(5), []byte{opSkew, 0, opRun, 200, opSkew, 255, opRun, 200, opBegin, 1, opRun, 90, opBegin, 2, opRun, 100, opBegin, 0, opRun, 200})
	f.Add(uint64(7), []byte{opRungLag, 20, opRun, 250, opJump, 0, opRun, 250, opRungStop, 0, opRun, 250, opRungStop, 1, opRun, 250, opReconnect, 0, opRun, 200})
	f.Add(uint64(8), []byte{opRungLag, 3, opRun, 250, opRungLeave, 0, opRun, 250, opExpect, 1, opBegin, 0, opRun, 250, opRungEnd, 1, opRungAbsurd, 1, opRungAbsurd, 3})
	f.Add(uint64(9), []byte{opRun, 250, opRungChange, 1, opRun, 250, opRungChange, 0, opRun, 250, opRungChange, 1, opReconnect, 0, opRun, 200})
	f.Add(uint64(10), []byte{opEvent, 104, opRun, 250, opEvent, 230, opRun, 250, opEvent, 90, opBegin, 0, opEvent, 130, opRun, 250, opEvent, 251, opJump, 0, opEvent, 122, opRun, 250})
	f.Add(uint64(11), []byte{opSplice, 100, opRun, 250, opSplice, 104, opKeyframe, 0, opRun, 250, opSplice, 105, opReconnect, 0, opRun, 250, opSplice, 101, opSplice, 253, opRun, 250})
	f.Add(uint64(6), []byte{opGOP, 0, opRun, 255, opFrameRate, 7, opRun, 255, opFrameRate, 5, opRun, 20})
	f.Fuzz(runPublisher)
}

// TestRandomPublishers does the same with random operations.
func TestRandomPublishers(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 2))
		ops := make([]byte, 2*(5+r.IntN(40)))
		for i := range ops {
			ops[i] = byte(r.Uint32())
			if i%4 == 0 {
				ops[i] = opRun
			}
		}
		runPublisher(t, seed, ops)
	}
}

func runPublisher(t *testing.T, seed uint64, ops []byte) {
	const maxOps = 60
	p := &publisher{
		rig:  newRig(t, packager.Settings{Window: 10 * time.Second}),
		rand: rand.New(rand.NewPCG(seed, 1)), frame: 3000, gop: 60,
	}
	p.open(otherVideoTrack(t))
	p.expect(true)
	p.beginAgain(0)
	for i := 0; i+1 < len(ops) && i < 2*maxOps; i += 2 {
		p.do(int(ops[i])%opCount, int(ops[i+1]))
		checkListed(t, p.timeline())
	}
	p.end()
	p.stopped = false
	p.pay(0)
	require.NoError(t, p.packager.Shutdown(t.Context()))
	if len(entriesOf[timeline.EpochStarted](p.rig)) > 0 {
		checkAll(t, p.rig, 10*90_000)
		checkTold(t, p.rig)
	}
	checkListed(t, p.timeline())
}

// checkListed looks at what playlists would say: consecutive numbers in every
// rendition, and nobody far behind.
func checkListed(t *testing.T, tl *timeline.Timeline) {
	t.Helper()
	for _, r := range tl.Renditions {
		next := uint64(0)
		for g := range r.Listed(tl) {
			require.True(t, next == 0 || g.MSN == next, "%s %d follows %d", r.ID, g.MSN, next-1)
			next = g.MSN + 1
		}
		if tl.Current().Has(r.ID) && !r.Left {
			most := uint64(2)
			if r.Follows { // one that joins may begin where the oldest bound is that is kept
				most = 6
			}
			require.LessOrEqual(t, tl.Next.MSN-r.NextPosition(tl).MSN, most, "%s is too far behind", r.ID)
		}
	}
}
