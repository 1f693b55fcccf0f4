package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

func ptr(s string) *string { return &s }

func env(pairs ...string) func(string) (string, bool) {
	m := map[string]string{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		m[k] = v
	}
	return func(k string) (string, bool) { v, ok := m[k]; return v, ok }
}

func yamlFile(t *testing.T, text string) *string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return &path
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := Load(Flags{}, env())
	require.NoError(t, err)
	require.Equal(t, Default(), c)
}

func TestEverySettingFromEveryLayer(t *testing.T) {
	texts := map[string]string{
		"data": "/srv/sluice", "rtmps-addr": ":2936", "rtmp-addr": ":2935", "rtmpt": "true", "rtmpe": "on", "http3": "on", "http-connections": "99", "http-addr": "127.0.0.1:80",
		"https-addr": "[::1]:443", "tls-cert": "a.pem,c.pem", "tls-key": "b.pem,d.pem", "segment": "4s", "part": "500ms",
		"window": "1m", "storage-max": "1.5T", "storage-free": "off", "grace": "10s", "domain": "live.example.org,two.example.org", "acme-email": "ops@example.org",
		"acme-directory": "https://ca.example/dir", "acme-ca": "ca.pem",
		"client-ca": "clients.pem", "client-crl": "crl.pem", "client-auth": "request", "takeover": "newest", "max-bitrate": "20M",
		"backup-after": "2s", "backup-return": "stay", "slate": "off", "slate-after": "5s",
		"api-token": "0123456789abcdef", "public-url": "https://live.example", "cdn": "east=a.example,west=b.example=3",
		"thumbnails": "off",
		"playback":   "public", "origin": "https://tv.example,https://*.tv.example", "referer": "tv.example,none",
		"ladder": "source,480p@1200k", "log-format": "json", "log-level": "debug",
	}
	want := Config{
		Data: "/srv/sluice", Listen: Listen{RTMPS: ":2936", RTMP: ":2935", HTTP: "127.0.0.1:80", HTTPS: "[::1]:443"}, HTTP3: true, HTTPConnections: 99,
		TLS: TLS{
			Certs: []string{"a.pem", "c.pem"}, Keys: []string{"b.pem", "d.pem"},
			Domains: []string{"live.example.org", "two.example.org"},
			ACME:    ACME{Email: "ops@example.org", Directory: "https://ca.example/dir", CA: "ca.pem"},
			Client:  Client{CA: "clients.pem", CRL: "crl.pem"},
		},
		Compat:  Compat{RTMPT: true, RTMPE: true},
		Timing:  catalog.Timing{Segment: 4 * time.Second, Part: 500 * time.Millisecond, Window: time.Minute},
		Ladder:  rung.Spec{Source: &rung.Source{}, Rungs: []rung.Rung{{Name: "480p", Height: 480, Bitrate: 1_200_000, Codec: rung.H264}}},
		Storage: Storage{Max: 1_500_000_000_000},
		Grace:   10 * time.Second, Log: Log{JSON, slog.LevelDebug},
		Continuity: Continuity{2 * time.Second, ReturnStay, SlateOff, 5 * time.Second},
		Playback:   Playback{Public, []string{"https://tv.example", "https://*.tv.example"}, []string{"tv.example", "none"}},
		Takeover:   TakeoverNewest, MaxBitrate: 20_000_000, APIToken: "0123456789abcdef", Webhooks: Default().Webhooks,
		PublicURL: "https://live.example", CDNs: []CDN{{"east", "a.example", 1}, {"west", "b.example", 3}},
	}
	require.Len(t, texts, len(settings)-1, "api-token-file goes without api-token")

	var vars, lines []string
	for name, text := range texts {
		vars = append(vars, variable(name)+"="+text)
		lines = append(lines, name+": \""+text+"\"")
	}
	got, err := Load(Flags{}, env(vars...))
	require.NoError(t, err)
	require.Equal(t, want, got)

	got, err = Load(Flags{Config: yamlFile(t, strings.Join(lines, "\n"))}, env())
	require.NoError(t, err)
	require.Equal(t, want, got)

	f := Flags{
		Data: ptr(texts["data"]), RTMPSAddr: ptr(texts["rtmps-addr"]), RTMPAddr: ptr(texts["rtmp-addr"]),
		HTTPAddr: ptr(texts["http-addr"]), HTTPSAddr: ptr(texts["https-addr"]),
		TLSCert: []string{"a.pem", "c.pem"}, TLSKey: []string{"b.pem", "d.pem"},
		Domain: []string{"live.example.org", "two.example.org"}, ACMEEmail: ptr(texts["acme-email"]),
		ACMEDirectory: ptr(texts["acme-directory"]), ACMECA: ptr(texts["acme-ca"]),
		ClientCA: ptr(texts["client-ca"]), ClientCRL: ptr(texts["client-crl"]), ClientAuth: ptr(texts["client-auth"]),
		HTTP3: new(true), HTTPConns: ptr("99"), RTMPT: new(true), RTMPE: new(true), Segment: ptr(texts["segment"]), Part: ptr(texts["part"]), Window: ptr(texts["window"]), StorageMax: ptr("1.5T"), StorageFree: ptr("off"), Grace: ptr(texts["grace"]), Ladder: ptr(texts["ladder"]),
		BackupAfter: ptr(texts["backup-after"]), BackupReturn: ptr(texts["backup-return"]),
		Slate: ptr(texts["slate"]), SlateAfter: ptr(texts["slate-after"]),
		Thumbnails: ptr("off"),
		Playback:   ptr("public"), Origin: []string{"https://tv.example", "https://*.tv.example"}, Referer: []string{"tv.example", "none"},
		Takeover: ptr(texts["takeover"]), MaxBitrate: ptr(texts["max-bitrate"]), APIToken: ptr(texts["api-token"]),
		PublicURL: ptr(texts["public-url"]), CDN: []string{"east=a.example", "west=b.example=3"},
		LogFormat: ptr(texts["log-format"]), LogLevel: ptr(texts["log-level"]),
	}
	got, err = Load(f, env())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestAPIToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(" 0123456789abcdef\n"), 0o600))
	c, err := Load(Flags{APITokenFile: &path}, env())
	require.NoError(t, err)
	require.Equal(t, Secret("0123456789abcdef"), c.APIToken)
	require.NotContains(t, fmt.Sprintf("%+v", c), "0123456789abcdef")
	_, err = Load(Flags{APITokenFile: &path}, env("SLUICE_API_TOKEN=0123456789abcdef"))
	require.ErrorContains(t, err, "--api-token-file: api-token is given too")
	_, err = Load(Flags{APIToken: ptr("short")}, env())
	require.ErrorContains(t, err, "--api-token: a secret has 16 to 4096 bytes")
	require.NotContains(t, err.Error(), "short")
}

