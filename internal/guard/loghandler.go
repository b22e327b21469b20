package guard

import (
	"context"
	"log/slog"
)

// Handler calls a handler of log records. If a method of it panics, the record is lost and nothing
// else; attributes and groups that it does not take are left out.
func Handler(h slog.Handler) slog.Handler { return handler{h} }

type handler struct{ in slog.Handler }

// Enabled reports whether a record comes out.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	ok, _ := Call(func() (bool, error) { return h.in.Enabled(ctx, level), nil })
	return ok
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	_, err := Call(func() (struct{}, error) { return struct{}{}, h.in.Handle(ctx, r) })
	return err
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func() slog.Handler { return h.in.WithAttrs(attrs) })
}

func (h handler) WithGroup(name string) slog.Handler {
	return h.with(func() slog.Handler { return h.in.WithGroup(name) })
}

func (h handler) with(f func() slog.Handler) slog.Handler {
	in, err := Call(func() (slog.Handler, error) { return f(), nil })
	if err != nil || in == nil {
		return h
	}
	return handler{in}
}
