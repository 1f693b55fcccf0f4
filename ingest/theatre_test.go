package ingest

import (
	"context"
	"encoding/binary"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/message"
	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
	"sluice/storage/journal/memory"
)

// theatre shows streams to players. What is on them is written by the test, as the
// packager does it.
type theatre struct {
	t       *testing.T
	journal *memory.Journal
	asked   chan Watch
	denies  atomic.Pointer[error] // of who comes, or is there; nil: nobody
	parts   int
	epoch   uint64
	size    int       // of a picture
	until   time.Time // when seats end; zero: never
}

func newTheatre(t *testing.T) *theatre {
	return &theatre{t: t, journal: memory.New(memory.Options{}), asked: make(chan Watch, 100), size: 100}
}

func (th *theatre) Watch(ctx context.Context, w Watch) (Seat, error) {
	select {
	case th.asked <- w:
	default: // nobody reads so many
	}
	if err := th.denies.Load(); err != nil {
		return Seat{}, *err
	}
	switch w.Stream {
	case "show":
		feed, err := th.journal.Follow(ctx, w.Stream)
		return Seat{feed, th.until}, err
	case "private":
		return Seat{}, ErrForbidden
	case "members":
		return Seat{}, &ForbiddenError{"members only"}
	case "broken":
		return Seat{}, io.ErrUnexpectedEOF
	}
	return Seat{}, ErrUnknownStream
}

func (th *theatre) append(entries ...timeline.Entry) {
	th.t.Helper()
	for _, e := range entries {
		require.NoError(th.t, th.journal.Append(context.Background(), "show", e))
	}
}

func (th *theatre) begin() {
	th.t.Helper()
	th.epoch++
	h264, err := media.NewH264(sps360, pps360)
	require.NoError(th.t, err)
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: h264}
	init, err := cmaf.Init(track)
	require.NoError(th.t, err)
	th.parts = 0
	th.append(
		timeline.EpochStarted{Epoch: th.epoch, At: time.Now(), Window: 30 * time.Second,
			Tracks: []timeline.RenditionTrack{{Rendition: timeline.Source, Track: track}}},
		timeline.InitWritten{Epoch: th.epoch, InitEpoch: th.epoch, Rendition: timeline.Source, Data: init},
	)
}

const picturesOfPart, partsOfSegment = 5, 10

func (th *theatre) msn() uint64 {
	feed, _ := th.journal.Follow(context.Background(), "show")
	r := feed.Current().Rendition(timeline.Source)
	return r.NextPosition(feed.Current()).MSN
}

// part shows 200 ms: pictures of 40 ms, a keyframe each two seconds.
func (th *theatre) part() {
	th.t.Helper()
	index := th.parts % partsOfSegment
	if index == 0 && th.parts > 0 {
		th.closeSegment()
	}
	f := cmaf.Fragment{Sequence: uint32(th.parts), TrackID: 1}
	origin := media.TicksOf(timeline.Origin, media.VideoClock)
	for i := range picturesOfPart {
		n := th.parts*picturesOfPart + i
		f.Samples = append(f.Samples, media.Sample{
			DTS: origin + media.Ticks(n)*3600, Duration: 3600, Sync: n%(partsOfSegment*picturesOfPart) == 0, Data: th.picture(n),
		})
	}
	th.append(timeline.PartWritten{Epoch: th.epoch, Rendition: timeline.Source, MSN: th.msn(), Index: index, Part: timeline.Part{
		Start: f.Samples[0].DTS, Duration: f.Duration(), Samples: picturesOfPart, Independent: index == 0,
		Time: time.Now(), Arrived: time.Unix(1_000_000, 0).Add(time.Duration(th.parts) * 200 * time.Millisecond), Data: f.AppendTo(nil),
	}})
	th.parts++
}

func (th *theatre) picture(n int) []byte {
	data := make([]byte, th.size)
	binary.BigEndian.PutUint64(data, th.epoch<<32|uint64(n))
	return data
}

func (th *theatre) closeSegment() {
	th.append(timeline.SegmentClosed{Epoch: th.epoch, Rendition: timeline.Source, MSN: th.msn(), Duration: 180_000})
}

func (th *theatre) end() {
	th.closeSegment()
	th.append(timeline.EpochEnded{Epoch: th.epoch, At: time.Now()})
}

// play connects and asks to play.
func (c *client) play(name string, connect ...amf0.Pair) {
	c.t.Helper()
	hello := connectTo("live")
	hello.Args[0] = append(hello.Args[0].(amf0.Object), connect...)
	c.send(hello,
		message.Command{Name: "FCSubscribe", Transaction: 2, Args: []any{nil, name}},
		message.Command{Name: "createStream", Transaction: 3, Args: []any{nil}},
		message.Command{Name: "getStreamLength", Transaction: 4, Args: []any{nil, name}},
		message.Command{StreamID: 1, Name: "play", Transaction: 5, Args: []any{nil, name, -2000.0}},
		message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 3000})
}

// pictures reads tags up to n of coded pictures, and returns those.
func (c *client) pictures(n int) (tags []flv.VideoTag, at []uint32) {
	c.t.Helper()
	for len(tags) < n {
		m, err := c.r.ReadMessage()
		require.NoError(c.t, err)
		parsed, err := message.Parse(m)
		require.NoError(c.t, err)
		if v, ok := parsed.(*message.Video); ok {
			tag, err := flv.ParseVideo(v.Body)
			require.NoError(c.t, err)
			if tag.Packet == flv.PacketFrames {
				tags, at = append(tags, tag), append(at, v.Timestamp)
			}
		}
	}
	return tags, at
}

func number(tag flv.VideoTag) int { return int(uint32(binary.BigEndian.Uint64(tag.Payload))) }
