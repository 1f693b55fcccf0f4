package slate

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

// highEfficiency is a track of HE-AAC.
func highEfficiency(t testing.TB, kind mpeg4audio.ObjectType, core, channels int) media.Track {
	t.Helper()
	raw, err := mpeg4audio.AudioSpecificConfig{
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: core, ChannelConfig: uint8(channels), ChannelCount: channels + channels/7,
		ExtensionType: kind, ExtensionSampleRate: 2 * core,
	}.Marshal()
	require.NoError(t, err)
	codec, err := media.NewAAC(raw)
	require.NoError(t, err)
	return soundTrack(codec)
}

// decoded is a track's sound as ffmpeg decodes it, in samples of all channels.
func decoded(t *testing.T, track media.Track, samples []media.Sample) []int16 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound.mp4")
	file, err := cmaf.Init(track)
	require.NoError(t, err)
	for i, s := range samples {
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: track.ID, Samples: []media.Sample{s}}
		file = f.AppendTo(file)
	}
	require.NoError(t, os.WriteFile(path, file, 0o644))
	rate, channels := track.Codec.(media.Sound).Output()
	channels = max(channels, 2) // in one channel it sees parametric stereo, which may always come
	what := run(t, "ffprobe", "-v", "warning", "-of", "csv=p=0", "-show_entries", "stream=sample_rate,channels", path)
	require.Equal(t, strconv.Itoa(rate)+","+strconv.Itoa(channels)+"\n", what)
	out := run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "s16le", "-c:a", "pcm_s16le", "-")
	pcm := make([]int16, len(out)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16([]byte(out[2*i : 2*i+2])))
	}
	require.InDelta(t, len(samples)*2048*channels, len(pcm), 2*2048*float64(channels))
	return pcm
}

// loudness is that of sound, in dB below the loudest there is.
func loudness(pcm []int16) float64 {
	sum := 0.
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(pcm))/(1<<30)+1e-12)
}

// The slate of HE-AAC is HE-AAC of the very same configuration, which decoders take without a word:
// silence is silent, and a clip is heard.
func TestHighEfficiency(t *testing.T) {
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "color=s=64x64:r=10:d=2", "-f", "lavfi", "-i", "sine=f=1000:d=2", "-c:a", "aac", clip)
	shown := readTestSource(t, clip)
	video := h264Track(t, "64x64", "10")
	for _, core := range []int{8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000} {
		for name, track := range map[string]media.Track{
			"mono":              highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 1),
			"stereo":            highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 2),
			"parametric stereo": highEfficiency(t, mpeg4audio.ObjectTypePS, core, 1),
			"3.0":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 3),
			"4.0":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 4),
			"5.0":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 5),
			"5.1":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 6),
			"7.1":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, core, 7),
		} {
			_, channels := track.Codec.(media.Sound).Output()
			if channels > 2 && core != 24_000 {
				continue // their elements are those of the others
			}
			t.Run(strconv.Itoa(core)+" "+name, func(t *testing.T) {
				silent := makeClip(t, source{}, track)
				require.True(t, silent.Tracks()[0].Equal(track))
				p := justPlay(t, silent, 3*time.Second)
				checkSeamless(t, silent.reels[0], p.samples[track.ID])
				require.Zero(t, maxOf(decoded(t, track, p.samples[track.ID])))
				if core != 24_000 || channels > 2 && name != "5.1" {
					return
				}
				heard := makeClip(t, shown, video, track)
				require.True(t, heard.Tracks()[1].Equal(track))
				p = justPlay(t, heard, 3*time.Second)
				want := -21. // an eighth of what there can be, as a sine
				if name != "mono" && name != "parametric stereo" {
					want -= 3 // it's spread
				}
				if name == "5.1" {
					want -= 10 * math.Log10(3) // over two of six
				}
				require.InDelta(t, want, loudness(decoded(t, track, p.samples[track.ID])), 1.5)
			})
		}
	}
}

func TestDescribe(t *testing.T) {
	d := bitString{}
	d.put(0b10_1010_1010, 10)
	got, err := (&replica{behind: d}).describe([]byte{0b0100_1110, 0})
	require.NoError(t, err)
	require.Equal(t, []byte{0b0100_1010, 0b1010_1011, 0b1000_0000}, got)
	got, err = (&replica{before: d, behind: d}).describe([]byte{0b0100_1110, 0})
	require.NoError(t, err)
	require.Equal(t, []byte{0b1010_1010, 0b1001_0010, 0b1010_1010, 0b1110_0000}, got)
	for _, frame := range [][]byte{nil, {0, 0}, {0xe0}} {
		_, err := (&replica{behind: d}).describe(frame)
		require.Error(t, err)
	}
}

func maxOf(pcm []int16) (most int) {
	for _, v := range pcm {
		most = max(most, int(v), -int(v))
	}
	return most
}

// Another decoder than ffmpeg's.
func TestHighEfficiencyInFAAD(t *testing.T) {
	if err := exec.Command("gst-inspect-1.0", "faad").Run(); err != nil && os.Getenv("CI") == "" {
		t.Skip("needs GStreamer's faad")
	}
	for name, track := range map[string]media.Track{
		"stereo":            highEfficiency(t, mpeg4audio.ObjectTypeSBR, 24_000, 2),
		"parametric stereo": highEfficiency(t, mpeg4audio.ObjectTypePS, 22_050, 1),
		"5.1":               highEfficiency(t, mpeg4audio.ObjectTypeSBR, 24_000, 6),
	} {
		t.Run(name, func(t *testing.T) {
			p := justPlay(t, makeClip(t, source{}, track), 3*time.Second)
			folder := t.TempDir()
			file, err := cmaf.Init(track)
			require.NoError(t, err)
			for i, s := range p.samples[track.ID] {
				f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: track.ID, Samples: []media.Sample{s}}
				file = f.AppendTo(file)
			}
			in, out := filepath.Join(folder, "in.mp4"), filepath.Join(folder, "out")
			require.NoError(t, os.WriteFile(in, file, 0o644))
			said, err := exec.CommandContext(t.Context(), "gst-launch-1.0", "-q", "filesrc", "location="+in, "!", "qtdemux", "!", "faad", "!",
				"audioconvert", "!", "audio/x-raw,format=S16LE", "!", "filesink", "location="+out).CombinedOutput()
			require.NoError(t, err, string(said))
			require.NotContains(t, string(said), "WARN")
			pcm, err := os.ReadFile(out)
			require.NoError(t, err)
			_, channels := track.Codec.(media.Sound).Output()
			require.InDelta(t, len(p.samples[track.ID])*2048*2*channels, len(pcm), 4*2048*2*float64(channels))
			for _, b := range pcm {
				require.Zero(t, b)
			}
		})
	}
}
