package ingest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/id3"
	"sluice/media"
)

// said reads the tags of an epoch's events.
func (s *stage) said(epoch int) (frames []id3.Frame, at []media.Ticks) {
	s.t.Helper()
	for _, e := range s.rec.epochs[epoch].events {
		require.Equal(s.t, media.SchemeID3, e.Scheme)
		f, err := id3.Parse(e.Data)
		require.NoError(s.t, err)
		frames, at = append(frames, f), append(at, e.At)
	}
	return frames, at
}

func TestScriptTagsAreEvents(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	s.tells(0, "onTextData", amf0.ECMAArray{{Key: "text", Value: "held"}})
	for n := range 60 {
		s.show(uint32(n*1000/30), pictureTag(n%30 == 0, 66, 10))
		switch n {
		case 20:
			s.tells(uint32((n+2)*1000/30), "@setDataFrame", "onTextData", amf0.Object{{Key: "text", Value: "Größe"}, {Key: "language", Value: "de"}})
			s.tells(uint32(n*1000/30), "onCuePoint", amf0.Object{{Key: "name", Value: "goal"}, {Key: "time", Value: 1.5}})
		case 30:
			s.tells(1000, "custom", "plain")
			s.tells(1000, "two", 1.0, "x")
			s.tells(1000, "nothing")
			s.tells(1000, "|RtmpSampleAccess", true, true)
			s.tells(1000, "onMetaData\x00", "what players would take for the stream's own")
			s.tells(1000, "@setDataFrame")
			s.tells(1000, 7.0, "no name")
			s.tells(1000)
		}
	}
	frames, at := s.said(0)
	var texts []string
	for _, f := range frames {
		require.Equal(t, "TXXX", f.ID)
		texts = append(texts, f.Name+" "+string(f.Value))
	}
	require.Equal(t, []string{
		"onTextData held", "onTextData Größe", `onCuePoint {"name":"goal","time":1.5}`, "custom plain", `two [1,"x"]`, "nothing ",
	}, texts)
	video := s.rec.epochs[0].samples[videoTrack]
	require.Equal(t, []media.Ticks{video[0].DTS, video[20].PTS(), video[20].DTS, video[30].DTS, video[30].DTS, video[30].DTS}, at,
		"a picture's own time, to the tick")
}

// seiUnit is a unit with one message of user data; four bytes are the UUID's kind.
func seiUnit(hevc bool, kind byte, text string) []byte {
	b := []byte{6}
	if hevc {
		b = []byte{39 << 1, 1}
	}
	payload := append([]byte(strings.Repeat(string(rune(kind)), 16)), text...)
	b = append(b, 5)
	n := len(payload)
	for ; n >= 255; n -= 255 {
		b = append(b, 255)
	}
	return append(append(append(b, byte(n)), payload...), 0x80)
}

func prefixedUnits(units ...[]byte) (out []byte) {
	for _, u := range units {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(u))), u...)
	}
	return out
}

func TestUserDataOfPicturesIsEvents(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	for n := range 90 {
		key := n%30 == 0
		tag := flv.VideoTag{Frame: flv.FrameInter, Codec: flv.VideoAVC, Packet: flv.PacketFrames, CompositionTime: 33}
		unit := slice(nalSlice, 10)
		if key {
			tag.Frame, unit = flv.FrameKey, slice(nalIDR, 10)
		}
		var units [][]byte
		if key {
			units = append(units, seiUnit(false, 'e', "an encoder's version"))
			const x264 = "\xdc\x45\xe9\xbd\xe6\xd9\x48\xb7\x96\x2c\xd8\x20\xd9\x23\xee\xef"
			units = append(units, append([]byte{6, 5, 20}, x264+"x264\x80"...))
		}
		if n == 40 || n == 41 {
			units = append(units, seiUnit(false, 'u', fmt.Sprint("at ", n)))
		}
		if n == 50 { // in a message of its own
			own := flv.VideoTag{Frame: flv.FrameInter, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: prefixedUnits(seiUnit(false, 'u', "own"))}
			s.show(uint32(n*1000/30), own.AppendTo(nil))
		}
		tag.Payload = prefixedUnits(append(units, unit)...)
		s.show(uint32(n*1000/30), tag.AppendTo(nil))
	}
	frames, at := s.said(0)
	var texts []string
	for _, f := range frames {
		require.Equal(t, "PRIV", f.ID)
		texts = append(texts, f.Name[:8]+" "+string(f.Value))
	}
	require.Equal(t, []string{"65656565 an encoder's version", "75757575 at 40", "75757575 at 41", "75757575 own"}, texts)
	require.Equal(t, "65656565-6565-6565-6565-656565656565", frames[0].Name)
	video := s.rec.epochs[0].samples[videoTrack]
	require.Equal(t, []media.Ticks{video[0].PTS(), video[40].PTS(), video[41].PTS(), video[50].PTS()}, at)
}

// What a picture says that isn't handed on counts as not said: it's told with the next.
func TestUserDataOfADroppedPicture(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	picture := func(payload []byte, frame flv.Frame) []byte {
		return flv.VideoTag{Frame: frame, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: payload}.AppendTo(nil)
	}
	s.show(33, picture([]byte{0, 0, 1, 0, 1}, flv.FrameInter)) // cut off
	s.show(67, picture(prefixedUnits(seiUnit(false, 'u', "once"), slice(nalSlice, 10)), flv.FrameInter))
	require.Empty(t, s.rec.epochs[0].events)
	for n := range 2 {
		s.show(uint32(100+n*33), picture(prefixedUnits(seiUnit(false, 'u', "once"), slice(nalIDR, 10)), flv.FrameKey))
	}
	frames, at := s.said(0)
	require.Len(t, frames, 1)
	require.Equal(t, "once", string(frames[0].Value))
	require.Equal(t, s.rec.epochs[0].samples[videoTrack][1].PTS(), at[0])
}

// Events of a publisher whose clock jumps are on the new clock.
func TestEventsOverAClockJump(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	for n := range 30 {
		s.show(uint32(n*1000/30), pictureTag(n == 0, 0, 10))
	}
	s.tells(500, "first", "a")
	for n := range 30 {
		s.show(100_000+uint32(n*1000/30), pictureTag(n == 0, 0, 10))
		if n == 15 {
			s.tells(100_500, "second", "b")
			s.tells(0, "third", "of no clock: as it comes")
		}
	}
	_, at := s.said(0)
	require.Equal(t, []media.Ticks{45_000}, at)
	_, at = s.said(1)
	second := s.rec.epochs[1].samples[videoTrack]
	require.Equal(t, []media.Ticks{second[15].DTS, second[15].DTS}, at)
}

func TestEventsAreLimited(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	for range 100 {
		s.tells(0, "early", "x")
	}
	s.show(0, pictureTag(true, 0, 10))
	frames, _ := s.said(0)
	require.Len(t, frames, maxWaitingEvents)
	for range 1000 {
		s.tells(0, "flood", "x")
	}
	frames, _ = s.said(0)
	require.Len(t, frames, maxWaitingEvents+eventBurst-100)
	s.now = s.now.Add(10 * time.Second)
	s.tells(0, "long", strings.Repeat("x", maxEventData))
	for range 100 {
		s.tells(0, "heavy", strings.Repeat("x", maxEventData/2))
	}
	frames, _ = s.said(0)
	require.Len(t, frames, maxWaitingEvents+eventBurst-100+31, "256 KiB of them, and their headers")
	s.tells(0, strings.Repeat("n", maxEventName+1), "x")
	require.Len(t, s.rec.epochs[0].events, len(frames))
}
