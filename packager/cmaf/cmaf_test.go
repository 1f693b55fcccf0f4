package cmaf_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

var update = flag.Bool("update", false, "write the golden files anew")

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// Parameter sets as x264 writes them.
func h264Track(t testing.TB, sps, pps string) media.Track {
	t.Helper()
	codec, err := media.NewH264(unhex(t, sps), unhex(t, pps))
	require.NoError(t, err)
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func high1080(t testing.TB) media.Track {
	return h264Track(t, "67640028acd940780227e5c044000003000400000300f03c60c658", "68ef8fcb")
}

func anamorphicPAL(t testing.TB) media.Track {
	return h264Track(t, "674d401eeca05a0937fe0080005a20000003002000000641e2c5b2c0", "68ebe3cb20")
}

// Parameter sets as x265 writes them, with emulation prevention in the profile.
func hevcTrack(t testing.TB, vps, sps, pps string) media.Track {
	t.Helper()
	codec, err := media.NewHEVC(unhex(t, vps), unhex(t, sps), unhex(t, pps))
	require.NoError(t, err)
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func hevcMain(t testing.TB) media.Track {
	return hevcTrack(t, "40010c01ffff01600000030090000003000003003cba024000",
		"42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10", "4401c173c089")
}

func hevcMain10Anamorphic(t testing.TB) media.Track {
	return hevcTrack(t, "40010c01ffff02200000030090000003000003005a959409",
		"42010102200000030090000003000003005aa006b201e1c94d96565b930bc39a02000007d20000ea6010", "4401c173c189")
}

// A sequence header as libaom writes it.
func av1Track(t testing.TB, sequence string) media.Track {
	t.Helper()
	codec, err := media.NewAV1(unhex(t, sequence))
	require.NoError(t, err)
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func av1Main(t testing.TB) media.Track { return av1Track(t, "0a0b00000003bffc79b5f20080") }

func aacTrack(t testing.TB, config string) media.Track {
	t.Helper()
	codec, err := media.NewAAC(unhex(t, config))
	require.NoError(t, err)
	return media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(codec.SampleRate()), Codec: codec}
}

func mp3Track(t testing.TB, rate, channels int) media.Track {
	t.Helper()
	codec, err := media.NewMP3(rate, channels)
	require.NoError(t, err)
	return media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(rate), Codec: codec}
}

func vp9Track(t testing.TB, keyframe string, hints media.VP9Hints) media.Track {
	t.Helper()
	codec, err := media.NewVP9(unhex(t, keyframe), hints)
	require.NoError(t, err)
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
}

func soundTrack[C media.Sound](t testing.TB, read func([]byte) (C, error), config string) media.Track {
	t.Helper()
	codec, err := read(unhex(t, config))
	require.NoError(t, err)
	return media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(codec.SampleRate()), Codec: codec}
}

// What encoders of FFmpeg begin with.
const (
	vp9Key       = "824983420013f00b36063824"
	opusStereo   = "4f707573486561640102380180bb0000000000"
	opusSurround = "4f707573486561640106380180bb00000000010402000401020305"
	flacInfo     = "1200120000025800051b0bb802f00000bb80a316b305f13b13fe767b3d0d068f95bc"
	ac3Frame     = "0b77fe95144043e106f46370"
)

// eac3Units is stereo, or 5.1 with two more channels.
func eac3Units(surround bool) string {
	pad := func(s string, size int) string { return s + strings.Repeat("00", size-len(s)/2) }
	if !surround {
		return pad("0b77017f3487c000", 768)
	}
	return pad("0b77017f3f87c000", 768) + pad("0b77417f3487d020", 768)
}