func TestPrecedence(t *testing.T) {
	file := yamlFile(t, "segment: 1s\npart: 100ms\nwindow: 10s\ngrace: 1s\n")
	c, err := Load(
		Flags{Segment: ptr("4s"), Window: ptr("40s")},
		env("SLUICE_CONFIG="+*file, "SLUICE_SEGMENT=3s", "SLUICE_PART=300ms", "SLUICE_LOG_LEVEL="))
	require.NoError(t, err)
	require.Equal(t, catalog.Timing{Segment: 4 * time.Second, Part: 300 * time.Millisecond, Window: 40 * time.Second}, c.Timing)
	require.Equal(t, time.Second, c.Grace)
	require.Equal(t, slog.LevelInfo, c.Log.Level, "an empty variable is none")
}

func TestStreams(t *testing.T) {
	read := func(f Flags, vars ...string) map[string]string {
		t.Helper()
		c, err := Load(f, env(vars...))
		require.NoError(t, err)
		m := map[string]string{}
		for _, s := range c.Streams {
			m[s.Name] = s.Key.Reveal()
			require.Equal(t, []catalog.StreamKey{catalog.FixedKey(s.Key.Hash(), 1)}, s.Catalog().Keys)
		}
		return m
	}
	file := yamlFile(t, `
streams:
  - name: hall
    key: 1234567890
    segment: 4s
  - {name: yard, key: yard-yard-yard, part: 100ms, window: 1m}
`)
	require.Equal(t, map[string]string{"hall": "1234567890", "yard": "yard-yard-yard"}, read(Flags{Config: file}))
	c, err := Load(Flags{Config: file}, env())
	require.NoError(t, err)
	require.Equal(t, catalog.Timing{Segment: 4 * time.Second}, c.Streams[0].Timing)
	require.Equal(t, catalog.Timing{Part: 100 * time.Millisecond, Window: time.Minute}, c.Streams[1].Timing)

	require.Equal(t, map[string]string{"a": "aaaaaaaa", "b": "bbbbbbbb"},
		read(Flags{Config: file}, "SLUICE_STREAMS=a=aaaaaaaa, b=bbbbbbbb,"))
	require.Equal(t, map[string]string{"c": "cccccccc", "d": "dddddddd"},
		read(Flags{Config: file, Stream: []string{"c=cccccccc", "d=dddddddd"}}, "SLUICE_STREAMS=a=aaaaaaaa"))
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags Flags
		env   []string
		want  string
	}{
		{"flag duration", Flags{Segment: ptr("2")}, nil, `--segment: "2" is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s`},
		{"variable duration", Flags{}, []string{"SLUICE_PART=fast"}, `SLUICE_PART: "fast" is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s`},
		{"range", Flags{Window: ptr("1s")}, nil, "--window: 1s is not between 4s and 168h0m0s"},
		{"negative", Flags{Grace: ptr("-1s")}, nil, "--grace: -1s is not between 0s and 1h0m0s"},
		{"bare port", Flags{HTTPAddr: ptr("8080")}, nil, `--http-addr: "8080" is not an address: want host:port or :port, as in 127.0.0.1:8080 or :8080, or off`},
		{"large port", Flags{}, []string{"SLUICE_HTTPS_ADDR=:70000"}, `SLUICE_HTTPS_ADDR: ":70000": the port is a number from 0 to 65535`},
		{"named port", Flags{HTTPAddr: ptr(":http")}, nil, `--http-addr: ":http": the port is a number from 0 to 65535`},
		{"URL as address", Flags{HTTPAddr: ptr("http://x:80")}, nil, `--http-addr: "http://x:80" is not an address: want host:port or :port, as in 127.0.0.1:8080 or :8080, or off`},
		{"ladder", Flags{Ladder: ptr("source,720p@2")}, nil, `--ladder: "720p@2": "2" is not a bitrate: want a number with k or M, as in 1200k or 2.5M`},
		{"log format", Flags{LogFormat: ptr("xml")}, nil, `--log-format: "xml" is neither text nor json`},
		{"playback", Flags{Playback: ptr("secret")}, nil, `--playback: "secret" is neither public nor signed`},
		{"playback without a key", Flags{}, []string{"SLUICE_PLAYBACK=signed"},
			"SLUICE_PLAYBACK: signed needs a key: signing, secret-file (or another of its keys) in the YAML file"},
		{"origin", Flags{Origin: []string{"tv.example"}}, nil, `--origin: "tv.example" is no origin: want https://HOST, https://*.HOST or *`},
		{"referer", Flags{}, []string{"SLUICE_REFERER=tv.example,https://x"}, `SLUICE_REFERER: "https://x" is no host: want HOST, *.HOST, none or *`},
		{"takeover", Flags{Takeover: ptr("always")}, nil, `--takeover: "always" is neither silent nor newest`},
		{"size", Flags{StorageMax: ptr("much"), StorageFree: ptr("20")}, nil,
			`--storage-max: "much" is not a size: want a number with M, G or T, as in 500M or 1.5T
--storage-free: "20" is not a size: want a number with M, G or T, as in 500M or 1.5T`},
		{"bitrate", Flags{MaxBitrate: ptr("fast")}, nil, `--max-bitrate: "fast" is not a bitrate: want a number with k or M, as in 1200k or 2.5M`},
		{"log level", Flags{LogLevel: ptr("loud")}, nil, `--log-level: "loud" is none of debug, info, warn and error`},
		{"half a certificate", Flags{TLSCert: []string{"a.pem"}}, nil, "--tls-cert: given without tls-key"},
		{"HTTP/3 without HTTPS", Flags{HTTP3: new(true), HTTPSAddr: ptr("off")}, nil, "--http3: https-addr is off, beside which it would be"},
		{"no connections", Flags{HTTPConns: ptr("0")}, nil, `--http-connections: "0" is no number from 1 on, and isn't off`},
		{"switch", Flags{}, []string{"SLUICE_RTMPT=perhaps"}, `SLUICE_RTMPT: "perhaps" is neither true nor false`},
		{"RTMPE nowhere", Flags{RTMPE: new(true), RTMPAddr: ptr("off")}, nil, "--rtmpe: rtmp-addr is off, where it would be taken"},
		{"tunnels beside required certificates", Flags{ClientCA: ptr("x"), ClientAuth: ptr("require"), RTMPT: new(true)}, nil,
			"--rtmpt: tunnels would let publishers in without the certificate that client-auth requires"},
		{"fewer keys", Flags{TLSCert: []string{"a.pem", "b.pem"}, TLSKey: []string{"a.key"}}, nil,
			"--tls-cert and --tls-key: 2 certificates and 1 keys: each needs its own, in the same order"},
		{"domain", Flags{Domain: []string{"live"}}, nil, `--domain: "live" is not a domain, as in live.example.org`},
		{"address as a domain", Flags{Domain: []string{"192.0.2.1"}}, nil, `--domain: "192.0.2.1" is not a domain, as in live.example.org`},
		{"wildcard domain", Flags{}, []string{"SLUICE_DOMAIN=a.example, *.example.org"},
			`SLUICE_DOMAIN: "*.example.org": a wildcard can't be proved over TLS or HTTP: name the domains one by one`},
		{"domain twice", Flags{Domain: []string{"a.example", "A.example."}}, nil, `--domain: "a.example" is given twice`},
		{"e-mail", Flags{Domain: []string{"a.example"}, ACMEEmail: ptr("ops")}, nil, `--acme-email: "ops" is not an e-mail address`},
		{"directory", Flags{Domain: []string{"a.example"}, ACMEDirectory: ptr("http://ca")}, nil,
			`--acme-directory: "http://ca" is not the https URL of an ACME directory`},
		{"ACME without a domain", Flags{ACMEEmail: ptr("a@b")}, nil, "--acme-email: given without domain"},
		{"clients without a CA", Flags{ClientAuth: ptr("require"), ClientCRL: ptr("x")}, nil,
			"--client-crl: given without client-ca\n--client-auth: given without client-ca"},
		{"client mode", Flags{ClientCA: ptr("x"), ClientAuth: ptr("maybe")}, nil, `--client-auth: "maybe" is neither request nor require`},
		{"clients without RTMPS", Flags{ClientCA: ptr("x"), RTMPSAddr: ptr("off")}, nil,
			"--client-ca: rtmps-addr is off, so nobody could show a certificate"},
		{"nobody publishes", Flags{RTMPSAddr: ptr("off"), RTMPAddr: ptr("off")}, nil, "--rtmps-addr and --rtmp-addr: both are off, so nobody could publish"},
		{"nobody watches", Flags{HTTPAddr: ptr("off"), HTTPSAddr: ptr("off")}, nil, "--http-addr and --https-addr: both are off, so nobody could watch"},
		{"same address", Flags{HTTPAddr: ptr(":8443")}, nil, "--http-addr and https-addr: both are :8443"},
		{"part above segment", Flags{Segment: ptr("1s"), Part: ptr("2s")}, nil, "--part: 2s is longer than a segment (1s)"},
		{"short window", Flags{Segment: ptr("10s"), Window: ptr("20s")}, nil, "--window: 20s is shorter than three segments of 10s"},
		{"short default window", Flags{}, []string{"SLUICE_SEGMENT=15s"}, "SLUICE_SEGMENT: window: 30s is shorter than three segments of 15s"},
		{"stream without key", Flags{Stream: []string{"live"}}, nil, "--stream: a stream needs a key"},
		{"stream's name", Flags{Stream: []string{"Live=12345678"}}, nil, `--stream: stream name "Live": only a-z, 0-9, - and _ are allowed, and first a letter or digit`},
		{"stream's key", Flags{}, []string{"SLUICE_STREAMS=live=hunter 2"}, "SLUICE_STREAMS: stream live: a stream key has only letters, digits, and - _ . ~ /"},
		{"stream's empty key", Flags{Stream: []string{"live="}}, nil, "--stream: stream live: a stream key is empty"},
		{"stream twice", Flags{Stream: []string{"a=12345678", "a=87654321"}}, nil, "--stream: stream a was given already (--stream)"},
		{"key twice", Flags{Stream: []string{"a=12345678", "b=12345678"}}, nil, "--stream: stream b has the same key as stream a"},
		{"two at once", Flags{Segment: ptr("x"), LogFormat: ptr("y")}, nil,
			"--segment: \"x\" is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s\n--log-format: \"y\" is neither text nor json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(tc.flags, env(tc.env...))
			require.EqualError(t, err, tc.want)
		})
	}
}

