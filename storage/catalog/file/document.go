package file

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

const (
	version = 1
	// maxDocument bounds what is read: some 10,000 streams with all their keys.
	maxDocument = 64 << 20
	// maxNumbers bounds the names whose numbers are kept, streams of the
	// configuration and removed ones included.
	maxNumbers = 4 * catalog.MaxStreams
)

// document is the file's JSON.
type document struct {
	Version int                `json:"version"`
	Streams []stream           `json:"streams"`
	Numbers map[string]numbers `json:"numbers"`
}

type stream struct {
	Name    string            `json:"name"`
	Keys    []catalog.KeyHash `json:"keys"`
	Created time.Time         `json:"created,omitzero"`
	Segment duration          `json:"segment,omitzero"`
	Part    duration          `json:"part,omitzero"`
	Window  duration          `json:"window,omitzero"`
	Ladder  *rung.Spec        `json:"ladder,omitempty"`
}

type numbers struct {
	Epoch uint64 `json:"epoch"`
	MSN   uint64 `json:"msn"`
}

// duration is written as people write one.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// state is the catalog in memory; it never changes once published.
type state struct {
	streams map[string]catalog.Stream
	keys    map[catalog.KeyHash]string
	numbers map[string]timeline.Numbers
}

// clone returns a copy whose maps may be changed.
func (s *state) clone() *state {
	return &state{maps.Clone(s.streams), maps.Clone(s.keys), maps.Clone(s.numbers)}
}

func (s *state) put(add catalog.Stream) error {
	if err := add.Validate(); err != nil {
		return err
	}
	if _, known := s.streams[add.Name]; !known && len(s.streams) >= catalog.MaxStreams {
		return fmt.Errorf("%d streams are enough", catalog.MaxStreams)
	}
	s.remove(add.Name)
	for _, k := range add.Keys {
		if owner, taken := s.keys[k]; taken {
			return fmt.Errorf("%w: %s", catalog.ErrKeyTaken, owner)
		}
		s.keys[k] = add.Name
	}
	s.streams[add.Name] = add.Clone()
	return nil
}

func (s *state) remove(name string) bool {
	old, ok := s.streams[name]
	for _, k := range old.Keys {
		delete(s.keys, k)
	}
	delete(s.streams, name)
	return ok
}

func (s *state) sorted() []catalog.Stream {
	list := make([]catalog.Stream, 0, len(s.streams))
	for _, v := range s.streams {
		list = append(list, v.Clone())
	}
	slices.SortFunc(list, func(a, b catalog.Stream) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (s *state) encode() ([]byte, error) {
	doc := document{Version: version, Streams: []stream{}, Numbers: map[string]numbers{}}
	for _, v := range s.sorted() {
		doc.Streams = append(doc.Streams, stream{
			v.Name, v.Keys, v.Created, duration(v.Timing.Segment), duration(v.Timing.Part), duration(v.Timing.Window), v.Ladder,
		})
	}
	for name, n := range s.numbers {
		doc.Numbers[name] = numbers(n)
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

func decode(text []byte) (*state, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var doc document
	if err := d.Decode(&doc); err != nil {
		return nil, at(text, d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, at(text, d.InputOffset(), errors.New("something follows the document"))
	}
	if doc.Version != version {
		return nil, fmt.Errorf("version %d, and this program knows %d", doc.Version, version)
	}
	s := &state{map[string]catalog.Stream{}, map[catalog.KeyHash]string{}, map[string]timeline.Numbers{}}
	for _, v := range doc.Streams {
		if _, twice := s.streams[v.Name]; twice {
			return nil, fmt.Errorf("stream %s stands there twice", v.Name)
		}
		if err := s.put(catalog.Stream{Name: v.Name, Keys: v.Keys, Created: v.Created, Timing: catalog.Timing{
			Segment: time.Duration(v.Segment), Part: time.Duration(v.Part), Window: time.Duration(v.Window),
		}, Ladder: v.Ladder}); err != nil {
			return nil, err
		}
	}
	for name, n := range doc.Numbers {
		if err := catalog.ValidateName(name); err != nil {
			return nil, fmt.Errorf("numbers: %w", err)
		}
		s.numbers[name] = timeline.Numbers(n)
	}
	return s, nil
}

// at puts the line before a JSON error, as far as its place is known.
func at(text []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		offset = int64(len(text))
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	offset = min(max(offset, 0), int64(len(text)))
	return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:offset], []byte{'\n'}), err)
}
