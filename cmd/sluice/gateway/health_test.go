package gateway

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/message"
	"sluice/media"
	"sluice/web"
)

// nowhere is a Sink that keeps nothing.
type nowhere struct{}

func (nowhere) Begin(context.Context, []media.Track) error { return nil }
func (nowhere) WriteSample(context.Context, media.TrackID, media.Sample, time.Time) error {
	return nil
}
func (nowhere) WriteEvent(context.Context, media.Event) error { return nil }
func (nowhere) End(context.Context, error) error              { return nil }

// TestHealthOfASession publishes for 69 seconds what is known to the byte, and looks at
// each figure that the broadcaster is given, as data and in metrics.
func TestHealthOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pictureSize, soundSize = 2000, 200
		ctx, cancel := context.WithCancel(t.Context())
		registry := prometheus.NewRegistry()
		server := ingest.New(ingest.Options{Metrics: registry, Admit: admits(func() ingest.Grant {
			return ingest.Grant{Stream: "live", Sink: nowhere{}}
		})})
		p := &pipe{conns: make(chan net.Conn, 1)}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(ctx, p) })
		near, far := net.Pipe()
		p.conns <- far
		defer func() {
			near.Close()
			synctest.Wait()
			cancel()
			serving.Wait()
		}()
		write, _ := publishing(t, near)
		write(message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", amf0.Object{{Key: "framerate", Value: 6.0}}}},
			shotConfig(0), message.Audio{StreamID: 1, Body: flv.AudioTag{
				Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketConfig, Payload: []byte{0x15, 0x88},
			}.AppendTo(nil)})

		// A picture each 200 ms: I B B P B B P …, in the order of decoding; a frame of sound each
		// 128 ms, which is 64 ms ahead.
		unit := func(first byte, size int) []byte {
			b := make([]byte, size)
			b[2], b[3], b[4] = byte((size-4)>>8), byte(size-4), first
			return b
		}
		begun, pictures, sounds := time.Now(), 0, 0
		for {
			at, heard := time.Duration(pictures)*pictureEvery, time.Duration(sounds)*soundEvery
			time.Sleep(time.Until(begun.Add(min(at, heard))))
			if at >= 69*time.Second {
				break
			}
			if heard < at {
				write(message.Audio{StreamID: 1, Timestamp: uint32(heard.Milliseconds()) + 64, Body: flv.AudioTag{
					Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketFrames, Payload: make([]byte, soundSize),
				}.AppendTo(nil)})
				sounds++
				continue
			}
			ts, n := uint32(at.Milliseconds()), pictures%10
			switch {
			case n == 0:
				write(shot(ts, flv.FrameKey, 200, unit(0x65, pictureSize)))
			case n%3 == 1:
				write(shot(ts, flv.FrameInter, 600, unit(0x41, pictureSize)))
			default:
				write(shot(ts, flv.FrameInter, 0, unit(0x41, pictureSize)))
			}
			pictures++
		}
		write(shot(68_800, flv.FrameInter, 600, unit(0x41, pictureSize)), // the time of the one before
			shot(69_000, flv.FrameInter, 0, []byte{0, 0, 9, 9, 0x41})) // a length that isn't there
		time.Sleep(700 * time.Millisecond)
		synctest.Wait()

		status, ok := server.Status("live", false)
		require.True(t, ok)
		told := describe(status)
		const seconds = 1.0 / float64(time.Second)
		video, audio := float64(8*pictureSize)/(float64(pictureEvery)*seconds), float64(8*soundSize)/(float64(soundEvery)*seconds)
		require.Equal(t, &web.PublisherVideo{
			Codec: "avc1.42c01e", Profile: "Constrained Baseline", Width: 640, Height: 360,
			FPS: told.Video.FPS, DeclaredFPS: 6, Bitrate: told.Video.Bitrate,
			KeyframesMS: told.Video.KeyframesMS, KeyframesMaxMS: told.Video.KeyframesMaxMS, BFrames: 2,
		}, told.Video)
		require.InDelta(t, 5, told.Video.FPS, 0.1)
		require.InEpsilon(t, video, told.Video.Bitrate, 0.1)
		require.InDelta(t, 2000, *told.Video.KeyframesMS, 1)
		require.InDelta(t, 2000, *told.Video.KeyframesMaxMS, 1)
		require.Equal(t, "mp4a.40.2", told.Audio.Codec)
		require.Equal(t, 8000, told.Audio.SampleRate)
		require.Equal(t, 1, told.Audio.Channels)
		require.InEpsilon(t, audio, told.Audio.Bitrate, 0.1)
		require.InEpsilon(t, video+audio, told.Bitrate, 0.1)
		require.InEpsilon(t, video+audio, told.BitrateMinute, 0.02)
		require.InDelta(t, 1, *told.Speed, 0.05)
		require.InDelta(t, 64, *told.SoundAheadMS, 2)
		require.InDelta(t, 0, *told.DriftPPM, 5)
		require.Equal(t, uint64(1), told.Repaired)
		require.Equal(t, map[string]uint64{"malformed": 1}, told.Dropped)
		require.InDelta(t, 700, told.IdleMS, 1)
		require.Len(t, status.Advice(), 1)
		require.Contains(t, status.Advice()[0], "5 of 6 frames a second come")

		// The same in metrics.
		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_publisher_b_frames B-frames in a row, the most.
