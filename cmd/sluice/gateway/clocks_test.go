package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/packager"
	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
)

// encoder is a publisher with a clock of its own. Frames are few, so that a day
// passes in seconds: a picture each 200 ms, a frame of sound each 128 ms. They are sent
// when they begin, not when they end.
type encoder struct {
	length time.Duration // of what it sends, on the server's clock
	start  uint32        // ms: its clock's first time
	apart  uint32        // ms: the sound's clock is ahead by so much
	ppm    float64       // its clock is too fast by so much
	early  int32         // ms: a composition time that puts pictures before their decode time

	// warp changes the time of a picture or of a frame of sound; ok is false for one that isn't sent.
	warp func(video bool, at time.Duration) (to time.Duration, ok bool)
}

// expectation is what viewers must get of that.
type expectation struct {
	epochs int
	lost   time.Duration // of the picture, at most
	astray time.Duration // dates, at most, from when the media came
	ahead  time.Duration // the sound, of the picture of the same time, as the broadcaster is told
	stood  bool          // its clock did, so nobody can tell whether it drifts
}

const (
	pictureEvery = 200 * time.Millisecond
	soundEvery   = 128 * time.Millisecond // 1024 samples at 8 kHz
	keyEvery     = 10                     // pictures
)

func TestClocks(t *testing.T) {
	const minutes, short = 10 * time.Minute, 4 * time.Minute
	usual := expectation{epochs: 1, astray: 300 * time.Millisecond}
	// now and then one picture, or one frame of sound, gets a time that is that much too early
	early := func(picture, sound time.Duration) func(bool, time.Duration) (time.Duration, bool) {
		var n [2]int
		return func(video bool, at time.Duration) (time.Duration, bool) {
			i, by := 0, sound
			if video {
				i, by = 1, picture
			}
			if n[i]++; n[i]%17 == 0 {
				at -= by
			}
			return at, true
		}
	}
	// the clock of pictures or sound or both stands still in the middle
	stands := func(still time.Duration, makesUp, picture, sound bool) func(bool, time.Duration) (time.Duration, bool) {
		return func(video bool, at time.Duration) (time.Duration, bool) {
			past := at - short/2
			switch stands := video && picture || !video && sound; {
			case !stands || past <= 0, makesUp && past >= still:
				return at, true
			default:
				return at - min(past, still), true
			}
		}
	}
	stood := expectation{epochs: 1, astray: 300 * time.Millisecond, stood: true}
	for _, c := range []struct {
		name string
		encoder
		expectation
	}{
		{"steady", encoder{length: minutes}, usual},
		{"the sign bit flips after 24 days", encoder{length: minutes, start: 1<<31 - 120_000}, usual},
		{"32 bits are over after 49 days", encoder{length: minutes, start: 1<<32 - 120_000}, usual},
		{"a day, 100 ppm too fast", encoder{length: day, ppm: 100}, usual},
		{"a day, 100 ppm too slow", encoder{length: day, ppm: -100}, usual},
		{"sound is 300 ms ahead", encoder{length: minutes, apart: 300}, expectation{epochs: 1, astray: 600 * time.Millisecond, ahead: 300 * time.Millisecond}},
		{"sound is 450 ms behind, 80 ppm too fast", encoder{length: minutes, start: 5000, apart: ^uint32(449), ppm: 80}, expectation{epochs: 1, astray: 300 * time.Millisecond, ahead: -450 * time.Millisecond}},
		{"sound is days ahead", encoder{length: minutes, apart: uint32((72 * time.Hour).Milliseconds())}, usual},
		{"sound is days behind", encoder{length: minutes, start: uint32((120 * time.Hour).Milliseconds()), apart: -uint32((72 * time.Hour).Milliseconds())}, usual},
		{"a millisecond back now and then", encoder{length: minutes, warp: early(pictureEvery+time.Millisecond, soundEvery+time.Millisecond)}, usual},
		{"times twice", encoder{length: minutes, warp: early(pictureEvery, soundEvery)}, usual},
		{"pictures before the first decode time", encoder{length: minutes, early: -80}, usual},
		{"forty seconds forward", encoder{length: minutes, warp: func(_ bool, at time.Duration) (time.Duration, bool) {
			if at > minutes/2 {
				at += 40 * time.Second
			}
			return at, true
		}}, expectation{epochs: 2, lost: 3 * time.Second, astray: 300 * time.Millisecond}},
		{"three seconds back", encoder{length: minutes, warp: func(_ bool, at time.Duration) (time.Duration, bool) {
			if at > minutes/2 {
				at -= 3 * time.Second
			}
			return at, true
		}}, expectation{epochs: 2, lost: 3 * time.Second, astray: 300 * time.Millisecond}},
		{"stands still for five seconds, and goes on from there", encoder{length: short, warp: stands(5*time.Second, false, true, true)}, stood},
		{"stands still for twelve seconds, and makes up for them", encoder{length: short, warp: stands(12*time.Second, true, true, true)}, stood},
		{"the picture's stands still for five seconds", encoder{length: short, warp: stands(5*time.Second, false, true, false)}, stood},
		{"the sound's stands still for five seconds", encoder{length: short, warp: stands(5*time.Second, false, false, true)}, stood},
		{"nothing comes for five seconds", encoder{length: minutes, warp: func(_ bool, at time.Duration) (time.Duration, bool) {
			return at, at < minutes/2 || at > minutes/2+5*time.Second
		}}, expectation{epochs: 2, lost: 7 * time.Second, astray: 300 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWitness(t, max(c.ahead, 0))
				c.publish(t, w)
				w.judge(time.Duration(float64(c.length)*(1+c.ppm/1e6)), c.expectation)
				w.judgeHealth(c.ppm, c.expectation)
			})
		})
	}
}

