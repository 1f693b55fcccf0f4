package still

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/stills"
)

// apart is how far the keyframes' times lie apart, in ticks of whatever timescale: what they are
// doesn't matter.
const apart media.Ticks = 90_000

// keyframes returns what ffmpeg reads: the init segment, and each key's first sample as a fragment
// of its own.
func keyframes(j *stills.Job) (io.Reader, error) {
	if len(j.Keys) == 0 || len(j.Keys) > j.Columns*j.Rows {
		return nil, fmt.Errorf("still of %d keyframes in %dx%d", len(j.Keys), j.Columns, j.Rows)
	}
	readers := []io.Reader{bytes.NewReader(j.Init)}
	var part, key cmaf.Fragment
	for i, data := range j.Keys {
		if err := part.Read(data); err != nil {
			return nil, fmt.Errorf("keyframe %d: %w", i, err)
		}
		s := part.Samples[0]
		if !s.Sync {
			return nil, errors.New("still of what is no keyframe")
		}
		s.DTS, s.CTSOffset, s.Duration = media.Ticks(i+1)*apart, 0, apart
		key = cmaf.Fragment{Sequence: uint32(i + 1), TrackID: part.TrackID, Samples: append(key.Samples[:0], s)}
		whole := key.AppendTo(make([]byte, 0, key.Size()))
		readers = append(readers, bytes.NewReader(whole))
	}
	return io.MultiReader(readers...), nil
}
