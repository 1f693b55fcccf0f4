package config

import (
	"cmp"
	"fmt"
	"time"
)

// Continuity says what viewers see when a publisher stops. Zero fields of a stream's mean
// the gateway's.
type Continuity struct {
	BackupAfter  time.Duration // without media of the primary, its backup is shown
	BackupReturn Return
	Slate        string        // SlateOn, SlateOff, or the path of a picture or clip
	SlateAfter   time.Duration // without any media, the slate is shown
}

// Return says when a backup gives way to the primary.
type Return string

// The values of backup-return.
const (
	ReturnAuto Return = "auto" // when the primary is steady
	ReturnStay Return = "stay" // when the backup stops
)

// The values of slate that are no path.
const (
	SlateOn  = "on"  // the built-in picture
	SlateOff = "off" // playlists are held
)

// Bounds of its times.
const (
	minAfter, maxAfter = 200 * time.Millisecond, time.Minute
)

// Or returns c with d in the place of zero fields.
func (c Continuity) Or(d Continuity) Continuity {
	return Continuity{
		BackupAfter: cmp.Or(c.BackupAfter, d.BackupAfter), BackupReturn: cmp.Or(c.BackupReturn, d.BackupReturn),
		Slate: cmp.Or(c.Slate, d.Slate), SlateAfter: cmp.Or(c.SlateAfter, d.SlateAfter),
	}
}

// set sets a field by its name in the configuration.
func (c *Continuity) set(name, v string) error {
	switch name {
	case "backup-after":
		return duration(&c.BackupAfter, v, minAfter, maxAfter)
	case "slate-after":
		return duration(&c.SlateAfter, v, minAfter, maxAfter)
	case "backup-return":
		if c.BackupReturn = Return(v); c.BackupReturn != ReturnAuto && c.BackupReturn != ReturnStay {
			return fmt.Errorf("%.20q is neither auto nor stay", v)
		}
	case "slate":
		switch v {
		case "true": // as YAML may have it
			v = SlateOn
		case "false":
			v = SlateOff
		}
		c.Slate = v
	}
	return nil
}