func TestListsInAFile(t *testing.T) {
	c, err := Load(Flags{Config: yamlFile(t, `
tls-cert: [a.pem, "b.pem"]
tls-key:
  - a.key
  - b.key
domain: a.example
client-ca: ca.pem
client-auth: require
streams:
  - {name: hall, client: studio}
  - {name: yard, client: [van, "Van 2"], key: a-long-random-key}
  - name: roof
    client: van
    key: a-further-long-key
    keys: [{sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, label: truck}]
  - {name: open, client: [van], keys: []}
`)}, env())
	require.NoError(t, err)
	require.Equal(t, TLS{
		Certs: []string{"a.pem", "b.pem"}, Keys: []string{"a.key", "b.key"}, Domains: []string{"a.example"},
		Client: Client{CA: "ca.pem", Required: true},
	}, c.TLS)
	require.Equal(t, []string{"studio"}, c.Streams[0].Clients)
	require.Empty(t, c.Streams[0].Catalog().Keys, "no key opens it")
	require.Equal(t, []string{"van", "Van 2"}, c.Streams[1].Clients)
	require.Len(t, c.Streams[1].Catalog().Keys, 1)
	require.Equal(t, []string{"van"}, c.Streams[2].Clients)
	require.Len(t, c.Streams[2].Catalog().Keys, 2)
	require.Equal(t, "truck", c.Streams[2].Catalog().Keys[1].Label)
	require.Empty(t, c.Streams[3].Catalog().Keys)
}

func TestMistakesInAFileHaveTheirPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "data: x\nhttpaddr: :80\n", "FILE:2:1: httpaddr: unknown key (did you mean http-addr?)"},
		{"underscore", "http_addr: :80\n", "FILE:1:1: http_addr: unknown key (did you mean http-addr?)"},
		{"far off", "transcoding: yes\n", "FILE:1:1: transcoding: unknown key"},
		{"config in the file", "config: x\n", "FILE:1:1: config: unknown key"},
		{"bad value", "# comment\n\nsegment: soon\n", `FILE:3:10: segment: "soon" is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s`},
		{"number for a duration", "segment: 2\n", `FILE:1:10: segment: "2" is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s`},
		{"list for a value", "part:\n  - 1s\n", "FILE:2:3: part: here stands a list instead of a value"},
		{"mapping for a value", "part: {a: 1}\n", "FILE:1:7: part: here stands a mapping instead of a value"},
		{"twice", "part: 1s\npart: 2s\n", `FILE:2:1: mapping key "part" already defined at [1:1]`},
		{"syntax", "part: [1s\n", "FILE:1:7: "},
		{"tab", "streams:\n\t- name: a\n", "FILE:2:1: "},
		{"not a mapping", "- a\n- b\n", "FILE:1:1: here stands a list instead of keys with values"},
		{"bare text", "hello\n", "FILE:1:1: here stands a single value instead of keys with values"},
		{"two documents", "part: 1s\n---\npart: 2s\n", "a second document"},
		{"anchor", "part: &p 1s\nsegment: *p\n", "FILE:1:7: part: here stands an anchor or alias instead of a value"},
		{"streams no list", "streams:\n  live: key\n", "FILE:2:7: streams: here stands a mapping instead of a list"},
		{"stream's unknown key", "streams:\n  - name: live\n    kay: abc\n", "FILE:3:5: kay: unknown key (did you mean key?)"},
		{"keys no list", "streams:\n  - name: live\n    keys: abc\n", "FILE:3:11: keys: here stands a single value instead of a list"},
		{"key of keys without key", "streams:\n  - name: live\n    keys:\n      - label: x\n", "FILE:4:9: keys: want either key or sha256"},
		{"key and hash", "streams:\n  - name: live\n    keys:\n      - {key: 12345678, sha256: " + strings.Repeat("ab", 32) + "}\n", "FILE:4:10: keys: want either key or sha256"},
		{"key's bad hash", "streams:\n  - name: live\n    keys:\n      - sha256: abcd\n", "FILE:4:17: sha256: a key's hash has 64 hexadecimal digits, this one has 4"},
		{"key's bad range", "streams:\n  - name: live\n    keys:\n      - key: 12345678\n        allow: [10.0.0.0/8, hall]\n", `FILE:5:29: allow: "hall" is no address range: want CIDR`},
		{"key's bad expiry", "streams:\n  - name: live\n    keys:\n      - key: 12345678\n        expires: soon\n", `FILE:5:18: expires: "soon" is no time: want a date, or as in 2026-12-31T23:00:00Z`},
		{"key's bad purpose", "streams:\n  - name: live\n    keys:\n      - {key: 12345678, backup: spare}\n", `FILE:4:33: backup: "spare" is neither true nor false`},
		{"key's unknown key", "streams:\n  - name: live\n    keys:\n      - {key: 12345678, expiry: x}\n", `FILE:4:25: expiry: unknown key`},
		{"the same key twice", "streams:\n  - name: live\n    key: 12345678\n    keys: [12345678]\n", `FILE:2:5: streams: stream live has the same key twice`},
		{"too many keys", "streams:\n  - name: live\n    keys: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", `FILE:2:5: streams: 17 keys are more than 16`},
		{"webhook without secret", "webhooks:\n  on-publish: https://app.example/hook\n", "webhooks: a secret is needed"},
		{"webhook's bad URL", "webhooks:\n  on-publish: app.example/hook\n", `FILE:2:15: on-publish: "app.example/hook" is no URL: want https://HOST/PATH`},
		{"webhook's password", "webhooks: {on-publish: 'https://me:12345678@app.example/'}\n", `FILE:1:24: on-publish: a URL with a password in it`},
		{"webhook's short secret", "webhooks:\n  secret: 12345678\n", "FILE:2:11: secret: a secret has 16 to 4096 bytes, this one has 8"},
		{"two secrets", "jwt:\n  secret: 1234567812345678\n  secret-file: x\n", "FILE:3:16: secret-file: secret is given too"},
		{"two old secrets", "signing:\n  old-secret: 1234567812345678\n  old-secret-file: x\n", "FILE:3:20: old-secret-file: old-secret is given too"},
		{"a stream without a signing key", "streams:\n  - name: hall\n    key: 0123456789\n    playback: signed\n",
			"FILE:4:15: playback: signed needs a key: signing, secret-file (or another of its keys) in the YAML file"},
		{"a stream's referer", "streams:\n  - name: hall\n    key: 0123456789\n    referer: [tv.example, a b]\n", `FILE:4:15: referer: "a b" is no host: want HOST, *.HOST, none or *`},
		{"one secret for all", "jwt: {secret: 1234567812345678}\nsigning: {old-secret: 1234567812345678}\n", "signing: a key is that of jwt, so viewers' tokens would let them publish: take another, or give each an audience of its own"},
		{"one key set for all", "jwt: {jwks-url: 'https://a/b', audience: x}\nsigning: {jwks-url: 'https://a/b'}\n", "signing: a key is that of jwt, so viewers' tokens would let them publish: take another, or give each an audience of its own"},
		{"end of sessions", "jwt:\n  end-sessions: never\n", "FILE:2:17: "},
		{"secret's file", "jwt:\n  secret-file: /nowhere/x\n", "FILE:2:16: secret-file: open /nowhere/x: no such file"},
		{"webhook's timeout", "webhooks:\n  timeout: 1m\n", "FILE:2:12: timeout: 1m0s is not between 100ms and 8s"},
		{"webhook's failure", "webhooks:\n  on-failure: hope\n", `FILE:2:15: on-failure: "hope" is neither refuse nor admit`},
		{"webhook's unknown key", "webhooks:\n  on-published: x\n", "FILE:2:3: on-published: unknown key (did you mean on-publish?)"},
		{"stream's bad value", "streams:\n  - name: live\n    key: 12345678\n    window: 1d\n", `FILE:4:13: window: "1d" is not a duration`},
		{"stream without key", "streams:\n  - name: live\n", "FILE:2:5: streams: a stream needs a key"},
		{"stream's bad key", "streams:\n  - name: live\n    key: a?b\n", "FILE:3:10: key: a stream key has only letters, digits, and - _ . ~ /"},
		{"stream's timing against the default", "streams:\n  - {name: live, key: 12345678, segment: 15s}\n",
			"FILE:2:42: segment: window: 30s is shorter than three segments of 15s (stream live)"},
		{"stream's timing against the file's", "window: 1m\nstreams:\n  - name: live\n    key: 12345678\n    part: 3s\n",
			"FILE:5:11: part: 3s is longer than a segment (2s) (stream live)"},
		{"part above segment", "part: 3s\n", "FILE:1:7: part: 3s is longer than a segment (2s)"},
		{"half a certificate", "\ntls-key: k.pem\n", "FILE:2:10: tls-key: given without tls-cert"},
		{"client without a CA", "streams:\n  - name: live\n    client: [a, b]\n",
			"FILE:3:14: client: given without client-ca (stream live)"},
		{"list in a list", "domain: [a.example, [b.example]]\n", "FILE:1:21: domain: here stands a list instead of a value"},
		{"all at once", "segmnt: 1s\nlog-level: loud\n\n\n\n\n\n\n\nportt: 1\n",
			"FILE:1:1: segmnt: unknown key (did you mean segment?)\nFILE:10:1: portt: unknown key (did you mean part?)\nFILE:2:12: log-level: \"loud\" is none of"},
		{"stream item no mapping", "streams: [live]\n", "FILE:1:11: here stands a single value instead of keys with values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := yamlFile(t, tc.text)
			_, err := Load(Flags{Config: path}, env())
			require.ErrorContains(t, err, strings.ReplaceAll(tc.want, "FILE", *path))
			require.NotContains(t, err.Error(), "12345678", "a key is not told")
		})
	}
}

func TestFilesThatSayNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "{}\n", "part:\nstreams:\n", "streams: []\n"} {
		c, err := Load(Flags{Config: yamlFile(t, text)}, env())
		require.NoError(t, err, "%q", text)
		require.Equal(t, Default(), c, "%q", text)
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	_, err := Load(Flags{Config: ptr(filepath.Join(t.TempDir(), "none.yaml"))}, env())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none.yaml")
	_, err = Load(Flags{Config: yamlFile(t, strings.Repeat("#", maxFile+1))}, env())
	require.ErrorContains(t, err, "larger than")
}

func TestKeysOfAStream(t *testing.T) {
	hash := catalog.HashKey("hashed")
	c, err := Load(Flags{Config: yamlFile(t, `
streams:
  - name: hall
    key: first-key-of-the-hall
    keys:
      - second-key-of-the-hall
      - key: short
        label: OBS, señor
        expires: 2026-12-31
        allow: 192.0.2.7/24
      - sha256: `+hash.String()+`
        expires: 2026-12-31T23:00:00+01:00
        allow: [10.0.0.0/8, "2001:db8::1"]
        backup: true
  - name: yard
    keys: []
`)}, env())
	require.NoError(t, err)
	hall := c.Streams[0]
	require.True(t, hall.Guessable())
	k := func(secret string, n int) catalog.StreamKey { return catalog.FixedKey(catalog.HashKey(secret), n) }
	short, hashed := k("short", 3), k("hashed", 4)
	short.Label, short.Expires = "OBS, señor", time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	short.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	hashed.Purpose, hashed.Expires = catalog.Backup, time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC)
	hashed.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")}
	require.Equal(t, []catalog.StreamKey{k("first-key-of-the-hall", 1), k("second-key-of-the-hall", 2), short, hashed}, hall.Catalog().Keys)
	require.NoError(t, hall.Catalog().Validate())
	require.Empty(t, c.Streams[1].Catalog().Keys, "for tokens and webhooks")
	require.False(t, c.Streams[1].Guessable())
}

