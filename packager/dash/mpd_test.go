package dash_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/dash"
	"sluice/packager/timeline"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	sec    = time.Second
	window = 30 * sec
)

var options = dash.Options{TimePath: "/api/v1/time"}

// spliceSeam is a reconnect in the middle of breaks.
func spliceSeam(p *tape) {
	p.begin(0, window, both())
	at := p.segments(0, 2*sec, 5, timeline.Source, timeline.Audio)
	p.mark(timeline.Splice{ID: "planned", Kind: timeline.SpliceOut, EventID: 1, Planned: 10 * sec, Section: splice(scte35.Out(1, nil, 0, false))}, at-4*sec)
	p.mark(timeline.Splice{ID: "on", Kind: timeline.SpliceOut, EventID: 2, Section: splice(scte35.Out(2, nil, 0, false))}, at-3*sec)
	p.mark(timeline.Splice{ID: "unreached", Kind: timeline.SpliceOut, EventID: 3, Section: splice(scte35.Out(3, nil, 0, false))}, at+4500*time.Millisecond)
	p.away(11 * sec)
	p.begin(14*sec, window, both())
	p.parts(0, 600*time.Millisecond, timeline.Source, timeline.Audio)
}

// scenes are the timelines that have a golden file each.
var scenes = []struct {
	name      string
	following bool
	play      func(p *tape)
}{
	{"startup", false, func(p *tape) {
		p.begin(0, window, both())
		p.parts(0, 400*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"steady", false, func(p *tape) {
		p.begin(0, window, both())
		p.segments(0, 2*sec, 20, timeline.Source, timeline.Audio)
	}},
	{"midsegment", false, func(p *tape) {
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 17, timeline.Source, timeline.Audio)
		p.parts(at, at+600*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"one_track_ahead", false, func(p *tape) {
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 3, timeline.Source, timeline.Audio)
		p.parts(at, at+200*time.Millisecond, timeline.Source)
	}},
	{"reconnect", false, func(p *tape) {
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 5, timeline.Source, timeline.Audio)
		p.parts(at, at+800*time.Millisecond, timeline.Source, timeline.Audio)
		p.shut(at+800*time.Millisecond, timeline.Source, timeline.Audio)
		p.away(11 * sec)
		p.begin(14*sec, window, both())
		p.parts(0, 600*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"splices", false, func(p *tape) { // a break that is over, one that is on, what is announced, one section of two splices
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
		p.mark(timeline.Splice{ID: "over", Kind: timeline.SpliceOut, EventID: 1, Planned: 5 * sec, Section: splice(scte35.Out(1, nil, 0, false))}, at)
		p.mark(timeline.Splice{ID: "on", Kind: timeline.SpliceOut, EventID: 2, Section: splice(scte35.Out(2, nil, 0, false))}, at+1500*time.Millisecond)
		at = p.segments(at, 2*sec, 2, timeline.Source, timeline.Audio)
		p.spliceOver("over", at)
		p.mark(timeline.Splice{ID: "a", Section: splice(scte35.Opportunity(3, nil, 0, false))}, at+sec)
		p.mark(timeline.Splice{ID: "b", Type: 0x10, Section: splice(scte35.Opportunity(3, nil, 0, false))}, at+sec)
		p.mark(timeline.Splice{ID: "ahead", Kind: timeline.SpliceIn, Section: splice(scte35.In(4, nil))}, at+7*sec)
		p.parts(at, at+600*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"splices_reconnected", false, func(p *tape) { // breaks go on in the next Period: one planned, one of unknown length, one that was too far ahead
		spliceSeam(p)
	}},
	{"splices_ended", false, func(p *tape) {
		spliceSeam(p)
		p.spliceOver("on", 200*time.Millisecond)
		p.shut(600*time.Millisecond, timeline.Source, timeline.Audio)
		p.away(15 * sec)
		p.over(41 * sec)
	}},
	{"splices_slow_encoder", false, func(p *tape) { // and in a Period of the same epoch
		p.begin(0, window, both())
		p.mark(timeline.Splice{ID: "on", Kind: timeline.SpliceOut, EventID: 2, Planned: 20 * sec, Section: splice(scte35.Out(2, nil, 0, false))}, sec)
		at := time.Duration(0)
		for range 4 {
			at = p.segments(at, 2*sec, 1, timeline.Source, timeline.Audio)
			p.drift += 150 * time.Millisecond
		}
		p.spliceOver("on", at+sec)
		p.parts(at, at+400*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"reconnect_half", false, func(p *tape) { // the new epoch has video only so far: not listed
		p.begin(0, window, both())
		p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
		p.away(4 * sec)
		p.begin(6*sec, window, both())
		p.parts(0, 200*time.Millisecond, timeline.Source)
	}},
	{"overlapping_clocks", false, func(p *tape) { // the old epoch's media reaches past the new one's start
		p.begin(0, window, both())
		p.segments(0, 2*sec, 3, timeline.Source, timeline.Audio)
		p.away(5500 * time.Millisecond)
		p.begin(5600*time.Millisecond, window, both())
		p.segments(0, 2*sec, 1, timeline.Source, timeline.Audio)
	}},
	{"parameter_change", false, func(p *tape) {
		p.begin(0, window, both())
		p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
		p.away(4 * sec)
		p.begin(4*sec, window, sourceAnd(video(1920, 1080), timeline.RenditionTrack{Rendition: timeline.Audio, Track: audio(48000)}))
		p.segments(0, 2*sec, 1, timeline.Source, timeline.Audio)
	}},
	{"slow_encoder", false, func(p *tape) { // its clock falls behind the server's
		driftScene(p, 150*time.Millisecond)
	}},
	{"fast_encoder", false, func(p *tape) {
		driftScene(p, -150*time.Millisecond)
	}},
	{"slow_encoder_ended", true, func(p *tape) {
		driftScene(p, 150*time.Millisecond)
		p.shut(10400*time.Millisecond, timeline.Source, timeline.Audio)
		p.away(11 * sec)
		p.over(41 * sec)
	}},
	{"audio_only", false, func(p *tape) {
		p.begin(0, window, []timeline.RenditionTrack{{Rendition: timeline.Audio, Track: audio(44100)}})
		at := p.segments(0, 2*sec, 4, timeline.Audio)
		p.parts(at, at+400*time.Millisecond, timeline.Audio)
	}},
	{"video_only", false, func(p *tape) {
		p.begin(0, window, sourceAnd(video(640, 360)))
		at := p.segments(0, 2*sec, 4, timeline.Source)
		p.parts(at, at+400*time.Millisecond, timeline.Source)
	}},
	{"ladder", false, func(p *tape) {
		p.begin(0, window, sourceAnd(video(1920, 1080),
			timeline.RenditionTrack{Rendition: "720p", Track: video(1280, 720)},
			timeline.RenditionTrack{Rendition: "480p", Track: video(854, 480)},
			timeline.RenditionTrack{Rendition: timeline.Audio, Track: audio(48000)}))
		at := p.segments(0, 2*sec, 3, timeline.Source, "720p", "480p", timeline.Audio)
		p.parts(at, at+200*time.Millisecond, timeline.Source, "720p", "480p", timeline.Audio)
	}},
	{"rungs", false, func(p *tape) {
		at := laddered(p, 3)
		p.parts(at, at+200*time.Millisecond, rungs...)
	}},
	{"rungs_start_slow", false, func(p *tape) { // viewers are watching when 480p begins
		p.expect(lag, rung720, rung480)
		p.begin(0, window, both())
		p.join(rung720)
		at := p.segments(0, 2*sec, 1, timeline.Source, "720p", timeline.Audio)
		p.parts(at, at+1200*time.Millisecond, timeline.Source, "720p", timeline.Audio)
	}},
	{"rung_joins", false, func(p *tape) {
		p.expect(lag, rung720, rung480)
		p.begin(0, window, both())
		p.join(rung720)
		at := p.segments(0, 2*sec, 3, timeline.Source, "720p", timeline.Audio)
		p.join(rung480)
		at = p.segments(at, 2*sec, 2, rungs...)
		p.parts(at, at+400*time.Millisecond, rungs...)
	}},
	{"rung_leaves", false, func(p *tape) { // in the middle of a segment
		at := laddered(p, 2)
		p.parts(at, at+600*time.Millisecond, rungs...)
		p.leave("720p")
		p.parts(at+600*time.Millisecond, at+2*sec, timeline.Source, "480p", timeline.Audio)
		p.shut(at+2*sec, timeline.Source, "480p", timeline.Audio)
		at = p.segments(at+2*sec, 2*sec, 1, timeline.Source, "480p", timeline.Audio)
		p.parts(at, at+200*time.Millisecond, timeline.Source, "480p", timeline.Audio)
	}},
	{"rung_is_back", false, func(p *tape) {
		at := laddered(p, 2)
		p.leave("720p")
		at = p.segments(at, 2*sec, 2, timeline.Source, "480p", timeline.Audio)
		p.join(rung720)
		at = p.segments(at, 2*sec, 2, rungs...)
		p.parts(at, at+200*time.Millisecond, rungs...)
	}},
	{"rung_late", false, func(p *tape) { // it has not begun what the others have some of
		at := laddered(p, 3)
		p.parts(at, at+400*time.Millisecond, timeline.Source, "720p", timeline.Audio)
	}},
	{"rung_hangs", false, func(p *tape) { // and is back in time, but not for its Period
		at := laddered(p, 2)
		p.parts(at, at+600*time.Millisecond, rungs...)
		p.parts(at+600*time.Millisecond, at+2*sec, timeline.Source, "720p", timeline.Audio)
		p.shut(at+2*sec, timeline.Source, "720p", timeline.Audio)
		p.parts(at+2*sec, at+3*sec, timeline.Source, "720p", timeline.Audio)
		p.parts(at+600*time.Millisecond, at+2*sec, "480p")
		p.shut(at+2*sec, "480p")
		p.parts(at+2*sec, at+3*sec, "480p")
	}},
	{"rung_trails", false, func(p *tape) { // its last parts come when the next epoch has begun
		at := laddered(p, 2)
		p.parts(at, at+800*time.Millisecond, timeline.Source, "720p", timeline.Audio)
		p.parts(at, at+400*time.Millisecond, "480p")
		p.shut(at+800*time.Millisecond, timeline.Source, "720p", timeline.Audio)
		old := p.tail("480p")
		p.away(at + 900*time.Millisecond)
		p.begin(at+3*sec, window, both())
		p.join(rung720)
		p.parts(0, 400*time.Millisecond, timeline.Source, "720p", timeline.Audio)
		old.parts(at+400*time.Millisecond, at+800*time.Millisecond, "480p")
		old.shut(at+800*time.Millisecond, "480p")
		p.parts(400*time.Millisecond, 1400*time.Millisecond, timeline.Source, "720p", timeline.Audio)
	}},
	{"rungs_reconnected", false, func(p *tape) {
		at := laddered(p, 2)
		p.away(at)
		p.begin(at+3*sec, window, both())
		p.join(rung720, rung480)
		at = p.segments(0, 2*sec, 1, rungs...)
		p.parts(at, at+200*time.Millisecond, rungs...)
	}},
	{"rungs_ended", false, func(p *tape) {
		at := laddered(p, 2)
		p.leave("720p")
		at = p.segments(at, 2*sec, 2, timeline.Source, "480p", timeline.Audio)
		p.away(at)
		p.over(at + 30*sec)
	}},
	{"gap", false, func(p *tape) {
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 3, timeline.Source, timeline.Audio)
		p.parts(at, at+2*sec, timeline.Source)
		p.shut(at+2*sec, timeline.Source, timeline.Audio)
		p.segments(at+2*sec, 2*sec, 2, timeline.Source, timeline.Audio)
	}},
	{"audio_stops", false, func(p *tape) { // in the middle of a segment, and comes back in another
		p.begin(0, window, both())
		at := p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
		p.parts(at, at+600*time.Millisecond, timeline.Source, timeline.Audio)
		p.parts(at+600*time.Millisecond, 6*sec, timeline.Source)
		p.shut(6*sec, timeline.Source, timeline.Audio)
		p.parts(6*sec, 8*sec, timeline.Source)
		p.shut(8*sec, timeline.Source)
		// The gap is dated by the other track.
		p.apply(timeline.SegmentClosed{Epoch: p.epoch, Rendition: timeline.Audio, MSN: 44,
			Start: p.grid(audio(48000), 6*sec), Duration: 96000})
		p.at[timeline.Audio] = p.grid(audio(48000), 9*sec)
		p.parts(8*sec, 9400*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"silent_track", false, func(p *tape) { // audio that was announced and hasn't come
		p.begin(0, window, both())
		p.parts(0, 2*sec, timeline.Source)
		p.shut(2*sec, timeline.Source, timeline.Audio)
		p.parts(2*sec, 2400*time.Millisecond, timeline.Source)
	}},
	{"away", false, func(p *tape) {
		p.begin(0, window, both())
		p.segments(0, 2*sec, 3, timeline.Source, timeline.Audio)
		p.away(6 * sec)
	}},
	{"ended", false, endedScene},
	{"ended_following", true, endedScene},
	{"next_broadcast", false, func(p *tape) {
		endedScene(p)
		p.begin(90*sec, window, both())
		p.segments(0, 2*sec, 1, timeline.Source, timeline.Audio)
	}},
	{"trimmed_epoch", false, func(p *tape) {
		p.begin(0, 10*sec, both())
		p.segments(0, 2*sec, 30, timeline.Source, timeline.Audio)
		p.away(60 * sec)
		p.begin(63*sec, 10*sec, both())
		p.segments(0, 2*sec, 4, timeline.Source, timeline.Audio)
	}},
	{"irregular", false, func(p *tape) {
		p.begin(0, window, both())
		at := time.Duration(0)
		for _, length := range []time.Duration{2 * sec, 2 * sec, 3500 * time.Millisecond, 1200 * time.Millisecond, 9700 * time.Millisecond, 2 * sec} {
			at = p.segments(at, length, 1, timeline.Source, timeline.Audio)
		}
		p.parts(at, at+200*time.Millisecond, timeline.Source, timeline.Audio)
	}},
	{"ntsc", false, func(p *tape) {
		p.frame = 3003
		track := video(1280, 720)
		track.Codec.(*media.H264).FrameRate = 30000.0 / 1001
		track.Codec.(*media.H264).SARWidth, track.Codec.(*media.H264).SARHeight = 4, 3
		p.begin(0, window, sourceAnd(track, timeline.RenditionTrack{Rendition: timeline.Audio, Track: audio(44100)}))
		at := p.segments(0, 2002*time.Millisecond, 5, timeline.Source, timeline.Audio)
		p.parts(at, at+200*time.Millisecond, timeline.Source, timeline.Audio)
	}},
}

// lag is that of the scenes' rungs.
const lag = 100 * time.Millisecond

var (
	rung720 = timeline.RenditionTrack{Rendition: "720p", Track: video(1280, 720)}
	rung480 = timeline.RenditionTrack{Rendition: "480p", Track: video(854, 480)}
	rungs   = []timeline.RenditionID{timeline.Source, "720p", "480p", timeline.Audio}
)

// laddered plays n segments of a stream whose rungs are there from the start.
func laddered(p *tape, n int) time.Duration {
	p.expect(lag, rung720, rung480)
	p.begin(0, window, both())
	p.join(rung720, rung480)
	return p.segments(0, 2*sec, n, rungs...)
}

func driftScene(p *tape, step time.Duration) {
	p.begin(0, window, both())
	at := time.Duration(0)
	for range 5 {
		at = p.segments(at, 2*sec, 1, timeline.Source, timeline.Audio)
		p.drift += step
	}
	p.parts(at, at+400*time.Millisecond, timeline.Source, timeline.Audio)
}

func endedScene(p *tape) {
	p.begin(0, 10*sec, both())
	p.segments(0, 2*sec, 7, timeline.Source, timeline.Audio)
	p.away(14 * sec)
	p.begin(17*sec, 10*sec, both())
	at := p.segments(0, 2*sec, 2, timeline.Source, timeline.Audio)
	p.parts(at, at+1200*time.Millisecond, timeline.Source, timeline.Audio)
	p.shut(at+1200*time.Millisecond, timeline.Source, timeline.Audio)
	p.away(23 * sec)
	p.over(53 * sec)
}

func TestGolden(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			p := newTape(t)
			s.play(p)
			o := options
			o.Following = s.following
			got, err := dash.AppendMPD([]byte("x"), p.t, o)
			require.NoError(t, err)
			require.Equal(t, byte('x'), got[0], "AppendMPD appends")
			got = got[1:]
			path := filepath.Join("testdata", s.name+".mpd")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))

			_, err = mpd.MPDFromBytes(got)
			require.NoError(t, err)
		})
	}
}
