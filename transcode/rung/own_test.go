package rung

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOwn(t *testing.T) {
	parse := func(list string) Spec {
		s, err := Parse(list)
		require.NoError(t, err)
		return s
	}
	hd := Shape{Width: 1920, Height: 1080, FrameRate: 60}
	sizes := func(own []Output) (all []string) {
		for _, o := range own {
			all = append(all, fmt.Sprintf("%dx%d/%d", o.Width, o.Height, o.Every))
		}
		return all
	}
	for name, c := range map[string]struct {
		spec    Spec
		shape   Shape
		most    int
		bitrate int
		want    []string
	}{
		"auto":               {AutoSpec(), hd, 0, 0, []string{"1920x1080/1", "1280x720/1", "854x480/2", "640x360/2", "426x240/2"}},
		"the source alone":   {SourceSpec(), hd, 3, 0, []string{"1920x1080/1", "1280x720/1", "854x480/2"}},
		"a list":             {parse("source,720p,360p30"), hd, 0, 0, []string{"1920x1080/1", "1280x720/1", "640x360/2"}},
		"without the source": {parse("1080p,480p"), hd, 0, 0, []string{"1920x1080/1", "854x480/2"}},
		"codecs":             {parse("source,720p:hevc,480p"), hd, 0, 0, []string{"1920x1080/1", "854x480/2"}},
		"a narrow line":      {AutoSpec(), hd, 0, 7_000_000, []string{"1920x1080/1"}},
		"small":              {AutoSpec(), Shape{Width: 321, Height: 181, FrameRate: 30}, 0, 1, []string{"320x180/1"}},
		"none":               {AutoSpec(), Shape{}, 0, 0, nil},
		"too large":          {AutoSpec(), Shape{Width: 1 << 20, Height: 1080}, 0, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.spec.Own(c.shape, c.most, c.bitrate)
			require.Equal(t, c.want, sizes(got))
			for _, o := range got {
				require.GreaterOrEqual(t, o.Bitrate, leastOwnBitrate)
				require.Equal(t, H264, o.Codec)
			}
			if c.bitrate > leastOwnBitrate {
				require.LessOrEqual(t, total(got), c.bitrate)
			}
		})
	}
}
