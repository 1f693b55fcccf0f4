package console

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/storage/catalog"
)

// Credentials are what a broadcaster needs to publish with a new key. Addresses are
// those of the configuration; an empty one is off.
type Credentials struct {
	Stream  string
	New     bool // the stream was made for it
	NoKey   bool // and has none
	Key     catalog.StreamKey
	Secret  catalog.Key
	Rotated bool          // it replaces another
	Overlap time.Duration // which goes on working for so long

	RTMPS, RTMP string
	Names       []string // under which other machines reach this one
}

// Print tells people. It's the only place, beside PrintJSON, that shows the key.
func (c Credentials) Print(w io.Writer) error {
	var s strings.Builder
	line := func(name, value string) { fmt.Fprintf(&s, "    %-12s%s\n", name, value) }
	switch {
	case c.NoKey:
		fmt.Fprintf(&s, "\n  Stream %s is made, without a key.\n\n", c.Stream)
		_, err := io.WriteString(w, s.String())
		return err
	case c.New:
		fmt.Fprintf(&s, "\n  Stream %s is made, with key %s.\n", c.Stream, c.Key.ID)
	case c.Rotated && c.Overlap > 0:
		fmt.Fprintf(&s, "\n  Stream %s has a new key, %s; the old one works for another %v.\n", c.Stream, c.Key.ID, c.Overlap)
	case c.Rotated:
		fmt.Fprintf(&s, "\n  Stream %s has a new key, %s; the old one works no more.\n", c.Stream, c.Key.ID)
	default:
		fmt.Fprintf(&s, "\n  Stream %s has a further key, %s.\n", c.Stream, c.Key.ID)
	}
	s.WriteString("\n  Publish (OBS: Settings, Stream, Service: Custom)\n")
	for i, u := range c.servers() {
		line(map[bool]string{true: "Server", false: "or"}[i == 0], u)
	}
	line("Stream key", c.Secret.Reveal())
	if c.Key.Label != "" {
		line("For", c.Key.Label)
	}
	if c.Key.Purpose == catalog.Backup {
		line("Purpose", "backup")
	}
	if !c.Key.Expires.IsZero() {
		line("Until", c.Key.Expires.Format(time.RFC3339))
	}
	if len(c.Key.Allow) > 0 {
		line("From", ranges(c.Key))
	}
	if len(c.Names) > 0 && (wide(c.RTMPS) || wide(c.RTMP)) {
		fmt.Fprintf(&s, "    From other machines, with one of these in the place of localhost: %s\n", strings.Join(c.Names, ", "))
	}
	s.WriteString("\n  The key is shown this once: what is kept of it is a hash.\n\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// servers are the URLs to publish to, the best one first.
func (c Credentials) servers() (urls []string) {
	if c.RTMPS != "" {
		urls = append(urls, url("rtmps", c.RTMPS, "/live"))
	}
	if c.RTMP != "" {
		note := ""
		if loopback(c.RTMP) {
			note = "   (from this machine only, without TLS)"
		}
		urls = append(urls, url("rtmp", c.RTMP, "/live")+note)
	}
	return urls
}

func ranges(k catalog.StreamKey) string {
	var list []string
	for _, p := range k.Allow {
		list = append(list, p.String())
	}
	return strings.Join(list, " ")
}

// keyJSON is a key as programs see it. Times that there aren't are left out.
type keyJSON struct {
	ID      string    `json:"id"`
	Key     string    `json:"key,omitempty"` // the secret: of a new one alone
	Label   string    `json:"label"`
	Purpose string    `json:"purpose"`
	State   string    `json:"state"`
	Allow   []string  `json:"allow"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
	Used    time.Time `json:"used,omitzero"`
}

func jsonOf(k catalog.StreamKey, now time.Time) keyJSON {
	return keyJSON{
		ID: k.ID, Label: k.Label, Purpose: string(k.Purpose), State: state(k, now), Allow: append([]string{}, strings.Fields(ranges(k))...),
		Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, Used: k.Used,
	}
}

// state says whether a key works.
func state(k catalog.StreamKey, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	}
	return "valid"
}

// PrintJSON tells programs: {"stream", "servers", "key": {…}}.
func (c Credentials) PrintJSON(w io.Writer) error {
	out := struct {
		Stream  string   `json:"stream"`
		Made    bool     `json:"made"`
		Servers []string `json:"servers"`
		Key     *keyJSON `json:"key"`
	}{Stream: c.Stream, Made: c.New}
	for _, u := range c.servers() {
		u, _, _ = strings.Cut(u, " ")
		out.Servers = append(out.Servers, u)
	}
	if !c.NoKey {
		k := jsonOf(c.Key, c.Key.Created)
		k.Key = c.Secret.Reveal()
		out.Key = &k
	}
	return printJSON(w, out)
}

// PrintStreams lists streams and their keys as a table.
func PrintStreams(w io.Writer, streams []catalog.Stream, now time.Time) error {
	if len(streams) == 0 {
		_, err := fmt.Fprintln(w, "there are no streams yet: sluice stream add NAME makes one")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STREAM\tKEY\tSTATE\tLABEL\tPURPOSE\tEXPIRES\tLAST USED\tFROM")
	for _, s := range streams {
		if len(s.Keys) == 0 {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t-\t-\n", s.Name)
		}
		for _, k := range s.Keys {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, k.ID, state(k, now), dash(k.Label), k.Purpose,
				moment(k.Expires, "never"), moment(k.Used, "-"), dash(ranges(k)))
		}
	}
	return t.Flush()
}

// PrintStreamsJSON lists them for programs: {"streams": [{"name", "keys": [{…}]}]}.
func PrintStreamsJSON(w io.Writer, streams []catalog.Stream, now time.Time) error {
	type stream struct {
		Name    string    `json:"name"`
		Created time.Time `json:"created,omitzero"`
		Keys    []keyJSON `json:"keys"`
	}
	out := struct {
		Streams []stream `json:"streams"`
	}{[]stream{}}
	for _, s := range streams {
		v := stream{Name: s.Name, Created: s.Created, Keys: []keyJSON{}}
		for _, k := range s.Keys {
			v.Keys = append(v.Keys, jsonOf(k, now))
		}
		out.Streams = append(out.Streams, v)
	}
	return printJSON(w, out)
}

// Removed is what was removed: a stream, or one of its keys.
type Removed struct {
	Stream string `json:"stream"`
	Key    string `json:"key,omitempty"`
}

// PrintJSON tells programs: {"removed": {"stream", "key"}}.
func (r Removed) PrintJSON(w io.Writer) error {
	return printJSON(w, map[string]Removed{"removed": r})
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func moment(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
