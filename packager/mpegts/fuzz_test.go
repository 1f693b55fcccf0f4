package mpegts_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// FuzzSegment makes segments of anything: no panic, whole packets, counters in cycles, and
// no more than what went in can explain.
func FuzzSegment(f *testing.F) {
	video := run(media.Video, every(3000, 900_000, 6), []media.Ticks{0, 6000, 0, -3000})
	sound := run(media.Audio, every(2160, 899_500, 8), nil)
	events := with(video.Fragments[0], cmaf.EventMessage{Timescale: 90_000, Time: 905_000, Scheme: media.SchemeID3, Data: tag("x")})
	f.Add(events, sound.Fragments[0], uint8(0), int64(0))
	f.Add(video.Fragments[0], sound.Fragments[0], uint8(1), int64(time.Second))
	f.Add([]byte{}, sound.Fragments[0], uint8(2), int64(-1))
	f.Add(run(media.Video, []media.Ticks{0, 1 << 40, 1 << 41}, nil).Fragments[0], []byte{}, uint8(7), int64(1<<62))
	codecs := []media.Codec{&media.H264{SPS: []byte("\x67"), PPS: []byte("\x68")}, &media.HEVC{VPS: []byte("\x40"), SPS: []byte("\x42"), PPS: []byte("\x44")}}
	mp3, _ := media.NewMP3(48_000, 2)
	aac, _ := media.NewAAC([]byte{0x11, 0x90})
	sounds := []media.Codec{aac, mp3, &media.AC3{}, &media.EAC3{}}
	f.Fuzz(func(t *testing.T, first, second []byte, kind uint8, delay int64) {
		s := mpegts.Segment{Epoch: uint64(kind), Delay: time.Duration(delay), Events: [][]byte{first, second}}
		picture := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codecs[kind%2]}
		noise := media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: sounds[kind/2%4]}
		if kind&8 == 0 {
			s.Video = &mpegts.Stream{Track: picture, Fragments: [][]byte{first}}
		}
		if kind&8 != 0 || kind&16 == 0 {
			s.Sound = &mpegts.Stream{Track: noise, Fragments: [][]byte{second}}
		}
		b, err := s.AppendTo(nil)
		if err != nil {
			require.ErrorIs(t, err, cmaf.ErrMalformed)
			require.Empty(t, b)
			return
		}
		again, err := s.AppendTo(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, again))
		// A sample is four bytes at least, and two packets at most beside its own bytes.
		most := (2*(len(first)+len(second))/4+2*(len(first)+len(second))/150+2*3600+1700+3*16)*188 + 1
		require.LessOrEqual(t, len(b), most)
		counters := map[uint16]int{}
		d := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
		for {
			p, err := d.NextPacket()
			if errors.Is(err, astits.ErrNoMorePackets) {
				break
			}
			require.NoError(t, err)
			if p.Header.HasPayload {
				require.Equal(t, counters[p.Header.PID], int(p.Header.ContinuityCounter))
				counters[p.Header.PID] = (counters[p.Header.PID] + 1) % 16
			}
		}
		for pid, n := range counters {
			require.Zero(t, n, "PID %#x", pid)
		}
	})
}
