package mpegts_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares segments with those that were made before, and what go-astits
// reads of them with a text beside: who changes either changes what URLs mean.
func TestGolden(t *testing.T) {
	b := media.TicksOf(300*time.Millisecond, media.VideoClock)
	both := mpegts.Segment{
		Epoch: 34, Delay: 66 * time.Millisecond,
		Video: run(media.Video, every(3000, 900_000, 6), []media.Ticks{0, 6000, 0, -3000, 0, 0}),
		Sound: run(media.Audio, every(2160, 899_500, 8), nil),
	}
	events := with(both.Video.Fragments[0], cmaf.EventMessage{Timescale: 90_000, Time: 900_000 + b/4, Scheme: media.SchemeID3, Data: tag("x")})
	both.Events = [][]byte{events}
	for name, s := range map[string]mpegts.Segment{
		"both":  both,
		"sound": {Epoch: 1, Sound: both.Sound},
		"slow":  {Epoch: 1, Video: run(media.Video, every(18_000, 900_000, 3), nil)},
	} {
		t.Run(name, func(t *testing.T) {
			got := made(t, s)
			text := dump(t, got)
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".ts"), got, 0o644))
				require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".txt"), text, 0o644))
			}
			want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			require.NoError(t, err)
			require.Equal(t, string(want), string(text))
			want, err = os.ReadFile(filepath.Join("testdata", name+".ts"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "the bytes are others")
		})
	}
}

// dump tells a segment packet by packet.
func dump(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
	for i := 0; ; i++ {
		p, err := d.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return out.Bytes()
		}
		require.NoError(t, err)
		fmt.Fprintf(&out, "%3d pid=%04x cc=%-2d", i, p.Header.PID, p.Header.ContinuityCounter)
		if p.Header.PayloadUnitStartIndicator {
			out.WriteString(" start")
		}
		if a := p.AdaptationField; a != nil && a.HasPCR {
			fmt.Fprintf(&out, " pcr=%d", a.PCR.Base)
		}
		if a := p.AdaptationField; a != nil && a.RandomAccessIndicator {
			out.WriteString(" random")
		}
		fmt.Fprintf(&out, " %d bytes", len(p.Payload))
		if p.Header.PayloadUnitStartIndicator {
			shown := bytes.TrimRight(p.Payload, "\xff")
			fmt.Fprintf(&out, " %s", hex.EncodeToString(shown[:min(len(shown), 90)]))
		}
		out.WriteByte('\n')
	}
}
