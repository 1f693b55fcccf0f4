package gate

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// LineEvery is the least time between two lines of one reason and address.
	LineEvery = 10 * time.Second
	maxLines  = 4096 // pairs of those remembered
)

// episodic are the reasons of which there is a line when it begins, and none until it
// has been quiet for LineEvery: who has them comes by the thousand.
var episodic = map[string]bool{"crowded": true, "crowded_address": true, "evicted": true, "handshakes": true}

// Lines keeps a peer that errs again and again from filling the log.
type Lines struct {
	mu   sync.Mutex
	said map[line]*saying
}

type line struct {
	from   netip.Prefix
	reason string
}

type saying struct {
	at     time.Time
	missed int
}

// NewLines returns one that has said nothing yet.
func NewLines() *Lines { return &Lines{said: map[line]*saying{}} }

// May says whether a line may be written now, and how many like it were not.
func (l *Lines) May(from netip.Prefix, reason string, now time.Time) (missed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := line{from, reason}
	s := l.said[k]
	if s != nil && now.Sub(s.at) < LineEvery {
		if s.missed++; episodic[reason] {
			s.at = now
		}
		return 0, false
	}
	if s != nil {
		missed = s.missed
	} else if len(l.said) >= maxLines {
		l.forget(now)
		if len(l.said) >= maxLines {
			return 0, false // so many addresses at once are an attack; metrics count it
		}
	}
	l.said[k] = &saying{at: now}
	return missed, true
}

func (l *Lines) forget(now time.Time) {
	for k, s := range l.said {
		if now.Sub(s.at) >= LineEvery {
			delete(l.said, k)
		}
	}
}
