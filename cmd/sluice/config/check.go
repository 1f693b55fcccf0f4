package config

import (
	"errors"
	"fmt"

	"sluice/storage/catalog"
)

// check looks at how the settings go together. given are those that somebody
// gave, and specs the streams in the order of c.Streams: what errors name.
func (c Config) check(given map[string]value, specs []streamSpec) error {
	at := func(name string) string {
		if v, ok := given[name]; ok {
			return v.at
		}
		return name
	}
	errs := append(c.checkTLS(specs, at), c.checkPlayback(specs, at)...)
	if len(c.CDNs) > 0 && c.PublicURL == "" {
		errs = append(errs, fmt.Errorf("%s: it needs public-url, the URL under which viewers reach the gateway", at("cdn")))
	}
	if c.Listen.RTMPS == "" && c.Listen.RTMP == "" {
		errs = append(errs, fmt.Errorf("%s and %s: both are off, so nobody could publish", at("rtmps-addr"), at("rtmp-addr")))
	}
	if c.Listen.HTTP == "" && c.Listen.HTTPS == "" {
		errs = append(errs, fmt.Errorf("%s and %s: both are off, so nobody could watch", at("http-addr"), at("https-addr")))
	}
	if c.HTTP3 && c.Listen.HTTPS == "" {
		errs = append(errs, fmt.Errorf("%s: https-addr is off, beside which it would be", at("http3")))
	}
	if _, token := given["api-token"]; token && given["api-token-file"].text != "" {
		errs = append(errs, fmt.Errorf("%s: api-token is given too", at("api-token-file")))
	}
	if c.Compat.RTMPE && c.Listen.RTMP == "" {
		errs = append(errs, fmt.Errorf("%s: rtmp-addr is off, where it would be taken", at("rtmpe")))
	}
	all := []struct{ name, addr string }{
		{"rtmps-addr", c.Listen.RTMPS}, {"rtmp-addr", c.Listen.RTMP}, {"http-addr", c.Listen.HTTP}, {"https-addr", c.Listen.HTTPS},
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.addr != "" && a.addr == b.addr && !anyPort(a.addr) {
				errs = append(errs, fmt.Errorf("%s and %s: both are %s", at(b.name), at(a.name), a.addr))
			}
		}
	}
	if err := c.Timing.Validate(); err != nil {
		return errors.Join(append(errs, placed(err, given))...) // each stream would only repeat it
	}
	for i, s := range c.Streams {
		if err := s.Timing.Or(c.Timing).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%w (stream %s)", placed(err, specs[i].fields, given), s.Name))
		}
	}
	return errors.Join(errs...)
}

// placed puts before a mistake in the timing where the field was given or, where
// that is a default, where the segment was that doesn't go with it.
func placed(err error, layers ...map[string]value) error {
	var wrong *catalog.TimingError
	if !errors.As(err, &wrong) {
		return err
	}
	for _, fields := range layers { // the nearest first
		if v, ok := fields[wrong.Field]; ok && v.text != "" {
			return fmt.Errorf("%s: %s", v.at, wrong.Problem)
		}
		if v, ok := fields["segment"]; ok && v.text != "" {
			return fmt.Errorf("%s: %w", v.at, err)
		}
	}
	return err
}
