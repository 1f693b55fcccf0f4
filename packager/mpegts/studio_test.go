package mpegts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// origin is where the clips' pictures begin, as epochs do.
const origin = 10 * time.Second

// clip is an encoded track.
type clip struct {
	track   media.Track
	samples []media.Sample
}

// need skips where a tool is missing, but never in continuous integration.
func need(tb testing.TB, tool string) {
	tb.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("%s is missing", tool)
		}
		tb.Skipf("%s is missing", tool)
	}
}

// quiet is what ffmpeg says of a stream that has nothing so far, as metadata most often,
// and ffprobe of any that has no decoder: 98313 is timed ID3.
var quiet = regexp.MustCompile(`(?m)^(\[mpegts @ 0x[0-9a-f]+\] start time for stream \d+ is not set in estimate_timings_from_pts|` +
	`Unsupported codec with id 98313 for input stream \d+)\n`)

// tool runs a program and returns what it prints. It may not complain.
func tool(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	need(tb, name)
	cmd := exec.CommandContext(tb.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(tb, cmd.Run(), "%s %s\n%s", name, strings.Join(args, " "), &stderr)
	require.Empty(tb, quiet.ReplaceAllString(stderr.String(), ""), "%s complains", name)
	return stdout.String()
}

// encoded are the clips that were made before, by their arguments.
var encoded = map[string]clip{}

// encode makes one track with ffmpeg, moved as an epoch's are: the earliest picture is
// shown at origin, and decoded then too.
func encode(tb testing.TB, args ...string) clip {
	tb.Helper()
	key := strings.Join(args, " ")
	c, ok := encoded[key]
	if !ok {
		c = encodeAnew(tb, args...)
		encoded[key] = c
	}
	return c
}

func encodeAnew(tb testing.TB, args ...string) clip {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "clip.mp4")
	args = append([]string{"-v", "error", "-f", "lavfi", "-i"}, args...)
	tool(tb, "ffmpeg", append(args, "-movflags", "frag_keyframe+empty_moov+default_base_moof+delay_moov", path)...)
	data, err := os.ReadFile(path)
	require.NoError(tb, err)
	file, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(tb, err)
	c := clip{track: trackOf(tb, file.Moov.Trak)}
	for _, segment := range file.Segments {
		for _, fragment := range segment.Fragments {
			full, err := fragment.GetFullSamples(file.Moov.Mvex.Trex)
			require.NoError(tb, err)
			for _, s := range full {
				c.samples = append(c.samples, media.Sample{
					DTS: media.Ticks(s.DecodeTime), CTSOffset: media.Ticks(s.CompositionTimeOffset), Duration: media.Ticks(s.Dur),
					Sync: c.track.Kind == media.Audio || mp4.IsSyncSampleFlags(s.Flags), Data: s.Data,
				})
			}
		}
	}
	first := c.samples[0]
	switch entry := file.Moov.Trak.Mdia.Minf.Stbl.Stsd; { // which tell nothing that a frame doesn't
	case entry.AC3 != nil:
		c.track.Codec, err = media.NewAC3(first.Data)
	case entry.EC3 != nil:
		c.track.Codec, err = media.NewEAC3(first.Data)
	}
	require.NoError(tb, err)
	for i := range c.samples {
		c.samples[i].DTS += media.TicksOf(origin, c.track.Timescale) - first.DTS
		c.samples[i].CTSOffset -= first.CTSOffset
	}
	return c
}

func trackOf(tb testing.TB, trak *mp4.TrakBox) media.Track {
	tb.Helper()
	var err error
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.Timescale(trak.Mdia.Mdhd.Timescale)}
	entry := trak.Mdia.Minf.Stbl.Stsd
	switch {
	case entry.AvcX != nil:
		track.Codec, err = media.NewH264(entry.AvcX.AvcC.SPSnalus[0], entry.AvcX.AvcC.PPSnalus[0])
	case entry.HvcX != nil:
		sets := map[int][]byte{}
		for _, array := range entry.HvcX.HvcC.NaluArrays {
			sets[int(array.NaluType())] = array.Nalus[0]
		}
		track.Codec, err = media.NewHEVC(sets[32], sets[33], sets[34])
	default:
		track.ID, track.Kind = 2, media.Audio
		if entry.Mp4a != nil {
			track.Codec, err = soundOf(entry)
		}
	}
	require.NoError(tb, err)
	return track
}

func soundOf(entry *mp4.StsdBox) (media.Codec, error) {
	if entry.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo == nil {
		return media.NewMP3(int(entry.Mp4a.SampleRate), int(entry.Mp4a.ChannelCount))
	}
	return media.NewAAC(entry.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig)
}

// fragments are the clip's samples from one time to another, on its clock, in
// fragments of about 200 ms.
func (c clip) fragments(from, to time.Duration) [][]byte {
	var all [][]byte
	f := cmaf.Fragment{TrackID: c.track.ID}
	flush := func() {
		if len(f.Samples) > 0 {
			f.Sequence++
			all = append(all, f.AppendTo(nil))
		}
		f.Samples = nil
	}
	for _, s := range c.samples {
		at := s.DTS.Duration(c.track.Timescale) - origin
		if at < from || at >= to {
			continue
		}
		if n := len(f.Samples); n > 0 && s.DTS-f.Samples[0].DTS >= media.TicksOf(200*time.Millisecond, c.track.Timescale) {
			flush()
		}
		f.Samples = append(f.Samples, s)
	}
	flush()
	return all
}

// stream is the part of the clip that a segment has; nil for none.
func (c *clip) stream(from, to time.Duration) *mpegts.Stream {
	if c == nil {
		return nil
	}
	return &mpegts.Stream{Track: c.track, Fragments: c.fragments(from, to)}
}

// delay is what the clip's epoch would tell.
func (c *clip) delay() time.Duration {
	if c == nil {
		return 0
	}
	var delay media.Ticks
	for _, s := range c.samples {
		delay = max(delay, -s.CTSOffset)
	}
	return delay.Duration(c.track.Timescale)
}

// cut makes segments of that length.
func cut(video, sound *clip, length time.Duration, n int) []mpegts.Segment {
	var all []mpegts.Segment
	for i := range n {
		from, to := time.Duration(i)*length, time.Duration(i+1)*length
		all = append(all, mpegts.Segment{Epoch: 7, Delay: video.delay(), Video: video.stream(from, to), Sound: sound.stream(from, to)})
	}
	return all
}

// made is a segment's bytes.
func made(tb testing.TB, s mpegts.Segment) []byte {
	tb.Helper()
	b, err := s.AppendTo(nil)
	require.NoError(tb, err)
	return b
}

const second = time.Second

// x264 makes four seconds of pictures, with a keyframe each second.
func x264(tb testing.TB, rate string, more ...string) *clip {
	c := encode(tb, append([]string{"testsrc2=s=320x180:r=" + rate, "-t", "4", "-c:v", "libx264", "-preset", "veryfast",
		"-pix_fmt", "yuv420p", "-force_key_frames", "expr:gte(t,n_forced)", "-video_track_timescale", "90000"}, more...)...)
	return &c
}

func sine(tb testing.TB, more ...string) *clip {
	c := encode(tb, append([]string{"sine=frequency=440:sample_rate=48000", "-t", "4"}, more...)...)
	return &c
}

func aac(tb testing.TB) *clip { return sine(tb, "-c:a", "aac", "-ac", "2") }

func readFragment(tb testing.TB, b []byte) []media.Sample {
	tb.Helper()
	var f cmaf.Fragment
	require.NoError(tb, f.Read(b))
	return f.Samples
}
