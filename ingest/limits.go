package ingest

import (
	"time"

	"sluice/ingest/chunk"
	"sluice/ingest/gate"
)

// Limits bounds what peers may make the server hold and wait for. The zero value
// of a field means its default. How deep and long AMF may be is package amf0's to
// say (MaxDepth, MaxValues).
type Limits struct {
	// Handshake is the time from the connection to the end of TLS's and RTMP's
	// handshakes: 5 s.
	Handshake time.Duration
	// Publish is the time from there to an accepted publish: 10 s.
	Publish time.Duration
	// Idle is how long a session may send nothing at all: 15 s.
	Idle time.Duration
	// Stall is how long a publisher may take to finish a message: 60 s. Bytes that
	// trickle in are no idleness, but hold a stream as long as they do.
	Stall time.Duration
	// Write is how long one write to a peer may take: 5 s.
	Write time.Duration
	// Linger is how long a peer has to read why it is refused: 2 s.
	Linger time.Duration
	// SinkEnd is how long a Sink may take to end: 5 s.
	SinkEnd time.Duration

	// Sessions is how many connections there may be: 4096; SessionsPerAddress how
	// many of one IP address (of one /64 in IPv6): 512.
	Sessions, SessionsPerAddress int
	// HalfOpen is how many of those may not have got as far as publishing: 1024, of
	// which the newest get in (see gate.Gate's Enter); HalfOpenPerAddress how many of one
	// address: 256, of which the oldest stay.
	HalfOpen, HalfOpenPerAddress int
	// Handshakes is how many TLS handshakes a second one address may begin, but for
	// bursts of five seconds' worth: 100.
	Handshakes int

	// BeforePublish is how many bytes may come before a publish is accepted: 256 KiB.
	BeforePublish int
	// Players is how many connections may play: 4096; PlayersPerAddress how many of one
	// address: 512. They don't count as Sessions.
	Players, PlayersPerAddress int
	// PlayStart is how long a player waits for a keyframe of a stream that nobody
	// publishes yet: 15 s, longer than the longest GOP.
	PlayStart time.Duration
	// PlayLag is how long a part may wait for a player to take it before the newest
	// keyframe is gone to: 5 s.
	PlayLag time.Duration

	// PlayPermit is how often it's asked whether a player may still play: 30 s.
	PlayPermit time.Duration

	// Message is the longest message: 8 MiB.
	Message int
	// ChunkStreams is how many chunk streams a connection may use: 64.
	ChunkStreams int

	// Tracks is how long a first track waits for a second that may come: 1.5 s of
	// the publisher's clock or of ours. Held bounds, in bytes, what is kept
	// meanwhile: 8 MiB; what is more begins the epoch at once.
	Tracks time.Duration
	Held   int

	// Bitrate is how many bits a second a publisher may send, script data included, apart from
	// bursts of ten seconds' worth: no limit where it is zero.
	Bitrate int64

	// Epochs is how many may begin in a minute, by new tracks or jumps of the
	// publisher's clock: 30.
	Epochs int

	// OwnerSilence is how long an owner must have been silent to be taken over:
	// 1.5 s. OwnerWait is how long a second publisher waits for that: 3 s.
	OwnerSilence, OwnerWait time.Duration
}

func (l *Limits) setDefaults() {
	orElse(&l.Handshake, 5*time.Second)
	orElse(&l.Publish, 10*time.Second)
	orElse(&l.Idle, 15*time.Second)
	orElse(&l.Stall, time.Minute)
	orElse(&l.Write, 5*time.Second)
	orElse(&l.Linger, 2*time.Second)
	orElse(&l.SinkEnd, 5*time.Second)
	orElse(&l.Sessions, 4096)
	orElse(&l.SessionsPerAddress, 512)
	orElse(&l.HalfOpen, 1024)
	orElse(&l.HalfOpenPerAddress, 256)
	orElse(&l.Handshakes, 100)
	orElse(&l.BeforePublish, 256<<10)
	orElse(&l.Players, 4096)
	orElse(&l.PlayersPerAddress, 512)
	orElse(&l.PlayStart, 15*time.Second)
	orElse(&l.PlayLag, 5*time.Second)
	orElse(&l.PlayPermit, 30*time.Second)
	orElse(&l.Message, 8<<20)
	orElse(&l.ChunkStreams, 64)
	orElse(&l.Tracks, 1500*time.Millisecond)
	orElse(&l.Held, 8<<20)
	orElse(&l.Epochs, 30)
	orElse(&l.OwnerSilence, 1500*time.Millisecond)
	orElse(&l.OwnerWait, 3*time.Second)
}

func orElse[T comparable](v *T, otherwise T) {
	if *v == *new(T) {
		*v = otherwise
	}
}

// Of a publisher's media. Tracks beyond these are dropped: more pictures than a
// ladder has, more languages than the packager takes.
const (
	maxVideoTracks = 8
	maxAudioTracks = 6

	maxPrefix = 64 << 10 // parameter sets that came in a message of their own
	maxUnits  = 4096     // NAL units of one picture: a slice for each macroblock row, and more
	maxOBUs   = 4096     // of one message: tile groups, and more
	// maxFrames is how many frames of MP3 a message may have: half a minute at the
	// longest that a frame is.
	maxFrames = 256
)

// Of a publisher's timed metadata, which goes into the fragments of every size.
const (
	maxEventData     = 16 << 10 // of one
	maxEventName     = 256
	maxWaitingEvents = 64 // for the first picture
	maxUserData      = 16 // kinds of user data in pictures of which the newest is known
	// eventRate is how many a second may come, one with each picture, and eventBurst
	// how many at once; the others likewise of their bytes.
	eventRate, eventBurst           = 120, 240
	eventBytesRate, eventBytesBurst = 32 << 10, 256 << 10
)

// Of a peer that is still a stranger.
const (
	maxMessageStreams = 8
	maxDrained        = 1 << 20 // bytes read and thrown away while it reads its refusal
)

// Of players.
const (
	// pingShare is the share of Idle after which a player is asked whether it's there.
	pingShare = 3
	// playerShare is the share of what a player is sent that it may send: what it
	// acknowledges is far less.
	playerShare = 16
	// maxUnsent is what the kernel may hold of a player's media that can't be sent yet.
	maxUnsent = 128 << 10
	// writePiece is what is written under one deadline.
	writePiece = 64 << 10
)

// gate is what package gate is to know of them.
func (l *Limits) gate() gate.Limits {
	return gate.Limits{
		Sessions: l.Sessions, SessionsPerAddress: l.SessionsPerAddress, HalfOpen: l.HalfOpen, HalfOpenPerAddress: l.HalfOpenPerAddress,
		Players: l.Players, PlayersPerAddress: l.PlayersPerAddress, Handshakes: l.Handshakes,
	}
}

// stranger is what the chunk layer allows before publish.
func (l *Limits) stranger() chunk.Limits {
	c := chunk.StrangerLimits()
	c.Streams = l.ChunkStreams
	c.Body = min(c.Body, l.Message)
	return c
}

// publisher is what it allows afterwards.
func (l *Limits) publisher() chunk.Limits {
	c := chunk.PublisherLimits()
	c.Streams, c.Body, c.Partial = l.ChunkStreams, l.Message, 2*l.Message
	c.Eager = min(c.Eager, l.Message)
	return c
}
