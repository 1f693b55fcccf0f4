package gateway

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"sort"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// enhancedFilm encodes four seconds and makes messages of Enhanced RTMP of them. It
// lets ffmpeg write MP4, whose samples are the same.
func enhancedFilm(t *testing.T, ffmpeg string, encoders ...string) (tags []tag) {
	t.Helper()
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4", "-f", "lavfi", "-i", "sine=r=48000:d=4",
		"-pix_fmt", "yuv420p", "-g", "25", "-ac", "2"}, encoders...)
	cmd := exec.CommandContext(t.Context(), ffmpeg, append(args, "-strict", "-2", "-f", "mp4",
		"-movflags", "frag_keyframe+delay_moov+default_base_moof", "-avoid_negative_ts", "make_zero", "pipe:1")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	var init fmp4.Init
	require.NoError(t, init.Unmarshal(bytes.NewReader(out)))
	for _, track := range init.Tracks {
		kind, config := configTag(t, track.Codec)
		if config != nil {
			tags = append(tags, tag{0, config, kind})
		}
	}
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(out[bytes.Index(out, []byte("moof"))-4:]))
	for _, part := range parts {
		for _, track := range part.Tracks {
			of := init.Tracks[track.ID-1]
			at := int64(track.BaseTime)
			for _, s := range track.Samples {
				ms := func(ticks int64) int64 { return ticks * 1000 / int64(of.TimeScale) }
				kind, body := frameTag(of.Codec, s, int32(ms(at+int64(s.PTSOffset))-ms(at)))
				tags = append(tags, tag{uint32(ms(at)), body, kind})
				at += int64(s.Duration)
			}
		}
	}
	sort.SliceStable(tags, func(i, j int) bool { return tags[i].at < tags[j].at })
	return tags
}

// configTag is the message that tells a codec's configuration.
func configTag(t *testing.T, c codecs.Codec) (kind byte, body []byte) {
	t.Helper()
	v := flv.VideoTag{Enhanced: true, Frame: flv.FrameKey, Packet: flv.PacketConfig}
	a := flv.AudioTag{Enhanced: true, Packet: flv.PacketConfig}
	switch c := c.(type) {
	case *codecs.H265:
		v.Codec = flv.VideoHEVC
		v.Payload = flv.HEVCConfig{LengthSize: 4, VPS: [][]byte{c.VPS}, SPS: [][]byte{c.SPS}, PPS: [][]byte{c.PPS}}.AppendTo(nil)
	case *codecs.AV1:
		v.Codec, v.Payload = flv.VideoAV1, []byte{0x81, 0, 0x0c, 0} // the first picture says the rest
	case *codecs.VP9:
		v.Codec = flv.VideoVP9
		v.Payload = flv.VP9Config{Level: 11, BitDepth: 8, Chroma: 1, Primaries: 2, Transfer: 2, Matrix: 2}.AppendTo(nil)
	case *codecs.Opus:
		a.Codec, a.Payload = flv.AudioOpus, []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
	case *codecs.FLAC:
		info, err := c.StreamInfo.Marshal()
		require.NoError(t, err)
		a.Codec, a.Payload = flv.AudioFLAC, append([]byte("fLaC\x80\x00\x00\x22"), info...)
	}
	switch {
	case v.Codec != 0:
		return 9, v.AppendTo(nil)
	case a.Codec != 0:
		return 8, a.AppendTo(nil)
	}
	return 8, nil
}

