package hlscheck

import (
	"strings"
	"time"
)

// Media is a media playlist.
type Media struct {
	Version    uint64
	Target     time.Duration
	PartTarget time.Duration // 0 without EXT-X-PART-INF
	Control    Control
	// Sequence is the media sequence number of the first segment,
	// Discontinuity its discontinuity sequence number, skipped ones included.
	Sequence, Discontinuity uint64
	Skipped                 uint64 // EXT-X-SKIP
	Segments                []Segment
	// Open holds the parts of a segment that isn't whole yet, and the tags
	// before them; nil where there is none.
	Open    *Segment
	Hints   []Hint
	Reports []Report
	Ranges  []DateRange
	Ended   bool
	IFrames bool // EXT-X-I-FRAMES-ONLY

	independent bool
}

// Control is EXT-X-SERVER-CONTROL.
type Control struct {
	BlockReload                       bool
	SkipUntil, HoldBack, PartHoldBack time.Duration
}

// Segment is a media segment, or the beginning of one.
type Segment struct {
	MSN           uint64
	Discontinuity uint64 // its discontinuity sequence number
	Breaks        int    // EXT-X-DISCONTINUITY tags right before it
	URI           string
	Duration      time.Duration
	Date          time.Time // zero without one
	Map           string    // URI of the initialization section that applies
	Gap           bool
	Range         Range // of the URI's bytes; zero for all of them
	Parts         []Part

	line int
}

// Range is EXT-X-BYTERANGE: Length bytes from Offset on.
type Range struct{ Length, Offset uint64 }

// Part is a partial segment.
type Part struct {
	URI              string
	Duration         time.Duration
	Independent, Gap bool

	line int
}

// Hint is a preload hint.
type Hint struct {
	Type, URI string
	line      int
}

// Report is a rendition report. A negative LastPart stands for none.
type Report struct {
	URI      string
	LastMSN  uint64
	LastPart int64
	line     int
}

// Multivariant is a multivariant playlist.
type Multivariant struct {
	Variants    []Variant
	IFrames     []Variant // EXT-X-I-FRAME-STREAM-INF
	Renditions  []Rendition
	Independent bool
	// Start is EXT-X-START's TIME-OFFSET, 0 where there is none.
	Start time.Duration

	pathway string             // of EXT-X-CONTENT-STEERING
	data    map[[2]string]bool // DATA-ID and LANGUAGE of EXT-X-SESSION-DATA
}

// Variant is EXT-X-STREAM-INF.
type Variant struct {
	URI                         string
	Bandwidth, AverageBandwidth uint64
	Codecs                      []string
	Resolution, FrameRate       string
	Audio, Captions             string // groups; Captions may be NONE
	Stable, Score, Pathway      string

	line int
}

// HasVideo reports whether a variant's codecs hold one of video; one that says
// nothing is taken to have some.
func (v Variant) HasVideo() bool {
	for _, c := range v.Codecs {
		name, _, _ := strings.Cut(c, ".")
		switch name {
		case "mp4a", "ac-3", "ec-3", "fLaC", "alac", "Opus", "opus", "mp3":
		default:
			return true
		}
	}
	return len(v.Codecs) == 0
}

// Rendition is EXT-X-MEDIA.
type Rendition struct {
	Type, Group, Name, URI string
	Stable                 string

	isDefault bool
	line      int
}

// Parse reads a playlist and checks it by itself. One of the playlists is nil,
// or both are, where it can't be read at all.
func Parse(body []byte) (*Media, *Multivariant, []Violation) {
	var f findings
	m, mv := parse(body, &f)
	return m, mv, f.list
}

func parse(body []byte, f *findings) (*Media, *Multivariant) {
	if len(body) > maxBody {
		f.add(docSize, 0, "%d bytes", len(body))
		return nil, nil
	}
	lines := lex(body, f)
	var isMedia, isMultivariant bool
	seen := map[string]bool{}
	for _, l := range lines {
		if l.spec == nil {
			continue
		}
		if l.spec.once && seen[l.name] {
			f.add(tagOnce, l.number, "#%s", l.name)
		}
		seen[l.name] = true
		switch l.spec.place {
		case anywhere:
		case multivariantPlaylist:
			isMultivariant = true
		default:
			isMedia = true
		}
	}
	if isMedia == isMultivariant {
		f.add(docKind, 0, "media tags: %t, multivariant tags: %t", isMedia, isMultivariant)
		return nil, nil
	}
	if isMedia {
		m := readMedia(lines, f)
		checkMedia(m, f)
		return m, nil
	}
	mv := readMultivariant(lines, f)
	checkMultivariant(mv, f)
	return nil, mv
}
