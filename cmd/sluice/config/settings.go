package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// maxGrace bounds how long a stream waits for its publisher.
const maxGrace = time.Hour

// setting is one flag, variable and YAML key.
type setting struct {
	name string
	set  func(*Config, value) error
}

var settings = []setting{
	{"data", func(c *Config, v value) error { c.Data = v.text; return nil }},
	{"rtmps-addr", func(c *Config, v value) error { return address(&c.Listen.RTMPS, v.text) }},
	{"rtmp-addr", func(c *Config, v value) error { return address(&c.Listen.RTMP, v.text) }},
	{"http-addr", func(c *Config, v value) error { return address(&c.Listen.HTTP, v.text) }},
	{"https-addr", func(c *Config, v value) error { return address(&c.Listen.HTTPS, v.text) }},
	{"http3", func(c *Config, v value) error { return onOff(&c.HTTP3, v.text) }},
	{"http-connections", func(c *Config, v value) error { return count(&c.HTTPConnections, v.text) }},
	{"tls-cert", func(c *Config, v value) error { c.TLS.Certs = items(v.text); return nil }},
	{"tls-key", func(c *Config, v value) error { c.TLS.Keys = items(v.text); return nil }},
	{"domain", func(c *Config, v value) error { return domains(&c.TLS.Domains, v.text) }},
	{"acme-email", func(c *Config, v value) error { return email(&c.TLS.ACME.Email, v.text) }},
	{"acme-directory", func(c *Config, v value) error { return directory(&c.TLS.ACME.Directory, v.text) }},
	{"acme-ca", func(c *Config, v value) error { c.TLS.ACME.CA = v.text; return nil }},
	{"client-ca", func(c *Config, v value) error { c.TLS.Client.CA = v.text; return nil }},
	{"client-crl", func(c *Config, v value) error { c.TLS.Client.CRL = v.text; return nil }},
	{"client-auth", func(c *Config, v value) error { return clientAuth(&c.TLS.Client.Required, v.text) }},
	{"rtmpt", func(c *Config, v value) error { return onOff(&c.Compat.RTMPT, v.text) }},
	{"rtmpe", func(c *Config, v value) error { return onOff(&c.Compat.RTMPE, v.text) }},
	{"segment", func(c *Config, v value) error { return segment(&c.Timing, v.text) }},
	{"part", func(c *Config, v value) error { return part(&c.Timing, v.text) }},
	{"window", func(c *Config, v value) error { return window(&c.Timing, v.text) }},
	{"storage-max", func(c *Config, v value) error { return size(&c.Storage.Max, v.text) }},
	{"storage-free", func(c *Config, v value) error { return size(&c.Storage.Free, v.text) }},
	{"grace", func(c *Config, v value) error { return duration(&c.Grace, v.text, 0, maxGrace) }},
	{"backup-after", func(c *Config, v value) error { return c.Continuity.set("backup-after", v.text) }},
	{"backup-return", func(c *Config, v value) error { return c.Continuity.set("backup-return", v.text) }},
	{"slate", func(c *Config, v value) error { return c.Continuity.set("slate", v.text) }},
	{"slate-after", func(c *Config, v value) error { return c.Continuity.set("slate-after", v.text) }},
	{"ladder", func(c *Config, v value) error { return v.ladderTo(&c.Ladder) }},
	{"thumbnails", func(c *Config, v value) error { return onOff(&c.Thumbnails, v.text) }},
	{"playback", func(c *Config, v value) error { return c.Playback.set("playback", v.text) }},
	{"origin", func(c *Config, v value) error { return c.Playback.set("origin", v.text) }},
	{"referer", func(c *Config, v value) error { return c.Playback.set("referer", v.text) }},
	{"public-url", func(c *Config, v value) error { return publicURL(&c.PublicURL, v.text) }},
	{"cdn", func(c *Config, v value) error { return cdns(&c.CDNs, v.text) }},
	{"takeover", func(c *Config, v value) error {
		c.Takeover = Takeover(v.text)
		if c.Takeover != TakeoverSilent && c.Takeover != TakeoverNewest {
			return fmt.Errorf("%.20q is neither silent nor newest", v.text)
		}
		return nil
	}},
	{"max-bitrate", func(c *Config, v value) error { return bitrate(&c.MaxBitrate, v.text) }},
	{"api-token", func(c *Config, v value) error { return secret(&c.APIToken, v.text) }},
	{"api-token-file", func(c *Config, v value) error { return secretFile(&c.APIToken, v.text) }},
	{"log-format", func(c *Config, v value) error {
		c.Log.Format = Format(v.text)
		if c.Log.Format != Text && c.Log.Format != JSON {
			return fmt.Errorf("%q is neither text nor json", v.text)
		}
		return nil
	}},
	{"log-level", func(c *Config, v value) error {
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(v.text)) {
			return fmt.Errorf("%q is none of debug, info, warn and error", v.text)
		}
		return c.Log.Level.UnmarshalText([]byte(v.text))
	}},
}

// names lists the settings' names.
func names() []string {
	var list []string
	for _, s := range settings {
		list = append(list, s.name)
	}
	return list
}

func segment(t *catalog.Timing, v string) error {
	return duration(&t.Segment, v, catalog.MinSegment, catalog.MaxSegment)
}

func part(t *catalog.Timing, v string) error {
	return duration(&t.Part, v, catalog.MinPart, catalog.MaxPart)
}

func window(t *catalog.Timing, v string) error {
	return duration(&t.Window, v, catalog.MinWindow, catalog.MaxWindow)
}

