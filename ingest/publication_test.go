package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/clock"
	"sluice/ingest/flv"
	"sluice/ingest/vitals"
	"sluice/media"
)

// stage plays messages to a publication, without a connection.
type stage struct {
	*publication
	t   *testing.T
	rec *recording
	now time.Time
}

func newStage(t *testing.T) *stage {
	l := &Limits{}
	l.setDefaults()
	rec := newRecording()
	p := &publication{
		sink: rec, log: slog.New(slog.DiscardHandler), counts: newCounters(nil), limits: l, clock: clock.New(0), meter: vitals.New(time.Unix(1000, 0)),
	}
	s := &stage{publication: p, t: t, rec: rec, now: time.Unix(1000, 0)}
	t.Cleanup(func() { require.Empty(t, rec.faults) })
	return s
}

func (s *stage) v(ms uint32, body []byte) error {
	return s.videoMessage(context.Background(), ms, body, s.now)
}
func (s *stage) a(ms uint32, body []byte) error {
	return s.audioMessage(context.Background(), ms, body, s.now)
}

func (s *stage) show(ms uint32, body []byte) { s.t.Helper(); require.NoError(s.t, s.v(ms, body)) }
func (s *stage) play(ms uint32, body []byte) { s.t.Helper(); require.NoError(s.t, s.a(ms, body)) }

// says is the metadata of an encoder.
func (s *stage) says(members ...any) {
	o := amf0.Object{}
	for i := 0; i < len(members); i += 2 {
		o = append(o, amf0.Pair{Key: members[i].(string), Value: members[i+1]})
	}
	s.tells(0, "@setDataFrame", "onMetaData", o)
}

// tells is a data message.
func (s *stage) tells(ms uint32, values ...any) {
	s.t.Helper()
	require.NoError(s.t, s.dataMessage(context.Background(), ms, values, s.now))
}

// epochs describes what the Sink got: kinds and numbers of samples.
func (s *stage) epochs() []string {
	var all []string
	for _, e := range s.rec.epochs {
		text := ""
		for _, t := range e.tracks {
			text += fmt.Sprintf("%s:%d ", t.Kind, len(e.samples[t.ID]))
		}
		all = append(all, text[:len(text)-1])
	}
	return all
}

func TestEpochBeginsWhenBothTracksAreKnown(t *testing.T) {
	s := newStage(t)
	s.show(0, avcConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	s.show(33, pictureTag(false, 0, 10))
	require.Empty(t, s.epochs())
	s.play(0, aacConfigTag())
	require.Empty(t, s.epochs())
	s.play(0, soundTag(9))
	require.Equal(t, []string{"video:2 audio:1"}, s.epochs(), "nothing that was held is lost")
	s.show(67, pictureTag(false, 0, 10))
	require.Equal(t, []string{"video:3 audio:1"}, s.epochs())
}

func TestEpochBeginsAtOnceWhereMetadataNamesOneTrack(t *testing.T) {
	s := newStage(t)
	s.says("videocodecid", "avc1", "width", 640.0)
	s.show(0, avcConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	require.Equal(t, []string{"video:1"}, s.epochs())

	s = newStage(t)
	s.says("audiocodecid", 10.0)
	s.play(0, aacConfigTag())
	s.play(0, soundTag(9))
	require.Equal(t, []string{"audio:1"}, s.epochs())
}

func TestEpochBeginsWithoutATrackThatDoesNotCome(t *testing.T) {
	for name, step := range map[string]func(s *stage, n uint32) uint32{
		"by the publisher's clock": func(_ *stage, n uint32) uint32 { return n * 100 },
		"by ours":                  func(s *stage, n uint32) uint32 { s.now = s.now.Add(100 * time.Millisecond); return n },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.says("videocodecid", 7.0, "audiocodecid", 10.0) // DJI announces audio that doesn't come
			s.show(0, avcConfigTag())
			for n := range uint32(15) {
				s.show(step(s, n), pictureTag(n == 0, 0, 10))
				require.Empty(t, s.epochs(), "after %d", n)
			}
			s.show(step(s, 15), pictureTag(false, 0, 10))
			require.Equal(t, []string{"video:16"}, s.epochs())
		})
	}
	// And what is held is bounded in bytes.
	s := newStage(t)
	s.show(0, avcConfigTag())
	for range 8 {
		s.show(0, pictureTag(true, 0, 1<<20-100))
		require.Empty(t, s.epochs())
	}
	s.show(0, pictureTag(true, 0, 1<<20))
	require.Equal(t, []string{"video:9"}, s.epochs())
}

