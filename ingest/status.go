package ingest

import (
	"time"

	"sluice/ingest/vitals"
)

// Status is a session that publishes, as of a moment.
type Status struct {
	Session uint64
	Stream  string
	Backup  bool   // beside the stream's publisher
	Over    string // rtmp, rtmps, rtmpe, rtmpt or rtmpts
	Encoder string // as it calls itself: in its metadata, or else in connect
	Since   time.Time
	Idle    time.Duration // since bytes last came
	vitals.Vitals
	Line
}

// Line is what the kernel knows of a connection; zero where it tells nothing.
type Line struct {
	RTT   time.Duration // smoothed round-trip time
	Queue int           // bytes that have come and aren't read yet
}

// publishing is what others may know of a session while it publishes.
type publishing struct {
	backup        bool
	encoder, over string
	since         time.Time
	meter         *vitals.Meter
}

// introduce takes the name that a publisher's metadata gives its encoder. OBS and many
// others say in connect that they're FMLE.
func (s *session) introduce(encoder string) {
	p := s.publishing.Load()
	if encoder = printable(encoder); p == nil || encoder == "" || encoder == p.encoder {
		return
	}
	named := *p
	named.encoder = encoder
	s.publishing.Store(&named)
}

// Status returns that of the session that publishes a stream, or is its backup; false
// where there is none.
func (s *Server) Status(stream string, backup bool) (Status, bool) {
	ss, ok := s.owners.owner(seat{stream, backup}).(*session)
	if !ok {
		return Status{}, false
	}
	return ss.status(stream)
}

// Statuses returns those of all sessions that publish, in no order.
func (s *Server) Statuses() []Status {
	var all []Status
	for at, o := range s.owners.all() {
		if ss, ok := o.(*session); ok {
			if st, ok := ss.status(at.stream); ok {
				all = append(all, st)
			}
		}
	}
	return all
}

func (s *session) status(stream string) (Status, bool) {
	p := s.publishing.Load()
	if p == nil {
		return Status{}, false
	}
	line, _ := s.socket.sleeper.line()
	return Status{
		Session: s.id, Stream: stream, Backup: p.backup, Over: p.over, Encoder: p.encoder, Since: p.since,
		Idle: max(s.socket.silence(), 0), Vitals: p.meter.Vitals(time.Now()), Line: line,
	}, true
}
