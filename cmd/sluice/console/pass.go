package console

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// Pass is what a viewer of a signed stream needs. Addresses are those of the
// configuration; an empty one is off.
type Pass struct {
	Stream  string
	Token   string
	Until   time.Time
	Address netip.Addr // the only one that it is for; the zero value: any
	Public  bool       // the stream can be watched without

	HTTP, HTTPS, RTMPS, RTMP string
	Names                    []string // under which other machines reach this one
}

// Print tells people.
func (p Pass) Print(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "\n  Stream %s can be watched until %s", p.Stream, p.Until.UTC().Format(time.RFC3339))
	if p.Address.IsValid() {
		fmt.Fprintf(&s, " from %s", p.Address)
	}
	s.WriteString(".\n\n")
	for _, u := range p.urls() {
		fmt.Fprintf(&s, "    %-12s%s\n", u.name, u.url)
	}
	if len(p.Names) > 0 && (wide(p.HTTP) || wide(p.HTTPS) || wide(p.RTMPS)) {
		fmt.Fprintf(&s, "    From other machines, with one of these in the place of localhost: %s\n", strings.Join(p.Names, ", "))
	}
	if p.Public {
		s.WriteString("\n  The stream is public as well: playback: signed in the configuration changes that.\n")
	}
	s.WriteString("\n")
	_, err := io.WriteString(w, s.String())
	return err
}

type named struct{ name, url string }

func (p Pass) urls() (all []named) {
	at := p.Stream + "/~" + p.Token
	site := Banner{HTTP: p.HTTP, HTTPS: p.HTTPS}.site
	all = append(all, named{"Player", site("/watch/" + at)}, named{"HLS", site("/live/" + at + "/index.m3u8")},
		named{"DASH", site("/live/" + at + "/manifest.mpd")})
	rtmp := "/live/" + p.Stream + "?token=" + p.Token
	if p.RTMPS != "" {
		return append(all, named{"RTMP", url("rtmps", p.RTMPS, rtmp)})
	}
	return append(all, named{"RTMP", url("rtmp", p.RTMP, rtmp)})
}

// PrintJSON tells programs: {"stream", "token", "expires", "urls": {…}}.
func (p Pass) PrintJSON(w io.Writer) error {
	out := struct {
		Stream  string            `json:"stream"`
		Token   string            `json:"token"`
		Expires time.Time         `json:"expires"`
		Address string            `json:"address,omitempty"`
		URLs    map[string]string `json:"urls"`
	}{Stream: p.Stream, Token: p.Token, Expires: p.Until.UTC(), URLs: map[string]string{}}
	if p.Address.IsValid() {
		out.Address = p.Address.String()
	}
	for _, u := range p.urls() {
		out.URLs[strings.ToLower(u.name)] = u.url
	}
	return printJSON(w, out)
}
