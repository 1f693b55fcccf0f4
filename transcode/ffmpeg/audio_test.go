package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os/exec"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/nut"
)

const pitch = 440 // Hz, of makeSound's sine; its peak is an eighth

// makeSound encodes a sine as MP3, one sample for each frame.
func makeSound(t testing.TB, rate int, seconds float64) source {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool(t).Path, "-v", "error", "-f", "lavfi",
		"-i", fmt.Sprintf("sine=f=%d:r=%d:d=%f", pitch, rate, seconds), "-ac", "2", "-c:a", "libmp3lame", "-b:a", "128k", "-f", "nut", "pipe:1")
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	codec, err := media.NewMP3(rate, 2)
	require.NoError(t, err)
	s := source{track: media.Track{ID: 1, Kind: media.Audio, Timescale: media.Timescale(rate), Codec: codec}}
	in := nut.NewReader(&out)
	for {
		p, err := in.Next()
		if err == io.EOF {
			return s
		}
		require.NoError(t, err)
		s.samples = append(s.samples, media.Sample{
			DTS: media.Ticks(len(s.samples)) * codec.FrameLength(), Duration: codec.FrameLength(), Sync: true, Data: p.Data,
		})
	}
}

func audio(rate int, from media.Ticks) Job {
	return Job{Audio: &AudioJob{SampleRate: rate, Channels: 2, Bitrate: 128_000, From: from}}
}

// decodeAAC returns the left channel of what packets hold, 1024 samples each.
func decodeAAC(t *testing.T, rate int, packets []nut.Packet) []float64 {
	t.Helper()
	var adts mpeg4audio.ADTSPackets
	for _, p := range packets {
		adts = append(adts, &mpeg4audio.ADTSPacket{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: 2, AU: p.Data})
	}
	in, err := adts.Marshal()
	require.NoError(t, err)
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool(t).Path, "-v", "error", "-f", "aac", "-i", "pipe:0", "-f", "f32le", "-ac", "2", "pipe:1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	require.NoError(t, cmd.Run(), said.String())
	var left []float64
	for b := out.Bytes(); len(b) >= 8; b = b[8:] {
		left = append(left, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	require.Len(t, left, 1024*len(packets))
	return left
}

// worst returns the largest distance of a sample from what a sine would have
// after the two before it, in units of the sine's peak.
func worst(samples []float64, rate int) float64 {
	c := 2 * math.Cos(2*math.Pi*pitch/float64(rate))
	var most float64
	for i := 2; i < len(samples); i++ {
		most = max(most, math.Abs(samples[i]-c*samples[i-1]+samples[i-2]))
	}
	return most * 8
}

// seam is what counts as a click: a sine that starts anew at some other phase
// has ten times that, a frame of silence too.
const seam = 0.01

// requireSine finds clicks by what jumps, and holes by what is quieter than the rest.
func requireSine(t *testing.T, samples []float64, rate int) {
	t.Helper()
	require.Less(t, worst(samples, rate), seam)
	whole := level(samples)
	require.Greater(t, whole, 0.05)
	block := 10 * rate / pitch // ten waves
	for i := 0; i+block <= len(samples); i += block {
		require.InEpsilon(t, whole, level(samples[i:i+block]), 0.03, "from sample %d", i)
	}
}

func level(samples []float64) float64 {
	var sum float64
	for _, v := range samples {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(samples)))
}

func requireGrid(t *testing.T, packets []nut.Packet, from media.Ticks) {
	t.Helper()
	for i, p := range packets {
		require.Equal(t, int64(from)+1024*int64(i), p.PTS)
	}
}

func TestSoundIsGaplessAndInTime(t *testing.T) {
	for _, rate := range []int{44_100, 48_000, 24_000} {
		s := makeSound(t, rate, 4).at(media.Ticks(5*rate + 7))
		from := s.samples[0].DTS
		packets := run(t.Context(), t, audio(rate, from), s.feed)[0]
		requireGrid(t, packets, from-1024) // with the priming
		last := s.samples[len(s.samples)-1]
		length := int(last.DTS + last.Duration - from)
		require.InDelta(t, length, 1024*(len(packets)-1), 1024, "as long as it was")

		// Of MP3's own start and end nothing is asked.
		heard := decodeAAC(t, rate, packets)[1024:length]
		requireSine(t, heard[3*1152:length-4*1152], rate)
		heard[length/2] += 0.002 // the measure finds what can hardly be heard
		require.Greater(t, worst(heard[3*1152:length-4*1152], rate), seam)
	}
}

func TestSoundOfAnotherRate(t *testing.T) {
	s := makeSound(t, 44_100, 3).at(10 * 44_100)
	packets := run(t.Context(), t, audio(48_000, 10*48_000), s.feed)[0]
	requireGrid(t, packets, 10*48_000-1024)
	heard := decodeAAC(t, 48_000, packets)
	requireSine(t, heard[4*1152:len(heard)-6*1152], 48_000)
}

// A process that is started again goes on where the one before it was.
func TestSoundGoesOnWithoutASeam(t *testing.T) {
	const rate = 44_100
	s := makeSound(t, rate, 4).at(12_345)
	from := s.samples[0].DTS
	first := run(t.Context(), t, audio(rate, from), s.feed)[0][1:]
	const n = 80 // packets of the first process that have come out
	again := from + n*1024
	rest := s
	for rest.samples[1].DTS <= again-Lead {
		rest.samples = rest.samples[1:]
	}
	second := run(t.Context(), t, audio(rate, again), rest.feed)[0]
	requireGrid(t, second, again-warmUp-1024)
	packets := slices.Concat(first[:n], second[3:])
	requireGrid(t, packets, from)
	heard := decodeAAC(t, rate, packets)
	requireSine(t, heard[4*1152:len(heard)-6*1152], rate)
}

// What is missing is silence; what comes after it is in time.
func TestSoundWithAHoleStaysInTime(t *testing.T) {
	const rate = 48_000
	const from = 90_000
	s := makeSound(t, rate, 4).at(from)
	whole := decodeAAC(t, rate, run(t.Context(), t, audio(rate, from), s.feed)[0])
	s.samples = slices.Delete(slices.Clone(s.samples), 60, 63)
	packets := run(t.Context(), t, audio(rate, from), s.feed)[0]
	requireGrid(t, packets, from-1024)
	holed := decodeAAC(t, rate, packets)
	require.Len(t, holed, len(whole))
	for i := 70 * 1152; i < 150*1152; i++ { // the same wave, to a sample
		require.InDelta(t, whole[i], holed[i], 0.01)
	}
	for _, v := range holed[61*1152+1024 : 62*1152+1024] { // well within the hole
		require.InDelta(t, 0, v, 0.01)
	}
}
