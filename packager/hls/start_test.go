package hls_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
)

// A playlist for who begins earlier says so in its head, and one for all doesn't.
func TestStart(t *testing.T) {
	s := newScript(t)
	s.laddered()
	s.segments(7)
	plain, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	require.NotContains(t, string(plain), "EXT-X-START")
	for start, want := range map[time.Duration]string{
		90*time.Second + 300*time.Millisecond: "#EXT-X-START:TIME-OFFSET=-90,PRECISE=YES\n",
		7 * time.Second:                       "#EXT-X-START:TIME-OFFSET=-7,PRECISE=YES\n",
		6 * time.Second:                       "", // as near as players are anyway
		-time.Second:                          "",
	} {
		for _, f := range []func(hls.Options) ([]byte, error){
			func(o hls.Options) ([]byte, error) { return hls.AppendMultivariant(nil, s.t, o) },
			func(o hls.Options) ([]byte, error) { return hls.AppendTransportMultivariant(nil, s.t, o) },
		} {
			body, err := f(hls.Options{Start: start})
			require.NoError(t, err)
			require.Contains(t, string(body), want)
			_, mv, faults := hlscheck.Parse(body)
			require.Empty(t, faults)
			require.Equal(t, want != "", mv.Start < 0)
		}
	}
}

// The title is told where a quoted string can hold it.
func TestTitle(t *testing.T) {
	s := newScript(t)
	s.laddered()
	s.segments(7)
	for title, told := range map[string]bool{"hall 1": true, "Ärger & Öl": true, "": false, `a "b"`: false, "a\nb": false} {
		body, err := hls.AppendMultivariant(nil, s.t, hls.Options{Title: title})
		require.NoError(t, err)
		_, _, faults := hlscheck.Parse(body)
		require.Empty(t, faults)
		if told {
			require.Contains(t, string(body), `#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.title",VALUE="`+title+"\"\n")
		} else {
			require.NotContains(t, string(body), "SESSION-DATA")
		}
	}
}
