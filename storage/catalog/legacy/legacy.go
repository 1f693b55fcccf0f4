package legacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// Catalog is what the file holds.
type Catalog struct {
	Streams []catalog.Stream            // valid, and of different names
	Numbers map[string]timeline.Numbers // by stream name
}

const (
	version = 1
	// maxLen bounds what is read: some 10,000 streams with all their keys.
	maxLen = 64 << 20
)

// document is the file's JSON:
//
//	version   1
//	streams   list
//	  name, keys (SHA-256, hexadecimal), created (RFC 3339),
//	  segment, part, window (as in "200ms"; left out for the default), ladder
//	numbers   by stream name: the next free epoch and msn
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

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// Read reads the file; where there's none, there are no streams. What is wrong with
// one is told with its line.
func Read(path string) (Catalog, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Catalog{}, nil
	}
	if err != nil {
		return Catalog{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLen+1))
	if err != nil {
		return Catalog{}, err
	}
	if len(text) > maxLen {
		return Catalog{}, fmt.Errorf("larger than %d bytes", maxLen)
	}
	return decode(text)
}

// decode reads strictly: a field that we don't know may be one that matters.
func decode(text []byte) (c Catalog, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var doc document
	if err := d.Decode(&doc); err != nil {
		return Catalog{}, at(text, d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Catalog{}, at(text, d.InputOffset(), errors.New("something follows the document"))
	}
	if doc.Version != version {
		return Catalog{}, fmt.Errorf("version %d, and this program knows %d", doc.Version, version)
	}
	names := map[string]bool{}
	for _, v := range doc.Streams {
		s := v.stream()
		if err := s.Validate(); err != nil {
			return Catalog{}, err
		}
		if names[s.Name] {
			return Catalog{}, fmt.Errorf("stream %s stands there twice", s.Name)
		}
		names[s.Name] = true
		c.Streams = append(c.Streams, s)
	}
	c.Numbers = map[string]timeline.Numbers{}
	for name, n := range doc.Numbers {
		if err := catalog.ValidateName(name); err != nil {
			return Catalog{}, fmt.Errorf("numbers: %w", err)
		}
		if n.Epoch > math.MaxInt64 || n.MSN > math.MaxInt64 {
			return Catalog{}, fmt.Errorf("numbers of %s: %v is too large", name, n)
		}
		c.Numbers[name] = timeline.Numbers(n)
	}
	return c, nil
}

func (s stream) stream() catalog.Stream {
	v := catalog.Stream{Name: s.Name, Created: s.Created, Ladder: s.Ladder, Timing: catalog.Timing{
		Segment: time.Duration(s.Segment), Part: time.Duration(s.Part), Window: time.Duration(s.Window),
	}}
	for _, k := range s.Keys {
		v.Keys = append(v.Keys, catalog.NewStreamKey(k, s.Created))
	}
	return v
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
