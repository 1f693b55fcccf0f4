package web

import (
	"net/url"
	"slices"
	"strings"
)

// target is a request's URL as a log may have it: without tokens, neither those of paths
// (~TOKEN) nor those of queries (token=TOKEN, and what repeats one of the path).
func target(u *url.URL) string {
	path := u.Path
	var tokens []string
	if strings.Contains(path, "~") {
		segments := strings.Split(path, "/")
		for i, segment := range segments {
			if token, is := strings.CutPrefix(segment, "~"); is && token != "" {
				tokens = append(tokens, token)
				segments[i] = "~redacted"
			}
		}
		path = strings.Join(segments, "/")
	}
	if u.RawQuery == "" {
		return path
	}
	items := strings.Split(u.RawQuery, "&")
	for i, item := range items {
		plain, err := url.QueryUnescape(item)
		key, _, _ := strings.Cut(plain, "=")
		repeats := func(token string) bool { return strings.Contains(item, token) || strings.Contains(plain, token) }
		switch {
		case strings.EqualFold(key, "token"):
			items[i] = "token=redacted"
		case err != nil, slices.ContainsFunc(tokens, repeats):
			items[i] = "redacted"
		}
	}
	return path + "?" + strings.Join(items, "&")
}
