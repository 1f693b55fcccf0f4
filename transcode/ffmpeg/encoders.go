package ffmpeg

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"sluice/transcode/rung"
)

// Encoders are those that passed their trial, for each codec.
type Encoders struct {
	// Refused are those that can't be used, and why.
	Refused []Refusal
	passed  []string // in the order of preference
}

// Refusal is an encoder that isn't there or failed its trial.
type Refusal struct {
	Encoder string
	Err     error
}

// Encoders tries each encoder, and logs one line about those that can't be used.
func (t *Tool) Encoders(ctx context.Context, log *slog.Logger) (Encoders, error) {
	out, err := t.ask(ctx, answerLimit, "-hide_banner", "-encoders")
	if err != nil {
		return Encoders{}, fmt.Errorf("list ffmpeg's encoders: %w", err)
	}
	listed := parseEncoders(out)
	var found Encoders
	for i := range encoders {
		e := &encoders[i]
		err := errNotBuiltIn
		if slices.Contains(listed, e.name) {
			err = t.try(ctx, e)
		}
		if ctx.Err() != nil {
			return Encoders{}, ctx.Err()
		}
		if err != nil {
			found.Refused = append(found.Refused, Refusal{e.name, err})
			continue
		}
		found.passed = append(found.passed, e.name)
	}
	log.Info("encoders of ffmpeg "+t.Version.Text,
		"usable", strings.Join(found.passed, " "), "unusable", found.refusals())
	return found, nil
}

// refusals names each encoder that can't be used, and why.
func (e Encoders) refusals() string {
	var missing, failed []string
	for _, r := range e.Refused {
		if r.Err == errNotBuiltIn { //nolint:errorlint // ours, never wrapped
			missing = append(missing, r.Encoder)
		} else {
			failed = append(failed, r.Encoder+" ("+r.Err.Error()+")")
		}
	}
	if len(missing) > 0 {
		failed = append(failed, "not built in: "+strings.Join(missing, " "))
	}
	return strings.Join(failed, ", ")
}

// parseEncoders returns the names of video encoders that -encoders lists:
//
//	V....D libx264   libx264 H.264 / AVC ... (codec h264)
func parseEncoders(out []byte) []string {
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && len(fields[0]) == 6 && fields[0][0] == 'V' && fields[1] != "=" {
			names = append(names, fields[1])
		}
	}
	return names
}

// For returns ffmpeg's name of the encoder of a family for a codec, as in
// "libx264"; false where none passed. Of AnyEncoder, hardware goes first; the
// family Libx264 is software, for each codec.
func (e Encoders) For(codec rung.Codec, family rung.Encoder) (string, bool) {
	for _, name := range e.passed {
		c := encoderNamed(name)
		if c.codec == codec && (family == c.family || family == rung.AnyEncoder || family == "") {
			return name, true
		}
	}
	return "", false
}

// Codecs returns the codecs that the family can encode, H.264 first.
func (e Encoders) Codecs(family rung.Encoder) []rung.Codec {
	var codecs []rung.Codec
	for _, c := range [...]rung.Codec{rung.H264, rung.HEVC, rung.AV1} {
		if _, ok := e.For(c, family); ok {
			codecs = append(codecs, c)
		}
	}
	return codecs
}