// pipe is a listener for one connection in memory.
type pipe struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipe) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p *pipe) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }

type admits func() ingest.Grant

func (a admits) Admit(context.Context, ingest.Publish) (ingest.Grant, error) { return a(), nil }

// publish sends what the encoder does through a server into a packager, whose
// entries the witness sees.
func (e encoder) publish(t *testing.T, w *witness) {
	ctx, cancel := context.WithCancel(t.Context())
	pack := packager.New(w, packager.Options{})
	server := ingest.New(ingest.Options{Metrics: w.metrics, Admit: admits(func() ingest.Grant {
		return ingest.Grant{Stream: "live", Sink: pack.Stream("live", packager.Settings{})}
	})})
	p := &pipe{conns: make(chan net.Conn, 1)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, p) })
	serving.Go(func() { _ = pack.Serve(ctx) })
	near, far := net.Pipe()
	p.conns <- far
	e.send(t, near)
	synctest.Wait()
	w.publisher, _ = server.Status("live", false)
	families, err := w.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		w.figures[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	near.Close()
	synctest.Wait()
	cancel()
	serving.Wait()
}

// publishing makes a connection a publisher's, up to its media, and returns what sends
// messages over it. heard is closed once the other side has hung up.
func publishing(t *testing.T, c net.Conn) (send func(...message.Message), heard <-chan struct{}) {
	t.Helper()
	_, err := handshake.Client(c, handshake.FormSimple)
	require.NoError(t, err)
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = io.Copy(io.Discard, c)
	}()
	out := chunk.NewWriter(c)
	send = func(ms ...message.Message) {
		t.Helper()
		var all []chunk.Message
		for _, m := range ms {
			all = append(all, m.Marshal())
		}
		require.NoError(t, out.WriteMessage(all...))
	}
	send(message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{{Key: "app", Value: ingest.ServedApp}}}},
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}})
	return send, end
}

// shot is the message of a picture.
func shot(ts uint32, frame flv.Frame, cts int32, data []byte) message.Message {
	return message.Video{StreamID: 1, Timestamp: ts, Body: flv.VideoTag{
		Frame: frame, Codec: flv.VideoAVC, Packet: flv.PacketFrames, CompositionTime: cts, Payload: data,
	}.AppendTo(nil)}
}

// shotConfig is that of their configuration.
func shotConfig(ts uint32) message.Message {
	record := flv.AVCConfig{Profile: sps[1], Compatibility: sps[2], Level: sps[3], LengthSize: 4, SPS: [][]byte{sps}, PPS: [][]byte{pps}}
	return message.Video{StreamID: 1, Timestamp: ts, Body: flv.VideoTag{
		Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketConfig, Payload: record.AppendTo(nil),
	}.AppendTo(nil)}
}

