package web

import (
	"net/url"
	"strings"
)

// target is a request's URL as a log may have it: without tokens, neither those of paths
// (~TOKEN) nor those of queries (token=TOKEN).
func target(u *url.URL) string {
	path, query := u.Path, u.RawQuery
	if strings.Contains(path, "~") {
		segments := strings.Split(path, "/")
		for i, segment := range segments {
			if token, is := strings.CutPrefix(segment, "~"); is {
				segments[i] = "~redacted"
				if token != "" {
					query = strings.ReplaceAll(query, token, "redacted")
				}
			}
		}
		path = strings.Join(segments, "/")
	}
	if query == "" {
		return path
	}
	items := strings.Split(query, "&")
	for i, item := range items {
		key, _, _ := strings.Cut(item, "=")
		if k, err := url.QueryUnescape(key); err != nil || strings.EqualFold(k, "token") {
			items[i] = "token=redacted"
		}
	}
	return path + "?" + strings.Join(items, "&")
}
