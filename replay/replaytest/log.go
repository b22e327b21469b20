package replaytest

import (
	"context"
	"log/slog"
	"slices"
)

// logs keeps the records of the execution's loggers.
type logs struct {
	k     *kit
	attrs []slog.Attr
	group string
}

// Log is a record that the function logged.
type Log struct {
	Level   slog.Level
	Message string
	// Attrs are the attributes with the names of their groups, such as "request.id", as text.
	Attrs map[string]string
}

// Enabled implements slog.Handler.
func (*logs) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *logs) Handle(_ context.Context, r slog.Record) error {
	l := Log{Level: r.Level, Message: r.Message, Attrs: make(map[string]string)}
	for _, a := range h.attrs {
		flatten(l.Attrs, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		flatten(l.Attrs, h.group, a)
		return true
	})
	h.k.note(func() { h.k.logs = append(h.k.logs, l) })
	return nil
}

func flatten(into map[string]string, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		into[group+a.Key] = v.String()
		return
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, inner := range v.Group() {
		flatten(into, group, inner)
	}
}

// WithAttrs implements slog.Handler.
func (h *logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clip(c.attrs)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		c.attrs = append(c.attrs, a)
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *logs) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}
