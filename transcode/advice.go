package transcode

import (
	"time"

	"sluice/media"
)

// Advice says what the broadcaster of a stream should change, though its ladder
// makes up for it; none where nothing is wrong. It may be called by anyone.
func (t *Transcoder) Advice(stream string) []string {
	advice, _ := t.advice.Load(stream)
	list, _ := advice.([]string)
	return list
}

// advise renews what is said of the stream, whose source is hidden, or is no more.
func (l *Ladder) advise(hidden bool) {
	var advice []string
	if hidden && l.run != nil && l.run.video != nil {
		if a := media.Advice(l.run.video.Codec); a != "" {
			advice = append(advice, a)
		}
		if l.longGOP {
			advice = append(advice, "keyframes come too rarely, so that the stream has to be encoded anew: set "+
				l.timing.Segment.Round(time.Second).String()+" as keyframe interval in OBS, Settings, Output")
		}
	}
	if len(advice) == 0 {
		l.transcoder.advice.Delete(l.stream)
		return
	}
	l.transcoder.advice.Store(l.stream, advice)
}
