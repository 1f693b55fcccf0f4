package packager_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
)

const (
	videoID = media.TrackID(1)
	audioID = media.TrackID(2)
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// videoTrack and audioTrack have the parameters of an x264 and an AAC-LC stream.
func videoTrack(t testing.TB) media.Track {
	t.Helper()
	codec, err := media.NewH264(
		unhex(t, "67640028acd940780227e5c044000003000400000300f03c60c658"), unhex(t, "68ef8fcb"))
	require.NoError(t, err)
	return media.Track{ID: videoID, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

// otherVideoTrack is another resolution.
func otherVideoTrack(t testing.TB) media.Track {
	t.Helper()
	codec, err := media.NewH264(unhex(t, "6742c00dda05067e7c0440000003004000000f03c50aa8"), unhex(t, "68ce0fc8"))
	require.NoError(t, err)
	return media.Track{ID: videoID, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func audioTrack(t testing.TB, rate int) media.Track {
	t.Helper()
	config := map[int]string{48_000: "1190", 44_100: "1210", 24_000: "1310", 8000: "1588"}[rate]
	require.NotEmpty(t, config)
	codec, err := media.NewAAC(unhex(t, config))
	require.NoError(t, err)
	require.Equal(t, rate, codec.SampleRate())
	return media.Track{ID: audioID, Kind: media.Audio, Timescale: media.Timescale(rate), Codec: codec}
}

// event is one call of WriteSample. at is when it arrives, from the start.
type event struct {
	id     media.TrackID
	sample media.Sample
	at     time.Duration
}

// video makes frames at a constant rate, with keyframes at the given GOP
// lengths, of which the last repeats. bframes makes the pattern I b P b P ….
type video struct {
	num, den int // ticks a frame at 90 kHz: num/den
	gops     []int
	bframes  bool
	wavers   media.Ticks   // so much earlier or later are keyframes presented, but the first
	open     int           // so many pictures after a keyframe are presented before it, but the first
	start    media.Ticks   // decode time of the first
	millis   bool          // times are whole milliseconds
	delay    time.Duration // of arrival
}

func (v video) events(length time.Duration) []event {
	den := max(v.den, 1)
	at := func(n int) media.Ticks {
		t := media.Ticks((n*v.num + den/2) / den)
		if v.millis {
			t = t.Rescale(90_000, 1000).Rescale(1000, 90_000)
		}
		return t
	}
	frame := media.Ticks(v.num / den)
	var out []event
	inGOP, gop := 0, 0
	for n := 0; at(n).Duration(media.VideoClock) < length; n++ {
		size := v.gops[min(gop, len(v.gops)-1)]
		s := media.Sample{
			DTS: v.start + at(n), Duration: at(n+1) - at(n), Sync: inGOP == 0,
			Data: fmt.Appendf(nil, "video %d", n),
		}
		if v.bframes {
			// Decode order I P b P b: the pictures are presented one frame late,
			// a P one frame later than that.
			s.CTSOffset = frame
			switch {
			case inGOP == 0:
			case inGOP%2 == 1 && inGOP+1 < size:
				s.CTSOffset = 2 * frame
			case inGOP%2 == 0:
				s.CTSOffset = 0
			}
		}
		if v.open > 0 {
			s.CTSOffset = frame
			switch {
			case gop == 0 || inGOP > v.open:
			case inGOP == 0:
				s.CTSOffset += frame * media.Ticks(v.open)
			default:
				s.CTSOffset = 0
			}
		}
		if s.Sync {
			s.CTSOffset += v.wavers * media.Ticks((gop+1)%3-1)
		}
		out = append(out, event{videoID, s, (s.DTS - v.start).Duration(media.VideoClock) + v.delay})
		if inGOP++; inGOP == size {
			inGOP, gop = 0, gop+1
		}
	}
	return out
}

// audio makes AAC frames from start on; delay is how late they arrive.
func audio(rate int, start media.Ticks, length, delay time.Duration) []event {
	var out []event
	for n := media.Ticks(0); (n * 1024).Duration(media.Timescale(rate)) < length; n++ {
		s := media.Sample{DTS: start + n*1024, Duration: 1024, Sync: true, Data: fmt.Appendf(nil, "audio %d", n)}
		out = append(out, event{audioID, s, s.DTS.Duration(media.Timescale(rate)) + delay})
	}
	return out
}

// merge orders events by arrival.
func merge(all ...[]event) []event {
	out := slices.Concat(all...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].at < out[j].at })
	return out
}

// recorder keeps what is appended to a journal.
type recorder struct {
	journal.Journal
	mu      sync.Mutex // Serve appends, too
	entries []timeline.Entry
	appends []time.Duration // the arrival of the sample that caused each
	now     time.Duration
	seen    func() // called after each entry
}

func (r *recorder) Append(ctx context.Context, stream string, e timeline.Entry) error {
	if err := r.Journal.Append(ctx, stream, e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries, r.appends = append(r.entries, e), append(r.appends, r.now)
	if r.seen != nil {
		r.seen()
	}
	return nil
}

// all returns the entries by now.
func (r *recorder) all() []timeline.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.entries)
}

// at sets the time of the samples to come.
func (r *recorder) at(now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = now
}

// rig is a packager with one stream over a journal in memory.
type rig struct {
	testing.TB
	*recorder
	packager *packager.Packager
	stream   *packager.Stream
	start    time.Time // wall time of the events' zero
	log      bytes.Buffer
}

func newRig(t testing.TB, s packager.Settings) *rig {
	return newRigOn(t, memory.New(memory.Options{}), s)
}

// newRigOn is a rig over a journal that others may have used.
func newRigOn(t testing.TB, j journal.Journal, s packager.Settings) *rig {
	r := &rig{TB: t, recorder: &recorder{Journal: j}, start: time.Now()}
	r.packager = packager.New(r.recorder, packager.Options{Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	r.stream = r.packager.Stream("live", s)
	return r
}

func (r *rig) begin(tracks ...media.Track) *rig {
	r.Helper()
	require.NoError(r, r.stream.Begin(r.Context(), tracks))
	return r
}

func (r *rig) write(events []event) *rig {
	r.Helper()
	for i, e := range events {
		r.at(e.at)
		require.NoError(r, r.stream.WriteSample(r.Context(), e.id, e.sample, r.start.Add(e.at)), "event %d %+v", i, e)
	}
	return r
}

func (r *rig) end() *rig {
	r.Helper()
	require.NoError(r, r.stream.End(r.Context(), nil))
	return r
}

func (r *rig) timeline() *timeline.Timeline {
	feed, err := r.Follow(r.Context(), "live")
	require.NoError(r, err)
	return feed.Current()
}

// entriesOf returns the entries of one type.
func entriesOf[E timeline.Entry](r *rig) []E {
	var out []E
	for _, e := range r.all() {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// segment is what the entries say of one.
type segment struct {
	msn, epoch uint64
	parts      []timeline.Part
	closed     *timeline.SegmentClosed
}

func (g *segment) start() media.Ticks { return g.parts[0].Start }
func (g *segment) gap() bool          { return len(g.parts) == 0 }

// segments gathers the segments of a rendition.
func (r *rig) segments(id timeline.RenditionID) []*segment {
	var out []*segment
	open := func(msn, epoch uint64) *segment {
		if n := len(out); n > 0 && out[n-1].msn == msn {
			return out[n-1]
		}
		out = append(out, &segment{msn: msn, epoch: epoch})
		return out[len(out)-1]
	}
	var start time.Time
	for _, e := range r.all() {
		switch e := e.(type) {
		case timeline.EpochStarted:
			start = e.At
		case timeline.EpochDated:
			for _, g := range out {
				for i := range g.parts {
					if g.epoch == e.Epoch {
						g.parts[i].Time = g.parts[i].Time.Add(e.At.Sub(start))
					}
				}
			}
			start = e.At
		case timeline.PartWritten:
			if e.Rendition == id {
				g := open(e.MSN, e.Epoch)
				g.parts = append(g.parts, e.Part)
			}
		case timeline.SegmentClosed:
			if e.Rendition == id {
				open(e.MSN, e.Epoch).closed = &e
			}
		}
	}
	return out
}

func (r *rig) targets() timeline.Targets {
	all := entriesOf[timeline.TargetsFixed](r)
	require.NotEmpty(r, all, "targets are not fixed")
	return all[len(all)-1].Targets
}
