package ffmpeg

import (
	"regexp"
	"strings"
)

// chatter is what ffmpeg and its encoders say whether or not they work: of input
// that isn't probed ffmpeg always says that it can't know the rate.
var chatter = regexp.MustCompile(`^(Svt\[(info|warn)\]|Codec AVOption )|: not enough frames to estimate rate;`)

// telling returns the lines of what a process said that may be about what is wrong.
func telling(said string) []string {
	var lines []string
	for line := range strings.FieldsFuncSeq(said, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(line)
		if line != "" && !chatter.MatchString(unsigned(line)) {
			lines = append(lines, line)
		}
	}
	return lines
}

// unsigned is a line without the name and the address of the part of ffmpeg that says it.
func unsigned(line string) string {
	if _, rest, ok := strings.Cut(line, "] "); ok && strings.HasPrefix(line, "[") {
		return strings.TrimSpace(rest)
	}
	return line
}
