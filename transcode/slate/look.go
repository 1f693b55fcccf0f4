package slate

import (
	"context"
	"time"
)

// follow looks at the picture until ctx ends.
func (m *Maker) follow(ctx context.Context) {
	look := time.NewTicker(m.every)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		m.look(ctx)
		m.signal()
	}
}

// changed reports whether the picture isn't the one that was read.
func (m *Maker) changed() bool {
	now, err := stampOf(m.options.Picture)
	m.mu.Lock()
	defer m.mu.Unlock()
	return err == nil && now != m.stamp
}

// read notes that what the picture's file is at a time has been read.
func (m *Maker) read(s stamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stamp = s
}

// look reads the picture where it's another one than before, and isn't being written.
func (m *Maker) look(ctx context.Context) {
	if m.options.Picture == "" {
		return
	}
	now, err := stampOf(m.options.Picture)
	first, settled := !m.looked, now == m.seen
	m.looked, m.seen = true, now
	switch {
	case !first && (now == m.stamp || !settled):
		return
	case err != nil:
		m.read(now)
		m.keep(err)
		return
	}
	tool := m.find(ctx)
	if tool == nil {
		m.looked = false // it's read as soon as there is one
		return
	}
	s, err := readSource(ctx, tool, m.options.Picture)
	if ctx.Err() != nil {
		return
	}
	m.read(now)
	if err != nil {
		m.keep(err)
		return
	}
	m.show(s)
}

// keep tells that what is shown stays.
func (m *Maker) keep(err error) {
	m.mu.Lock()
	shown := m.shown
	m.mu.Unlock()
	instead := "the built-in picture"
	if shown.path != "" {
		instead = "the one before"
	}
	m.log.Warn("the slate's picture can't be used: it is "+instead, "path", m.options.Picture, "err", err)
}

// show makes a picture the one that is shown.
func (m *Maker) show(s source) {
	m.mu.Lock()
	before := m.shown
	if before.key() == s.key() {
		m.mu.Unlock()
		return
	}
	if before.path != "" {
		m.before = &before
	}
	m.shown = s
	m.mu.Unlock()
	m.log.Info("the slate's picture", "path", s.path, "state", s.String())
}
