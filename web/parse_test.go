package web

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is read as a place is written as manifests write it: one URL for
// each thing.
func FuzzPlace(f *testing.F) {
	for _, seed := range [][2]string{
		{"1", "2.m4s"}, {"1", "2.3.m4s"}, {"01", "2.m4s"}, {"1", "2.03.m4s"}, {"0", "1.m4s"}, {"1", "-1.m4s"},
		{"1", "2.3.4.m4s"}, {"9223372036854775808", "1.m4s"}, {"1", "1.2147483648.m4s"}, {"1", ".m4s"}, {"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, epoch, file string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("rendition", "source")
		r.SetPathValue("epoch", epoch)
		r.SetPathValue("file", file)
		p, err := parsePlace(r)
		if err != nil {
			require.Equal(t, place{}, p)
			return
		}
		require.Equal(t, epoch, strconv.FormatUint(p.epoch, 10))
		written := fmt.Sprintf("%d.m4s", p.msn)
		if p.part >= 0 {
			written = fmt.Sprintf("%d.%d.m4s", p.msn, p.part)
		}
		require.Equal(t, file, written)
		require.NotZero(t, p.epoch)
		require.NotZero(t, p.msn)
	})
}

// What net/url can read as a whole, we read in the same way.
func FuzzDirectives(f *testing.F) {
	for _, seed := range []string{
		"", "_HLS_msn=1", "_HLS_msn=1&_HLS_part=0&_HLS_skip=YES", "_HLS_skip=v2", "%5FHLS_msn=%31", "a=b&&c", "=", "_HLS_msn=1;x",
		"_HLS_part=4294967296&_HLS_msn=1", "_HLS_msn=+1", "token=a%zz&_HLS_msn=3",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		d, err := parseDirectives(query)
		_, _, _ = parseAfter(query)
		values, badQuery := url.ParseQuery(query)
		if err != nil {
			require.ErrorIs(t, err, errBadRequest)
			return
		}
		require.GreaterOrEqual(t, d.part, -1)
		if badQuery != nil {
			return
		}
		require.Equal(t, d.blocks, values.Has("_HLS_msn"))
		require.Equal(t, d.skip, values.Has("_HLS_skip"))
		if all := values["_HLS_msn"]; d.blocks {
			n, err := strconv.ParseUint(all[len(all)-1], 10, 64)
			require.NoError(t, err)
			require.Equal(t, n, d.msn)
		}
		if all := values["_HLS_part"]; d.part >= 0 {
			n, err := strconv.Atoi(all[len(all)-1])
			require.NoError(t, err)
			require.Equal(t, n, d.part)
		}
	})
}

// Whatever a Host is, what is announced is one header with a port in it.
func FuzzPort(f *testing.F) {
	for _, seed := range []string{"", "live.example", "live.example:8443", "[2001:db8::1]", "[::1]:443", ":", "x:0", "x:065", "x:65536", "x:+1", "x:\"\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		port := portOf(host)
		n, err := strconv.ParseUint(port, 10, 16)
		require.NoError(t, err)
		require.NotZero(t, n)
		require.Equal(t, strconv.FormatUint(n, 10), port)
		if port != "443" {
			require.Equal(t, port, host[len(host)-len(port):])
		}
	})
}

// A tag that is named is found, in whatever list, and no other is.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{"", "*", `"a"`, `W/"a"`, `"b", "a"`, `W/W/"a"`, `"a`, `,"a",`, ` "b" ,`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		strong, weak := namesTag([]string{list}, `"a"`, false), namesTag([]string{list}, `"a"`, true)
		require.True(t, weak || !strong, "what is the same strongly is so weakly")
		require.True(t, namesTag([]string{list, `W/"a"`}, `"a"`, true))
		require.True(t, namesTag([]string{list + `, "a"`}, `"a"`, false))
		if !strings.Contains(list, `"a"`) && !strings.Contains(list, "*") {
			require.False(t, weak)
		}
	})
}
