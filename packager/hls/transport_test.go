package hls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/hls"
	"sluice/packager/mpegts"
	"sluice/packager/timeline"
)

// transport returns what segment msn of a rendition is made of.
func transport(t *testing.T, s *script, id timeline.RenditionID, msn uint64) *mpegts.Segment {
	t.Helper()
	r := s.t.Rendition(id)
	m, err := hls.Transport(s.t, r, r.Segment(msn))
	require.NoError(t, err)
	return m
}

func bytesOf(g *timeline.Segment) [][]byte {
	var all [][]byte
	for _, p := range g.Parts {
		all = append(all, p.Data)
	}
	return all
}

func listsTransport(t *testing.T, s *script, id timeline.RenditionID, uri string) bool {
	t.Helper()
	body, err := hls.AppendTransportMedia(nil, s.t, id)
	if err != nil {
		require.ErrorIs(t, err, hls.ErrNotReady)
	}
	return strings.Contains(string(body), "\n"+uri+"\n")
}

// A segment is made of the picture, the sound and the events of its number, when all of
// them are whole.
func TestTransportIsOfWholes(t *testing.T) {
	s := newScript(t)
	rung := videoTrack("480p", lowCodec)
	s.expect(rung)
	s.start(bothTracks()...)
	s.fix()
	s.join(rung)
	s.segments(2)
	source, audio := s.t.Rendition(timeline.Source), s.t.Rendition(timeline.Audio)
	for _, id := range []timeline.RenditionID{timeline.Source, "480p", timeline.Audio} {
		m := transport(t, s, id, 2)
		require.EqualValues(t, 1, m.Epoch)
		require.Equal(t, bytesOf(source.Segment(2)), m.Events, "of what leads")
		require.Equal(t, bytesOf(audio.Segment(2)), m.Sound.Fragments)
		if id == timeline.Audio {
			require.Nil(t, m.Video)
			continue
		}
		require.Equal(t, bytesOf(s.t.Rendition(id).Segment(2)), m.Video.Fragments)
		require.True(t, listsTransport(t, s, id, "1/2.ts"))
	}

	s.parts(10)
	require.Nil(t, transport(t, s, timeline.Source, 3), "it's open")
	s.closeOf(bothTracks()[0])
	require.Nil(t, transport(t, s, timeline.Source, 3), "the sound is open")
	require.False(t, listsTransport(t, s, timeline.Source, "1/3.ts"))
	s.closeOf(bothTracks()[1])
	require.NotNil(t, transport(t, s, timeline.Source, 3))
	require.NotNil(t, transport(t, s, timeline.Audio, 3))
	require.True(t, listsTransport(t, s, timeline.Source, "1/3.ts"))
	require.Nil(t, transport(t, s, "480p", 3), "the rung is late")
	require.False(t, listsTransport(t, s, "480p", "1/3.ts"))
}

// What isn't there when the epoch has ended won't be.
func TestTransportAtAnEnd(t *testing.T) {
	s := newScript(t)
	s.start(bothTracks()...)
	s.fix()
	s.segments(2)
	for range 5 {
		s.partOf(bothTracks()[0], 6)
	}
	s.apply(timeline.SegmentClosed{Epoch: 1, Rendition: timeline.Source, MSN: 3, Duration: 90_000})
	require.Nil(t, transport(t, s, timeline.Source, 3))
	s.apply(timeline.EpochEnded{Epoch: 1, At: s.now})
	m := transport(t, s, timeline.Source, 3)
	require.Len(t, m.Video.Fragments, 5)
	require.NotNil(t, m.Sound, "the streams are the epoch's")
	require.Empty(t, m.Sound.Fragments)
	require.True(t, listsTransport(t, s, timeline.Source, "1/3.ts"))
}

// The sound is AAC's where there is a choice, and none where there is no place for it.
func TestTransportSound(t *testing.T) {
	mp3, err := media.NewMP3(48_000, 2)
	require.NoError(t, err)
	track := func(id timeline.RenditionID, c media.Codec) timeline.RenditionTrack {
		rt := audioTrack()
		rt.Rendition, rt.Track.Codec = id, c
		return rt
	}
	for _, c := range []struct {
		name   string
		sounds []timeline.RenditionTrack
		codecs string
	}{
		{"AAC second", []timeline.RenditionTrack{track(timeline.Audio, mp3), track("audio-2", audioCodec)}, "avc1.640028,mp4a.40.2"},
		{"MP3", []timeline.RenditionTrack{track(timeline.Audio, mp3)}, "avc1.640028,mp4a.40.34"},
		{"Opus", []timeline.RenditionTrack{track(timeline.Audio, &media.Opus{})}, "avc1.640028"},
		{"none", nil, "avc1.640028"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.start(append([]timeline.RenditionTrack{bothTracks()[0]}, c.sounds...)...)
			s.fix()
			s.segments(2)
			body, err := hls.AppendTransportMultivariant(nil, s.t, hls.Options{})
			require.NoError(t, err)
			require.Contains(t, string(body), `CODECS="`+c.codecs+`",RESOLUTION`)
			require.Equal(t, 1, strings.Count(string(body), "STREAM-INF"))
			m := transport(t, s, timeline.Source, 1)
			require.Equal(t, strings.Contains(c.codecs, ","), m.Sound != nil)
		})
	}
}

// A window that holds what has no place in MPEG-TS lists that as gaps.
func TestTransportOfAnotherCodec(t *testing.T) {
	s := newScript(t)
	vp9 := bothTracks()
	vp9[0].Track.Codec = &media.VP9{}
	s.start(vp9...)
	s.fix()
	s.segments(2)
	body, err := hls.AppendTransportMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	require.NotContains(t, string(body), "source/")
	_, err = hls.AppendTransportMedia(nil, s.t, timeline.Source)
	require.ErrorIs(t, err, hls.ErrNoTransport)
	s.leave(time.Second)
	s.start(bothTracks()...)
	s.segments(2)
	body, err = hls.AppendTransportMedia(nil, s.t, timeline.Source)
	require.NoError(t, err)
	require.Contains(t, string(body), "#EXT-X-GAP\n#EXTINF:2.00000,\n1/2.ts\n#EXT-X-DISCONTINUITY\n")
	r := s.t.Rendition(timeline.Source)
	_, err = hls.Transport(s.t, r, r.Segment(2))
	require.ErrorIs(t, err, hls.ErrNoTransport)
	require.NotNil(t, transport(t, s, timeline.Source, 3))

	s = newScript(t)
	s.start(vp9[0])
	s.fix()
	s.segments(2)
	_, err = hls.AppendTransportMultivariant(nil, s.t, hls.Options{})
	require.ErrorIs(t, err, hls.ErrNoTransport)
	require.ErrorContains(t, err, "VP9")
}