var initCases = []struct {
	name  string
	track func(testing.TB) media.Track
}{
	{"h264-high-1080", high1080},
	{"h264-main-576-anamorphic", anamorphicPAL},
	{"hevc-main-144", hevcMain},
	{"hevc-main10-478-anamorphic", hevcMain10Anamorphic},
	{"av1-main-144", av1Main},
	{"av1-high-479", func(t testing.TB) media.Track { return av1Track(t, "0a0b20000024c6a9de36be4080") }},
	{"av1-main10-hdr", func(t testing.TB) media.Track { return av1Track(t, "0a0e00000024c6a7dd36be5424402610") }},
	{"aac-48k-stereo", func(t testing.TB) media.Track { return aacTrack(t, "1190") }},
	{"aac-44k1-mono", func(t testing.TB) media.Track { return aacTrack(t, "1208") }},
	{"aac-96k-7.1", func(t testing.TB) media.Track { return aacTrack(t, "1038") }},
	{"mp3-44k1-stereo", func(t testing.TB) media.Track { return mp3Track(t, 44_100, 2) }},
	{"mp3-22k05-mono", func(t testing.TB) media.Track { return mp3Track(t, 22_050, 1) }},
	{"vp9-180", func(t testing.TB) media.Track { return vp9Track(t, vp9Key, media.VP9Hints{}) }},
	{"vp9-hdr", func(t testing.TB) media.Track {
		return vp9Track(t, vp9Key, media.VP9Hints{Level: 31, Primaries: 9, Transfer: 16, Matrix: 9})
	}},
	{"opus-stereo", func(t testing.TB) media.Track { return soundTrack(t, media.NewOpus, opusStereo) }},
	{"opus-5.1", func(t testing.TB) media.Track { return soundTrack(t, media.NewOpus, opusSurround) }},
	{"flac", func(t testing.TB) media.Track { return soundTrack(t, media.NewFLAC, flacInfo) }},
	{"ac3-stereo", func(t testing.TB) media.Track { return soundTrack(t, media.NewAC3, ac3Frame) }},
	{"eac3-stereo", func(t testing.TB) media.Track { return soundTrack(t, media.NewEAC3, eac3Units(false)) }},
	{"eac3-7.1", func(t testing.TB) media.Track { return soundTrack(t, media.NewEAC3, eac3Units(true)) }},
	{"aac-german", func(t testing.TB) media.Track {
		track := aacTrack(t, "1190")
		track.Language = "deu"
		return track
	}},
	// AAC-LC with a backward-compatible SBR extension behind it.
	{"he-aac-24k", func(t testing.TB) media.Track { return aacTrack(t, "131056e598") }},
}

func TestInit(t *testing.T) {
	for _, c := range initCases {
		t.Run(c.name, func(t *testing.T) {
			track := c.track(t)
			got, err := cmaf.Init(track)
			require.NoError(t, err)
			golden(t, c.name, got)

			if c, ok := track.Codec.(*media.MP3); ok && c.Low() {
				return // mediacommon doesn't know the object type of MPEG-2; ffprobe does
			}
			var second fmp4.Init
			require.NoError(t, second.Unmarshal(bytes.NewReader(got)))
			require.Len(t, second.Tracks, 1)
			require.EqualValues(t, track.ID, second.Tracks[0].ID)
			require.EqualValues(t, track.Timescale, second.Tracks[0].TimeScale)
			switch c := track.Codec.(type) {
			case *media.H264:
				require.Equal(t, &codecs.H264{SPS: c.SPS, PPS: c.PPS}, second.Tracks[0].Codec)
			case *media.HEVC:
				require.Equal(t, &codecs.H265{VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}, second.Tracks[0].Codec)
			case *media.AV1:
				// It keeps the sequence header without its size.
				bare := append([]byte{c.Sequence[0] &^ 2}, c.Sequence[2:]...)
				require.Equal(t, &codecs.AV1{SequenceHeader: bare}, second.Tracks[0].Codec)
			case *media.AAC:
				require.Equal(t, &codecs.MPEG4Audio{Config: c.Config}, second.Tracks[0].Codec)
			case *media.VP9:
				require.Equal(t, &codecs.VP9{
					Width: 320, Height: 180, Profile: c.Profile, BitDepth: c.BitDepth, ChromaSubsampling: c.Subsampling, ColorRange: c.FullRange,
				}, second.Tracks[0].Codec)
			case *media.Opus:
				require.Equal(t, &codecs.Opus{ChannelCount: c.Channels}, second.Tracks[0].Codec)
			case *media.FLAC:
				have, ok := second.Tracks[0].Codec.(*codecs.FLAC)
				require.True(t, ok)
				info, err := have.StreamInfo.Marshal()
				require.NoError(t, err)
				require.Equal(t, c.StreamInfo, info)
			case *media.AC3:
				_, channels := c.Output()
				require.Equal(t, &codecs.AC3{
					SampleRate: c.SampleRate(), ChannelCount: channels, Fscod: c.SampleRateCode, Bsid: c.BitStreamID, Bsmod: c.Mode,
					Acmod: c.Channels, LfeOn: c.LFE, BitRateCode: c.BitRateCode,
				}, second.Tracks[0].Codec)
			case *media.EAC3:
				have, ok := second.Tracks[0].Codec.(*codecs.EAC3)
				require.True(t, ok)
				require.Equal(t, c.SampleRate(), have.SampleRate)
			case *media.MP3:
				rate, channels := c.Output()
				require.Equal(t, &codecs.MPEG1Audio{SampleRate: rate, ChannelCount: channels}, second.Tracks[0].Codec)
			}
		})
	}
}

