package hlscheck

import "time"

// checkBandwidth compares what multivariant playlists declared with what had
// been listed by then.
func (o *Observer) checkBandwidth(f *findings) {
	for _, ma := range o.masters {
		f.url, f.at = ma.url.String(), ma.at
		for _, v := range ma.mv.IFrames {
			if peak := o.peak(ma, v.URI); peak > float64(v.Bandwidth)*(1+bandwidthSlack) {
				f.add(bandwidthPeak, v.line, "BANDWIDTH=%d of %s, measured %.0f", v.Bandwidth, v.URI, peak)
			}
		}
		for _, v := range ma.mv.Variants {
			peak := o.peak(ma, v.URI)
			var audio float64
			for _, r := range ma.mv.Renditions {
				if r.Type == "AUDIO" && r.Group == v.Audio && r.URI != "" && v.HasVideo() {
					audio = max(audio, o.peak(ma, r.URI))
				}
			}
			if sum := peak + audio; sum > float64(v.Bandwidth)*(1+bandwidthSlack) {
				f.add(bandwidthPeak, v.line, "BANDWIDTH=%d of %s, measured %.0f", v.Bandwidth, v.URI, sum)
			}
		}
	}
}

// peak returns the peak segment bit rate (§4.1) of a playlist up to the time of
// ma, of the segments whose size is known.
func (o *Observer) peak(ma master, uri string) float64 {
	t := o.playlists[withoutDirectives(resolve(ma.url, uri))]
	if t == nil || t.m == nil {
		return 0
	}
	least, most := t.m.Target/2, t.m.Target+t.m.Target/2+time.Second/2
	var peak float64
	for i := range t.history {
		size, span := 0, time.Duration(0)
		for j := i; j < len(t.history); j++ {
			g := t.history[j]
			r := o.media.get(g.url)
			if g.size > 0 {
				r.size, r.hasSize = g.size, true
			}
			if !g.at.Before(ma.at) || !r.hasSize || g.msn != t.history[i].msn+uint64(j-i) {
				break
			}
			size, span = size+r.size, span+g.duration
			if span > most {
				break
			}
			if span >= least && span > 0 {
				peak = max(peak, float64(size)*8/span.Seconds())
			}
		}
	}
	return peak
}
