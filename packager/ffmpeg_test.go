package packager_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// tool runs a program and returns what it prints. It may not complain.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %s\n%s", name, strings.Join(args, " "), &stderr)
	require.Empty(t, stderr.String(), "%s complains", name)
	return stdout.String()
}

// encode makes ten seconds of pictures and sound, and returns them as samples.
func encode(t testing.TB, rate string, x264, sound []string) (tracks []media.Track, events []event) {
	t.Helper()
	video := []string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=" + rate, "-c:v", "libx264", "-preset", "veryfast",
		"-pix_fmt", "yuv420p", "-video_track_timescale", "90000"}
	sound = append([]string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}, sound...)
	for id, args := range [][]string{append(video, x264...), sound} {
		path := filepath.Join(t.TempDir(), "source.mp4")
		args = append([]string{"-v", "error"}, args...)
		tool(t, "ffmpeg", append(args, "-t", "10", "-movflags", "frag_keyframe+empty_moov+default_base_moof", path)...)
		track, samples := readSamples(t, path)
		track.ID = media.TrackID(id + 1)
		tracks = append(tracks, track)
		for _, s := range samples {
			events = append(events, event{track.ID, s, s.DTS.Duration(track.Timescale)})
		}
	}
	return tracks, merge(events)
}

// readSamples reads the only track of a fragmented MP4.
func readSamples(t testing.TB, path string) (media.Track, []media.Sample) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	trak := file.Moov.Trak
	track := media.Track{Timescale: media.Timescale(trak.Mdia.Mdhd.Timescale)}
	if entry := trak.Mdia.Minf.Stbl.Stsd; entry.AvcX != nil {
		track.Kind = media.Video
		track.Codec, err = media.NewH264(entry.AvcX.AvcC.SPSnalus[0], entry.AvcX.AvcC.PPSnalus[0])
	} else if track.Kind = media.Audio; entry.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo == nil {
		track.Codec, err = media.NewMP3(int(entry.Mp4a.SampleRate), int(entry.Mp4a.ChannelCount))
	} else {
		track.Codec, err = media.NewAAC(entry.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig)
	}
	require.NoError(t, err)
	var samples []media.Sample
	for _, segment := range file.Segments {
		for _, fragment := range segment.Fragments {
			full, err := fragment.GetFullSamples(file.Moov.Mvex.Trex)
			require.NoError(t, err)
			for _, s := range full {
				samples = append(samples, media.Sample{
					DTS: media.Ticks(s.DecodeTime), CTSOffset: media.Ticks(s.CompositionTimeOffset), Duration: media.Ticks(s.Dur),
					Sync: mp4.IsSyncSampleFlags(s.Flags), Data: s.Data,
				})
			}
		}
	}
	return track, samples
}

// TestFFmpegDecodes packages what a real encoder made. ffprobe and ffmpeg read
// the parts, one after the other, without a complaint.
func TestFFmpegDecodes(t *testing.T) {
	for _, c := range []struct {
		name, rate string
		x264       []string
		sound      string
	}{
		{"30 fps with B-frames", "30", []string{"-bf", "3", "-g", "60"}, "-ar 48000 -c:a aac"},
		{"29.97 fps, GOP 1 s", "30000/1001", []string{"-bf", "2", "-g", "30"}, "-ar 48000 -c:a aac"},
		{"25 fps, scene changes", "25", []string{"-bf", "2", "-force_key_frames", "0,2,4,4.6,7"}, "-ar 48000 -c:a aac"},
		{"no B-frames", "60", []string{"-tune", "zerolatency", "-g", "120"}, "-ar 48000 -c:a aac"},
		{"MP3", "30", []string{"-bf", "2", "-g", "60"}, "-ar 44100 -ac 2 -c:a libmp3lame"},
		{"MP3 of long frames", "30", []string{"-bf", "2", "-g", "60"}, "-ar 16000 -c:a libmp3lame"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tracks, events := encode(t, c.rate, c.x264, strings.Fields(c.sound))
			require.Len(t, tracks, 2)
			r := newRig(t, packager.Settings{}).begin(tracks...).write(events).end()
			checkInvariants(t, r)
			for _, e := range entriesOf[timeline.InitWritten](r) {
				track, _ := trackOf(r, e.Rendition)
				path := filepath.Join(t.TempDir(), string(e.Rendition)+".mp4")
				var file bytes.Buffer
				file.Write(e.Data)
				for _, g := range r.segments(e.Rendition) {
					for _, p := range g.parts {
						file.Write(p.Data)
					}
				}
				require.NoError(t, os.WriteFile(path, file.Bytes(), 0o644))
				tool(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-")
				checkPackets(t, path, track, r, events)
			}
		})
	}
}

func trackOf(r *rig, id timeline.RenditionID) (media.Track, bool) {
	for _, rt := range entriesOf[timeline.EpochStarted](r)[0].Tracks {
		if rt.Rendition == id {
			return rt.Track, true
		}
	}
	return media.Track{}, false
}

// checkPackets compares ffprobe's packets with the samples.
func checkPackets(t *testing.T, path string, track media.Track, r *rig, events []event) {
	t.Helper()
	out := tool(t, "ffprobe", "-v", "warning", "-of", "csv=p=0", "-show_entries", "packet=pts,dts,flags", path)
	var want []media.Sample
	for _, e := range events {
		if e.id == track.ID {
			want = append(want, e.sample)
		}
	}
	lines := strings.Fields(out)
	if track.Kind == media.Audio { // some frames were before the first picture
		require.InDelta(t, len(want), len(lines), 5)
		want = want[len(want)-len(lines):]
	}
	require.Len(t, lines, len(want), "every sample is there")
	var start media.Ticks // where ffprobe sees the first sample
	_, err := fmt.Sscan(strings.Split(lines[0], ",")[0], &start)
	require.NoError(t, err)
	// ffmpeg 5.1 presents what has negative composition offsets later by the
	// largest of them.
	shift := start - r.segments(map[media.Kind]timeline.RenditionID{
		media.Video: timeline.Source, media.Audio: timeline.Audio,
	}[track.Kind])[0].start()
	require.True(t, shift >= 0 && shift <= want[0].CTSOffset, "shift of %d", shift)
	sync := map[media.Ticks]bool{}
	last := media.Ticks(-1)
	for i, line := range lines {
		f := strings.Split(line, ",")
		pts, err := strconv.ParseInt(f[0], 10, 64)
		require.NoError(t, err)
		dts, err := strconv.ParseInt(f[1], 10, 64)
		require.NoError(t, err)
		require.Greater(t, media.Ticks(dts), last, "packet %d: DTS goes back", i)
		last = media.Ticks(dts)
		require.Equal(t, want[i].PTS()-want[0].PTS(), media.Ticks(pts)-start, "packet %d: PTS", i)
		require.Equal(t, want[i].Sync, strings.HasPrefix(f[2], "K"), "packet %d: %s", i, line)
		if strings.HasPrefix(f[2], "K") {
			sync[media.Ticks(pts)-shift] = true
		}
	}
	for _, g := range r.segments(timeline.Source) {
		if track.Kind == media.Video {
			require.True(t, sync[g.start()], fmt.Sprintf("segment %d starts at %v with a keyframe", g.msn, time.Duration(g.start())))
		}
	}
}
