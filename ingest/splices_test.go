package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/media"
	"sluice/media/scte35"
)

// A script tag that announces a splice becomes its section, at the time that it says,
// which may be ahead of the tag; and nothing else of it is told.
func TestSplicesAreEvents(t *testing.T) {
	s := newStage(t)
	s.says("framerate", 30.0, "videocodecid", 7.0)
	s.show(0, avcConfigTag())
	for n := range 60 {
		s.show(uint32(n*1000/30), pictureTag(n%30 == 0, 66, 10))
		if n == 30 {
			s.tells(1000, "onAdCue", amf0.Object{
				{Key: "cue", Value: "SpliceOut"}, {Key: "id", Value: "9"}, {Key: "duration", Value: 5.0}, {Key: "time", Value: 5.0},
			})
			s.tells(1000, "@setDataFrame", "onCuePoint", amf0.Object{{Key: "type", Value: "com.youtube.cuepoint"}, {Key: "splice_event_id", Value: 9.0}})
		}
	}
	events, at := s.rec.epochs[0].events, s.rec.epochs[0].samples[videoTrack][30].DTS // of the tags
	require.Len(t, events, 2)
	for _, e := range events {
		require.Equal(t, media.SchemeSCTE35, e.Scheme)
		section, err := scte35.Parse(e.Data)
		require.NoError(t, err)
		require.Equal(t, uint32(9), section.Points()[0].EventID)
		require.Equal(t, scte35.RoleOut, section.Points()[0].Role)
	}
	require.Equal(t, []string{"9", ""}, []string{events[0].Value, events[1].Value})
	require.Equal(t, []media.Ticks{at + 4*90_000, at}, []media.Ticks{events[0].At, events[1].At})
}
