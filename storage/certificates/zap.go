package certificates

import (
	"context"
	"fmt"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// unmanaged is what certmagic logs, and no event tells, where it can't begin.
const unmanaged = "initiating certificate management"

// zapLogger hands what certmagic logs on to log, at the level debug: what an
// operator must know of it comes by events, but for unmanaged.
func zapLogger(log *slog.Logger) *zap.Logger { return zap.New(zapCore{log: log}) }

// zapCore is a zapcore.Core over slog.
type zapCore struct{ log *slog.Logger }

// Enabled implements zapcore.LevelEnabler.
func (c zapCore) Enabled(l zapcore.Level) bool {
	return l >= zapcore.ErrorLevel || c.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	return zapCore{c.log.With(attrs(fields)...)}
}

// Check implements zapcore.Core.
func (c zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelDebug
	if e.Message == unmanaged {
		level = slog.LevelError
	}
	c.log.Log(context.Background(), level, "acme: "+e.Message, attrs(fields)...)
	return nil
}

// Sync implements zapcore.Core.
func (c zapCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []any {
	enc := zapcore.NewMapObjectEncoder()
	args := make([]any, 0, 2*len(fields))
	for _, f := range fields {
		f.AddTo(enc)
		if v, ok := enc.Fields[f.Key]; ok {
			args = append(args, f.Key, fmt.Sprint(v))
		}
	}
	return args
}
