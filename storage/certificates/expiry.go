package certificates

import (
	"context"
	"log/slog"
	"time"
)

// expiry warns of certificates that near their end: once a day each.
type expiry struct {
	log  *slog.Logger
	list func() []Status
	said map[int]time.Time // by place in the list, which is always the same
}

// serve looks now, and then again and again until ctx ends.
func (e *expiry) serve(ctx context.Context) {
	e.said = map[int]time.Time{}
	tick := time.NewTicker(warnCheck)
	defer tick.Stop()
	for {
		e.check(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (e *expiry) check(now time.Time) {
	for i, s := range e.list() {
		state := s.State(now)
		if state == StateValid || state == StateMissing {
			delete(e.said, i)
			continue
		}
		// Ticks may come a little early.
		if at, ok := e.said[i]; ok && now.Sub(at) < warnEvery-warnCheck/2 {
			continue
		}
		e.said[i] = now
		args := []any{"names", s.Names, "origin", string(s.Origin), "expires", s.NotAfter}
		if s.Problem != "" {
			args = append(args, "err", s.Problem)
		}
		if state == StateExpired {
			e.log.Error("certificate has expired: encoders and browsers refuse it", args...)
			continue
		}
		e.log.Warn("certificate expires soon: see to its renewal", args...)
	}
}