// frameTag is the message of a sample.
func frameTag(c codecs.Codec, s *fmp4.Sample, cts int32) (kind byte, body []byte) {
	v := flv.VideoTag{Enhanced: true, Frame: flv.FrameInter, Packet: flv.PacketFrames, CompositionTime: cts, Payload: s.Payload}
	if !s.IsNonSyncSample {
		v.Frame = flv.FrameKey
	}
	a := flv.AudioTag{Enhanced: true, Packet: flv.PacketFrames, Payload: s.Payload}
	switch c.(type) {
	case *codecs.H265:
		v.Codec = flv.VideoHEVC
	case *codecs.AV1:
		v.Codec = flv.VideoAV1
	case *codecs.VP9:
		v.Codec = flv.VideoVP9
	case *codecs.Opus:
		a.Codec = flv.AudioOpus
	case *codecs.FLAC:
		a.Codec = flv.AudioFLAC
	case *codecs.AC3:
		a.Codec = flv.AudioAC3
	case *codecs.EAC3:
		a.Codec = flv.AudioEAC3
	}
	if v.Codec != 0 {
		return 9, v.AppendTo(nil)
	}
	return 8, a.AppendTo(nil)
}

// Every codec of Enhanced RTMP goes the whole way, and a decoder finds no fault.
func TestCodecsOfEnhancedRTMP(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	for _, c := range []struct {
		name     string
		encoders []string
		codecs   []string
		sound    map[string]int // frames of each rendition, at least
	}{
		{"HEVC and Opus", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2:keyint=25:scenecut=0", "-c:a", "libopus"},
			[]string{"hvc1.1.6.L60.90", "opus"}, map[string]int{"audio": 190}},
		{"AV1 and FLAC", []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-c:a", "flac"},
			[]string{"av01.0.00M.08", "fLaC"}, map[string]int{"audio": 38}},
		{"VP9 and AC-3", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-c:a", "ac3"},
			[]string{"vp09.00.11.08", "ac-3", "mp4a.40.2"}, map[string]int{"ac-3": 120, "audio": 170}},
		{"HEVC and E-AC-3", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=25:scenecut=0", "-c:a", "eac3"},
			[]string{"hvc1.1.6.L60.90", "ec-3", "mp4a.40.2"}, map[string]int{"ec-3": 120, "audio": 170}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tags := enhancedFilm(t, ffmpeg, c.encoders...)
			conf := onLoopback(t)
			key := catalog.NewKey()
			conf.Streams = []config.Stream{{Name: "hall", Key: key}}
			conf.Ladder = rung.SourceSpec()
			g := open(t, conf, Options{})
			serve(t, g)
			web := client(t, g)
			if len(c.sound) > 1 {
				knowsEncoders(t, g)
			}
			base := "http://" + g.Addresses().HTTP + "/live/hall/"
			end := publishTags(t, g.Addresses().RTMP, key.Reveal(), amf0.Object{}, tags)
			_, _, master, err := get(web, base+"index.m3u8")
			require.NoError(t, err)
			for _, codec := range c.codecs {
				require.Contains(t, master, codec)
			}
			_, _, mpd, err := get(web, base+"manifest.mpd")
			require.NoError(t, err)
			for _, codec := range c.codecs {
				require.Contains(t, mpd, `codecs="`+codec+`"`)
			}
			end()
			eventually(t, func() error {
				_, _, body, err := get(web, base+"source/index.m3u8")
				if err == nil && strings.Count(body, "#EXTINF") < 2 {
					err = io.ErrNoProgress
				}
				return err
			})
			require.InDelta(t, 100, decoded(t, ffmpeg, web, base+"source/"), 1)
			for name, frames := range c.sound {
				require.GreaterOrEqual(t, decoded(t, ffmpeg, web, base+name+"/"), frames, name)
			}
		})
	}
}

// knowsEncoders waits until it's known what ffmpeg can encode: sound that should become
// AAC goes on as it is until then, and in an epoch of its own from then on.
func knowsEncoders(t *testing.T, g *Gateway) {
	t.Helper()
	web := client(t, g)
	eventually(t, func() error {
		_, _, body, err := get(web, "http://"+g.Addresses().HTTP+"/metrics")
		if err == nil && !strings.Contains(body, "sluice_ladder_encoders{") {
			err = errors.New("no encoder yet")
		}
		return err
	})
}
