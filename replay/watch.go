package replay

import (
	"context"
	"log/slog"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/replay/internal/engine"
)

type watchKey struct{}

// watcher is what a host adds to the settings of the functions that it runs.
type watcher struct {
	i    Interceptor
	logs slog.Handler
	past engine.Durations
}

// Watch returns a context in which functions also call i, inside their own interceptors, and write
// the records of the execution's loggers to logs in place of their own handler; nil leaves them
// where they go. A host that runs functions in its own process, such as a test, sees in this way
// what they do without making them anew. Of nested uses the innermost counts.
//
// What functions learn about how long their bodies take is kept with the context too, and not
// with the function: what they do under a new one does not depend on what they did before.
func Watch(ctx context.Context, i Interceptor, logs slog.Handler) context.Context {
	return context.WithValue(ctx, watchKey{}, &watcher{i: i, logs: logs})
}

// watched returns the settings with what a host has added in ctx.
func (set *settings) watched(ctx context.Context) *settings {
	w, ok := ctx.Value(watchKey{}).(*watcher)
	if !ok {
		return set
	}
	c := *set
	c.interceptors = append(slices.Clip(c.interceptors), w.i)
	if w.logs != nil {
		c.logs = w.logs
	}
	c.Logs.Handler = c.handler
	return &c
}

// durations is where the durations of bodies are kept.
func (c *core) durations(ctx context.Context) *engine.Durations {
	if w, ok := ctx.Value(watchKey{}).(*watcher); ok {
		return &w.past
	}
	return &c.past
}

// Restore returns the error that an execution of the function failed with, from what its answer
// says: an [*op.Error] in which the errors registered with the handler, and those of known, are
// restored. Nil stands for an execution that nobody gave a reason.
func (f *Function[In, Out]) Restore(failure *checkpoint.Failure, known ...codec.KnownError) error {
	set := f.core.set
	if set == nil {
		set = newSettings(nil)
	}
	return set.Restore(failure, known)
}
