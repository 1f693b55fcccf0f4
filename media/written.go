package media

import (
	"encoding/json"
	"errors"
	"fmt"
)

// writtenTrack is a Track as JSON has it. Of a codec there is its name and what makes it:
// configurations as they came, or the fields of what has none.
type writtenTrack struct {
	ID        TrackID
	Kind      Kind
	Timescale Timescale
	Codec     string          `json:",omitempty"`
	Config    json.RawMessage `json:",omitempty"`
	Name      string          `json:",omitempty"`
	Language  string          `json:",omitempty"`
	Label     string          `json:",omitempty"`
}

type (
	writtenSets   struct{ VPS, SPS, PPS []byte }
	writtenConfig struct{ Config []byte }
	writtenVP9    struct {
		VP9
		Width, Height int
	}
	writtenAC3 struct {
		AC3
		Rate, Count int
	}
	writtenEAC3 struct {
		EAC3
		Rate, Count int
		Length      Ticks
	}
	writtenMP3 struct{ Rate, Channels int }
)

// errCodec says that a codec can't be written down, or what was is none.
var errCodec = errors.New("no codec that can be written down")

// MarshalJSON implements json.Marshaler. What it writes is read by UnmarshalJSON, of this
// version and later ones, and makes an equal track.
func (t Track) MarshalJSON() ([]byte, error) {
	w := writtenTrack{ID: t.ID, Kind: t.Kind, Timescale: t.Timescale, Name: t.Name, Language: t.Language, Label: t.Label}
	if t.Codec != nil {
		config, err := writeCodec(t.Codec)
		if err != nil {
			return nil, err
		}
		w.Codec, w.Config = t.Codec.Name(), config
	}
	return json.Marshal(w)
}

func writeCodec(c Codec) ([]byte, error) {
	switch c := c.(type) {
	case *H264:
		return json.Marshal(writtenSets{SPS: c.SPS, PPS: c.PPS})
	case *HEVC:
		return json.Marshal(writtenSets{c.VPS, c.SPS, c.PPS})
	case *AV1:
		return json.Marshal(writtenConfig{c.Sequence})
	case *VP9:
		return json.Marshal(writtenVP9{*c, c.width, c.height})
	case *AAC:
		return json.Marshal(writtenConfig{c.Raw})
	case *Opus:
		return json.Marshal(writtenConfig{c.Head()})
	case *FLAC:
		return json.Marshal(writtenConfig{c.StreamInfo})
	case *AC3:
		return json.Marshal(writtenAC3{*c, c.rate, c.channelsCount})
	case *EAC3:
		return json.Marshal(writtenEAC3{*c, c.rate, c.channelsCount, c.length})
	case *MP3:
		return json.Marshal(writtenMP3{c.rate, c.channels})
	}
	return nil, fmt.Errorf("%w: %T", errCodec, c)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Track) UnmarshalJSON(b []byte) error {
	var w writtenTrack
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.Kind != Video && w.Kind != Audio || w.Timescale <= 0 {
		return fmt.Errorf("%w: %v with a timescale of %d", errCodec, w.Kind, w.Timescale)
	}
	*t = Track{ID: w.ID, Kind: w.Kind, Timescale: w.Timescale, Name: w.Name, Language: w.Language, Label: w.Label}
	if w.Codec == "" {
		return nil
	}
	c, err := readCodec(w.Codec, w.Config)
	if err != nil {
		return fmt.Errorf("read %.20q: %w", w.Codec, err)
	}
	t.Codec = c
	return nil
}

func readCodec(name string, config []byte) (Codec, error) {
	var sets writtenSets
	var raw writtenConfig
	read := func(v any) error { return json.Unmarshal(config, v) }
	switch name {
	case (*H264)(nil).Name():
		return made(read(&sets), func() (*H264, error) { return NewH264(sets.SPS, sets.PPS) })
	case (*HEVC)(nil).Name():
		return made(read(&sets), func() (*HEVC, error) { return NewHEVC(sets.VPS, sets.SPS, sets.PPS) })
	case (*AV1)(nil).Name():
		return made(read(&raw), func() (*AV1, error) { return NewAV1(raw.Config) })
	case (*AAC)(nil).Name():
		return made(read(&raw), func() (*AAC, error) { return NewAAC(raw.Config) })
	case (*FLAC)(nil).Name():
		return made(read(&raw), func() (*FLAC, error) { return NewFLAC(raw.Config) })
	case (*Opus)(nil).Name():
		return made(read(&raw), func() (*Opus, error) { return NewOpus(raw.Config) })
	case (*VP9)(nil).Name():
		var v writtenVP9
		return made(read(&v), func() (*VP9, error) {
			v.width, v.height = v.Width, v.Height
			return &v.VP9, v.VP9.Format().check("vp9")
		})
	case (*AC3)(nil).Name():
		var v writtenAC3
		return made(read(&v), func() (*AC3, error) {
			v.rate, v.channelsCount = v.Rate, v.Count
			return &v.AC3, positive(v.Rate, v.Count)
		})
	case (*EAC3)(nil).Name():
		var v writtenEAC3
		return made(read(&v), func() (*EAC3, error) {
			v.rate, v.channelsCount, v.length = v.Rate, v.Count, v.Length
			return &v.EAC3, positive(v.Rate, v.Count, int(v.Length))
		})
	case (*MP3)(nil).Name():
		var v writtenMP3
		return made(read(&v), func() (*MP3, error) { return NewMP3(v.Rate, v.Channels) })
	}
	return nil, errCodec
}

// made returns what makes, unless something failed before, and never a nil pointer as a Codec.
func made[C Codec](err error, makes func() (C, error)) (Codec, error) {
	if err != nil {
		return nil, err
	}
	c, err := makes()
	if err != nil {
		return nil, err
	}
	return c, nil
}

func positive(values ...int) error {
	for _, v := range values {
		if v <= 0 {
			return fmt.Errorf("%w: %d", errCodec, v)
		}
	}
	return nil
}