func duration(to *time.Duration, v string, least, most time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil {
		return fmt.Errorf("%q is not a duration: want a number and its unit, as in 2s, 200ms or 1m30s", v)
	}
	if d < least || d > most {
		return fmt.Errorf("%v is not between %v and %v", d, least, most)
	}
	*to = d
	return nil
}

// address checks an address to listen on; "off" empties it.
func address(to *string, v string) error {
	if v == "off" {
		*to = ""
		return nil
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is not an address: want host:port or :port, as in 127.0.0.1:8080 or :8080, or off", v)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q: the port is a number from 0 to 65535", v)
	}
	if strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%q: %q is not a host", v, host)
	}
	*to = v
	return nil
}

// size reads an amount of bytes, as in 500M, 20G or 1.5T; "off" is none.
func size(to *int64, v string) error {
	if v == "off" {
		*to = 0
		return nil
	}
	for unit, bytes := range map[string]float64{"M": 1e6, "G": 1e9, "T": 1e12} {
		text, ok := strings.CutSuffix(v, unit)
		if !ok || strings.Trim(text, "0123456789.") != "" {
			continue
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 && n*bytes < 1e18 {
			*to = int64(n * bytes)
			return nil
		}
	}
	return fmt.Errorf("%.20q is not a size: want a number with M, G or T, as in 500M or 1.5T", v)
}

// bitrate reads a bitrate; "off" is none.
func bitrate(to *int, v string) (err error) {
	if v == "off" {
		*to = 0
		return nil
	}
	bits, err := rung.ParseBitrate(v)
	if err != nil {
		return err
	}
	*to = bits
	return nil
}

// count reads a number from 1 on; "off" is none.
func count(to *int, v string) error {
	if v == "off" {
		*to = 0
		return nil
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is no number from 1 on, and isn't off", v)
	}
	*to = int(n)
	return nil
}

func onOff(to *bool, v string) error {
	switch v {
	case "true", "on":
		*to = true
	case "false", "off":
		*to = false
	default:
		return fmt.Errorf("%q is neither true nor false", v)
	}
	return nil
}

// anyPort reports whether the system is to choose the port.
func anyPort(addr string) bool { return strings.HasSuffix(addr, ":0") }

var streamFields = []string{"name", "key", "keys", "client", "segment", "part", "window", "ladder", "backup-after", "backup-return", "slate", "slate-after",
	"playback", "origin", "referer"}

// lists are the keys whose value may be a list: the same as with commas between.
var lists = []string{"tls-cert", "tls-key", "domain", "client", "origin", "referer", "cdn"}

func parseStreams(specs []streamSpec) ([]Stream, error) {
	var streams []Stream
	var errs []error
	places := map[string]string{}
	keys := map[catalog.KeyHash]string{}
	for _, spec := range specs {
		s, err := spec.parse()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if first, twice := places[s.Name]; twice {
			errs = append(errs, fmt.Errorf("%s: stream %s was given already (%s)", spec.at, s.Name, first))
		} else {
			for _, k := range s.Catalog().Keys {
				if other, taken := keys[k.Hash]; taken && other == s.Name {
					errs = append(errs, fmt.Errorf("%s: stream %s has the same key twice", spec.at, s.Name))
				} else if taken {
					errs = append(errs, fmt.Errorf("%s: stream %s has the same key as stream %s", spec.at, s.Name, other))
				}
				keys[k.Hash] = s.Name
			}
		}
		places[s.Name] = spec.at
		streams = append(streams, s)
	}
	return streams, errors.Join(errs...)
}

func (spec streamSpec) parse() (Stream, error) {
	var s Stream
	var errs []error
	for _, f := range []struct {
		name     string
		required bool
		set      func(value) error
	}{
		{"name", true, func(v value) error { s.Name = v.text; return catalog.ValidateName(v.text) }},
		{"key", !spec.keyed && !spec.has("client"), func(v value) (err error) { s.Key, err = catalog.ParseKey(v.text); return err }},
		{"client", false, func(v value) error { return clientNames(&s.Clients, v.text) }},
		{"segment", false, func(v value) error { return segment(&s.Timing, v.text) }},
		{"part", false, func(v value) error { return part(&s.Timing, v.text) }},
		{"window", false, func(v value) error { return window(&s.Timing, v.text) }},
		{"ladder", false, func(v value) error { s.Ladder = new(rung.Spec); return v.ladderTo(s.Ladder) }},
		{"backup-after", false, func(v value) error { return s.Continuity.set("backup-after", v.text) }},
		{"backup-return", false, func(v value) error { return s.Continuity.set("backup-return", v.text) }},
		{"slate", false, func(v value) error { return s.Continuity.set("slate", v.text) }},
		{"slate-after", false, func(v value) error { return s.Continuity.set("slate-after", v.text) }},
		{"playback", false, func(v value) error { return s.Playback.set("playback", v.text) }},
		{"origin", false, func(v value) error { return s.Playback.set("origin", v.text) }},
		{"referer", false, func(v value) error { return s.Playback.set("referer", v.text) }},
	} {
		v, given := spec.fields[f.name]
		switch {
		case given && (v.text != "" || f.required):
			if err := f.set(v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", v.at, err))
			}
		case f.required:
			errs = append(errs, fmt.Errorf("%s: a stream needs a %s", spec.at, f.name))
		}
	}
	first := 1
	if !s.Key.IsZero() {
		first = 2
	}
	for i, k := range spec.keys {
		key, err := k.parse(first + i)
		if err != nil {
			errs = append(errs, err)
		}
		s.Keys = append(s.Keys, key)
	}
	if n := len(s.Catalog().Keys); n > catalog.MaxKeys {
		errs = append(errs, fmt.Errorf("%s: %d keys are more than %d", spec.at, n, catalog.MaxKeys))
	}
	return s, errors.Join(errs...)
}
