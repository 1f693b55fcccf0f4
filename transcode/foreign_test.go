package transcode

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

func unpackOf(c rung.Codec) unpacker {
	return func(p nut.Packet, have media.Codec) ([]byte, media.Codec, error) {
		return coded.Unpack(c, p.Data, have)
	}
}

func unpackVP9(p nut.Packet, have media.Codec) ([]byte, media.Codec, error) {
	if have == nil {
		c, err := media.NewVP9(p.Data, media.VP9Hints{})
		return bytes.Clone(p.Data), c, err
	}
	return bytes.Clone(p.Data), have, nil
}

// A publisher's picture in another codec than H.264 gets its ladder, and so does one
// whose size or codec changes.
func TestRealSourcesInOtherCodecs(t *testing.T) {
	hevc := func(picture string) clip {
		return encodeClip(t, picture, unpackOf(rung.HEVC), "-c:v", "libx265", "-preset", "ultrafast",
			"-x265-params", "log-level=none:bframes=2:keyint=30:min-keyint=30:scenecut=0:pools=none:frame-threads=1")
	}
	av1 := func(picture string) clip {
		return encodeClip(t, picture, unpackOf(rung.AV1), "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "30")
	}
	vp9 := func(picture string) clip {
		return encodeClip(t, picture, unpackVP9, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-g", "30")
	}
	const large, small = "testsrc2=s=640x360:r=30:d=3", "testsrc2=s=480x270:r=30:d=3"
	for name, clips := range map[string][]clip{
		"HEVC, of two sizes": {hevc(large), hevc(small)},
		"AV1, of two sizes":  {av1(large), av1(small)},
		"VP9, of two sizes":  {vp9(large), vp9(small)},
		"one after another":  {makeClip(t, large, "-bf", "2", "-g", "30"), hevc(large), vp9(large), av1(large)},
	} {
		t.Run(name, func(t *testing.T) {
			base := newRecorder(t)
			tr := fakeTranscoder(t, newRealMachine(t))
			sink := tr.Ladder("live", mustSpec(t, "source,240p"), Timing{}, base)
			p := &rush{TB: t, sink: sink, base: base, slowest: "240p", every: 1}
			for n, c := range clips {
				p.publish(c.at(media.Ticks(n) * 7 * 90_000))
			}
			p.end(tr)
			if len(clips) == 2 {
				requireRung(t, base, "240p", 1, 426, 240)
			}
			requireSame(t, base.lead(), base.of("240p"))
			require.Len(t, base.lead(), 90*len(clips))
		})
	}
}
