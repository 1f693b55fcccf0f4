package hlscheck

import "time"

// resource is what is known of a piece of media: what a playlist said of it and
// what was found in it.
type resource struct {
	size              int
	start             time.Duration // by its own clock
	hasStart          bool
	sync, independent bool
	hasSize, hasSync  bool
	key               int // where its first picture ends
	hasKey            bool
	isPart            bool
}

func (r resource) check(url string, line int, f *findings) {
	if r.hasSync && r.isPart && r.sync != r.independent {
		f.add(partSync, line, "%s: INDEPENDENT %t, sync sample %t", url, r.independent, r.sync)
	}
}

// resources are bounded: when half of them are used up, the older half goes.
type resources struct{ newer, older map[string]resource }

func (rs *resources) get(url string) resource {
	if r, ok := rs.newer[url]; ok {
		return r
	}
	return rs.older[url]
}

func (rs *resources) set(url string, r resource) {
	if rs.newer == nil || len(rs.newer) >= maxResources/2 {
		rs.older, rs.newer = rs.newer, map[string]resource{}
	}
	rs.newer[url] = r
}
