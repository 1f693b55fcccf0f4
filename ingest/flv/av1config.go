package flv

import "fmt"

// AV1Config is an AV1 codec configuration record, AV1 Codec ISO Media File Format
// Binding, section 2.3.3:
//
//	| marker 1 bit | version 7 bits | profile 3 | level 5 | tier 1 | depths 2 | monochrome 1 |
//	| subsampling 2 | position 2 | 3 bits | delay 5 bits | OBUs |
//
// What its bits say is in the sequence header too.
type AV1Config struct {
	// OBUs are the configuration's, each with its size: a sequence header, and metadata
	// perhaps. They refer to the record, and may be none at all.
	OBUs []byte
}

// ParseAV1Config parses a record.
func ParseAV1Config(b []byte) (AV1Config, error) {
	const marker, version = 0x80, 1
	if len(b) < 4 {
		return AV1Config{}, fmt.Errorf("AV1 configuration of %d bytes: %w", len(b), ErrMalformed)
	}
	if b[0] != marker|version {
		return AV1Config{}, fmt.Errorf("AV1 configuration version %#02x: %w", b[0], ErrMalformed)
	}
	return AV1Config{OBUs: b[4:]}, nil
}
