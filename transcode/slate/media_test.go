package slate

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// played is what a clip wrote to a sink.
type played struct {
	media.Sink
	tracks  []media.Track
	begun   int
	samples map[media.TrackID][]media.Sample
	late    time.Duration // the worst, by what arrived and when
}

func (p *played) Begin(ctx context.Context, tracks []media.Track) error {
	p.tracks = tracks
	p.begun++
	if p.samples == nil {
		p.samples = map[media.TrackID][]media.Sample{}
	}
	if p.Sink == nil {
		return nil
	}
	return p.Sink.Begin(ctx, tracks)
}

func (p *played) WriteSample(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	p.samples[id] = append(p.samples[id], s)
	p.late = max(p.late, time.Since(arrived).Abs())
	if p.Sink == nil {
		return nil
	}
	return p.Sink.WriteSample(ctx, id, s, arrived)
}

// spy looks at the manifests after each entry.
type spy struct {
	journal.Journal
	look func(*timeline.Timeline)
}

func (s *spy) Append(ctx context.Context, stream string, e timeline.Entry) error {
	if err := s.Journal.Append(ctx, stream, e); err != nil {
		return err
	}
	feed, err := s.Follow(ctx, stream)
	if err == nil {
		s.look(feed.Current())
	}
	return err
}

// frameAtMost is the longest that a frame lasts here.
const frameAtMost = 100 * time.Millisecond

// checkManifests plays a clip into a packager for a while, and has both checkers look.
func checkManifests(t *testing.T, c *Clip, lasts time.Duration) *played {
	t.Helper()
	p := &played{}
	synctest.Test(t, func(t *testing.T) {
		h := hlscheck.NewObserver(hlscheck.Options{Skew: frameAtMost}) // a frame that arrives is dated as it begins
		d := dashcheck.NewObserver(dashcheck.Options{Skew: 250 * time.Millisecond})
		const base = "http://127.0.0.1/live/live/"
		ready, mpd := 0, base+"manifest.mpd"
		listen := &spy{Journal: memory.New(memory.Options{}), look: func(tl *timeline.Timeline) {
			for _, r := range tl.Renditions {
				if body, err := hls.AppendMedia(nil, tl, r.ID); err == nil {
					h.Playlist(hlscheck.Fetch{URL: base + string(r.ID) + "/index.m3u8", Body: body, At: time.Now()})
				}
			}
			if body, err := hls.AppendMultivariant(nil, tl, hls.Options{}); err == nil {
				h.Playlist(hlscheck.Fetch{URL: base + "index.m3u8", Body: body, At: time.Now()})
			}
			body, err := dash.AppendMPD(nil, tl, dash.Options{TimePath: "/time", Following: ready > 0})
			if errors.Is(err, dash.ErrNotReady) {
				return
			}
			require.NoError(t, err)
			ready++
			m := d.MPD(dashcheck.Fetch{URL: mpd, Body: body, At: time.Now(), ContentType: dash.ContentType})
			require.NotNil(t, m)
			if m.Next != "" {
				mpd = m.Next
			}
		}}
		pack := packager.New(listen, packager.Options{Log: slog.New(slog.DiscardHandler)})
		p.Sink = pack.Stream("live", packager.Settings{})
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		require.NoError(t, c.Play(ctx, p, time.Now()))
		require.NoError(t, p.Sink.End(t.Context(), nil))
		require.Positive(t, ready)
		for _, v := range h.Violations() {
			t.Errorf("HLS: %v", v)
		}
		for _, v := range d.Violations() {
			t.Errorf("DASH: %v", v)
		}
	})
	require.Equal(t, 1, p.begun)
	require.Zero(t, p.late)
	return p
}