func TestInitRefusesWhatItCannotDescribe(t *testing.T) {
	for _, track := range []media.Track{
		{},
		{ID: 1, Timescale: 90_000},
		{ID: 1, Timescale: 90_000, Codec: &media.H264{SPS: []byte{0x67}, PPS: []byte{0x68}}},
		{ID: 1, Timescale: 90_000, Codec: &media.HEVC{VPS: []byte{0x40}, SPS: []byte{0x42}, PPS: []byte{0x44}}},
		{ID: 1, Timescale: 90_000, Codec: &media.AV1{Sequence: []byte{0x0a, 0}}},
		{ID: 1, Timescale: 48_000, Codec: &media.AAC{Raw: make([]byte, 200)}},
	} {
		_, err := cmaf.Init(track)
		require.Error(t, err, "%+v", track)
	}
}

// golden compares bytes and their text dump with the files in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file, err := mp4.DecodeFile(bytes.NewReader(got))
	require.NoError(t, err)
	var dump bytes.Buffer
	require.NoError(t, file.Info(&dump, "all:1", "", "  "))
	for ext, content := range map[string][]byte{".mp4": got, ".txt": dump.Bytes()} {
		path := filepath.Join("testdata", name+ext)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, content, 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, content, "%s differs: go test -update, and look at what changed", path)
	}
}

func sample(dts, cts, dur media.Ticks, sync bool, data string) media.Sample {
	return media.Sample{DTS: dts, CTSOffset: cts, Duration: dur, Sync: sync, Data: []byte(data)}
}

var fragmentCases = []struct {
	name    string
	samples []media.Sample
}{
	{"plain", []media.Sample{
		sample(900_000, 0, 3000, false, "first"), sample(903_000, 0, 3000, false, "second"),
	}},
	{"sync-first", []media.Sample{
		sample(900_000, 0, 3000, true, "IDR"), sample(903_000, 0, 3000, false, "P"), sample(906_000, 0, 3000, false, "PP"),
	}},
	{"sync-inside", []media.Sample{
		sample(900_000, 0, 3000, false, "P"), sample(903_000, 0, 3000, true, "IDR"), sample(906_000, 0, 3000, false, "PP"),
	}},
	{"negative-offsets", []media.Sample{
		sample(1<<33+5, 0, 3003, true, "IDR"), sample(1<<33+3008, 6006, 3003, false, "P"),
		sample(1<<33+6011, -3003, 3003, false, "b"), sample(1<<33+9014, -3003, 1501, false, "b"),
	}},
	{"one", []media.Sample{sample(0, 0, 1024, true, "frame")}},
}

