package ingest

import (
	"net/url"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/stretchr/testify/require"

	"sluice/media"
)

// sent is a second of a track that gortmplib sends.
type sent struct {
	codec codecs.Codec
	every time.Duration
	write func(w *gortmplib.Writer, t *gortmplib.Track, n int, at time.Duration) error
	rfc   string
}

func sentHEVC(w *gortmplib.Writer, t *gortmplib.Track, n int, at time.Duration) error {
	unit := hevcSlice(1, 30)
	if n%25 == 0 {
		unit = hevcSlice(19, 60)
	}
	return w.WriteH265(t, at+40*time.Millisecond, at, [][]byte{unit})
}

func sentAVC(w *gortmplib.Writer, t *gortmplib.Track, n int, at time.Duration) error {
	unit := slice(nalSlice, 30)
	if n%25 == 0 {
		unit = slice(nalIDR, 60)
	}
	return w.WriteH264(t, at, at, [][]byte{unit})
}

// An independent sender of Enhanced RTMP: every codec, and several tracks at once. It
// marks every picture as a keyframe, and sends configurations that it makes up.
func TestGortmplibPublishesEnhancedRTMP(t *testing.T) {
	bare := func(obu []byte) []byte { return append([]byte{obu[0] &^ 2}, obu[2:]...) } // it adds the sizes
	hevc := sent{&codecs.H265{VPS: hevcVPSUnit, SPS: hevcSPSUnit, PPS: hevcPPSUnit}, 40 * time.Millisecond, sentHEVC, "hvc1.1.6.L60.90"}
	av1 := sent{&codecs.AV1{}, 40 * time.Millisecond, func(w *gortmplib.Writer, t *gortmplib.Track, n int, at time.Duration) error {
		if n%25 == 0 {
			return w.WriteAV1(t, at, [][]byte{bare(av1Sequence), bare(av1Key)})
		}
		return w.WriteAV1(t, at, [][]byte{bare(av1Inter)})
	}, "av01.0.00M.08"}
	vp9 := sent{&codecs.VP9{}, 40 * time.Millisecond, func(w *gortmplib.Writer, t *gortmplib.Track, n int, at time.Duration) error {
		if n%25 == 0 {
			return w.WriteVP9(t, at, vp9Key)
		}
		return w.WriteVP9(t, at, vp9Inter)
	}, "vp09.00.40.08"}
	opusSound := sent{&codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 2, InputSampleRate: 48_000}}, 20 * time.Millisecond,
		func(w *gortmplib.Writer, t *gortmplib.Track, _ int, at time.Duration) error {
			return w.WriteOpus(t, at, opusPacket)
		}, "opus"}
	flacSound := sent{&codecs.FLAC{StreamInfo: &flac.StreamInfo{MinBlockSize: 4608, MaxBlockSize: 4608, SampleRate: 48_000, ChannelCount: 2, BitDepth: 16}},
		96 * time.Millisecond, func(w *gortmplib.Writer, t *gortmplib.Track, _ int, at time.Duration) error {
			return w.WriteFLAC(t, at, flacFrame)
		}, "fLaC"}
	ac3Sound := sent{&codecs.AC3{SampleRate: 48_000, ChannelCount: 2}, 32 * time.Millisecond,
		func(w *gortmplib.Writer, t *gortmplib.Track, _ int, at time.Duration) error {
			return w.WriteAC3(t, at, ac3Sync)
		}, "ac-3"}
	aac := sent{&codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 48_000, ChannelConfig: 2, ChannelCount: 2}},
		1024 * time.Second / 48_000, func(w *gortmplib.Writer, t *gortmplib.Track, _ int, at time.Duration) error {
			return w.WriteMPEG4Audio(t, at, []byte{1, 2, 3, 4})
		}, "mp4a.40.2"}
	avc := func(sps, pps []byte) sent {
		return sent{&codecs.H264{SPS: sps, PPS: pps}, 40 * time.Millisecond, sentAVC, (&media.H264{SPS: sps}).RFC6381()}
	}
	for name, tracks := range map[string][]sent{
		"HEVC and Opus":      {hevc, opusSound},
		"AV1 and FLAC":       {av1, flacSound},
		"VP9 and AC-3":       {vp9, ac3Sound},
		"two of each":        {avc(sps720, pps720), avc(sps360, pps360), aac, aac},
		"of several codecs":  {hevc, avc(sps360, pps360), vp9, aac, opusSound},
		"sound of two sorts": {avc(sps720, pps720), opusSound, ac3Sound},
	} {
		t.Run(name, func(t *testing.T) { publishesAll(t, tracks) })
	}
}

// publishesAll sends two seconds of each track at once, and looks at what comes of it.
func publishesAll(t *testing.T, tracks []sent) {
	h := start(t, Options{})
	u, err := url.Parse("rtmp://" + h.plain + "/live/secret")
	require.NoError(t, err)
	c := &gortmplib.Client{URL: u, Publish: true}
	require.NoError(t, c.Initialize(t.Context()))
	w := &gortmplib.Writer{Conn: c}
	for _, s := range tracks {
		w.Tracks = append(w.Tracks, &gortmplib.Track{Codec: s.codec})
	}
	require.NoError(t, w.Initialize())
	counts := make([]int, len(tracks))
	for at := time.Duration(0); at < 2*time.Second; at += time.Millisecond {
		for i, s := range tracks {
			if time.Duration(counts[i])*s.every <= at {
				require.NoError(t, s.write(w, w.Tracks[i], counts[i], time.Duration(counts[i])*s.every))
				counts[i]++
			}
		}
	}
	r := h.doorman.sink(t, "show", 0)
	r.wait(t, "all samples", func() bool {
		if len(r.epochs) == 0 || len(r.epochs[0].tracks) < len(tracks) {
			return false
		}
		for i, track := range r.epochs[0].tracks {
			if len(r.epochs[0].samples[track.ID]) < counts[i] {
				return false
			}
		}
		return true
	})
	c.Close()
	r.waitEnd(t)
	require.Len(t, r.epochs, 1)
	for i, track := range r.epochs[0].tracks {
		require.Equal(t, tracks[i].rfc, track.Codec.RFC6381())
		for n, s := range r.epochs[0].samples[track.ID] {
			require.InDelta(t, (time.Duration(n) * tracks[i].every).Seconds(), float64(s.DTS)/float64(track.Timescale), 0.0015)
			require.Equal(t, track.Kind == media.Audio || n%25 == 0, s.Sync, "track %d, sample %d", i, n)
		}
	}
}
