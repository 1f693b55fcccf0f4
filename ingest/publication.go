package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/ingest/clock"
	"sluice/ingest/flv"
	"sluice/media"
)

// The tracks of a session. One of each kind is all that is served.
const (
	videoTrack media.TrackID = 1
	audioTrack media.TrackID = 2
)

// adoptAfter is how long new tracks wait for a picture that a decoder can start
// at: the longest distance between keyframes in the field.
const adoptAfter = 10 * time.Second

// publication is a session while it publishes: it makes samples of tags, and
// epochs of what the tags say about their tracks.
//
//	holding ──tracks known, or waited for long enough──▶ running
//
// While running, tracks that are new or have changed are pending until they can
// be adopted without a hole in the picture: at the next sync sample of video.
type publication struct {
	stream  string
	sink    media.Sink
	release func()
	done    func(cause error)
	log     *slog.Logger
	counts  *counters
	limits  *Limits
	start   time.Time

	clock *clock.Clock
	meta  flv.Metadata

	// What the publisher last said of each track; nil before it did.
	avc        *media.H264
	avcRecord  []byte // as it came, to know a repetition
	lengthSize int
	sound      media.Sound
	prefix     []byte // parameter sets for the next picture
	more       []byte // those of the configuration beside the first of each
	confused   bool   // a configuration made no sense, and the log says so

	// What the present epoch has; nil where it has no such track.
	videoClock *clock.Video
	audioClock *clock.Audio
	tracks     []media.Track

	budget       int       // epochs that may still begin, as of budgetAt
	budgetAt     time.Time // see Limits.Epochs
	pending      bool      // what the publisher said isn't what the epoch has
	pendingSince time.Time

	held      []unit // until the first epoch begins
	heldBytes int
}

// unit is an access unit whose time isn't known yet.
type unit struct {
	id        media.TrackID
	timestamp uint32
	cts       int32
	sync      bool
	data      []byte
	arrived   time.Time
}

// enter admits a publisher and makes the session its stream's owner.
func (s *session) enter(ctx context.Context, p Publish) error {
	switch {
	case p.App != ServedApp:
		return ErrWrongApp
	case p.Key == "":
		return ErrUnknownKey
	}
	asking, cancel := context.WithTimeout(ctx, s.limits.Publish)
	defer cancel()
	g, err := s.server.admit.Admit(asking, p)
	switch {
	case refusedKey(err), errors.Is(err, ErrWrongApp), errors.Is(err, ErrBusy):
		return fmt.Errorf("%w (%v)", err, p.Key)
	case err != nil:
		return fmt.Errorf("%w: %w", errAdmission, err)
	}
	done := func(error) {}
	if g.Bind != nil {
		done = g.Bind(s.evict)
	}
	release, err := s.server.owners.claim(ctx, g.Stream, s)
	if err != nil {
		done(err)
		return fmt.Errorf("stream %s: %w", g.Stream, err)
	}
	s.pub = &publication{
		stream: g.Stream, sink: g.Sink, release: release, done: done,
		log: s.log.With("stream", g.Stream), counts: s.server.counts, limits: s.limits,
		start: time.Now(), clock: clock.New(s.server.forward),
	}
	s.once = true
	if !s.passed {
		s.passed = true
		s.server.gate.pass(s.from, true)
	}
	s.reader.SetLimits(s.limits.publisher())
	s.socket.phase(0)
	s.server.counts.publishing.Inc()
	over := "rtmp"
	if s.tls != nil {
		over = "rtmps"
	}
	args := []any{"encoder", s.encoder}
	if g.Key != "" {
		args = append(args, "key", g.Key)
	}
	s.pub.log.Info("publishing over "+over, args...)
	return nil
}

// unpublish ends the publication, and writes the line about it; cause is nil
// where the publisher wants it.
func (s *session) unpublish(ctx context.Context, cause error) {
	p := s.pub
	s.pub = nil
	defer func() { p.done(cause) }()
	defer p.release()
	defer s.server.counts.publishing.Dec()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.SinkEnd)
	defer cancel()
	if cause == nil && len(p.held) > 0 {
		cause = p.begin(ctx) // what is held was all that there was
	}
	err := p.sink.End(ctx, cause)
	log := p.log.With("dur", time.Since(p.start).Round(time.Millisecond))
	if cause != nil {
		log = log.With("err", cause)
	}
	log.Log(ctx, levelOf(cause), "published")
	if err != nil {
		p.log.Error("end of a stream", "err", err)
	}
}

// data takes a data message. Only onMetaData says anything that matters here.
func (p *publication) data(values []any) {
	if m, ok := flv.ParseMetadata(values); ok {
		p.meta = m
	}
}

func (p *publication) drop(reason string) { p.counts.dropped.WithLabelValues(reason).Inc() }