func TestHeldSamplesSurviveAQuickGoodbye(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.mustPublish()
	c.videoConfig()
	c.picture(0, true)
	c.trySend(goodbye())
	r := h.doorman.sink(t, "show", 0)
	require.NoError(t, r.waitEnd(t))
	require.Equal(t, 1, r.count(videoTrack))
}

// A track that appears late joins at a picture that a decoder can start at, so
// that the picture has no hole.
func TestLateTracks(t *testing.T) {
	s := newStage(t)
	s.says("videocodecid", 7.0)
	s.show(0, avcConfigTag())
	for n := range uint32(10) {
		s.show(n*33, pictureTag(n == 0, 0, 10))
	}
	s.play(300, aacConfigTag())
	s.play(300, soundTag(9))
	s.show(333, pictureTag(false, 0, 10))
	require.Equal(t, []string{"video:11"}, s.epochs())
	s.show(367, pictureTag(true, 0, 10))
	s.play(350, soundTag(9))
	require.Equal(t, []string{"video:11", "video:1 audio:1"}, s.epochs())
	require.EqualValues(t, 350*48, s.rec.epochs[1].samples[audioTrack][0].DTS)

	s = newStage(t)
	s.says("audiocodecid", 10.0)
	s.play(0, aacConfigTag())
	s.play(0, soundTag(9))
	s.show(5, avcConfigTag())
	s.show(5, pictureTag(false, 0, 10)) // undecodable
	s.play(21, soundTag(9))
	s.show(40, pictureTag(true, 0, 10))
	s.play(43, soundTag(9))
	require.Equal(t, []string{"audio:2", "video:1 audio:1"}, s.epochs())
}

