package ingest

import (
	"context"
	"fmt"
	"time"

	"sluice/ingest/flv"
	"sluice/ingest/mp3"
	"sluice/media"
)

// audio takes an audio message.
func (p *publication) audio(ctx context.Context, timestamp uint32, body []byte, arrived time.Time) error {
	if err := p.rate.spend(len(body), arrived); err != nil {
		return err
	}
	t, err := flv.ParseAudio(body)
	if err != nil {
		p.drop(dropMalformed)
		return nil
	}
	if t.Multitrack == flv.OneTrack && t.Track != 0 || t.Multitrack > flv.OneTrack {
		p.drop(dropTrack) // a track for recordings, or a second language
		return nil
	}
	if err := t.Served(); err != nil {
		return err
	}
	u := unit{id: audioTrack, timestamp: timestamp, sync: true, data: t.Payload, arrived: arrived}
	switch {
	case t.Packet == flv.PacketConfig && t.Codec == flv.AudioAAC:
		return p.audioConfig(t.Payload, arrived)
	case t.Packet != flv.PacketFrames:
	case len(t.Payload) == 0:
		p.drop(dropEmpty)
	case t.Codec != flv.AudioAAC:
		return p.layerIII(ctx, u)
	case p.aac() == nil:
		p.drop(dropNoConfig)
	default:
		return p.take(ctx, u)
	}
	return nil
}

// aac returns the sound's codec where it is AAC.
func (p *publication) aac() *media.AAC {
	aac, _ := p.sound.(*media.AAC)
	return aac
}

// audioConfig takes an AudioSpecificConfig.
func (p *publication) audioConfig(raw []byte, now time.Time) error {
	if have := p.aac(); have != nil && string(raw) == string(have.Raw) {
		return nil
	}
	aac, err := media.NewAAC(raw)
	if err != nil {
		if t := objectType(raw); t > 0 && t != aacLC && t != aacSBR && t != aacPS {
			return &flv.NotServedError{What: fmt.Sprintf("AAC object type %d", t)}
		}
		p.puzzled("audio", err)
		return nil
	}
	p.sound = aac
	p.await(len(p.tracks) > 0, now)
	return nil
}

// layerIII takes a message of MP3, as a rule one frame. Of several, each gets a
// time of its own. Every frame says what it is: there is no configuration.
func (p *publication) layerIII(ctx context.Context, u unit) error {
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
		if p.sound == nil || !p.sound.Equal(codec) {
			p.sound = codec
			p.await(len(p.tracks) > 0, u.arrived)
		}
		ahead := (n * codec.FrameLength()).Rescale(media.Timescale(h.SampleRate), media.Milliseconds)
		u.timestamp = first + uint32(ahead)
		if err := p.take(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// maxFrames is how many frames of MP3 a message may have: half a minute at the
// longest that a frame is.
const maxFrames = 256

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
