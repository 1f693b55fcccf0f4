package console

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

func key(t *testing.T) catalog.Key {
	t.Helper()
	k, err := catalog.ParseKey("abcdefghijklmnopqrstuvwxyz")
	require.NoError(t, err)
	return k
}

func TestBanner(t *testing.T) {
	var many []string
	for c := 'a'; c < 'l'; c++ {
		many = append(many, string(c))
	}
	for name, b := range map[string]Banner{
		"first-start": {
			Version: "v1.0.0", Data: "./data", RTMPS: "[::]:1936", RTMP: "127.0.0.1:1935", HTTP: "[::]:8080", HTTPS: "[::]:8443",
			Streams: []string{"live"}, Key: key(t), KeyFile: "data/live.key", Names: []string{"studio", "192.168.7.20"}, LocalCA: true, TrustBy: "sudo sluice trust",
		},
		"trusted": {
			Version: "v1.0.0", Data: "/srv", RTMPS: "127.0.0.1:2936", HTTP: "127.0.0.1:80", HTTPS: "127.0.0.1:443",
			Streams: []string{"hall", "live"}, Names: []string{"studio"}, LocalCA: true, Trusted: true,
		},
		"public-certificate": {
			Version: "v1.0.0", Data: "/srv", RTMP: "0.0.0.0:1935", HTTPS: "[2001:db8::1]:443", Streams: many,
		},
		"without-tls": {
			Version: "v1.0.0", Data: "/srv", RTMP: "127.0.0.1:1935", HTTP: "127.0.0.1:8080", Streams: []string{"live"},
			LocalCA: true, TrustBy: "sudo sluice trust",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, b.Print(&out))
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(out.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), out.String())
		})
	}
}
