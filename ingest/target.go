package ingest

import (
	"net/url"
	"strings"
)

// ServedApp is the application that streams are published to: the first part of
// the URL's path.
const ServedApp = "live"

// target is what a publisher's URL and key fields come to.
type target struct {
	app   string // ServedApp, or what the publisher wants instead
	key   Key
	query url.Values
}

// resolve makes one target of the forms in which encoders and their users give a
// server and a key. connect carries the application and tcUrl, publish the name:
//
//	application      name           key    of
//	live             K              K      most: server rtmps://host/live, key K
//	live/            K              K      a trailing slash
//	live             K?token=T      K      T is in the query
//	live?token=T     K              K      T likewise
//	live             ?key=K         K      the key as a parameter, of either field
//	live?key=K       (none)         K
//	live/K           (none)         K      the key in the server field
//	live/K           K              K      in both
//	live/a           b              a/b    ffmpeg, which cuts a key with a slash
//	live             a%2Fb          a/b    ffmpeg, told not to
//	(none)           K or live/K    K      no application
//	K                (none) or K    K      a URL of a single segment
func resolve(app, tcURL, name string) target {
	app, query := splitQuery(app)
	if _, q := splitQuery(tcURL); len(query) == 0 {
		query = q
	}
	name, nameQuery := splitQuery(name)
	for k, v := range nameQuery {
		query[k] = v
	}
	app, name = clean(app), clean(name)

	t := target{app: ServedApp, query: query}
	first, rest, _ := strings.Cut(app, "/")
	switch {
	case first == ServedApp:
		app = strings.Trim(rest, "/")
	case app == "":
		if first, rest, ok := strings.Cut(name, "/"); ok && first == ServedApp {
			name = strings.Trim(rest, "/")
		}
	case name == "" || name == app:
	default:
		t.app = app
		app = ""
	}
	switch {
	case name == "":
		name = app
	case app != "" && app != name:
		name = app + "/" + name
	}
	if name == "" {
		name = query.Get("key")
	}
	t.key = Key(name)
	return t
}

// appServed says whether an application, as connect gives it, is to be let in:
// true; or else the key that it may be instead, which only publish can confirm.
func appServed(app string) (bool, Key) {
	app, _ = splitQuery(app)
	app = clean(app)
	first, _, _ := strings.Cut(app, "/")
	return app == "" || first == ServedApp, Key(app)
}

// splitQuery cuts the query off a path or URL. What can't be parsed of it is
// left out.
func splitQuery(s string) (string, url.Values) {
	s, q, _ := strings.Cut(s, "?")
	values, _ := url.ParseQuery(q)
	return s, values
}

// clean undoes percent-encoding, where it is any, and trims slashes.
func clean(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		s = decoded
	}
	return strings.Trim(strings.TrimSpace(s), "/")
}
