package ffmpeg

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Version is what `ffmpeg -version` says.
type Version struct {
	Text         string // as in "5.1.9-0+deb12u1"
	Major, Minor int    // of the release; 0 where it's a build from between releases
	// Codec is libavcodec's, which has numbers in every build; 0 where it isn't said.
	CodecMajor, CodecMinor int
}

// The oldest that will do: with -fps_mode, and -enc_time_base as a ratio.
const (
	oldestMajor, oldestMinor           = 5, 1
	oldestCodecMajor, oldestCodecMinor = 59, 37
)

var (
	// Releases are 7.1, n7.1 or 5.1.9-0+deb12u1; others are N-118000-g3f2a1b4
	// (with the number of commits) or 2024-05-06-git-96449cfeae (with the day).
	releasePattern = regexp.MustCompile(`^n?(\d{1,3})\.(\d{1,3})([^\d].*)?$`)
	wordPattern    = regexp.MustCompile(`^ffmpeg version ([!-~]{1,128})( |$)`)
	codecPattern   = regexp.MustCompile(`^libavcodec +(\d{1,4})\. *(\d{1,4})\.`)
)

// parseVersion reads what -version prints; false where it isn't ffmpeg's.
func parseVersion(out []byte) (Version, bool) {
	first, rest, _ := bytes.Cut(out, []byte("\n"))
	word := wordPattern.FindSubmatch(bytes.TrimSuffix(first, []byte("\r")))
	if word == nil {
		return Version{}, false
	}
	v := Version{Text: string(word[1])}
	if m := releasePattern.FindStringSubmatch(v.Text); m != nil {
		v.Major, v.Minor = number(m[1]), number(m[2])
	}
	for line := range strings.Lines(string(rest)) {
		if m := codecPattern.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			v.CodecMajor, v.CodecMinor = number(m[1]), number(m[2])
			break
		}
	}
	return v, true
}

// number is for digits that a pattern has counted.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// tooOld goes by the release where there's one, else by libavcodec. A build that
// says neither is left to its trials.
func (v Version) tooOld() bool {
	switch {
	case v.Major > 0:
		return v.Major < oldestMajor || v.Major == oldestMajor && v.Minor < oldestMinor
	case v.CodecMajor > 0:
		return v.CodecMajor < oldestCodecMajor ||
			v.CodecMajor == oldestCodecMajor && v.CodecMinor < oldestCodecMinor
	}
	return false
}

func (v Version) String() string { return v.Text }