# TYPE sluice_publisher_b_frames gauge
sluice_publisher_b_frames{input="primary",stream="live"} 2
# HELP sluice_publisher_declared_frames_per_second Pictures a second that the encoder has announced.
# TYPE sluice_publisher_declared_frames_per_second gauge
sluice_publisher_declared_frames_per_second{input="primary",stream="live"} 6
# HELP sluice_publisher_idle_seconds Since bytes last came.
# TYPE sluice_publisher_idle_seconds gauge
sluice_publisher_idle_seconds{input="primary",stream="live"} 0.7
# HELP sluice_publisher_keyframe_interval_seconds Between the newest two keyframes.
# TYPE sluice_publisher_keyframe_interval_seconds gauge
sluice_publisher_keyframe_interval_seconds{input="primary",stream="live"} 2
# HELP sluice_publisher_samples_dropped Samples of this session that were not handed on.
# TYPE sluice_publisher_samples_dropped gauge
sluice_publisher_samples_dropped{input="primary",stream="live"} 1
# HELP sluice_publisher_timestamps_repaired Timestamps that were repaired in this session.
# TYPE sluice_publisher_timestamps_repaired gauge
sluice_publisher_timestamps_repaired{input="primary",stream="live"} 1
# HELP sluice_publisher_track_info What a track of the session is.
# TYPE sluice_publisher_track_info gauge
sluice_publisher_track_info{codec="avc1.42c01e",input="primary",kind="video",profile="Constrained Baseline",size="640x360",stream="live"} 1
sluice_publisher_track_info{codec="mp4a.40.2",input="primary",kind="audio",profile="",size="",stream="live"} 1
`), "sluice_publisher_b_frames", "sluice_publisher_declared_frames_per_second", "sluice_publisher_idle_seconds",
			"sluice_publisher_keyframe_interval_seconds", "sluice_publisher_samples_dropped",
			"sluice_publisher_timestamps_repaired", "sluice_publisher_track_info"))
		families, err := registry.Gather()
		require.NoError(t, err)
		figures := map[string]float64{}
		for _, f := range families {
			figures[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		for name, value := range map[string]float64{
			"bits_per_second": status.Bitrate, "bits_per_second_minute": status.BitrateMinute, "speed_ratio": status.Speed,
			"frames_per_second": status.Video.FPS, "sound_ahead_seconds": status.Offset.Seconds(), "clock_drift_ppm": status.Drift,
		} {
			require.Contains(t, figures, "sluice_publisher_"+name)
			require.InDelta(t, value, figures["sluice_publisher_"+name], 1e-9, name)
		}
	})
}