func (e encoder) send(t *testing.T, c net.Conn) {
	write, _ := publishing(t, c)
	sound := func(ts uint32, packet flv.Packet, data []byte) message.Message {
		return message.Audio{StreamID: 1, Timestamp: ts, Body: flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: packet, Payload: data}.AppendTo(nil)}
	}
	write(shotConfig(e.start), sound(e.start+e.apart, flv.PacketConfig, []byte{0x15, 0x88}))

	begun, frames := time.Now(), [2]int{}
	for {
		// Whichever is due first, on the server's clock.
		at := [2]time.Duration{time.Duration(frames[0]) * pictureEvery, time.Duration(frames[1]) * soundEvery}
		which := 0
		if at[1] < at[0] {
			which = 1
		}
		due := time.Duration(float64(at[which]) / (1 + e.ppm/1e6))
		if due >= e.length {
			return
		}
		time.Sleep(time.Until(begun.Add(due)))
		media, ok := at[which], true
		if e.warp != nil {
			media, ok = e.warp(which == 0, media)
		}
		ts := e.start + uint32(media.Milliseconds())
		n := frames[which]
		frames[which]++
		switch {
		case !ok:
		case which == 1:
			write(sound(ts+e.apart, flv.PacketFrames, silence))
		case n%keyEvery == 0:
			write(shot(ts, flv.FrameKey, e.early, idr))
		default:
			write(shot(ts, flv.FrameInter, e.early, inter))
		}
	}
}

// witness is a journal that looks at each entry as it comes.
type witness struct {
	journal.Journal
	t        *testing.T
	checks   *hlscheck.Observer
	dash     *dashcheck.Observer
	mpd      string // where the MPD is asked for next
	feed     *timeline.Feed
	ends     map[timeline.RenditionID]place
	shown    time.Duration // of the picture
	epochs   int
	astray   time.Duration
	segments int
	mpds     int
	metrics  *prometheus.Registry
	faults   []string

	// What the broadcaster was told before the end.
	publisher ingest.Status
	figures   map[string]float64
}

// check notes what isn't as it should be. Entries come on other goroutines than the test's.
func (w *witness) check(ok bool, format string, args ...any) {
	if !ok && len(w.faults) < 10 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

// place is where a rendition's newest part ends.
type place struct {
	epoch uint64
	at    time.Duration
	date  time.Time
}

// newWitness returns one that nothing has come to yet. What lasts long is sent when it begins, and
// sound may be ahead by so much besides.
func newWitness(t *testing.T, ahead time.Duration) *witness {
	early := pictureEvery + soundEvery + ahead
	w := &witness{
		metrics: prometheus.NewRegistry(), figures: map[string]float64{}, Journal: memory.New(memory.Options{}), t: t, ends: map[timeline.RenditionID]place{}, mpd: mpdURL,
		checks: hlscheck.NewObserver(hlscheck.Options{Skew: early}),
		// a fast encoder is ahead by up to timeline's step before it is anchored anew
		dash: dashcheck.NewObserver(dashcheck.Options{Skew: early + 250*time.Millisecond}),
	}
	var err error
	w.feed, err = w.Follow(t.Context(), "live")
	require.NoError(t, err)
	return w
}

// Append implements journal.Journal.
func (w *witness) Append(ctx context.Context, stream string, e timeline.Entry) error {
	err := w.Journal.Append(ctx, stream, e)
	w.check(err == nil, "%T: %v", e, err)
	if err != nil {
		return err
	}
	switch e := e.(type) {
	case timeline.EpochStarted:
		w.epochs++
	case timeline.PartWritten:
		w.part(e)
	case timeline.SegmentClosed:
		if e.Rendition == timeline.Source {
			w.segments++
		}
	}
	w.fetch(e)
	return nil
}

// part holds a part's times against what was before it, and its date against the clock.
func (w *witness) part(e timeline.PartWritten) {
	const slack = 70 * time.Millisecond // half a frame of sound, at a boundary
	r := w.feed.Current().Rendition(e.Rendition)
	scale := r.Track.Timescale
	start, span := e.Part.Start.Duration(scale), e.Part.Duration.Duration(scale)
	if last := w.ends[e.Rendition]; last.epoch == e.Epoch {
		w.check(start >= last.at-slack, "%s %d.%d starts at %v, the one before ended at %v", e.Rendition, e.MSN, e.Index, start, last.at)
		w.check(!e.Part.Time.Before(last.date.Add(-slack)), "%s %d.%d is dated %v before the end of the one before",
			e.Rendition, e.MSN, e.Index, last.date.Sub(e.Part.Time))
	}
	w.check(span > 0, "%s %d.%d takes %v", e.Rendition, e.MSN, e.Index, span)
	w.ends[e.Rendition] = place{e.Epoch, start + span, e.Part.Time.Add(span)}
	if e.Rendition == timeline.Source {
		w.shown += span
	}
	if w.segments > 2 { // what came before the targets were fixed waited
		w.astray = max(w.astray, time.Since(e.Part.Time.Add(span)).Abs())
	}
}

// fetch looks at the manifests as viewers do, where a segment begins or ends, and of a
// day at some of them.
func (w *witness) fetch(e timeline.Entry) {
	t := w.feed.Current()
	if part, ok := e.(timeline.PartWritten); !t.Ready() || ok && part.Index > 0 || w.segments > 400 && w.segments%100 > 2 {
		return
	}
	w.fetchMPD(t)
	for _, r := range t.Renditions {
		body, err := hls.AppendMedia(nil, t, r.ID)
		if err != nil {
			continue // nothing of it is listed yet
		}
		w.checks.Playlist(hlscheck.Fetch{URL: "http://h/live/live/" + string(r.ID) + "/index.m3u8", Body: bytes.Clone(body), At: time.Now()})
	}
}

const mpdURL = "http://h/live/live/manifest.mpd"

// fetchMPD does it by long poll, with all that is listed.
func (w *witness) fetchMPD(t *timeline.Timeline) {
	if _, after, following := strings.Cut(w.mpd, "?after="); following {
		if n, err := strconv.ParseUint(after, 10, 64); err != nil || !dash.Ready(t, n) {
			w.check(err == nil, "%s: %v", w.mpd, err)
			return
		}
	}
	body, err := dash.AppendMPD(nil, t, dash.Options{TimePath: "/api/v1/time", Following: w.mpd != mpdURL})
	if err != nil {
		w.check(errors.Is(err, dash.ErrNotReady), "%v", err)
		return
	}
	m := w.dash.MPD(dashcheck.Fetch{URL: w.mpd, Body: body, At: time.Now(), ContentType: dash.ContentType})
	if m == nil {
		return
	}
	if w.mpds++; m.Next != "" {
		w.mpd = m.Next
	}
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				for _, listed := range r.Segments {
					g := t.Rendition(timeline.RenditionID(r.ID)).Segment(listed.Number)
					w.check(g != nil, "segment %d of %s is listed, and isn't there", listed.Number, r.ID)
					if g == nil || !g.Closed {
						continue
					}
					has := dashcheck.Media{Size: g.Size, Empty: g.Gap(), Start: uint64(g.Start), Sync: g.Gap() || g.Parts[0].Independent}
					for _, p := range g.Parts {
						has.Duration += uint64(p.Duration)
					}
					w.dash.Segment(listed.URL, has)
				}
			}
		}
	}
}