func TestFragment(t *testing.T) {
	for _, c := range fragmentCases {
		t.Run(c.name, func(t *testing.T) {
			f := &cmaf.Fragment{Sequence: 7, TrackID: 1, Samples: c.samples}
			got := f.AppendTo(make([]byte, 0, f.Size()))
			require.Len(t, got, f.Size())
			require.True(t, bytes.HasSuffix(got[:f.SizeToFirst()], c.samples[0].Data))
			rest := 0
			for _, s := range c.samples[1:] {
				rest += len(s.Data)
			}
			require.Equal(t, f.Size(), f.SizeToFirst()+rest)
			golden(t, "fragment-"+c.name, got)
			readBack(t, f, got)
		})
	}
	empty := &cmaf.Fragment{}
	require.Zero(t, empty.Size())
	require.Zero(t, empty.SizeToFirst())
	require.Empty(t, empty.AppendTo(nil))
}

// readBack compares what two other readers see in a fragment with what went in.
func readBack(t testing.TB, f *cmaf.Fragment, data []byte) {
	t.Helper()
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(data))
	require.Len(t, parts, 1)
	require.Equal(t, f.Sequence, parts[0].SequenceNumber)
	require.Len(t, parts[0].Tracks, 1)
	track := parts[0].Tracks[0]
	require.EqualValues(t, f.TrackID, track.ID)
	require.EqualValues(t, f.Samples[0].DTS, track.BaseTime)
	require.Len(t, track.Samples, len(f.Samples))

	file, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	full, err := file.Segments[0].Fragments[0].GetFullSamples(&mp4.TrexBox{TrackID: uint32(f.TrackID)})
	require.NoError(t, err)
	require.Len(t, full, len(f.Samples))
	dts := f.Samples[0].DTS
	for i, s := range f.Samples {
		require.EqualValues(t, s.Duration, track.Samples[i].Duration)
		require.EqualValues(t, s.CTSOffset, track.Samples[i].PTSOffset)
		// mediacommon knows nothing of first-sample-flags.
		if i > 0 {
			require.Equal(t, !s.Sync, track.Samples[i].IsNonSyncSample)
		}
		require.True(t, bytes.Equal(s.Data, track.Samples[i].Payload))

		require.EqualValues(t, dts, full[i].DecodeTime)
		require.EqualValues(t, s.Duration, full[i].Dur)
		require.EqualValues(t, s.CTSOffset, full[i].CompositionTimeOffset)
		require.Equal(t, s.Sync, mp4.IsSyncSampleFlags(full[i].Flags))
		require.True(t, bytes.Equal(s.Data, full[i].Data))
		dts += s.Duration
	}
	require.Equal(t, dts-f.Samples[0].DTS, f.Duration())
}

func FuzzFragment(f *testing.F) {
	f.Add(uint64(1), uint8(3))
	f.Add(uint64(99), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		fragment := &cmaf.Fragment{Sequence: r.Uint32(), TrackID: media.TrackID(1 + r.Uint32N(9))}
		dts := media.Ticks(r.Uint64N(1 << 50))
		duration := media.Ticks(1 + r.Uint32N(90_000))
		for range int(n) + 1 {
			s := media.Sample{DTS: dts, Duration: duration, Sync: r.IntN(3) == 0, Data: make([]byte, 1+r.IntN(50))}
			if r.IntN(4) == 0 {
				s.Duration = media.Ticks(r.Uint32())
			}
			if r.IntN(2) == 0 {
				s.CTSOffset = media.Ticks(int32(r.Uint32()))
			}
			for i := range s.Data {
				s.Data[i] = byte(r.Uint32())
			}
			dts += s.Duration
			fragment.Samples = append(fragment.Samples, s)
		}
		prefix := []byte("what was there before")
		got := fragment.AppendTo(bytes.Clone(prefix))
		require.True(t, bytes.HasPrefix(got, prefix))
		got = got[len(prefix):]
		require.Len(t, got, fragment.Size())
		readBack(t, fragment, got)
	})
}

// part is 200 ms of 1080p30 at 4.5 Mb/s.
func part() *cmaf.Fragment {
	f := &cmaf.Fragment{Sequence: 1, TrackID: 1}
	for i := range media.Ticks(6) {
		size := 14_000
		if i == 0 {
			size = 42_500
		}
		f.Samples = append(f.Samples, media.Sample{
			DTS: i * 3000, Duration: 3000, CTSOffset: (i%3 - 1) * 3000, Sync: i == 0, Data: make([]byte, size),
		})
	}
	return f
}

