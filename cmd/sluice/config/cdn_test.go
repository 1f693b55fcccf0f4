package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCDNs(t *testing.T) {
	var got []CDN
	require.NoError(t, cdns(&got, "east=cdn-a.Example, west=203.0.113.7=3,c=x=0"))
	require.Equal(t, []CDN{
		{Name: "east", Host: "cdn-a.example", Weight: 1}, {Name: "west", Host: "203.0.113.7", Weight: 3}, {Name: "c", Host: "x"},
	}, got)
	for _, v := range []string{
		"east", "=a", ".=a", "a b=c", "east=", "east=https://a", "east=a:443", "east=a/b", "east=-a", "east=a=", "east=a=-1",
		"east=a=1001", "east=a,east=b", strings.Repeat("a", 65) + "=a",
	} {
		require.Error(t, cdns(&got, v), v)
	}
	require.Len(t, got, 3, "a mistake changes nothing")

	_, err := Load(Flags{CDN: []string{"east=a"}}, env())
	require.ErrorContains(t, err, "--cdn: it needs public-url")
	for _, v := range []string{"live.example", "https://live.example?a", "ftp://live.example", "https://a b"} {
		_, err = Load(Flags{PublicURL: &v}, env())
		require.ErrorContains(t, err, "--public-url", v)
	}
}
