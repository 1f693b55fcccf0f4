package console

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
)

// Handler writes a record as "15:04:05 INFO  message  key=value …".
type Handler struct {
	level slog.Leveler
	out   *output
	attrs slog.Handler // writes the attributes alone, into out.buf
}

// output is what a Handler shares with those that WithAttrs and WithGroup made.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	buf bytes.Buffer
}

// NewHandler returns a handler for records of at least this level.
func NewHandler(w io.Writer, level slog.Leveler) *Handler {
	out := &output{w: w}
	return &Handler{level, out, slog.NewTextHandler(&out.buf, &slog.HandlerOptions{
		Level: slog.Level(-1000), // Enabled has decided
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && slices.Contains([]string{slog.TimeKey, slog.LevelKey, slog.MessageKey}, a.Key) {
				return slog.Attr{}
			}
			return a
		},
	})}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	b := &h.out.buf
	b.Reset()
	if !r.Time.IsZero() {
		b.WriteString(r.Time.Format("15:04:05 "))
	}
	level := r.Level.String()
	b.WriteString(level)
	for range 6 - len(level) {
		b.WriteByte(' ')
	}
	if len(level) >= 6 {
		b.WriteByte(' ')
	}
	b.WriteString(oneLine(r.Message))
	b.WriteString("  ")
	if err := h.attrs.Handle(ctx, r); err != nil {
		return err
	}
	line := append(bytes.TrimRight(b.Bytes(), " \n"), '\n')
	_, err := h.out.w.Write(line)
	return err
}

// oneLine keeps a message that holds something from outside to one line.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.level, h.out, h.attrs.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.level, h.out, h.attrs.WithGroup(name)}
}
