package stills_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/stills"
	"sluice/packager/timeline"
)

func TestSizeOf(t *testing.T) {
	for name, c := range map[string]struct {
		width, height, sarWidth, sarHeight int
		most                               int
		want                               stills.Size
	}{
		"HD":                    {1920, 1080, 1, 1, 320, stills.Size{Width: 320, Height: 180}},
		"as a poster":           {1920, 1080, 1, 1, 1280, stills.Size{Width: 1280, Height: 720}},
		"upright":               {1080, 1920, 1, 1, 320, stills.Size{Width: 320, Height: 568}},
		"small":                 {176, 144, 1, 1, 320, stills.Size{Width: 176, Height: 144}},
		"odd":                   {333, 187, 1, 1, 1280, stills.Size{Width: 332, Height: 186}},
		"pixels that are wide":  {720, 576, 64, 45, 320, stills.Size{Width: 320, Height: 180}},
		"no shape of pixels":    {640, 360, 0, 0, 320, stills.Size{Width: 320, Height: 180}},
		"a line":                {1920, 2, 1, 1, 320, stills.Size{Width: 320, Height: 2}},
		"a column":              {2, 4096, 1, 1, 320, stills.Size{Width: 2, Height: 8}},
		"smaller than anything": {1, 1, 1, 1, 320, stills.Size{Width: 2, Height: 2}},
	} {
		track := media.Track{Codec: &media.H264{Width: c.width, Height: c.height, SARWidth: c.sarWidth, SARHeight: c.sarHeight}}
		got, ok := stills.SizeOf(track, c.most)
		require.True(t, ok, name)
		require.Equal(t, c.want, got, name)
	}
	_, ok := stills.SizeOf(media.Track{Codec: &media.H264{}}, 320)
	require.False(t, ok)
	_, ok = stills.SizeOf(media.Track{}, 320)
	require.False(t, ok)
}

// numbers are the segments of a sheet's stills.
func numbers(s *script, sheet stills.Sheet) (list []uint64, all bool) {
	keys, all := sheet.Keys(s.t, s.t.Epoch(sheet.Epoch))
	for _, g := range keys {
		list = append(list, g.MSN)
	}
	return list, all
}

// rising are n numbers from first on.
func rising(first uint64, n int) (list []uint64) {
	for i := range uint64(n) {
		list = append(list, first+i)
	}
	return list
}

func TestSheets(t *testing.T) {
	s := newScript(t)
	require.Nil(t, stills.Newest(s.t))
	s.start(time.Hour)
	s.segments(stills.PerSheet - 1)
	s.part()
	at := func(epoch int, anchor, n uint64) stills.Sheet {
		return stills.SheetAt(s.t, s.t.Epochs[epoch], anchor, n)
	}
	require.EqualValues(t, stills.PerSheet, stills.Newest(s.t).MSN, "an open segment has its picture")
	require.False(t, at(0, 1, 0).Whole)
	require.True(t, at(0, 1, 0).Near())
	require.False(t, at(0, 1, 1).Near())
	require.Empty(t, stills.Sheets(s.t, s.t.Epochs[0], 0))
	s.shut()
	first := at(0, 1, 0)
	require.True(t, first.Whole)
	require.Equal(t, "sheet-1-0.jpg", string(first.AppendName(nil)))
	got, all := numbers(s, first)
	require.True(t, all)
	require.Equal(t, rising(1, stills.PerSheet), got)
	require.Equal(t, timeline.Origin+50*time.Second, at(0, 1, 1).From)
	require.Zero(t, at(0, 1, 1<<60))
	require.Zero(t, at(0, 2, 0), "there is no such anchor")
	require.Len(t, stills.Sheets(s.t, s.t.Epochs[0], 0), 1)

	s.segments(3)
	s.leave()
	require.True(t, at(0, 1, 1).Whole, "nothing comes to it any more")
	got, _ = numbers(s, at(0, 1, 1))
	require.Equal(t, rising(26, 3), got)
	require.Zero(t, at(0, 1, 2))
	s.start(time.Hour)
	s.segments(1)
	got, _ = numbers(s, at(0, 1, 1))
	require.Equal(t, rising(26, 3), got)
	require.Zero(t, at(0, 1, 2))
	require.Len(t, stills.Sheets(s.t, s.t.Epochs[0], 0), 2)
	require.False(t, at(1, 29, 0).Whole)
	require.Equal(t, timeline.Origin, at(1, 29, 0).From)
	require.Nil(t, stills.Segment(s.t, s.t.Epochs[0], 29), "it's of another epoch")

	s.leave()
	s.apply(timeline.StreamEnded{At: s.now})
	require.Len(t, stills.Sheets(s.t, s.t.Epochs[0], 0), 2)
	s.start(time.Hour)
	s.segments(1)
	require.Zero(t, at(0, 1, 0), "of another broadcast")
}