// checkDecodes writes a track's samples into one file, which ffmpeg decodes without a word, and in
// which ffprobe sees each sample at its time.
func checkDecodes(t *testing.T, track media.Track, samples []media.Sample) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip"+strconv.Itoa(int(track.ID))+".mp4")
	file, err := cmaf.Init(track)
	require.NoError(t, err)
	for i, s := range samples {
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: track.ID, Samples: []media.Sample{s}}
		file = f.AppendTo(file)
	}
	require.NoError(t, os.WriteFile(path, file, 0o644))
	run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-")
	out := run(t, "ffprobe", "-v", "warning", "-of", "csv=p=0", "-show_entries", "packet=pts,flags", path)
	lines := strings.Fields(out)
	require.Len(t, lines, len(samples))
	for i, line := range lines {
		pts, flags, _ := strings.Cut(line, ",")
		require.Equal(t, strconv.FormatInt(int64(samples[i].DTS), 10), pts, "packet %d", i)
		require.Equal(t, samples[i].Sync, strings.HasPrefix(flags, "K"), "packet %d", i)
	}
}

// checkSeamless finds holes and overlaps, and keyframes at other places than each GOP's start.
func checkSeamless(t *testing.T, r *reel, samples []media.Sample) {
	t.Helper()
	require.NotEmpty(t, samples)
	require.Zero(t, samples[0].DTS)
	for i, s := range samples {
		require.Zero(t, s.CTSOffset)
		if i > 0 {
			require.Equal(t, samples[i-1].DTS+samples[i-1].Duration, s.DTS, "sample %d", i)
		}
		if r.form.SampleRate == 0 {
			require.Equal(t, i%r.form.Frames%r.form.GOP == 0, s.Sync, "sample %d", i)
		} else {
			require.Equal(t, r.length, s.Duration)
			require.True(t, s.Sync)
		}
	}
}

// requireSame checks that a track of a clip is what a stream's was, but for the parameter sets.
func requireSame(t *testing.T, want, got media.Track) {
	t.Helper()
	require.Equal(t, want.Codec.Name(), got.Codec.Name())
	switch c := want.Codec.(type) {
	case media.Picture:
		w, g := c.Format(), got.Codec.(media.Picture).Format()
		require.Equal(t, [...]int{w.Width, w.Height, w.SARWidth, w.SARHeight}, [...]int{g.Width, g.Height, g.SARWidth, g.SARHeight})
		if g.FrameRate > 0 {
			require.InDelta(t, w.FrameRate, g.FrameRate, 1e-6)
		}
	case media.Sound:
		wr, wc := c.Output()
		gr, gc := got.Codec.(media.Sound).Output()
		require.Equal(t, [...]int{wr, wc}, [...]int{gr, gc})
	}
	got.Codec = want.Codec
	require.Equal(t, want, got)
}

func named(t media.Track, id media.TrackID, language string) media.Track {
	t.ID, t.Language = id, language
	return t
}

// The sizes and sounds that streams have. Each clip is played for several of its loops.
func TestSlateOfRealStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "picture.png")
	draw(t, path, "green")
	picture := readTestSource(t, path)
	for _, tc := range []struct {
		name   string
		still  bool // of a picture of two seconds, since the built-in one's six take long
		tracks func(t *testing.T) []media.Track
	}{
		{"1080p60, 48 kHz stereo", true, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "1920x1080", "60", "-profile:v", "main", "-color_primaries", "1", "-color_trc", "1", "-colorspace", "1"), aacTrack(t, 48_000, 2)}
		}},
		{"720p29.97, 44.1 kHz mono", false, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "1280x720", "30000/1001"), aacTrack(t, 44_100, 1)}
		}},
		{"upright 1080p30, 5.1", true, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "1080x1920", "30"), aacTrack(t, 48_000, 6)}
		}},
		{"240p15 of wide pixels, 44.1 kHz stereo", false, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "426x240", "15", "-vf", "setsar=4/3", "-profile:v", "baseline"), aacTrack(t, 44_100, 2)}
		}},
		{"film, Opus", true, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "640x272", "24000/1001"), soundTrack(media.PlainOpus(2))}
		}},
		{"360p, HE-AAC", true, func(t *testing.T) []media.Track {
			return []media.Track{h264Track(t, "640x360", "30"), highEfficiency(t, mpeg4audio.ObjectTypeSBR, 22_050, 2)}
		}},
		{"three sizes, two languages", false, func(t *testing.T) []media.Track {
			return []media.Track{
				named(h264Track(t, "640x360", "30"), 1, ""), named(h264Track(t, "426x240", "30"), 3, ""),
				named(h264Track(t, "256x144", "15"), 4, ""), named(aacTrack(t, 48_000, 2), 2, "en"), named(aacTrack(t, 48_000, 2), 5, "fr"),
			}
		}},
		{"sound alone", false, func(t *testing.T) []media.Track { return []media.Track{named(aacTrack(t, 44_100, 2), 1, "")} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tracks, shown, loop := tc.tracks(t), source{}, 6*time.Second
			if tc.still {
				shown, loop = picture, 2*time.Second
			}
			c := makeClip(t, shown, tracks...)
			got := c.Tracks()
			require.Len(t, got, len(tracks))
			for i := range got {
				requireSame(t, tracks[i], got[i])
			}
			if v, ok := tracks[0].Codec.(*media.H264); ok {
				lasts := time.Duration(float64(c.reels[0].form.Frames) / v.FrameRate * float64(time.Second))
				require.InDelta(t, loop.Seconds(), lasts.Seconds(), 0.05)
				loop = lasts
				require.LessOrEqual(t, profileRank(got[0].Codec.(*media.H264)), profileRank(v))
			}
			var p *played
			if len(tracks) > 2 {
				p = justPlay(t, c, 5*loop/2)
			} else {
				p = checkManifests(t, c, 5*loop/2)
			}
			require.Equal(t, got, p.tracks)
			for i, track := range got {
				checkSeamless(t, c.reels[i], p.samples[track.ID])
				end := p.samples[track.ID][len(p.samples[track.ID])-1]
				require.InDelta(t, (5 * loop / 2).Seconds(), end.DTS.Duration(track.Timescale).Seconds(), 0.1)
				checkDecodes(t, track, p.samples[track.ID])
			}
		})
	}
}

