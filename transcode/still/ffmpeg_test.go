package still

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/stills"
	"sluice/transcode/coded"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// grey is what picture n looks like.
func grey(n int) byte { return byte(40 + 8*n) }

// keyframesOf encodes so many pictures of one colour each, every one a keyframe, and returns a
// track's init segment and a part of each.
func keyframesOf(t *testing.T, tool *ffmpeg.Tool, n int) (init []byte, parts [][]byte) {
	t.Helper()
	const width, height = 640, 360
	p, err := tool.StartLoop(t.Context(), ffmpeg.Loop{Longest: time.Minute, Pictures: &ffmpeg.LoopPictures{
		Encoder: "libx264", Width: width, Height: height, SARWidth: 1, SARHeight: 1, Rate: ffmpeg.Rate{Num: 25, Den: 1},
		Frames: n, GOP: 1, Bitrate: 1_000_000,
	}})
	require.NoError(t, err)
	defer p.Close()
	drawn := make(chan error, 1)
	go func() {
		for i := range n {
			frame := bytes.Repeat([]byte{128}, width*height*3/2)
			copy(frame, bytes.Repeat([]byte{grey(i)}, width*height))
			if _, err := p.Write(frame); err != nil {
				drawn <- err
				return
			}
		}
		drawn <- p.CloseInput()
	}()
	var codec media.Codec
	for r := nut.NewReader(p.Output(0)); ; {
		packet, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.True(t, packet.Key)
		data, c, err := coded.Unpack(rung.H264, packet.Data, codec)
		require.NoError(t, err)
		codec = c
		f := cmaf.Fragment{Sequence: 1, TrackID: 1, Samples: []media.Sample{
			{DTS: 900_000, Duration: 3600, Sync: true, Data: data},
			{DTS: 903_600, Duration: 3600, Data: []byte{0, 0, 0, 1, 0xFF}}, // not to be looked at
		}}
		parts = append(parts, f.AppendTo(nil))
	}
	require.NoError(t, <-drawn)
	require.Len(t, parts, n)
	init, err = cmaf.Init(media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec})
	require.NoError(t, err)
	return init, parts
}

// requireGrey demands that a rectangle's middle looks like picture n.
func requireGrey(t *testing.T, n int, img image.Image, at image.Rectangle) {
	t.Helper()
	y := color.GrayModel.Convert(img.At((at.Min.X+at.Max.X)/2, (at.Min.Y+at.Max.Y)/2)).(color.Gray).Y
	// What is written is of the limited range, from 16 to 235; a JPEG's is the full one.
	want := (float64(grey(n)) - 16) * 255 / 219
	require.InDelta(t, want, float64(y), 3, "picture %d at %v", n, at)
}

// Real pictures come out in their places, the last one too, and black where there is none.
func TestFFmpegMakesStills(t *testing.T) {
	tool, err := ffmpeg.Find(t.Context(), "")
	require.NoError(t, err)
	init, parts := keyframesOf(t, tool, stills.PerSheet-1)
	m := New(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx) }()
	defer func() { cancel(); <-served }()

	size := stills.Size{Width: 320, Height: 180}
	body, err := m.Make(t.Context(), stills.Job{ID: "one", Init: init, Keys: parts[7:8], Columns: 1, Rows: 1, Size: size})
	require.NoError(t, err)
	img, err := jpeg.Decode(bytes.NewReader(body))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 320, 180), img.Bounds())
	requireGrey(t, 7, img, img.Bounds())

	body, err = m.Make(t.Context(), stills.Job{ID: "sheet", Init: init, Keys: parts, Columns: stills.Columns, Rows: stills.Rows, Size: size})
	require.NoError(t, err)
	img, err = jpeg.Decode(bytes.NewReader(body))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 1600, 900), img.Bounds())
	for n := range parts {
		at := image.Pt(n%stills.Columns*320, n/stills.Columns*180)
		requireGrey(t, n, img, image.Rectangle{at, at.Add(image.Pt(320, 180))})
	}
	require.Less(t, color.GrayModel.Convert(img.At(1500, 850)).(color.Gray).Y, uint8(4), "there is no more")

	_, err = m.Make(t.Context(), stills.Job{ID: "bad", Init: []byte("init"), Keys: parts[:1], Columns: 1, Rows: 1, Size: size})
	require.ErrorIs(t, err, stills.ErrNone)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = tool.Still(ended, ffmpeg.Still{Width: 320, Height: 180, Columns: 1, Rows: 1}, bytes.NewReader(init))
	require.ErrorIs(t, err, context.Canceled)
	_, err = tool.Still(t.Context(), ffmpeg.Still{Width: 321, Height: 180, Columns: 1, Rows: 1}, bytes.NewReader(init))
	require.ErrorContains(t, err, "321x180")
}