// A sheet is of time: of short segments it has some, of long ones the same several times.
func TestSheetsOfIrregularSegments(t *testing.T) {
	s := newScript(t)
	s.start(time.Hour)
	s.length = media.TicksOf(time.Second, media.VideoClock)
	s.segments(4)
	s.length = media.TicksOf(6*time.Second, media.VideoClock)
	s.segments(8)
	got, _ := numbers(s, stills.SheetAt(s.t, s.t.Epochs[0], 1, 0))
	require.Equal(t, []uint64{2, 4, 5, 5, 5, 6, 6, 6}, got[:8])
	require.Len(t, got, stills.PerSheet)
	body, err := stills.AppendVTT(nil, s.t)
	require.NoError(t, err)
	require.Contains(t, string(body), "00:00:00.000 --> 00:00:01.000\nthumbnails/1/sheet-1-0.jpg#xywh=0,0,320,180\n")
	require.Contains(t, string(body), "00:00:01.000 --> 00:00:02.000\nthumbnails/1/sheet-1-0.jpg#xywh=0,0,320,180\n")
	require.Contains(t, string(body), "00:00:04.000 --> 00:00:10.000\nthumbnails/1/sheet-1-0.jpg#xywh=960,0,320,180\n")
}

// Where a picture is missing its neighbour stands in.
func TestKeysOfASheet(t *testing.T) {
	s := newScript(t)
	s.start(time.Hour)
	s.key = 0
	s.segments(2)
	s.key = 100
	s.segments(2)
	s.key = 0
	s.segments(1)
	s.key = 100
	s.segments(stills.PerSheet - 5)
	got, all := numbers(s, stills.SheetAt(s.t, s.t.Epochs[0], 1, 0))
	require.True(t, all)
	require.Len(t, got, stills.PerSheet)
	require.Equal(t, []uint64{3, 3, 3, 4, 4, 6, 7}, got[:7])

	s.slide()
	got, all = numbers(s, stills.SheetAt(s.t, s.t.Epochs[0], 1, 0))
	require.False(t, all, "its beginning has left")
	require.Len(t, got, stills.PerSheet)
	require.Equal(t, s.t.Kept, got[0])
}

// A sheet is the same where the pictures are in storage, and one that is lost is missing.
func TestKeysInStorage(t *testing.T) {
	s := newScript(t)
	s.start(time.Hour)
	s.segments(stills.PerSheet)
	for msn := range uint64(stills.PerSheet - 5) {
		if msn+1 == 7 {
			s.apply(timeline.SegmentLost{Rendition: timeline.Source, MSN: 7})
			continue
		}
		s.apply(timeline.SegmentStored{Rendition: timeline.Source, MSN: msn + 1})
	}
	got, all := numbers(s, stills.SheetAt(s.t, s.t.Epochs[0], 1, 0))
	require.True(t, all)
	want := rising(1, stills.PerSheet)
	want[6] = 6
	require.Equal(t, want, got)
	require.NotNil(t, stills.Segment(s.t, s.t.Epochs[0], 1).Stored)
}