// Sound that changes while no keyframe comes isn't lost for longer than this.
func TestPendingTracksAreAdoptedAtLast(t *testing.T) {
	s := newStage(t)
	s.show(0, avcConfigTag())
	s.play(0, aacConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	s.play(10, audioConfigTag([]byte{0x12, 0x10})) // 44.1 kHz
	s.play(10, soundTag(9))
	require.Equal(t, []string{"video:1 audio:0"}, s.epochs())
	s.now = s.now.Add(adoptAfter)
	s.play(10_010, soundTag(9))
	require.Equal(t, []string{"video:1 audio:0", "video:0 audio:1"}, s.epochs())
	require.Equal(t, media.Timescale(44100), s.rec.epochs[1].tracks[1].Timescale)
}

func TestConfigurationsThatRepeatOrChange(t *testing.T) {
	s := newStage(t)
	s.show(0, avcConfigTag())
	s.play(0, aacConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	s.show(33, avcConfigTag())
	s.play(33, aacConfigTag())
	s.show(33, pictureTag(true, 0, 10))
	require.Equal(t, []string{"video:2 audio:0"}, s.epochs(), "a repetition is nothing")

	s.show(66, avcConfigOf(sps720, pps720))
	s.play(64, soundTag(9))
	require.Equal(t, []string{"video:2 audio:1"}, s.epochs(), "sound goes on meanwhile")
	s.show(66, pictureTag(true, 0, 10))
	require.Equal(t, []string{"video:2 audio:1", "video:1 audio:0"}, s.epochs())
	require.Equal(t, 720, s.rec.epochs[1].tracks[0].Codec.(*media.H264).Height)
	require.EqualValues(t, 66*90, s.rec.epochs[1].samples[videoTrack][0].DTS, "one clock")

	// In an audio-only stream, at once.
	s = newStage(t)
	s.says("audiocodecid", 10.0)
	s.play(0, aacConfigTag())
	s.play(0, soundTag(9))
	s.play(21, audioConfigTag([]byte{0x12, 0x10}))
	s.play(21, soundTag(9))
	require.Equal(t, []string{"audio:1", "audio:1"}, s.epochs())
}

// inBandTag is a keyframe with parameter sets before it.
func inBandTag(units ...[]byte) []byte {
	var payload []byte
	for _, u := range units {
		payload = append(payload, nal(u)...)
	}
	return flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: payload}.AppendTo(nil)
}

func TestParameterSetsInBand(t *testing.T) {
	s := newStage(t)
	s.says("videocodecid", 7.0)
	s.show(0, avcConfigTag())
	same := inBandTag([]byte{9, 0xf0}, sps360, append(pps360[:len(pps360):len(pps360)], 0, 0), slice(nalIDR, 30))
	s.show(0, same)
	s.show(33, same)
	require.Equal(t, []string{"video:2"}, s.epochs(), "the same, but for zeros behind")
	got := s.rec.epochs[0].samples[videoTrack][0].Data
	require.Equal(t, same[5:], got)
	require.Same(t, &same[5], &got[0], "the message's own bytes")

	// Another picture's size, without a new configuration.
	s.show(66, inBandTag(sps720, pps720, slice(nalIDR, 30)))
	require.Equal(t, []string{"video:2", "video:1"}, s.epochs())
	require.Equal(t, 720, s.rec.epochs[1].tracks[0].Codec.(*media.H264).Height)
	s.show(99, pictureTag(false, 0, 10))
	s.show(133, inBandTag(sps720, pps720, slice(nalIDR, 30)))
	require.Equal(t, []string{"video:2", "video:3"}, s.epochs())

	// A second PPS beside the first changes nothing; one that replaces it does.
	second := []byte{nalPPS | 3<<5, 0x40, 0x80, 0x80}                                 // id 1
	replacing := append([]byte{pps720[0], pps720[1]}, append(pps720[2:3:3], 0x20)...) // id 0, other content
	s.show(166, inBandTag(sps720, second, slice(nalIDR, 30)))
	require.Len(t, s.epochs(), 2)
	s.show(199, inBandTag(sps720, replacing, slice(nalIDR, 30)))
	require.Len(t, s.epochs(), 3)

	// Parameter sets that make no sense are left to the decoder.
	s.show(233, inBandTag([]byte{nalSPS, 1, 2, 3}, slice(nalIDR, 30)))
	require.Len(t, s.epochs(), 3)
}

func TestParameterSetsInAMessageOfTheirOwn(t *testing.T) {
	s := newStage(t)
	s.says("videocodecid", 7.0)
	s.show(0, avcConfigTag())
	s.show(0, inBandTag(sps360, pps360))
	s.show(0, pictureTag(true, 0, 10))
	s.show(33, pictureTag(false, 0, 10))
	samples := s.rec.epochs[0].samples[videoTrack]
	require.Len(t, samples, 2)
	require.Equal(t, append(append(nal(sps360), nal(pps360)...), nal(slice(nalIDR, 10))...), samples[0].Data)
	require.EqualValues(t, 0, samples[0].DTS)

	// They count as in band.
	s.show(66, inBandTag(sps720, pps720))
	s.show(66, pictureTag(true, 0, 10))
	require.Equal(t, []string{"video:2", "video:1"}, s.epochs())

	// A flood of them takes no more memory than this.
	for range 1000 {
		s.show(99, inBandTag(make([]byte, 1000)))
	}
	require.LessOrEqual(t, len(s.pictures(0).prefix), maxPrefix)
}

func TestSync(t *testing.T) {
	for _, c := range []struct {
		what  string
		frame flv.Frame
		units [][]byte
		want  bool
	}{
		{"IDR in a keyframe", flv.FrameKey, [][]byte{slice(nalIDR, 9)}, true},
		{"IDR in a keyframe behind SEI", flv.FrameKey, [][]byte{{6, 1, 1, 0x80}, slice(nalIDR, 9)}, true},
		{"IDR in an inter frame", flv.FrameInter, [][]byte{slice(nalIDR, 9)}, true},
		{"slice in an inter frame", flv.FrameInter, [][]byte{slice(nalSlice, 9)}, false},
		{"recovery point in a keyframe", flv.FrameKey, [][]byte{{6, 6, 1, 0x84, 0x80}, slice(nalSlice, 9)}, true},
		{"several slices", flv.FrameKey, [][]byte{slice(nalIDR, 9), slice(nalIDR, 9)}, true},
	} {
		s := newStage(t)
		s.says("videocodecid", 7.0)
		s.show(0, avcConfigTag())
		var payload []byte
		for _, u := range c.units {
			payload = append(payload, nal(u)...)
		}
		s.show(0, flv.VideoTag{Frame: c.frame, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: payload}.AppendTo(nil))
		require.Equal(t, c.want, s.rec.epochs[0].samples[videoTrack][0].Sync, c.what)
	}
}

func TestLengthsAreRewritten(t *testing.T) {
	unit := slice(nalIDR, 200)
	for size, payload := range map[int][]byte{
		1: append([]byte{200}, unit...),
		2: append([]byte{0, 200}, unit...),
		4: append(nal(nil), append(nal(unit), nal(nil)...)...), // with empty units around
	} {
		s := newStage(t)
		s.says("videocodecid", 7.0)
		record := flv.AVCConfig{Profile: sps360[1], Level: sps360[3], LengthSize: size, SPS: [][]byte{sps360}, PPS: [][]byte{pps360}}
		s.show(0, videoConfigTag(record.AppendTo(nil)))
		s.show(0, flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: payload}.AppendTo(nil))
		require.Equal(t, nal(unit), s.rec.epochs[0].samples[videoTrack][0].Data, "%d bytes", size)
	}
}

