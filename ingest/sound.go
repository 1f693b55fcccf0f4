package ingest

import (
	"context"
	"fmt"
	"time"

	"sluice/ingest/clock"
	"sluice/ingest/flv"
	"sluice/ingest/mp3"
	"sluice/media"
)

// sounds is an audio track as its publisher has described it.
type sounds struct {
	id     media.TrackID
	number uint8
	codec  media.Sound  // nil until it is known
	clock  *clock.Audio // of the newest epoch that has the track

	kind     flv.AudioCodec // what the configuration is of
	record   []byte         // as it came, to know a repetition
	channels int            // by Enhanced RTMP's channel configuration; 0: none came
}

// audioMessage takes an audio message.
func (p *publication) audioMessage(ctx context.Context, timestamp uint32, body []byte, arrived time.Time) error {
	message, err := flv.ParseAudio(body)
	if err != nil {
		p.drop(dropMalformed)
		return nil
	}
	for t, err := range message.Tracks() {
		if err != nil {
			p.drop(dropMalformed)
			return nil
		}
		u := unit{timestamp: timestamp, nanos: t.Nanos, sync: true, data: t.Payload, arrived: arrived}
		if err := p.audioTag(ctx, t, u); err != nil {
			return err
		}
	}
	return nil
}

// audioTag takes what a message has of one track.
func (p *publication) audioTag(ctx context.Context, t flv.AudioTag, u unit) error {
	if err := t.Served(); err != nil {
		if t.Track == 0 {
			return err
		}
		p.drop(dropTrack)
		return nil
	}
	a := p.sounds(t.Track)
	if a == nil {
		p.drop(dropTrack)
		return nil
	}
	u.id = a.id
	switch {
	case t.Packet == flv.PacketConfig:
		return p.audioConfig(a, t.Codec, t.Payload, u.arrived)
	case t.Packet == flv.PacketChannels:
		if c, err := flv.ParseChannelConfig(t.Payload); err == nil {
			a.channels = int(c.Count)
		}
	case t.Packet != flv.PacketFrames:
	case len(t.Payload) == 0:
		p.drop(dropEmpty)
	case t.Codec == flv.AudioMP3, t.Codec == flv.AudioMP38k:
		return p.layerIII(ctx, a, u)
	default:
		return p.soundFrame(ctx, a, t.Codec, u)
	}
	return nil
}

// audioConfig takes what a decoder must know before the first frame. AC-3, E-AC-3 and
// MP3 say it in each.
func (p *publication) audioConfig(a *sounds, kind flv.AudioCodec, raw []byte, now time.Time) error {
	if a.record != nil && a.kind == kind && string(raw) == string(a.record) {
		return nil
	}
	codec, err := soundOf(kind, raw)
	if kind == flv.AudioAAC {
		if t := objectType(raw); err != nil && t > 0 && t != aacLC && t != aacSBR && t != aacPS && a.number == 0 {
			return &flv.NotServedError{What: fmt.Sprintf("AAC object type %d", t)}
		}
	}
	if err != nil {
		p.puzzled("audio", err)
		return nil
	}
	if a.kind, a.record = kind, raw; codec != nil {
		p.tune(a, codec, now)
	}
	return nil
}

// soundOf reads a configuration; the codec is nil where the frames say all.
func soundOf(kind flv.AudioCodec, raw []byte) (codec media.Sound, err error) {
	switch {
	case kind == flv.AudioAAC:
		return orNil(media.NewAAC(raw))
	case kind == flv.AudioFLAC:
		return orNil(media.NewFLAC(raw))
	case kind == flv.AudioOpus && len(raw) > 0: // else the first packet tells whether it's stereo
		return orNil(media.NewOpus(raw))
	}
	return nil, nil
}

// orNil keeps a nil pointer from becoming a codec.
func orNil[C media.Sound](c C, err error) (media.Sound, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// tune takes up what an audio track is by now.
func (p *publication) tune(a *sounds, codec media.Sound, now time.Time) {
	if a.codec != nil && a.codec.Equal(codec) {
		return
	}
	a.codec = codec
	p.await(len(p.tracks) > 0, now)
}

// soundFrame takes a frame of one of the codecs whose messages hold one each.
func (p *publication) soundFrame(ctx context.Context, a *sounds, kind flv.AudioCodec, u unit) error {
	codec, length, err := a.frame(kind, u.data)
	switch {
	case err != nil || codec != nil && length <= 0:
		p.drop(dropMalformed)
		return nil
	case codec == nil:
		p.drop(dropNoConfig)
		return nil
	}
	p.tune(a, codec, u.arrived)
	u.frame = length
	return p.take(ctx, u)
}

// frame tells what a frame is of, and how long it lasts. Without a codec it can't be
// told.
func (a *sounds) frame(kind flv.AudioCodec, data []byte) (media.Sound, media.Ticks, error) {
	const stereo = 1 << 2 // of the first byte of Opus, RFC 6716 §3.1
	switch kind {
	case flv.AudioAAC:
		if c, ok := a.codec.(*media.AAC); ok {
			return c, c.FrameLength(), nil
		}
	case flv.AudioFLAC:
		if c, ok := a.codec.(*media.FLAC); ok {
			return c, c.BlockLength(data), nil
		}
	case flv.AudioOpus:
		c, ok := a.codec.(*media.Opus)
		if !ok {
			c = media.PlainOpus(max(a.channels, 1+int(data[0]&stereo/stereo)))
		}
		return c, c.PacketLength(data), nil
	case flv.AudioAC3:
		c, err := media.NewAC3(data)
		if err != nil {
			return nil, 0, err
		}
		return c, c.FrameLength(), nil
	case flv.AudioEAC3:
		c, err := media.NewEAC3(data)
		if err != nil {
			return nil, 0, err
		}
		return c, c.FrameLength(), nil
	}
	return nil, 0, nil
}

// layerIII takes a message of MP3, as a rule one frame. Of several, each gets a
// time of its own. Every frame says what it is: there is no configuration.
func (p *publication) layerIII(ctx context.Context, a *sounds, u unit) error {
	first, rest := u.timestamp, u.data
	for n := media.Ticks(0); len(rest) > 0 && n < maxFrames; n++ {
		var h mp3.Header
		var err error
		if h, u.data, rest, err = mp3.Cut(rest); err != nil {
			p.drop(dropMalformed)
			return nil
		}
		codec, err := media.NewMP3(h.SampleRate, h.Channels)
		if err != nil {
			p.drop(dropMalformed)
			return nil
		}
		p.tune(a, codec, u.arrived)
		u.frame = codec.FrameLength()
		ahead := (n * u.frame).Rescale(media.Timescale(h.SampleRate), media.Milliseconds)
		u.timestamp = first + uint32(ahead)
		if err := p.take(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// Audio object types that are served, ISO/IEC 14496-3 table 1.17.
const (
	aacLC  = 2
	aacSBR = 5
	aacPS  = 29
)

// objectType reads the object type that an AudioSpecificConfig begins with; 31
// escapes to a longer form. Of none it is 0.
func objectType(raw []byte) int {
	if len(raw) < 2 {
		return 0
	}
	if t := int(raw[0] >> 3); t != 31 {
		return t
	}
	return 32 + int(raw[0]&7)<<3 + int(raw[1]>>5)
}