func TestContinuityOfAStream(t *testing.T) {
	c, err := Load(Flags{Slate: ptr("/srv/back-soon.png"), BackupAfter: ptr("3s")}, env("SLUICE_CONFIG="+*yamlFile(t, `
streams:
  - name: hall
    key: a-long-random-key
    slate: off
    slate-after: 10s
  - name: chapel
    key: another-long-random-key
    slate: on
    backup-return: stay
    backup-after: 500ms
`)))
	require.NoError(t, err)
	require.Equal(t, Continuity{3 * time.Second, ReturnAuto, SlateOff, 10 * time.Second}, c.Streams[0].Continuity.Or(c.Continuity))
	require.Equal(t, Continuity{500 * time.Millisecond, ReturnStay, SlateOn, 3 * time.Second}, c.Streams[1].Continuity.Or(c.Continuity))
	for _, wrong := range []string{"backup-after: 1ms", "backup-after: soon", "slate-after: 2h", "backup-return: later"} {
		_, err := Load(Flags{Config: yamlFile(t, "streams:\n  - {name: hall, key: a-long-random-key, "+wrong+"}\n")}, env())
		require.ErrorContains(t, err, wrong[:8])
		_, err = Load(Flags{Config: yamlFile(t, wrong)}, env())
		require.ErrorContains(t, err, ":1:")
	}
}