func TestVTT(t *testing.T) {
	s := newScript(t)
	_, err := stills.AppendVTT(nil, s.t)
	require.ErrorIs(t, err, stills.ErrNotReady)
	s.start(time.Hour)
	_, err = stills.AppendVTT(nil, s.t)
	require.ErrorIs(t, err, stills.ErrNotReady)
	s.segments(stills.PerSheet)
	s.key = 0
	s.segments(1)
	s.key = 100
	s.segments(1)
	body, err := stills.AppendVTT(nil, s.t)
	require.NoError(t, err)
	text := string(body)
	require.True(t, strings.HasPrefix(text, `WEBVTT

2026-03-01T12:00:00.000Z
00:00:00.000 --> 00:00:02.000
thumbnails/1/sheet-1-0.jpg#xywh=0,0,320,180

2026-03-01T12:00:02.000Z
00:00:02.000 --> 00:00:04.000
thumbnails/1/sheet-1-0.jpg#xywh=320,0,320,180
`), text)
	require.True(t, strings.HasSuffix(text, `
2026-03-01T12:00:48.000Z
00:00:48.000 --> 00:00:50.000
thumbnails/1/sheet-1-0.jpg#xywh=1280,720,320,180

2026-03-01T12:00:52.000Z
00:00:52.000 --> 00:00:54.000
thumbnails/1/27.jpg
`), text)

	s.leave() // the rest is a sheet by itself
	s.codec = &media.H264{SPS: []byte{0x67, 1}, PPS: []byte{0x68}, Width: 640, Height: 480, SARWidth: 1, SARHeight: 1}
	s.start(time.Hour)
	s.segments(1)
	body, err = stills.AppendVTT(nil, s.t)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(body), `
2026-03-01T12:00:52.000Z
00:00:52.000 --> 00:00:54.000
thumbnails/1/sheet-1-1.jpg#xywh=320,0,320,180

2026-03-01T12:00:59.000Z
00:00:54.000 --> 00:00:56.000
thumbnails/2/28.jpg
`), string(body))
}

// What the window has left isn't listed, and a sheet whose beginning can't be had any more
// isn't either.
func TestVTTOfAWindow(t *testing.T) {
	s := newScript(t)
	s.slide()
	body, err := stills.AppendVTT(nil, s.t)
	require.NoError(t, err)
	require.NotContains(t, string(body), "sheet")
	require.EqualValues(t, s.t.Next.MSN-s.t.First, strings.Count(string(body), "-->"))
	require.Contains(t, string(body), "00:00:00.000 --> 00:00:02.000\nthumbnails/1/"+strconv.FormatUint(s.t.First, 10)+".jpg\n")
}

// A stream of sound alone has none.
func TestSoundHasNoStills(t *testing.T) {
	codec, err := media.NewAAC([]byte{0x11, 0x90})
	require.NoError(t, err)
	s := newScript(t)
	s.apply(timeline.EpochStarted{Epoch: 1, At: s.now, Window: time.Hour, Tracks: []timeline.RenditionTrack{{
		Rendition: timeline.Audio, Track: media.Track{ID: 1, Kind: media.Audio, Timescale: 48_000, Codec: codec},
	}}})
	s.apply(timeline.InitWritten{Epoch: 1, InitEpoch: 1, Rendition: timeline.Audio})
	s.apply(timeline.TargetsFixed{Targets: timeline.Targets{Segment: 2 * time.Second, Part: time.Second}})
	require.Nil(t, stills.Newest(s.t))
	require.Zero(t, stills.SheetAt(s.t, s.t.Epochs[0], 1, 0))
	_, err = stills.AppendVTT(nil, s.t)
	require.ErrorIs(t, err, stills.ErrNotReady)
}
