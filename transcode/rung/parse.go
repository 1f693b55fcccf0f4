package rung

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// form is what Parse reads, as errors tell it.
const form = "want auto, source, or a list of source and HEIGHTp[FPS][@BITRATE][:CODEC], as in source,720p,480p@1200k,360p30@600k:hevc"

// Parse reads what --ladder takes: auto, source, or rungs separated by commas,
// each source or HEIGHTp[FPS][@BITRATE][:CODEC]. A list without source
// re-encodes everything. An error names the piece that is wrong.
func Parse(list string) (Spec, error) {
	if len(list) > maxList {
		return Spec{}, fmt.Errorf("a ladder of more than %d bytes: %s", maxList, quoted(list))
	}
	if strings.TrimSpace(list) == "auto" {
		return AutoSpec(), nil
	}
	var s Spec
	for piece := range strings.SplitSeq(list, ",") {
		switch piece = strings.TrimSpace(piece); piece {
		case "":
			return Spec{}, fmt.Errorf("%s has an empty piece: %s", quoted(list), form)
		case "auto":
			return Spec{}, fmt.Errorf("%s: auto stands alone: %s", quoted(list), form)
		case SourceName:
			if s.Source != nil {
				return Spec{}, errors.New("source is given twice")
			}
			s.Source = &Source{}
		default:
			r, err := parseRung(piece)
			if err != nil {
				return Spec{}, fmt.Errorf("%s: %w", quoted(piece), err)
			}
			s.Rungs = append(s.Rungs, r)
		}
	}
	return s, s.Validate()
}

// parseRung reads HEIGHTp[FPS][@BITRATE][:CODEC].
func parseRung(piece string) (Rung, error) {
	r := Rung{Codec: H264}
	rest, codec, given := strings.Cut(piece, ":")
	if given {
		r.Codec = Codec(codec)
	}
	rest, bitrate, given := strings.Cut(rest, "@")
	if given {
		var err error
		if r.Bitrate, err = ParseBitrate(bitrate); err != nil {
			return r, err
		}
	}
	height, fps, given := strings.Cut(rest, "p")
	var ok bool
	if r.Height, ok = number(height); !given || !ok {
		return r, errors.New(form)
	}
	if fps != "" {
		if r.FPS, ok = number(fps); !ok || r.FPS == 0 {
			return r, fmt.Errorf("%s is not a frame rate: want a whole number, as in %dp30", quoted(fps), r.Height)
		}
	}
	r.Name = DefaultName(r)
	return r, r.Validate()
}

// quoted is what somebody wrote, as errors repeat it: as much as a line holds.
func quoted(text string) string {
	if len(text) > maxQuoted {
		return strconv.Quote(text[:maxQuoted]) + "…"
	}
	return strconv.Quote(text)
}

// DefaultName is the name of a rung to which nobody gave one: 720p, 360p30,
// 360p-hevc.
func DefaultName(r Rung) string {
	name := strconv.Itoa(r.Height) + "p"
	if r.FPS != 0 {
		name += strconv.Itoa(r.FPS)
	}
	if r.Codec != H264 {
		name += "-" + string(r.Codec)
	}
	return name
}

// number reads digits alone: no sign, and not more than any limit has.
func number(text string) (int, bool) {
	if len(text) == 0 || len(text) > 9 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// ParseBitrate reads a number with k or M behind it, as in 1200k or 2.5M, and
// returns bits a second.
func ParseBitrate(text string) (int, error) {
	wrong := fmt.Errorf("%s is not a bitrate: want a number with k or M, as in 1200k or 2.5M", quoted(text))
	if text == "" {
		return 0, wrong
	}
	decimals := 0 // of the unit
	switch text[len(text)-1] {
	case 'k', 'K':
		decimals = 3
	case 'm', 'M':
		decimals = 6
	default:
		return 0, wrong
	}
	whole, fraction, point := strings.Cut(text[:len(text)-1], ".")
	if point && fraction == "" || len(fraction) > decimals {
		return 0, wrong
	}
	bits, ok := number(whole)
	if !ok {
		return 0, wrong
	}
	digits, ok := number(fraction + strings.Repeat("0", decimals-len(fraction)))
	if !ok {
		return 0, wrong
	}
	for range decimals {
		if bits > MaxBitrate {
			return 0, bitrateRange(text)
		}
		bits *= 10
	}
	bits += digits
	if bits < MinBitrate || bits > MaxBitrate {
		return 0, bitrateRange(text)
	}
	return bits, nil
}

func bitrateRange(text string) error {
	return fmt.Errorf("bitrate %s is not between %s and %s", text, FormatBitrate(MinBitrate), FormatBitrate(MaxBitrate))
}

// FormatBitrate writes bits a second as ParseBitrate reads them.
func FormatBitrate(bits int) string {
	return strconv.FormatFloat(float64(bits)/1000, 'f', -1, 64) + "k"
}

// String returns what Parse reads. It has no place for what only the
// configuration's YAML can say: other names, profiles, the ladder's top.
func (s Spec) String() string {
	if s.Auto {
		return "auto"
	}
	var pieces []string
	if s.Source != nil {
		pieces = append(pieces, SourceName)
	}
	for _, r := range s.Rungs {
		pieces = append(pieces, r.String())
	}
	return strings.Join(pieces, ",")
}

// String returns the rung as Parse reads it.
func (r Rung) String() string {
	text := strconv.Itoa(r.Height) + "p"
	if r.FPS != 0 {
		text += strconv.Itoa(r.FPS)
	}
	if r.Bitrate != 0 {
		text += "@" + FormatBitrate(r.Bitrate)
	}
	if r.Codec != H264 {
		text += ":" + string(r.Codec)
	}
	return text
}
