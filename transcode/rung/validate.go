package rung

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FieldError says which field of a ladder is wrong, by its key in YAML, and how.
type FieldError struct {
	Rung           int // its place in Rungs; -1 where the field is the ladder's
	Field, Problem string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Problem }

// Codecs returns all codecs of rungs.
func Codecs() []Codec { return []Codec{H264, HEVC, AV1} }

// Encoders returns all families of encoders, AnyEncoder first.
func Encoders() []Encoder {
	return []Encoder{AnyEncoder, Libx264, NVENC, VAAPI, QSV, VideoToolbox}
}

// Validate checks a Spec. What is wrong with a field is a *FieldError.
func (s Spec) Validate() error {
	switch {
	case s.Auto && (s.Source != nil || len(s.Rungs) > 0):
		return errors.New("auto stands alone, without rungs")
	case !s.Auto && s.Source == nil && len(s.Rungs) == 0:
		return errors.New("a ladder needs source or a rung")
	case len(s.Rungs) > MaxRungs:
		return fmt.Errorf("%d rungs are more than %d", len(s.Rungs), MaxRungs)
	case s.Encoder != "" && !slices.Contains(Encoders(), s.Encoder):
		return &FieldError{-1, "encoder", noneOf(s.Encoder, Encoders())}
	}
	if s.Source != nil && s.Source.Height != 0 {
		if problem := checkHeight(s.Source.Height); problem != "" {
			return &FieldError{-1, "height", problem}
		}
	}
	for i, r := range s.Rungs {
		err := r.Validate()
		var field *FieldError
		if errors.As(err, &field) {
			field.Rung = i
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.Rungs[:i], func(o Rung) bool { return o.Name == r.Name }) {
			return &FieldError{i, "name", fmt.Sprintf("two rungs are named %s", r.Name)}
		}
		if s.Encoder == Libx264 && r.Codec != H264 {
			return &FieldError{i, "codec", fmt.Sprintf("%s encodes %s only", Libx264, H264)}
		}
	}
	return nil
}

// Validate checks a rung. Its error is a *FieldError.
func (r Rung) Validate() error {
	fail := func(field, format string, args ...any) error {
		return &FieldError{0, field, fmt.Sprintf(format, args...)}
	}
	switch {
	case !slices.Contains(Codecs(), r.Codec):
		return fail("codec", "%s", noneOf(r.Codec, Codecs()))
	case !isName(r.Name):
		return fail("name", "%s is no name of a rung: want up to %d of a-z, 0-9 and -, and first a letter or digit", quoted(r.Name), MaxWord)
	case r.Name == SourceName || r.Name == "audio": // renditions that are there anyway
		return fail("name", "the name %s is taken", r.Name)
	case checkHeight(r.Height) != "":
		return fail("height", "%s", checkHeight(r.Height))
	case r.FPS < 0 || r.FPS > MaxFPS:
		return fail("fps", "frame rate %d is not between 1 and %d", r.FPS, MaxFPS)
	case r.Bitrate != 0 && (r.Bitrate < MinBitrate || r.Bitrate > MaxBitrate):
		return fail("bitrate", "%v", bitrateRange(FormatBitrate(r.Bitrate)))
	case r.Profile != "" && !isWord(r.Profile):
		return fail("profile", "%s is no profile: want a word, as in high", quoted(r.Profile))
	case r.Preset != "" && !isWord(r.Preset):
		return fail("preset", "%s is no preset: want a word, as in superfast", quoted(r.Preset))
	}
	return nil
}

func checkHeight(h int) string {
	if h < MinHeight || h > MaxHeight || h%2 != 0 {
		return fmt.Sprintf("height %d is not an even number from %d to %d", h, MinHeight, MaxHeight)
	}
	return ""
}

func noneOf[T ~string](got T, of []T) string {
	var names []string
	for _, v := range of {
		names = append(names, string(v))
	}
	last := len(names) - 1
	return fmt.Sprintf("%s is none of %s and %s", quoted(string(got)), strings.Join(names[:last], ", "), names[last])
}

// isName reports whether a name may stand in a URL.
func isName(name string) bool {
	return len(name) > 0 && len(name) <= MaxWord && name[0] != '-' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isWord reports whether a word may stand on an encoder's command line.
func isWord(word string) bool {
	for i, c := range []byte(word) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return len(word) > 0 && len(word) <= MaxWord
}