func TestMessagesThatHoldNothing(t *testing.T) {
	s := newStage(t)
	s.show(0, pictureTag(true, 0, 10)) // before its configuration
	s.play(0, soundTag(9))
	s.says("videocodecid", 7.0)
	s.show(0, nil)
	s.show(0, []byte{0x17, 0})                 // cut off
	s.show(0, videoConfigTag([]byte{1, 2, 3})) // no record
	s.show(0, videoConfigTag(nil))             //
	s.play(0, audioConfigTag(nil))             //
	s.show(0, []byte{0x57, 0})                 // a command to players
	s.show(0, avcConfigTag())
	s.show(0, flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketFrames}.AppendTo(nil))
	s.show(0, inBandTag([]byte{nalEndSequence}))
	s.show(0, append(pictureTag(true, 0, 10)[:5], 0, 0, 1, 0, 9)) // a length beyond the message
	require.Empty(t, s.epochs())
	s.show(0, pictureTag(true, 0, 10))
	s.play(0, audioConfigTag([]byte{0x11}))
	s.tells(0, "onTextData", 1.0)
	s.tells(0, "onMetaData")
	require.Equal(t, []string{"video:1"}, s.epochs())
}

func TestEndOfSequence(t *testing.T) {
	s := newStage(t)
	end := flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketEnd}.AppendTo(nil)
	s.says("videocodecid", 7.0)
	s.show(0, end)
	s.show(0, avcConfigTag())
	s.show(0, pictureTag(true, 0, 10))
	s.show(33, end)
	require.Len(t, s.epochs(), 1, "nothing begins unless the publisher goes on")
	s.show(66, avcConfigTag())
	s.show(66, pictureTag(true, 0, 10))
	require.Equal(t, []string{"video:1", "video:1"}, s.epochs())
}

