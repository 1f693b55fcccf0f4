package mpegts_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// tag is an ID3v2.4 tag with a TXXX frame.
func tag(text string) []byte {
	frame := append([]byte{3}, "what\x00"+text...)
	n := len(frame)
	size := func(n int) []byte {
		return []byte{byte(n >> 21 & 0x7F), byte(n >> 14 & 0x7F), byte(n >> 7 & 0x7F), byte(n & 0x7F)}
	}
	b := append([]byte("ID3\x04\x00\x00"), size(n+10)...)
	b = append(append(append(b, "TXXX"...), size(n)...), 0, 0)
	return append(b, frame...)
}

// with puts events in front of a fragment.
func with(fragment []byte, events ...cmaf.EventMessage) []byte {
	var b []byte
	for i := range events {
		b = events[i].AppendTo(b)
	}
	return append(b, fragment...)
}

// TestTimedID3 looks at what Apple's Timed Metadata for HTTP Live Streaming asks for.
func TestTimedID3(t *testing.T) {
	video, sound := x264(t, "30", "-bf", "2"), aac(t)
	segments := cut(video, sound, second, 2)
	s := &segments[1]
	at := func(d time.Duration) media.Ticks { return media.TicksOf(origin+d, media.VideoClock) }
	event := func(d time.Duration, scheme string, data []byte) cmaf.EventMessage {
		return cmaf.EventMessage{Timescale: media.VideoClock, Time: at(d), Scheme: scheme, Data: data}
	}
	long := tag(strings.Repeat("long ", 20_000))
	s.Events = append([][]byte(nil), s.Video.Fragments...)
	s.Events[0] = with(s.Events[0], event(1100*time.Millisecond, media.SchemeID3, tag("one")),
		event(1100*time.Millisecond, media.SchemeSCTE35, []byte("splice")),
		event(1150*time.Millisecond, media.SchemeID3, []byte("no tag")))
	s.Events[2] = with(s.Events[2], event(1500*time.Millisecond, media.SchemeID3, tag("two")), event(1500*time.Millisecond, media.SchemeID3, long))
	b := made(t, *s)
	seen := read(t, b, read(t, made(t, segments[0]), nil))
	require.Equal(t, 4, len(seen.pes[0x102]), "the long one takes two packets")

	require.True(t, bytes.Contains(b, []byte("\x25\x0f\xff\xffID3 \xffID3 \x00\x1f\x00\x01")), "metadata_pointer_descriptor")
	require.True(t, bytes.Contains(b, []byte("\x15\xe1\x02\xf0\x0f\x26\x0d\xff\xffID3 \xffID3 \x00\x0f")), "metadata_descriptor of PID 0x102")
	var whole []byte
	for i, u := range seen.pes[0x102] {
		want := []time.Duration{1100, 1500, 1500, 1500}[i] * time.Millisecond
		require.EqualValues(t, at(want), u.Header.OptionalHeader.PTS.Base)
		require.EqualValues(t, 0xBD, u.Header.StreamID)
		require.Equal(t, i != 3, u.Header.OptionalHeader.DataAlignmentIndicator, "unit %d", i)
		require.EqualValues(t, len(u.Data)+8, u.Header.PacketLength)
		if i >= 2 {
			whole = append(whole, u.Data...)
		}
	}
	require.Equal(t, tag("one"), seen.pes[0x102][0].Data)
	require.Equal(t, tag("two"), seen.pes[0x102][1].Data)
	require.Equal(t, long, whole)

	// The sound alone has them too, and a tag that is late comes first.
	alone := mpegts.Segment{Epoch: 1, Sound: s.Sound, Events: [][]byte{
		with(s.Events[0], event(200*time.Millisecond, media.SchemeID3, tag("late")), event(9*time.Second, media.SchemeID3, tag("early"))),
	}}
	seen = read(t, made(t, alone), nil)
	require.Len(t, seen.pes[0x102], 3)
	require.EqualValues(t, at(200*time.Millisecond), seen.pes[0x102][0].Header.OptionalHeader.PTS.Base)
}

// TestFFmpegReadsID3 finds the tags with ffprobe.
func TestFFmpegReadsID3(t *testing.T) {
	s := cut(x264(t, "30"), aac(t), second, 1)[0]
	s.Events = [][]byte{with(s.Video.Fragments[0], cmaf.EventMessage{
		Timescale: media.VideoClock, Time: media.TicksOf(origin+300*time.Millisecond, media.VideoClock), Scheme: media.SchemeID3, Data: tag("found"),
	})}
	path := write(t, made(t, s))
	out := tool(t, "ffprobe", "-v", "warning", "-select_streams", "d", "-show_packets", "-show_data", "-show_entries", "packet=pts,data", path)
	require.Contains(t, out, "pts=927000")
	require.Contains(t, out, "found")
}
