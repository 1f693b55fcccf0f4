package cmcd

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// said is a report as it's written in tests.
type said struct {
	has         Keys
	buffer      time.Duration
	deadline    time.Duration
	bitrate     uint64
	throughput  uint64
	starved, su bool
	format      byte
	session     string
}

func saidBy(r *Report) said {
	return said{r.Has, r.Buffer, r.Deadline, r.Bitrate, r.Throughput, r.Starved, r.Startup, r.Format, string(r.Session())}
}

const ms = time.Millisecond

func TestRead(t *testing.T) {
	for text, want := range map[string]said{
		`bl=21300`:                 {has: Buffer, buffer: 21300 * ms},
		`dl=0`:                     {has: Deadline},
		`br=3200,mtp=25400`:        {has: Bitrate | Throughput, bitrate: 3_200_000, throughput: 25_400_000},
		`bs,su`:                    {starved: true, su: true},
		`bs=?1,su=?0`:              {starved: true},
		`bs, su`:                   {starved: true, su: true},
		`su,su=?0`:                 {}, // the last one counts
		`sf=d`:                     {has: Format, format: 'd'},
		`sid="a b"`:                {has: Session, session: "a b"},
		`sid="\"\\"`:               {has: Session, session: `"\`},
		`sid="a,b=c;d"`:            {has: Session, session: "a,b=c;d"},
		`br=430.556`:               {has: Bitrate, bitrate: 430_000},
		`br=(430;v 100;a),bl=(17)`: {has: Bitrate | Buffer, bitrate: 430_000, buffer: 17 * ms},
		`br=( 430 )`:               {has: Bitrate, bitrate: 430_000},
		`bl=300;v;w="x",su`:        {has: Buffer, buffer: 300 * ms, su: true},
		`nor="..%2Fsegment.mp4",nrr="12-34",pr=1.08,ot=v,st=ll,tb=6000,rtp=100,cid="x",v=1,d=200`: {},
		`com.example-myNumericKey=500,com.example-myStringKey="x",a_b-*=*tok/en:`:                 {},
		`ts=@1700000000`: {},

		// What makes no sense isn't there.
		`bl=-1,dl=true,br="5",mtp=1000000001,sf=x,bs=1,su="?1"`: {},
		`sf=hls,sid=abc,bl=86400001,br=()`:                      {},
		`sid="abc",sid="d"`:                                     {has: Session, session: "d"},
		`sid=""`:                                                {},
		`sid="` + strings.Repeat("x", 65) + `"`:                 {},
		`sid="` + strings.Repeat("x", 64) + `"`:                 {has: Session, session: strings.Repeat("x", 64)},
		`bl=86400000`:                                           {has: Buffer, buffer: 24 * time.Hour},
		`mtp=1000000000`:                                        {has: Throughput, throughput: 1e12},
		``:                                                      {},
	} {
		t.Run(text, func(t *testing.T) {
			var r Report
			found, err := Read("", map[string][]string{"Cmcd-Session": {text}}, &r)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, want, saidBy(&r))

			for name, query := range map[string]string{
				"alone": "CMCD=" + url.QueryEscape(text), "last": "_HLS_msn=3&CMCD=" + url.QueryEscape(text),
				"first": "CMCD=" + url.QueryEscape(text) + "&token=a%zz", "all in percent": "CMCD=" + percent(text),
				"after one like it": "XCMCD=bl=1&CMCD=" + url.QueryEscape(text) + "&CMCD=bl=7",
			} {
				r = Report{Buffer: time.Hour} // of somebody else
				found, err := Read(query, map[string][]string{"Cmcd-Session": {"bl=5"}}, &r)
				require.NoError(t, err, name)
				require.True(t, found, name)
				require.Equal(t, want, saidBy(&r), name)
			}
		})
	}
}

func percent(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func TestReadHeaders(t *testing.T) {
	h := http.Header{}
	h.Set("CMCD-Request", "bl=1900,mtp=2100,su")
	h.Set("CMCD-Object", "br=430,d=2000,ot=v")
	h.Set("CMCD-Status", "bs,rtp=8700")
	h.Set("CMCD-Session", `sf=h,sid="x"`)
	var r Report
	found, err := Read("a=b", h, &r)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, said{
		has: Buffer | Throughput | Bitrate | Format | Session, buffer: 1900 * ms, throughput: 2_100_000, bitrate: 430_000,
		su: true, starved: true, format: 'h', session: "x",
	}, saidBy(&r))
}

func TestNoReport(t *testing.T) {
	for _, query := range []string{"", "a=b", "CMCD", "cmcd=bl=1", "XCMCD=bl=1", "a=CMCD=bl%3D1", "CMCDX=1"} {
		var r Report
		found, err := Read(query, http.Header{"X-Cmcd-Request": {"bl=1"}}, &r)
		require.NoError(t, err, query)
		require.False(t, found, query)
		require.Equal(t, Report{}, r)
	}
}

func TestRefused(t *testing.T) {
	members := strings.Repeat("a=1,", maxMembers)
	for text, want := range map[string]error{
		"bl=100,bl":                              nil,
		"bl=1,":                                  errComma,
		"bl=1 su":                                errComma,
		"bl=1,,su":                               errKey,
		",":                                      errKey,
		"=1":                                     errKey,
		"bl=":                                    errValue,
		"bl=1e9":                                 errComma,
		"bl=1.":                                  errValue,
		"bl=--1":                                 errValue,
		"bl=NaN,br=5":                            nil, // a token
		"bl=\x001":                               errValue,
		"sid=\"a":                                errValue,
		`sid="a\b"`:                              errValue,
		"sid=\"a\n\"":                            errValue,
		"bs=?2":                                  errValue,
		"bs=?":                                   errValue,
		"br=(1":                                  errValue,
		"br=(1,2)":                               errValue,
		"br=(1 2":                                errValue,
		"br=((1))":                               errValue,
		"br=1;":                                  errKey,
		"br=1;a=":                                errValue,
		"x=:aGk=:":                               errValue,
		strings.Repeat("k", maxKey+1):            errKey,
		strings.Repeat("k", maxKey):              nil,
		"bl=" + strings.Repeat("1", maxDigits+1): errValue,
		"pr=1." + strings.Repeat("1", maxDigits+1): errValue,
		members + "b":                                  errTooMany,
		strings.TrimSuffix(members, ","):               nil,
		`x="` + strings.Repeat("x", MaxLength) + `"`:   errTooLong,
		`x="` + strings.Repeat("x", MaxLength-4) + `"`: nil,
	} {
		var r Report
		found, err := Read("", http.Header{"Cmcd-Status": {"su"}, "Cmcd-Request": {text}}, &r)
		require.True(t, found)
		if len(text) == MaxLength {
			require.ErrorIs(t, err, errTooLong, "all headers together")
		} else {
			require.Equal(t, want, err, "%.80q", text)
		}
		if err != nil {
			require.ErrorIs(t, err, ErrRefused)
			require.Equal(t, Report{}, r, "nothing of it is left")
		}
	}
	for _, query := range []string{"CMCD=bl%3D%", "CMCD=bl%3D1%2", "CMCD=bl%3D1%2x", "CMCD=%zz", "CMCD=" + strings.Repeat("a", MaxLength+1)} {
		var r Report
		found, err := Read(query, nil, &r)
		require.True(t, found)
		require.ErrorIs(t, err, ErrRefused, query)
		require.Equal(t, Report{}, r)
	}
	require.EqualError(t, errKey, "cmcd: refused: bad key")
}

// A request costs no garbage, whatever is in it.
func TestReadAllocatesNothing(t *testing.T) {
	const text = `bl=1900,br=430,bs,d=2000,dl=1900,mtp=2100,nor="..%2F..%2Fsource%2F1%2F36.1.m4s",ot=v,sf=h,sid="82c567ca-bf3f",st=ll,su`
	queries := []string{
		"", "_HLS_msn=3&_HLS_part=1", "_HLS_msn=3&CMCD=" + url.QueryEscape(text), "CMCD=bl%zz", "CMCD=" + strings.Repeat("a", 80),
	}
	headers := []http.Header{nil, {"Accept": {"*/*"}}, {"Cmcd-Request": {text}, "Cmcd-Session": {`sid="x"`}}}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, query := range queries {
			for _, h := range headers {
				var r Report
				_, _ = Read(query, h, &r)
			}
		}
	}))
}

func BenchmarkRead(b *testing.B) {
	const text = `bl=1900,br=430,d=2000,dl=1900,mtp=2100,ot=v,rtp=2700,sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34",st=ll,tb=431`
	for name, query := range map[string]string{"none": "_HLS_msn=3&_HLS_part=1", "query": "CMCD=" + url.QueryEscape(text)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			h := http.Header{"Accept": {"*/*"}}
			for b.Loop() {
				var r Report
				_, _ = Read(query, h, &r)
			}
		})
	}
}

