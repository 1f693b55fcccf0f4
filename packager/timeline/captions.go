package timeline

import "fmt"

// findCaptions takes up what was found. A Period that manifests tell of already keeps
// what they said: the next segment begins another one.
func (t *Timeline) findCaptions(e CaptionsFound) error {
	epoch := t.Current()
	if epoch == nil || epoch.Number != e.Epoch {
		return fmt.Errorf("%w: captions of epoch %d", ErrOrder, e.Epoch)
	}
	t.Captions = t.Captions.And(e.Captions)
	if epoch.Anchors[len(epoch.Anchors)-1].Fixed {
		return nil
	}
	changed := *epoch
	changed.Anchors = clone(epoch.Anchors, 0)
	changed.Anchors[len(changed.Anchors)-1].Captions = t.Captions
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[len(t.Epochs)-1] = &changed
	return nil
}