func TestWebhooksAndTokens(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("  a secret in a file\n"), 0o600))
	c, err := Load(Flags{Config: yamlFile(t, `
webhooks:
  on-publish: https://app.example/hooks?a=b
  on-publish-done: http://127.0.0.1:8000/done
  on-play: https://app.example/play
  secret-file: `+secret+`
  timeout: 500ms
  on-failure: admit
jwt:
  secret: sixteen bytes or more
  public-key-file: key.pem
  jwks-url: https://idp.example/jwks.json
  issuer: idp
  audience: sluice
  end-sessions: off
`)}, env())
	require.NoError(t, err)
	require.Equal(t, Webhooks{
		OnPublish: "https://app.example/hooks?a=b", OnPublishDone: "http://127.0.0.1:8000/done", OnPlay: "https://app.example/play",
		Secret: "a secret in a file", Timeout: 500 * time.Millisecond, AdmitOnFailure: true,
	}, c.Webhooks)
	require.Equal(t, JWT{
		Secret: "sixteen bytes or more", KeyFile: "key.pem", JWKSURL: "https://idp.example/jwks.json", Issuer: "idp", Audience: "sluice",
		Outlive: true,
	}, c.JWT)
	require.True(t, c.JWT.On())
	text := fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.JWT.Secret, c.Webhooks.Secret)
	require.NotContains(t, text, "sixteen")
	require.NotContains(t, text, "a secret in")
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]string{
		"2026-12-31": "2026-12-31T00:00:00Z", "2026-12-31T23:00:00Z": "2026-12-31T23:00:00Z", "2026-12-31T23:00:00+02:00": "2026-12-31T21:00:00Z",
	} {
		got, err := ParseTime(s)
		require.NoError(t, err)
		require.Equal(t, want, got.Format(time.RFC3339))
	}
	for _, s := range []string{"", "31.12.2026", "2026-13-01", "10d"} {
		_, err := ParseTime(s)
		require.Error(t, err, s)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("streams:\n  - name: live\n    key: 12345678\nsegment: 2s\n")
	f.Add("a: &x [*x]\n<<: *x\n? b\n: |\n  c\n")
	f.Add("ladder: {rungs: [source, 720p, {height: 360, fps: 30}], encoder: nvenc, rate-control: cbr}\n")
	f.Add("ladder:\n- source: true\n  height: 2\n- {source: x, height: 0.5, bitrate: 1e9}\n- [a]\n")
	f.Add("streams:\n- name: a\n  keys: [b, {key: c, allow: [10.0.0.0/8], expires: 2026-01-01, backup: true}, {sha256: ab}]\n")
	f.Add("webhooks: {on-publish: 'https://a/b', secret: 1234567812345678}\njwt: {jwks-url: 'https://a'}\ntakeover: newest\n")
	f.Add("part: !!int 3\n---\n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		l, err := parseFile("f", []byte(text))
		if err == nil && len(l.errs) == 0 {
			for _, spec := range l.streams {
				// What reads is fit for the catalog, but for what check and parseStreams see.
				if s, err := spec.parse(); err == nil && s.Timing.Validate() == nil {
					for _, k := range s.Catalog().Keys {
						if err := k.Validate(); err != nil {
							t.Fatalf("%+v: %v", k, err)
						}
					}
				}
			}
			for name, v := range l.values {
				if v.at == "" || !strings.Contains(v.at, name) {
					t.Fatalf("%s has no place: %q", name, v.at)
				}
				if v.ladder != nil && (v.text == "" || v.ladder.Validate() != nil) {
					t.Fatalf("ladder %+v", v.ladder)
				}
			}
		}
	})
}
