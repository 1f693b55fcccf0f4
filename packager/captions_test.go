package packager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/sei"
	"sluice/packager"
	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// Captions that begin in mid-stream: what players have been told of stays as it is, the
// next segment begins a Period that has them, and who comes later is told by HLS.
func TestCaptionsBeginInMidStream(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 200 * time.Millisecond})
	seen := newViewers(t)
	now := time.Now()
	l.seen = func() { seen.look(l.timeline(), now) }
	l.begin(videoTrack(t))
	slice := []byte{0, 0, 0, 2, 0x65, 1}
	all := video{num: 3000, gops: []int{60}, bframes: true}.events(15 * time.Second)
	for i := range all {
		all[i].sample.Data = slice
		switch {
		case i >= 270:
			all[i].sample.Data = sei.InsertCaptions(slice, false, []byte{0xfc, 0x94, 0x20, 0xff, 0x02, 0x22, 0xfe, 0x41, 0x42})
		case i >= 150:
			all[i].sample.Data = sei.InsertCaptions(slice, false, []byte{0xfc, 0x80, 0x80})
		}
	}
	manifests := func() (string, []string) {
		multivariant, err := hls.AppendMultivariant(nil, l.timeline(), hls.Options{})
		require.NoError(t, err)
		mpd, err := dash.AppendMPD(nil, l.timeline(), dash.Options{})
		require.NoError(t, err)
		return string(multivariant), strings.Split(string(mpd), "<Period ")[1:]
	}
	step := func(from, to int) (string, []string) {
		for _, e := range all[from:to] {
			now = l.start.Add(e.at)
			l.write([]event{e})
		}
		return manifests()
	}
	multivariant, periods := step(0, 140)
	require.Equal(t, 2, strings.Count(multivariant, ",CLOSED-CAPTIONS=NONE\n"))
	require.Len(t, periods, 1)
	require.NotContains(t, periods[0], "Accessibility")

	multivariant, periods = step(140, 260)
	require.Equal(t, 2, strings.Count(multivariant, `,CLOSED-CAPTIONS="cc"`+"\n"))
	require.Contains(t, multivariant, `INSTREAM-ID="CC1"`, "there is room for them: most likely CC1")
	require.Len(t, periods, 2)
	require.NotContains(t, periods[0], "Accessibility", "what was told stays")
	require.Contains(t, periods[1], `<Accessibility schemeIdUri="urn:scte:dash:cc:cea-608:2015" value="CC1=und"/>`)

	multivariant, periods = step(260, len(all))
	require.Contains(t, multivariant, `INSTREAM-ID="CC1"`)
	require.Contains(t, multivariant, `INSTREAM-ID="SERVICE1"`)
	require.Len(t, periods, 3)
	require.Contains(t, periods[2], `cea-608:2015" value="CC1=und"/>`)
	require.Contains(t, periods[2], `<Accessibility schemeIdUri="urn:scte:dash:cc:cea-708:2015" value="1=lang:und"/>`)
	for _, p := range periods {
		require.Contains(t, p, `<InbandEventStream schemeIdUri="`+media.SchemeID3+`" value=""/>`)
	}
	found := entriesOf[timeline.CaptionsFound](l.rig)
	require.Len(t, found, 2, "each is told once")

	for _, v := range seen.dash.Violations() {
		t.Errorf("DASH: %v", v)
	}
	for _, v := range seen.hls.Violations() {
		t.Errorf("HLS: %v", v)
	}

	// The next epoch of the broadcast promises them from the start.
	l.seen = nil
	l.end()
	l.begin(videoTrack(t))
	again := video{num: 3000, gops: []int{60}}.events(5 * time.Second)
	for i := range again {
		again[i].at += 16 * time.Second
		again[i].sample.Data = slice
	}
	for _, e := range again {
		now = l.start.Add(e.at)
		l.write([]event{e})
	}
	multivariant, periods = manifests()
	require.Contains(t, multivariant, `INSTREAM-ID="SERVICE1"`)
	require.Contains(t, periods[len(periods)-1], "cea-708")
}
