package gateway

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/demo"
	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
)

// heard is a frame as a player has it.
type heard struct {
	at   time.Duration
	data string
}

// audienceOf plays a stream to its end with an independent implementation.
func audienceOf(t *testing.T, stream *url.URL) (video, audio []heard) {
	player := &gortmplib.Client{URL: stream}
	if err := player.Initialize(t.Context()); err != nil {
		t.Error(err)
		return nil, nil
	}
	defer player.Close()
	r := &gortmplib.Reader{Conn: player}
	if err := r.Initialize(); err != nil {
		t.Error(err)
		return nil, nil
	}
	sound := func(at time.Duration, frame []byte) { audio = append(audio, heard{at, string(frame)}) }
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.AV1:
			r.OnDataAV1(track, func(at time.Duration, tu [][]byte) {
				video = append(video, heard{at, bitstream(t, tu)})
			})
		case *codecs.VP9:
			r.OnDataVP9(track, func(at time.Duration, frame []byte) { video = append(video, heard{at, string(frame)}) })
		case *codecs.FLAC:
			r.OnDataFLAC(track, sound)
		case *codecs.AC3:
			r.OnDataAC3(track, sound)
		default:
			t.Errorf("a track of %T", track.Codec)
		}
	}
	for r.Read() == nil {
	}
	return video, audio
}

// bitstream is a temporal unit in one spelling.
func bitstream(t *testing.T, tu [][]byte) string {
	b, err := av1.Bitstream(tu).Marshal()
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// ownEars does the same with the layers' other halves, for sound that the other
// implementation doesn't know.
func ownEars(t *testing.T, addr, stream string) (audio []heard) {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		defer c.Close()
		_, err = handshake.Client(c, handshake.FormSimple)
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	r, w := chunk.NewReader(c, chunk.Options{}), chunk.NewWriter(c)
	for _, m := range []message.Message{
		message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{
			{Key: "app", Value: ingest.ServedApp}, {Key: "fourCcList", Value: amf0.StrictArray{"hvc1", "ec-3"}}}}},
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "play", Transaction: 3, Args: []any{nil, stream}},
	} {
		if err := w.WriteMessage(m.Marshal()); err != nil {
			t.Error(err)
			return nil
		}
	}
	for {
		m, err := r.ReadMessage()
		if err != nil {
			return audio
		}
		parsed, err := message.Parse(m)
		if a, ok := parsed.(*message.Audio); ok && err == nil {
			tag, err := flv.ParseAudio(a.Body)
			if err != nil || tag.Codec != flv.AudioEAC3 {
				t.Errorf("%v, %v", tag.Codec, err)
			} else if tag.Packet == flv.PacketFrames {
				audio = append(audio, heard{time.Duration(a.Timestamp) * time.Millisecond, string(tag.Payload)})
			}
		}
	}
}

// Every codec of Enhanced RTMP is played as it was published, frame by frame, with its
// times. (TestPlaysEnhancedRTMP has H.265 and Opus.)
func TestPlaysEveryCodecOfEnhancedRTMP(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	for _, tc := range []struct {
		name     string
		encoders []string
		own      bool // the sound is listened to by ourselves
	}{
		{"AV1 and FLAC", []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-c:a", "flac"}, false},
		{"VP9 and AC-3", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-c:a", "ac3"}, false},
		{"H.265 and E-AC-3", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=25:scenecut=0", "-c:a", "eac3"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tags := enhancedFilm(t, ffmpeg, tc.encoders...)
			g, key, _ := hall(t)
			knowsEncoders(t, g)
			addr := g.Addresses().RTMP
			var video, audio []heard
			var playing sync.WaitGroup
			playing.Go(func() {
				if tc.own {
					audio = ownEars(t, addr, "hall")
					return
				}
				video, audio = audienceOf(t, &url.URL{Scheme: "rtmp", Host: addr, Path: "/live/hall"})
			})
			eventually(t, func() error {
				if metric(t, g, "sluice_rtmp_players") != 1 {
					return errEnding
				}
				return nil
			})
			publishTags(t, addr, key.Reveal(), amf0.Object{}, tags)()
			playing.Wait()
			wantVideo, wantAudio := published(t, tags)
			if !tc.own {
				requireHeard(t, wantVideo, video)
			}
			requireHeard(t, wantAudio, audio)
		})
	}
}

// published are the frames of messages.
func published(t *testing.T, tags []tag) (video, audio []heard) {
	t.Helper()
	for _, g := range tags {
		at := time.Duration(g.at) * time.Millisecond
		if g.kind == 8 {
			a, err := flv.ParseAudio(g.body)
			require.NoError(t, err)
			if a.Packet == flv.PacketFrames {
				audio = append(audio, heard{at, string(a.Payload)})
			}
			continue
		}
		v, err := flv.ParseVideo(g.body)
		require.NoError(t, err)
		data := string(v.Payload)
		if v.Packet != flv.PacketFrames {
			continue
		}
		if v.Codec == flv.VideoAV1 {
			var tu av1.Bitstream
			require.NoError(t, tu.Unmarshal(v.Payload))
			data = bitstream(t, tu)
		}
		video = append(video, heard{at, data})
	}
	return video, audio
}

// requireHeard says that what was played is what was published, from its first frame on.
func requireHeard(t *testing.T, want, got []heard) {
	t.Helper()
	require.NotEmpty(t, want)
	require.Len(t, got, len(want))
	for i, w := range want {
		require.True(t, w.data == got[i].data, "frame %d", i)
		require.InDelta(t, (w.at - want[0].at).Seconds(), (got[i].at - got[0].at).Seconds(), 0.0021, "frame %d", i)
	}
}