func TestCodecsThatAreNotServed(t *testing.T) {
	for want, play := range map[string]func(s *stage) error{
		"H.266":                       func(s *stage) error { return s.v(0, append([]byte{0x90}, "vvc1"...)) },
		"Opus, by the custom of some": func(s *stage) error { return s.a(0, []byte{0xdf, 0}) },
		"VP6":                         func(s *stage) error { return s.v(0, []byte{0x14, 0}) },
		"Speex":                       func(s *stage) error { return s.a(0, []byte{0xbf, 0}) },
		"AAC Main":                    func(s *stage) error { return s.a(0, audioConfigTag([]byte{0x0a, 0x10})) },
	} {
		err := play(newStage(t))
		require.Error(t, err, want)
		require.Equal(t, "codec", reason(err), want)
		st := refusal(err)
		require.Equal(t, "NetStream.Publish.Rejected", st.code)
		require.Contains(t, st.description, "Use H.264")
	}
	// A second sound track, Twitch's for recordings, is passed over.
	s := newStage(t)
	require.NoError(t, s.a(0, flv.AudioTag{Codec: flv.AudioAAC, Packet: flv.PacketFrames, Enhanced: true,
		Multitrack: flv.OneTrack, Track: 1, Payload: []byte{1}}.AppendTo(nil)))
}

func TestClockJumpsBeginEpochs(t *testing.T) {
	s := newStage(t)
	s.show(0, avcConfigTag())
	s.play(0, aacConfigTag())
	for n := range uint32(30) {
		s.show(5000+n*100/3, pictureTag(n == 0, 0, 10))
		s.play(5000+n*64/3, soundTag(9))
	}
	s.show(0, pictureTag(true, 0, 10)) // back to 0, as a restarted encoder does
	s.play(0, soundTag(9))
	require.Equal(t, []string{"video:30 audio:30", "video:1 audio:1"}, s.epochs())
	require.Equal(t, s.rec.epochs[0].tracks, s.rec.epochs[1].tracks)
	s.show(10_034, pictureTag(true, 0, 10)) // more than 10 s ahead
	require.Len(t, s.epochs(), 3)

	// No publisher can make epochs without end.
	var err error
	for n := range uint32(40) {
		if err = s.v(n%2*3_000_000, pictureTag(true, 0, 10)); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errLimit)
	require.Len(t, s.epochs(), s.limits.Epochs)
}

// FuzzPublication plays any bodies of tags: no panic, and the order that a Sink
// may expect.
func FuzzPublication(f *testing.F) {
	join := func(bodies ...[]byte) []byte {
		var b []byte
		for _, body := range bodies {
			b = append(b, byte(len(body)>>8), byte(len(body)))
			b = append(b, body...)
		}
		return b
	}
	f.Add(join(avcConfigTag(), aacConfigTag(), pictureTag(true, 0, 20), soundTag(9), pictureTag(false, 66, 20)), uint32(33))
	f.Add(join(avcConfigTag(), inBandTag(sps360, pps360), pictureTag(true, 0, 5), inBandTag(sps720, pps720, slice(nalIDR, 9))), uint32(2000))
	f.Add(join(aacConfigTag(), soundTag(9), audioConfigTag([]byte{0x12, 0x10}), soundTag(9)), uint32(21))
	f.Add(join(layerIIITag(mp3Stereo, mp3Stereo), avcConfigTag(), pictureTag(true, 0, 20), layerIIITag(mp3Low), pictureTag(true, 0, 9)), uint32(26))
	for _, bodies := range enhancedSeeds() {
		f.Add(join(bodies...), uint32(20))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint32) {
		s := newStage(t)
		ms := uint32(0)
		for len(in) > 2 {
			n := min(int(in[0])<<8|int(in[1]), len(in)-2)
			body := in[2 : 2+n]
			in = in[2+n:]
			ms += step
			s.now = s.now.Add(100 * time.Millisecond)
			var err error
			if n > 0 && (body[0]>>4 >= 10 && body[0]>>4 <= 11 || body[0] == 0x2f || n%2 == 1 && body[0]>>4 == 9) {
				err = s.a(ms, body)
			} else {
				err = s.v(ms, body)
			}
			if err != nil {
				if r := reason(err); r != "codec" && r != "limit" {
					t.Fatalf("%s: %v", r, err)
				}
				return
			}
		}
	})
}
