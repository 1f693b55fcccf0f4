package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/stretchr/testify/require"
)

// hevcUnit is an access unit of one slice, with a number in it.
func hevcUnit(n, gop int) []byte {
	b := make([]byte, 40)
	if b[0] = 1 << 1; n%gop == 0 {
		b[0] = 19 << 1 // IDR
	}
	b[1] = 1
	binary.BigEndian.PutUint32(b[4:], uint32(n)|0x80000000)
	return b
}

// unit is what a player gets: a number, and its times.
type unit struct {
	n        int
	pts, dts time.Duration
}

// unitsOf plays a stream of H.265 and Opus to its end.
func unitsOf(t *testing.T, stream *url.URL) (pictures, sounds []unit) {
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
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.H265:
			r.OnDataH265(track, func(pts, dts time.Duration, au [][]byte) {
				pictures = append(pictures, unit{int(binary.BigEndian.Uint32(au[len(au)-1][4:]) &^ 0x80000000), pts, dts})
			})
		case *codecs.Opus:
			r.OnDataOpus(track, func(pts time.Duration, packet []byte) {
				sounds = append(sounds, unit{int(binary.BigEndian.Uint16(packet[1:])), pts, pts})
			})
		}
	}
	for r.Read() == nil {
	}
	return pictures, sounds
}

// An independent implementation publishes H.265 and Opus, and plays them: each unit
// with its times.
func TestPlaysEnhancedRTMP(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	g, key, end := hall(t)
	at := func(name string) *url.URL {
		u, err := url.Parse("rtmp://" + g.Addresses().RTMP + "/live/" + name)
		require.NoError(t, err)
		return u
	}

	var pictures, sounds []unit
	var playing sync.WaitGroup
	playing.Go(func() { pictures, sounds = unitsOf(t, at("hall")) })
	eventually(t, func() error {
		if metric(t, g, "sluice_rtmp_players") != 1 {
			return errEnding
		}
		return nil
	})

	publisher := &gortmplib.Client{URL: at(key.Reveal()), Publish: true}
	require.NoError(t, publisher.Initialize(t.Context()))
	w := &gortmplib.Writer{Conn: publisher, Tracks: []*gortmplib.Track{
		{Codec: &codecs.H265{VPS: unhex("40010c01ffff01600000030090000003000003003cba024000"),
			SPS: unhex("42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10"), PPS: unhex("4401c173c089")}},
		{Codec: &codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 2, InputSampleRate: 48_000}}},
	}}
	require.NoError(t, w.Initialize())
	const frame, packet, length, gop, reorder = 40 * time.Millisecond, 20 * time.Millisecond, 200, 25, 80 * time.Millisecond
	for n := range length {
		if n == gop { // the rest comes at once: the player must have seen the start
			eventually(t, func() error {
				if metric(t, g, "sluice_rtmp_played_bytes_total") < 1000 {
					return errEnding
				}
				return nil
			})
		}
		dts := time.Duration(n) * frame
		require.NoError(t, w.WriteH265(w.Tracks[0], dts+reorder, dts, [][]byte{hevcUnit(n, gop)}))
		for m := 2 * n; m < 2*n+2; m++ {
			require.NoError(t, w.WriteOpus(w.Tracks[1], time.Duration(m)*packet, []byte{0xfc, byte(m >> 8), byte(m), 1}))
		}
	}
	publisher.Close()
	playing.Wait()
	require.NotEmpty(t, pictures)
	require.NotEmpty(t, sounds)
	require.Zero(t, pictures[0].n, "a keyframe")
	require.Equal(t, length-1, pictures[len(pictures)-1].n, "to the last one")
	zero := time.Duration(pictures[0].n) * frame
	for i, p := range pictures {
		require.Equal(t, unit{pictures[0].n + i, time.Duration(i)*frame + reorder, time.Duration(i) * frame}, p)
	}
	require.Greater(t, len(sounds), len(pictures))
	for i, s := range sounds {
		require.Equal(t, sounds[0].n+i, s.n)
		require.Equal(t, time.Duration(s.n)*packet-zero, s.pts)
	}
	require.NoError(t, end())
}
