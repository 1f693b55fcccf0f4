package dash_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/timeline"
)

// Who begins earlier keeps that delay, from one MPD to the next, and at most what the
// window has.
func TestStart(t *testing.T) {
	p := newTape(t)
	p.begin(0, 2*time.Minute, both())
	p.segments(0, 2*sec, 60, timeline.Source, timeline.Audio)
	for start, want := range map[time.Duration]time.Duration{
		60 * sec: 60 * sec, 60*sec + 700*time.Millisecond: 60 * sec, time.Hour: 114 * sec, 2 * sec: 2 * sec,
		sec: 1200 * time.Millisecond, 0: 1200 * time.Millisecond, -sec: 1200 * time.Millisecond,
	} {
		o := options
		o.Start = start
		body, err := dash.AppendMPD(nil, p.t, o)
		require.NoError(t, err)
		m, faults := dashcheck.Parse(mpdURL+"?start=-9", body)
		require.Empty(t, faults)
		require.Equal(t, want, m.Delay, "%v", start)
		if want > 1200*time.Millisecond {
			require.Contains(t, m.Next, "&start=-")
			require.NotContains(t, string(body), "ServiceDescription")
			again, err := dash.AppendMPD(nil, p.t, dash.Options{TimePath: o.TimePath, Start: want})
			require.NoError(t, err)
			require.Equal(t, string(body), string(again))
		} else {
			require.NotContains(t, m.Next, "start")
		}
	}
}
