package catalog

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/transcode/rung"
)

// Limits of what a catalog holds.
const (
	MaxNameLen = 64     // of a stream's name, in bytes
	MaxKeys    = 16     // of one stream, those that were revoked included
	MaxStreams = 10_000 // of one catalog
)

// Bounds of what can be set for a stream.
const (
	MinSegment, MaxSegment = 500 * time.Millisecond, 20 * time.Second
	MinPart, MaxPart       = 50 * time.Millisecond, 5 * time.Second
	MinWindow, MaxWindow   = 4 * time.Second, 7 * 24 * time.Hour
)

// Stream is what a broadcaster publishes and viewers watch under one public name.
type Stream struct {
	Name     string
	Keys     []StreamKey // whoever has one of them may publish
	Created  time.Time   // zero for one given by the configuration
	Timing   Timing
	Ladder   *rung.Spec // nil for the gateway's default
	Revision uint64     // rises with each Put of any stream; 0 for one that isn't stored
}

// Timing is how a stream is cut and how much of it stays listed. Zero fields
// mean the gateway's defaults.
type Timing struct {
	Segment time.Duration // target of a segment
	Part    time.Duration // target of a part
	Window  time.Duration // what manifests list
}

// Or returns t with d in the place of zero fields.
func (t Timing) Or(d Timing) Timing {
	if t.Segment == 0 {
		t.Segment = d.Segment
	}
	if t.Part == 0 {
		t.Part = d.Part
	}
	if t.Window == 0 {
		t.Window = d.Window
	}
	return t
}

// TimingError says which field of a Timing is wrong, and how.
type TimingError struct{ Field, Problem string }

// Error implements error.
func (e *TimingError) Error() string { return e.Field + ": " + e.Problem }

// Validate checks the fields that are set, and how they go together. Its error is
// a *TimingError.
func (t Timing) Validate() error {
	for _, f := range []struct {
		name     string
		d        time.Duration
		min, max time.Duration
	}{
		{"segment", t.Segment, MinSegment, MaxSegment},
		{"part", t.Part, MinPart, MaxPart},
		{"window", t.Window, MinWindow, MaxWindow},
	} {
		if f.d != 0 && (f.d < f.min || f.d > f.max) {
			return &TimingError{f.name, fmt.Sprintf("%v is not between %v and %v", f.d, f.min, f.max)}
		}
	}
	if t.Segment != 0 && t.Part > t.Segment {
		return &TimingError{"part", fmt.Sprintf("%v is longer than a segment (%v)", t.Part, t.Segment)}
	}
	// RFC 8216 §6.2.2: a live playlist has at least three target durations.
	if t.Window != 0 && t.Window < 3*t.Segment {
		return &TimingError{"window", fmt.Sprintf("%v is shorter than three segments of %v", t.Window, t.Segment)}
	}
	return nil
}

// Validate checks a stream before it's stored.
func (s Stream) Validate() error {
	if err := ValidateName(s.Name); err != nil {
		return err
	}
	if len(s.Keys) > MaxKeys {
		return fmt.Errorf("stream %s: %d keys are more than %d", s.Name, len(s.Keys), MaxKeys)
	}
	for i, k := range s.Keys {
		if err := k.Validate(); err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
		if slices.ContainsFunc(s.Keys[:i], func(o StreamKey) bool { return o.Hash == k.Hash }) {
			return fmt.Errorf("stream %s: the same key twice", s.Name)
		}
		if slices.ContainsFunc(s.Keys[:i], func(o StreamKey) bool { return o.ID == k.ID }) {
			return fmt.Errorf("stream %s: two keys with the id %s", s.Name, k.ID)
		}
	}
	if err := s.Timing.Validate(); err != nil {
		return fmt.Errorf("stream %s: %w", s.Name, err)
	}
	if s.Ladder != nil {
		if err := s.Ladder.Validate(); err != nil {
			return fmt.Errorf("stream %s: ladder: %w", s.Name, err)
		}
	}
	return nil
}

// Clone returns a copy that shares nothing with s.
func (s Stream) Clone() Stream {
	s.Keys = slices.Clone(s.Keys)
	for i := range s.Keys {
		s.Keys[i].Allow = slices.Clone(s.Keys[i].Allow)
	}
	if s.Ladder != nil {
		ladder := s.Ladder.Clone()
		s.Ladder = &ladder
	}
	return s
}

// ValidateName checks a stream's name. It stands in viewers' URLs and, later, in
// file names and NATS subjects: lower-case letters, digits, - and _, and first
// a letter or a digit.
func ValidateName(name string) error {
	if name == "" {
		return errors.New("a stream's name is empty")
	}
	if len(name) > MaxNameLen {
		return fmt.Errorf("stream name %.20s…: longer than %d characters", name, MaxNameLen)
	}
	for i, c := range []byte(name) {
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || c != '-' && c != '_') {
			return fmt.Errorf("stream name %q: only a-z, 0-9, - and _ are allowed, and first a letter or digit", name)
		}
	}
	return nil
}