func profileRank(c *media.H264) int {
	return slices.Index([]byte{66, 77, 100, 110, 122, 244}, c.SPS[1])
}

// justPlay plays a clip for a while.
func justPlay(t *testing.T, c *Clip, lasts time.Duration) *played {
	t.Helper()
	p := &played{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		require.NoError(t, c.Play(ctx, p, time.Now()))
	})
	require.Zero(t, p.late)
	return p
}

// Other codecs than the usual two.
func TestSlateOfOtherCodecs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "picture.png")
	draw(t, path, "green")
	picture := readTestSource(t, path)
	ac3 := func(name string, channels string) []byte {
		path := filepath.Join(t.TempDir(), "frame")
		run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "anullsrc=r=48000:cl="+channels, "-t", "0.03", "-c:a", name, "-f", name, path)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return b
	}
	must := func(c media.Sound, err error) media.Track {
		require.NoError(t, err)
		return soundTrack(c)
	}
	mp3, err := media.NewMP3(44_100, 2)
	low, errLow := media.NewMP3(22_050, 1)
	fiveOne, errFiveOne := media.NewAC3(ac3("ac3", "5.1(side)"))
	stereo, errStereo := media.NewEAC3(ac3("eac3", "stereo"))
	flac, errFLAC := media.NewFLAC([]byte("\x12\x00\x12\x00\x00\x00\x00\x00\x00\x00\x0b\xb8\x02\xf0\x00\x00\x00\x00" + strings.Repeat("\x00", 16)))
	for name, track := range map[string]media.Track{
		"H.265":  pictureTrack(t, rung.HEVC, "640x360", "30"),
		"AV1":    pictureTrack(t, rung.AV1, "640x360", "30"),
		"VP9":    pictureTrack(t, ffmpeg.VP9, "322x181", "30"),
		"MP3":    must(mp3, err),
		"MPEG-2": must(low, errLow),
		"AC-3":   must(fiveOne, errFiveOne),
		"E-AC-3": must(stereo, errStereo),
		"FLAC":   must(flac, errFLAC),
		"Opus":   soundTrack(media.PlainOpus(6)),
	} {
		t.Run(name, func(t *testing.T) {
			c := makeClip(t, picture, track)
			got := c.Tracks()[0]
			requireSame(t, track, got)
			p := justPlay(t, c, 5*time.Second)
			checkSeamless(t, c.reels[0], p.samples[track.ID])
			checkDecodes(t, got, p.samples[track.ID])
		})
	}
}
