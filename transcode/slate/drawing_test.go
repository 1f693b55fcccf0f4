package slate

import (
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/ffmpeg"
)

var look = flag.String("look", "", "folder into which the built-in picture is written, to be looked at")

func newTestDrawing(width, height int) *drawing {
	return newDrawing(&ffmpeg.LoopPictures{
		Width: width, Height: height, SARWidth: 1, SARHeight: 1, Rate: ffmpeg.Rate{Num: 30, Den: 1}, Frames: 180, GOP: 60,
		Colour: ffmpeg.Colour{FullRange: *look != ""},
	})
}

// Any size can be drawn: the picture goes round, something moves all the time, and the words
// stand still, inside it.
func TestDrawing(t *testing.T) {
	for _, size := range [][2]int{{1920, 1080}, {1080, 1920}, {1280, 720}, {426, 240}, {64, 64}, {321, 181}, {16, 16}, {1920, 16}, {16, 600}} {
		t.Run(sized(size[0], size[1]), func(t *testing.T) {
			w, h := size[0], size[1]
			d := newTestDrawing(w, h)
			chroma := ((w + 1) / 2) * ((h + 1) / 2)
			first := slices.Clone(d.draw(0))
			require.Len(t, first, w*h+2*chroma)
			require.Equal(t, first, d.draw(180), "it goes round")
			dark := d.yuv.luma(ground)
			for x := range w {
				require.Equal(t, dark, first[x], "top, %d", x)
				if h >= 64 {
					require.Equal(t, dark, first[(h-1)*w+x], "bottom, %d", x)
				}
			}
			last := first
			if min(w, h) < 64 {
				return
			}
			bright := 0
			for _, y := range first[:w*h] {
				if y > 150 {
					bright++
				}
			}
			require.InDelta(t, 0.012, float64(bright)/float64(min(w, h)*min(w, h)), 0.012, "words")
			for n := 6; n < 180; n += 6 {
				now := slices.Clone(d.draw(n))
				require.NotEqual(t, last, now, "frame %d", n)
				words := int(d.high/2+(beaconReach-beaconAbove+0.02)*d.short) * w
				require.Equal(t, first[words:w*h], now[words:w*h], "words at frame %d", n)
				last = now
			}
		})
	}
}

// Pixels that aren't square make no eggs of circles.
func TestDrawingOfWidePixels(t *testing.T) {
	d := newDrawing(&ffmpeg.LoopPictures{
		Width: 480, Height: 576, SARWidth: 2, SARHeight: 1, Rate: ffmpeg.Rate{Num: 25, Den: 1}, Frames: 150, GOP: 50,
	})
	f, x, y := d.draw(0), 240, int(d.high/2-beaconAbove*d.short)
	light := func(x, y int) bool { return f[y*480+x] > 90 }
	reach := int(beaconSize*d.short) - 2
	require.True(t, light(x+reach/2-1, y))
	require.False(t, light(x+reach, y))
	require.True(t, light(x, y+reach-1))
}

// Every letter of the words is there, and no two of them touch.
func TestLetters(t *testing.T) {
	require.NotContains(t, letters, ' ')
	for _, r := range message {
		if r != ' ' {
			require.Contains(t, letters, r)
		}
	}
	w := write(message)
	for i := range w.letters[1:] {
		a, b := w.letters[i], w.letters[i+1]
		require.GreaterOrEqual(t, b.x-a.x-a.width, penWidth, "letter %d", i)
	}
}

// The weights of colours are those that a player takes.
func TestColoursOfDrawing(t *testing.T) {
	white, red := colour{1, 1, 1}, colour{1, 0, 0}
	for _, tc := range []struct {
		matrix        uint8
		full          bool
		height        int
		white, red, v byte
	}{
		{1, false, 240, 235, 63, 240},
		{6, false, 1080, 235, 81, 240},
		{2, false, 1080, 235, 63, 240},
		{0, false, 480, 235, 81, 240},
		{9, false, 480, 235, 74, 240},
		{1, true, 1080, 255, 54, 255},
	} {
		y := newYUV(ffmpeg.Colour{Matrix: tc.matrix, FullRange: tc.full}, tc.height)
		require.Equal(t, tc.white, y.luma(white), "%+v", tc)
		require.Equal(t, tc.red, y.luma(red), "%+v", tc)
		_, v := y.chroma(red)
		require.Equal(t, tc.v, v, "%+v", tc)
		u, v := y.chroma(white)
		require.Equal(t, [2]byte{128, 128}, [2]byte{u, v})
	}
}

// TestLook writes pictures for whoever has changed them: go test -run TestLook -look FOLDER.
func TestLook(t *testing.T) {
	if *look == "" {
		return
	}
	for _, size := range [][2]int{{1920, 1080}, {1080, 1920}, {426, 240}} {
		d := newTestDrawing(size[0], size[1])
		for _, n := range []int{0, 25, 70, 150} {
			f := d.draw(n)
			luma, chroma := size[0]*size[1], size[0]*size[1]/4
			img := &image.YCbCr{
				Y: f[:luma], Cb: f[luma:][:chroma], Cr: f[luma+chroma:], YStride: size[0], CStride: size[0] / 2,
				SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, size[0], size[1]),
			}
			w, err := os.Create(filepath.Join(*look, fmt.Sprintf("%dx%d-%03d.png", size[0], size[1], n)))
			require.NoError(t, err)
			require.NoError(t, png.Encode(w, img))
			require.NoError(t, w.Close())
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	d := newTestDrawing(1920, 1080)
	for n := 0; b.Loop(); n++ {
		d.draw(n)
	}
}
