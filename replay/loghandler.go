package replay

import (
	"context"
	"log/slog"
	"slices"

	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay/internal/engine"
)

// LogHandler makes a handler aware of executions, for loggers that are not the execution's own:
// a record that is logged with the context of a body carries the attributes of op.LoggerFrom, and
// one that is logged with the context of a scope (op.Context.InvocationContext) those of its
// logger, and is dropped while the scope is replayed. Other records pass unchanged.
//
//	slog.SetDefault(slog.New(replay.LogHandler(slog.Default().Handler())))
//
// Records of the execution's loggers are the same with a LogHandler and without.
func LogHandler(inner slog.Handler) slog.Handler {
	if inner == nil {
		inner = slog.DiscardHandler
	}
	return &logHandler{root: inner, inner: inner}
}

// logHandler is the handler of [LogHandler].
type logHandler struct {
	// inner is root after the functions of with: what the context says goes to the root.
	root, inner slog.Handler
	with        []func(slog.Handler) slog.Handler
}

// Enabled reports whether a record comes out.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level) && !engine.Silenced(ctx, level)
}

// Handle adds what the context says of the execution.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if engine.Silenced(ctx, r.Level) {
		return nil
	}
	attrs := contextAttrs(ctx)
	if len(attrs) == 0 || engine.Placed(ctx) {
		return h.inner.Handle(ctx, r)
	}
	inner := h.root.WithAttrs(attrs)
	for _, f := range h.with {
		inner = f(inner)
	}
	return inner.Handle(ctx, r)
}

// WithAttrs keeps the awareness.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

// WithGroup keeps the awareness.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h *logHandler) and(f func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{root: h.root, inner: f(h.inner), with: append(slices.Clip(h.with), f)}
}

// contextAttrs are the attributes of the body or the scope that ctx belongs to.
func contextAttrs(ctx context.Context) []slog.Attr {
	if b, ok := node.BodyFrom(ctx); ok {
		return append(executionAttrs(ctx, b.Info.ExecutionARN), engine.BodyAttrs(b)...)
	}
	return engine.ScopeAttrs(ctx)
}