// video takes a video message.
func (p *publication) video(ctx context.Context, timestamp uint32, body []byte, arrived time.Time) error {
	t, err := flv.ParseVideo(body)
	if err != nil {
		p.drop(dropMalformed)
		return nil
	}
	if t.Packet == flv.PacketCommand {
		return nil
	}
	if t.Multitrack == flv.OneTrack && t.Track != 0 {
		p.drop(dropTrack)
		return nil
	}
	if err := t.Served(); err != nil {
		return err
	}
	switch t.Packet {
	case flv.PacketConfig:
		return p.videoConfig(t.Payload, arrived)
	case flv.PacketEnd:
		// A publisher that goes on after it does so with a new sequence.
		p.await(len(p.tracks) > 0, arrived)
		return nil
	case flv.PacketFrames:
		return p.picture(ctx, t, unit{
			id: videoTrack, timestamp: timestamp, cts: t.CompositionTime, data: t.Payload, arrived: arrived,
		})
	}
	return nil
}

// await notes that new tracks are wanted.
func (p *publication) await(wanted bool, now time.Time) {
	if wanted && !p.pending {
		p.pending, p.pendingSince = true, now
	}
}

// videoConfig takes an AVC decoder configuration record.
func (p *publication) videoConfig(record []byte, now time.Time) error {
	if p.avc != nil && string(record) == string(p.avcRecord) {
		return nil
	}
	c, err := flv.ParseAVCConfig(record)
	if errors.Is(err, flv.ErrMalformed) {
		p.puzzled("video", err)
		return nil
	}
	if err != nil {
		return err
	}
	avc, err := media.NewH264(c.SPS[0], c.PPS[0])
	if err != nil {
		p.puzzled("video", err)
		return nil
	}
	changed := p.avc == nil || !p.avc.Equal(avc)
	p.avcRecord, p.lengthSize, p.more = record, c.LengthSize, moreSets(c)
	if changed {
		p.avc, p.prefix = avc, nil
		p.await(len(p.tracks) > 0, now)
	}
	return nil
}

// puzzled reports a configuration that makes no sense; another may follow.
func (p *publication) puzzled(kind string, err error) {
	p.drop(dropMalformed)
	if !p.confused {
		p.confused = true
		p.log.Warn("configuration of "+kind+" not understood", "err", err)
	}
}

// picture takes a message of NAL units.
func (p *publication) picture(ctx context.Context, t flv.VideoTag, u unit) error {
	if p.avc == nil {
		p.drop(dropNoConfig)
		return nil
	}
	if len(u.data) == 0 {
		p.drop(dropEmpty)
		return nil
	}
	au, err := scan(u.data, p.lengthSize)
	switch {
	case err != nil:
		p.drop(dropMalformed)
		return nil
	case !au.picture:
		p.keep(u.data, au)
		return nil
	}
	// A decoder can start at an IDR picture, whatever the tag says. Encoders of
	// recovery points (open GOP, intra refresh) send none and mark what they mean
	// as keyframes; the field takes their word, and so does this.
	u.sync = au.idr || t.Sync()
	if au.idr {
		p.inBand(au, u.arrived)
	}
	if u.sync && au.pps == nil && len(p.prefix) == 0 {
		p.prefix = p.more
	}
	if au.rewrite || len(p.prefix) > 0 {
		u.data = rewritten(p.prefix, u.data, p.lengthSize, au)
		p.prefix = nil
	}
	return p.take(ctx, u)
}

// keep puts aside what came without a picture, parameter sets in a message of
// their own, for the picture to come.
func (p *publication) keep(data []byte, au accessUnit) {
	if au.sps == nil && au.pps == nil && au.others == 0 || len(p.prefix)+au.size > maxPrefix {
		p.drop(dropEmpty)
		return
	}
	p.prefix = rewritten(p.prefix, data, p.lengthSize, au)
}

// inBand compares the parameter sets in front of an IDR picture with the
// configuration: an encoder may change them there, and only there.
func (p *publication) inBand(au accessUnit, now time.Time) {
	if len(p.prefix) > 0 {
		if before, err := scan(p.prefix, lengthSize); err == nil {
			if au.sps == nil {
				au.sps = before.sps
			}
			if au.pps == nil {
				au.pps = before.pps
			}
		}
	}
	sps, pps := p.avc.SPS, p.avc.PPS
	if au.sps != nil && !sameSet(au.sps, sps) {
		sps = au.sps
	}
	if au.pps != nil && !sameSet(au.pps, pps) && samePPSID(au.pps, pps) {
		pps = au.pps
	}
	if &sps[0] == &p.avc.SPS[0] && &pps[0] == &p.avc.PPS[0] {
		return
	}
	// The codec outlives the message: it gets bytes of its own.
	avc, err := media.NewH264(append([]byte(nil), sps...), append([]byte(nil), pps...))
	if err != nil {
		p.drop(dropMalformed)
		return
	}
	p.avc = avc
	p.await(len(p.tracks) > 0, now)
}