func TestFragmentAllocations(t *testing.T) {
	f := part()
	dst := make([]byte, 0, f.Size())
	require.Zero(t, testing.AllocsPerRun(100, func() { f.AppendTo(dst) }))
	var out []byte
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { out = f.AppendTo(make([]byte, 0, f.Size())) }), 1.0)
	require.NotEmpty(t, out)
}

// BenchmarkFragment writes a part into a new buffer; BenchmarkCopy is the
// yardstick: the same payloads copied into a new buffer, and nothing else.
func BenchmarkFragment(b *testing.B) {
	f := part()
	b.SetBytes(int64(f.Size()))
	b.ReportAllocs()
	for b.Loop() {
		f.AppendTo(make([]byte, 0, f.Size()))
	}
}

func BenchmarkCopy(b *testing.B) {
	f := part()
	b.SetBytes(int64(f.Size()))
	b.ReportAllocs()
	for b.Loop() {
		size := 0
		for i := range f.Samples {
			size += len(f.Samples[i].Data)
		}
		dst := make([]byte, 0, size)
		for i := range f.Samples {
			dst = append(dst, f.Samples[i].Data...)
		}
	}
}

// TestFFprobeReadsInit asks a reader that knows nothing of this package.
func TestFFprobeReadsInit(t *testing.T) {
	for _, c := range []struct {
		track media.Track
		want  string
	}{
		{high1080(t), "h264,1920,1080,1:1,16:9,avc1,1/90000"},
		{anamorphicPAL(t), "h264,720,576,64:45,16:9,avc1,1/90000"},
		{hevcMain(t), "hevc,256,144,1:1,16:9,hvc1,1/90000"},
		{hevcMain10Anamorphic(t), "hevc,850,478,4:3,hvc1,1/90000"},
		{av1Main(t), "av1,256,144,1:1,16:9,av01,1/90000"},
		{aacTrack(t, "1190"), "aac,48000,2,mp4a,1/48000"},
		{vp9Track(t, vp9Key, media.VP9Hints{}), "vp9,320,180,vp09,1/90000"},
		{soundTrack(t, media.NewOpus, opusStereo), "opus,48000,2,Opus,1/48000"},
		{soundTrack(t, media.NewFLAC, flacInfo), "flac,48000,2,fLaC,1/48000"},
		{soundTrack(t, media.NewAC3, ac3Frame), "ac3,48000,2,ac-3,1/48000"},
		{soundTrack(t, media.NewEAC3, eac3Units(false)), "eac3,48000,2,ec-3,1/48000"},
		{soundTrack(t, media.NewEAC3, eac3Units(true)), "eac3,48000,ec-3,1/48000"},
		{mp3Track(t, 44_100, 2), "mp3,44100,2,mp4a,1/44100"},
		{mp3Track(t, 22_050, 1), "mp3,22050,1,mp4a,1/22050"},
	} {
		init, err := cmaf.Init(c.track)
		require.NoError(t, err)
		f := &cmaf.Fragment{Sequence: 1, TrackID: c.track.ID, Samples: []media.Sample{
			sample(0, 0, 3000, true, "\x00\x00\x00\x02\x09\x10"), sample(3000, 0, 3000, true, "\x00\x00\x00\x02\x09\x10"),
		}}
		path := filepath.Join(t.TempDir(), "track.mp4")
		require.NoError(t, os.WriteFile(path, f.AppendTo(init), 0o644))
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "fatal", "-of", "csv=p=0", "-show_entries",
			"stream=codec_name,width,height,sample_aspect_ratio,display_aspect_ratio,codec_tag_string,"+
				"time_base,sample_rate,channels", path).CombinedOutput()
		require.NoError(t, err, string(out))
		for _, field := range bytes.Split([]byte(c.want), []byte(",")) {
			require.Contains(t, string(out), string(field))
		}
	}
}