func (w *witness) judge(length time.Duration, x expectation) {
	w.t.Helper()
	for _, v := range w.checks.Violations() {
		w.faults = append(w.faults, v.String())
	}
	for _, v := range w.dash.Violations() {
		w.faults = append(w.faults, v.String())
	}
	require.Empty(w.t, w.faults, strings.Join(w.faults, "\n"))
	require.Equal(w.t, x.epochs, w.epochs)
	require.Greater(w.t, w.mpds, min(w.segments, 300)/2, "MPDs of %d segments", w.segments)
	require.GreaterOrEqual(w.t, w.shown, length-x.lost-5*time.Second)
	require.LessOrEqual(w.t, w.shown, length+5*time.Second)
	require.LessOrEqual(w.t, w.astray, x.astray+pictureEvery)
}

// judgeHealth holds what the API and the metrics tell of the encoder's clock and of its
// sound against what they are.
func (w *witness) judgeHealth(ppm float64, x expectation) {
	w.t.Helper()
	const near = 3 // ms, and ppm: FLV counts in milliseconds
	off := float64(near)
	if x.stood {
		off += 1.5 * float64(soundEvery.Milliseconds()) // sound is counted: that much may stay
	}
	figure := func(name string) float64 {
		require.Contains(w.t, w.figures, name)
		return w.figures[name]
	}
	p := describe(w.publisher)
	require.NotNil(w.t, p.SoundAheadMS)
	require.InDelta(w.t, x.ahead.Milliseconds(), *p.SoundAheadMS, off)
	require.InDelta(w.t, x.ahead.Seconds(), figure("sluice_publisher_sound_ahead_seconds"), off/1000)
	if x.stood && p.DriftPPM == nil { // the clock stood, and nobody can tell a drift from that
		require.NotContains(w.t, w.figures, "sluice_publisher_clock_drift_ppm")
		return
	}
	require.NotNil(w.t, p.DriftPPM)
	require.InDelta(w.t, ppm, *p.DriftPPM, near)
	require.InDelta(w.t, ppm, figure("sluice_publisher_clock_drift_ppm"), near)
}

var (
	sps, pps = unbase64("Z0LAHtoCgL/lwEQAAAMABAAAAwAoPFi6gA=="), unbase64("aM4PyA==") // declares 5 frames a second
	idr      = []byte{0, 0, 0, 2, 0x65, 0x88}
	inter    = []byte{0, 0, 0, 2, 0x41, 0x9a}
	silence  = []byte{0x21, 0x00}
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
