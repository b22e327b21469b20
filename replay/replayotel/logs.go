package replayotel

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// LogHandler adds the trace to records: traceId, spanId and otelTraceSampled, of the span in the
// context that they are logged with. In a body that is its attempt, in a group the group, in the
// handler the invocation, also in the view Executions. A record without a span passes unchanged.
//
//	replay.WithLogHandler(replayotel.LogHandler(replay.JSONLogs(os.Stdout, nil)))
//
// Nil discards everything.
func LogHandler(inner slog.Handler) slog.Handler {
	if inner == nil {
		return slog.DiscardHandler
	}
	return &logHandler{root: inner, inner: inner}
}

// logHandler is the handler of [LogHandler].
type logHandler struct {
	// inner is root after the functions of with: the trace goes to the root, outside of groups.
	root, inner slog.Handler
	with        []func(slog.Handler) slog.Handler
}

// Enabled reports whether a record comes out.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

// Handle adds the trace.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	sc := trace.SpanContextFromContext(ctx)
	if current, ok := ctx.Value(runKey{}).(*run); ok && current.span != nil && sc.Equal(current.workflow) {
		sc = current.span.SpanContext()
	}
	if !sc.IsValid() {
		return h.inner.Handle(ctx, r)
	}
	inner := h.root.WithAttrs([]slog.Attr{
		slog.String("traceId", sc.TraceID().String()), slog.String("spanId", sc.SpanID().String()),
		slog.Bool("otelTraceSampled", sc.IsSampled()),
	})
	for _, f := range h.with {
		inner = f(inner)
	}
	return inner.Handle(ctx, r)
}

// WithAttrs keeps the trace.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

// WithGroup keeps the trace.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h *logHandler) and(f func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{root: h.root, inner: f(h.inner), with: append(slices.Clip(h.with), f)}
}
