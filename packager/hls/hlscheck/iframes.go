package hlscheck

import "strings"

// checkFamily looks whether a playlist is of the kind as which the multivariant playlist
// names it.
func (o *Observer) checkFamily(t *track, key string, f *findings) {
	if len(o.masters) == 0 {
		return
	}
	family := o.masters[len(o.masters)-1]
	switch {
	case family.playlists()[key] && t.m.IFrames:
		f.add(iframesTag, 0, "named by EXT-X-STREAM-INF or EXT-X-MEDIA")
	case family.iframes()[key] && !t.m.IFrames:
		f.add(iframesTag, 0, "named by EXT-X-I-FRAME-STREAM-INF")
	}
}

// iframes returns the URLs of a multivariant playlist's playlists of I-frames.
func (ma master) iframes() map[string]bool {
	names := map[string]bool{}
	for _, v := range ma.mv.IFrames {
		names[withoutDirectives(resolve(ma.url, v.URI))] = true
	}
	return names
}

// checkIFrames looks at a playlist of I-frames: at their ranges, and at the playlist of the
// whole segments, which it lies beside.
func (o *Observer) checkIFrames(t *track, f *findings) {
	if t.m.PartTarget > 0 || t.m.Open != nil || len(t.m.Hints) > 0 || len(t.m.Reports) > 0 {
		f.add(iframesParts, 0, "parts, or tags that go with them")
	}
	for i := range t.m.Segments {
		g := &t.m.Segments[i]
		if g.Gap {
			continue
		}
		if g.Range.Length == 0 {
			f.add(iframesRange, g.line, "segment %d", g.MSN)
			continue
		}
		r := o.media.get(resolve(t.url, g.URI))
		if end := g.Range.Offset + g.Range.Length; r.hasKey && end != uint64(r.key) || r.hasSize && end > uint64(r.size) {
			f.add(iframesEnd, g.line, "segment %d: the range ends at %d, its I-frame at %d, the segment at %d", g.MSN, end, r.key, r.size)
		}
	}
	folder := t.url.String()
	if i := strings.LastIndexByte(folder, '/'); i >= 0 {
		folder = folder[:i+1]
	}
	if s := o.playlists[folder+"index.m3u8"]; s != nil && s.m != nil && !s.gone {
		compareIFrames(t.m, s.m, s.url.String(), f)
	}
}

// compareIFrames compares them with the segments that they are the beginnings of.
func compareIFrames(m, whole *Media, name string, f *findings) {
	if m.Target != whole.Target {
		f.add(alignTarget, 0, "%v, of %s %v", m.Target, name, whole.Target)
	}
	a, b := m.Segments, whole.Segments
	for len(a) > 0 && len(b) > 0 {
		switch g, h := &a[0], &b[0]; {
		case g.MSN < h.MSN:
			a = a[1:]
		case g.MSN > h.MSN:
			b = b[1:]
		default:
			if g.URI != h.URI || g.Duration != h.Duration || g.Map != h.Map || h.Gap && !g.Gap {
				f.add(iframesSame, g.line, "segment %d: %q, of %s %q", g.MSN, g.URI, name, h.URI)
			}
			compareAligned(g, h, name, f)
			a, b = a[1:], b[1:]
		}
	}
}
