package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var (
	hintLine    = regexp.MustCompile(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`)
	hintNumbers = regexp.MustCompile(`(\d+)\.(\d+)\.m4s$`)
	segmentLine = regexp.MustCompile(`(?m)^([^#\s]+\.m4s)$`)
)

// hinted returns the URI of the playlist's preload hint.
func hinted(playlist string) (string, bool) {
	m := hintLine.FindStringSubmatch(playlist)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// position returns the numbers in a part's URI.
func position(uri string) (msn, part int, err error) {
	m := hintNumbers.FindStringSubmatch(uri)
	if m == nil {
		return 0, 0, fmt.Errorf("no numbers in %q", uri)
	}
	msn, _ = strconv.Atoi(m[1])
	part, _ = strconv.Atoi(m[2])
	return msn, part, nil
}

// waitPlaylist asks until the playlist is there and lists a segment.
func waitPlaylist(ctx context.Context, url string) (string, error) {
	for {
		body, err := get(ctx, url)
		if err == nil && segmentLine.Match(body) {
			return string(body), nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("wait for %s: %w", url, err)
		}
	}
}
