package dashcheck

import (
	"fmt"
	"time"
)

// findings collects what one MPD breaks.
type findings struct {
	url  string
	at   time.Time
	list []Violation
	// segments is how many the MPD has listed so far.
	segments int
}

func (f *findings) add(r *Rule, line int, format string, args ...any) {
	if len(f.list) < maxViolations {
		f.list = append(f.list, Violation{Rule: r, URL: f.url, At: f.at, Line: line, Detail: fmt.Sprintf(format, args...)})
	}
}

// check adds a violation unless ok.
func (f *findings) check(ok bool, r *Rule, line int, format string, args ...any) {
	if !ok {
		f.add(r, line, format, args...)
	}
}