// Whatever is read keeps its limits, reads back as it was, and is the same in a header as in a query.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`bl=1900,br=430,bs,d=2000,dl=1900,mtp=2100,nor="..%2F..%2Fsource%2F1%2F36.1.m4s",ot=v,sf=h,sid="82c567ca",st=ll,su`,
		`ab=(431;v 100;a),bl=(0;v),br=(430;v),bs,tpb=(430.556;v),v=2`, `sid="\"\\",pr=-1.5,ts=@1`, `a.b-C*=?0;x=(;`, `bl=%31`, `%`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var plain, escaped, raw Report
		_, err := Read("", http.Header{"Cmcd-Object": {text}}, &plain)
		_, _ = Read("CMCD="+text, nil, &raw)
		for _, r := range []*Report{&plain, &raw} {
			require.LessOrEqual(t, len(r.Session()), maxSession)
			require.LessOrEqual(t, max(r.Buffer, r.Deadline), maxTime)
			require.GreaterOrEqual(t, min(r.Buffer, r.Deadline), time.Duration(0))
			require.LessOrEqual(t, max(r.Bitrate, r.Throughput), uint64(maxRate))
		}
		if escapedText := url.QueryEscape(text); len(escapedText) <= MaxLength {
			_, escapedErr := Read("CMCD="+escapedText, nil, &escaped)
			require.Equal(t, err, escapedErr)
			require.Equal(t, plain, escaped)
		}
		if err != nil {
			require.True(t, errors.Is(err, ErrRefused))
			require.Equal(t, Report{}, plain)
			return
		}
		var again Report
		_, err = Read("", http.Header{"Cmcd-Object": {write(&plain)}}, &again)
		require.NoError(t, err)
		require.Equal(t, plain, again)
	})
}

// write is what Read reads as r.
func write(r *Report) string {
	var all []string
	add := func(key Keys, name, value string) {
		if r.Has&key != 0 {
			all = append(all, name+"="+value)
		}
	}
	add(Buffer, "bl", strconv.FormatInt(r.Buffer.Milliseconds(), 10))
	add(Deadline, "dl", strconv.FormatInt(r.Deadline.Milliseconds(), 10))
	add(Bitrate, "br", strconv.FormatUint(r.Bitrate/1000, 10))
	add(Throughput, "mtp", strconv.FormatUint(r.Throughput/1000, 10))
	add(Format, "sf", string(rune(r.Format)))
	add(Session, "sid", `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(r.Session()))+`"`)
	if r.Starved {
		all = append(all, "bs")
	}
	if r.Startup {
		all = append(all, "su")
	}
	return strings.Join(all, ",")
}
