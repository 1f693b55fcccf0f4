package cmaf

import (
	"fmt"

	"sluice/media"
)

// Configuration returns the decoder configuration record of a video track, as its
// init segment has it in avcC, hvcC, av1C or vpcC: what is in the box, of vpcC with
// its version and flags. It errs on sound and on a codec that it can't describe.
func Configuration(t media.Track) ([]byte, error) {
	entry, err := sampleEntryOf(t)
	if err != nil {
		return nil, err
	}
	v, ok := entry.(*visual)
	if !ok {
		return nil, fmt.Errorf("decoder configuration of %T", t.Codec)
	}
	return v.record.appendTo(nil)[boxHeader:], nil
}
