package ffmpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/transcode/annexb"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tool returns the machine's ffmpeg.
func tool(t testing.TB) *Tool {
	t.Helper()
	found, err := Find(t.Context(), "")
	require.NoError(t, err)
	return found
}

// source is what a publisher sends: an H.264 track and its samples in decode order.
type source struct {
	track   media.Track
	samples []media.Sample
}

// shown returns the samples in the order of presentation.
func (s source) shown() []media.Sample {
	return slices.SortedFunc(slices.Values(s.samples), func(a, b media.Sample) int { return int(a.PTS() - b.PTS()) })
}

// makeSource encodes a moving picture with real B-frames. args are for the encoder.
func makeSource(t testing.TB, picture string, args ...string) source {
	t.Helper()
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", picture}, "-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p",
		"-sc_threshold", "0", "-threads", "1", "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-bsf:v", "dump_extra=freq=keyframe")
	all = append(append(all, args...), "-f", "nut", "pipe:1")
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool(t).Path, all...)
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	return readSource(t, &out)
}

func readSource(t testing.TB, r io.Reader) source {
	t.Helper()
	var s source
	var times []media.Ticks
	in := nut.NewReader(r)
	for {
		p, err := in.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		data, sps, pps, err := annexb.AppendLengthPrefixed(nil, p.Data)
		require.NoError(t, err)
		if p.Key {
			codec, err := media.NewH264(sps, pps)
			require.NoError(t, err)
			if s.track.Codec == nil {
				s.track = media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: codec}
			}
			data = slices.Concat(prefixed(sps), prefixed(pps), data)
		}
		s.samples = append(s.samples, media.Sample{CTSOffset: media.Ticks(p.PTS), Sync: p.Key, Data: data})
		times = append(times, media.Ticks(p.PTS))
	}
	h, err := in.Header()
	require.NoError(t, err)
	slices.Sort(times)
	const reorder = 9000 // so that no DTS is after its PTS
	for i := range s.samples {
		smp := &s.samples[i]
		pts := smp.CTSOffset.Rescale(media.Timescale(h.TimeBase.Den), media.VideoClock) + reorder
		smp.DTS = times[i].Rescale(media.Timescale(h.TimeBase.Den), media.VideoClock)
		smp.CTSOffset = pts - smp.DTS
		smp.Duration = 1500
	}
	return s
}

// codecOf returns what the parameter sets in an IDR picture say.
func codecOf(p nut.Packet) (*media.H264, error) {
	_, sps, pps, err := annexb.AppendLengthPrefixed(nil, p.Data)
	if err != nil {
		return nil, err
	}
	return media.NewH264(sps, pps)
}

func prefixed(nalu []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(nalu))), nalu...)
}

// withoutTiming takes the frame rate out of a source's parameter sets: H.264 has
// it at the end of the VUI, which is left out as a whole.
func withoutTiming(t testing.TB, s source) source {
	t.Helper()
	was := s.track.Codec.(*media.H264)
	codec, err := media.NewH264(withoutVUI(t, was.SPS), was.PPS)
	require.NoError(t, err)
	require.Zero(t, codec.FrameRate)
	s.track.Codec = codec
	s.samples = slices.Clone(s.samples)
	for i := range s.samples {
		old, isSync := bytes.CutPrefix(s.samples[i].Data, prefixed(was.SPS))
		if isSync {
			s.samples[i].Data = append(prefixed(codec.SPS), old...)
		}
	}
	return s
}

// withoutVUI clears an SPS's vui_parameters_present_flag and ends it there.
func withoutVUI(t testing.TB, sps []byte) []byte {
	t.Helper()
	for cut := len(sps) * 8; cut > 0; cut-- { // the flag is the last bit of what remains
		short := make([]byte, (cut+1+7)/8)
		for i := range cut - 1 {
			short[i/8] |= sps[i/8] & (0x80 >> (i % 8))
		}
		short[cut/8] |= 0x80 >> (cut % 8) // rbsp_stop_one_bit, behind a flag of 0
		var was, is h264.SPS
		require.NoError(t, was.Unmarshal(sps))
		if is.Unmarshal(short) == nil && is.VUI == nil {
			was.VUI = nil
			if reflect.DeepEqual(was, is) {
				return short
			}
		}
	}
	t.Fatal("no VUI to leave out")
	return nil
}

// at returns the source shifted by some time.
func (s source) at(shift media.Ticks) source {
	s.samples = slices.Clone(s.samples)
	for i := range s.samples {
		s.samples[i].DTS += shift
	}
	return s
}

// feed writes the source as the ladder does.
func (s source) feed(w io.Writer) error {
	b, err := cmaf.Init(s.track)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return s.feedSamples(w)
}

func (s source) feedSamples(w io.Writer) error {
	for i := range s.samples {
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: s.track.ID, Samples: s.samples[i : i+1]}
		if _, err := w.Write(f.AppendTo(nil)); err != nil {
			return err
		}
	}
	return nil
}

// frame is what is checked of a packet.
type frame struct {
	PTS media.Ticks
	Key bool
}

// run feeds a job and returns what came out of each output.
func run(ctx context.Context, t testing.TB, j Job, feed func(io.Writer) error) [][]nut.Packet {
	t.Helper()
	p, err := tool(t).Start(ctx, j)
	require.NoError(t, err)
	defer p.Close()
	fed := make(chan error, 1)
	go func() { fed <- errors.Join(feed(p), p.CloseInput()) }()
	outs := make([][]nut.Packet, j.outputs())
	read := make(chan error)
	for i := range outs {
		go func() {
			r := nut.NewReader(p.Output(i))
			for {
				pkt, err := r.Next()
				if err == io.EOF {
					read <- nil
					return
				} else if err != nil {
					read <- err
					return
				}
				outs[i] = append(outs[i], pkt)
			}
		}()
	}
	for range outs {
		require.NoError(t, <-read, p.said.String())
	}
	require.NoError(t, <-fed)
	require.NoError(t, p.Wait())
	return outs
}

func frames(packets []nut.Packet) []frame {
	var out []frame
	for _, p := range packets {
		out = append(out, frame{media.Ticks(p.PTS), p.Key})
	}
	return out
}

// out is an output of H.264 in a height, 16:9.
func out(height, every int) Output {
	return Output{Encoder: "libx264", Output: rung.Output{
		Name: strconv.Itoa(height) + "p", Width: height * 16 / 9 &^ 1, Height: height, Every: every, Bitrate: 1_000_000, Codec: rung.H264,
	}}
}
