package replay

import (
	"context"
	"log/slog"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
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
// restored. Nil stands for an execution that nobody gave a reason. For errors that pass a codec see
// [Function.RestoreOf].
func (f *Function[In, Out]) Restore(failure *checkpoint.Failure, known ...codec.KnownError) error {
	e, _ := f.RestoreOf(context.Background(), codec.Meta{}, failure, known...) //nolint:forbidigo // it asks for no key
	return e
}

// RestoreOf is [Function.Restore] for an execution, which m names by its ARN, or for an operation of it, with its ID
// and name: an error that has passed the codec of [WithErrorCodec] is read. If it cannot be, the second error says why,
// and the first one has the type alone.
func (f *Function[In, Out]) RestoreOf(
	ctx context.Context, m codec.Meta, failure *checkpoint.Failure, known ...codec.KnownError,
) (*op.Error, error) {
	set := f.core.set
	if set == nil {
		set = newSettings(nil)
	}
	return set.Restore(ctx, m, failure, known)
}

// Codec returns the codec of the handler's input and result: JSON, or that of [WithHandlerCodec].
func (f *Function[In, Out]) Codec() codec.Codec {
	if f.core.set == nil {
		return codec.JSON()
	}
	return f.core.set.HandlerCodec
}
