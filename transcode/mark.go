package transcode

import "sluice/media"

// mark tells the place of what comes from a time on, which is the run's in
// ticks of media.VideoClock.
type mark struct {
	from media.Ticks
	media.Place
}

// place tells where pictures of that time and later ones went.
func (s *sound) place(from media.Ticks, p media.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.marks); n > 0 && s.marks[n-1].Place == p {
		return
	}
	if len(s.marks) == 0 {
		close(s.marked)
	}
	if len(s.marks) == maxMarks {
		s.marks = append(s.marks[:0], s.marks[1:]...)
	}
	s.marks = append(s.marks, mark{from, p})
}

// placeAs takes over the newest place that another knows, from any time on.
func (s *sound) placeAs(other *sound) {
	if p, ok := other.newestPlace(); ok {
		s.place(-maxTime, p)
	}
}

func (s *sound) newestPlace() (p media.Place, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.marks); n > 0 {
		p, ok = s.marks[n-1].Place, true
	}
	return p, ok
}

// placeOf returns the place of what has that time on the run's clock; false
// for what comes before the first picture.
func (s *sound) placeOf(at media.Ticks) (media.Place, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	video := (at + aacFrame/2).Rescale(s.rate(), media.VideoClock)
	for i := len(s.marks) - 1; i >= 0; i-- {
		if s.marks[i].from <= video {
			return s.marks[i].Place, true
		}
	}
	return media.Place{}, false
}
