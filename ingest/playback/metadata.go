package playback

import (
	"sluice/ingest/amf0"
	"sluice/media"
)

// data adds onMetaData: what is played, and nothing that may not come.
func (p *Player) data(at int64) {
	var m amf0.ECMAArray
	add := func(key string, value any) { m = append(m, amf0.Pair{Key: key, Value: value}) }
	if !p.video.empty() {
		f := &p.video.form
		add("videocodecid", f.number())
		if c, ok := f.codec.(media.Picture); ok {
			picture := c.Format()
			add("width", float64(picture.Width))
			add("height", float64(picture.Height))
			if picture.FrameRate > 0 {
				add("framerate", picture.FrameRate)
			}
		}
	}
	if !p.audio.empty() {
		f := &p.audio.form
		add("audiocodecid", f.number())
		if c, ok := f.codec.(media.Sound); ok {
			rate, channels := c.Output()
			add("audiosamplerate", float64(rate))
			add("audiosamplesize", 16.0)
			if channels > 0 {
				add("audiochannels", float64(channels))
				add("stereo", channels > 1)
			}
		}
	}
	add("encoder", "Sluice")
	p.script(at, "onMetaData", m)
}
