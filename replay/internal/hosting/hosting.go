// Package hosting is how a host that runs functions in its own process, above all the test kit,
// sees what they do. Users pass options to the functions that they make; a host is given functions
// that are made already.
package hosting

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// Watcher is what a host adds to the settings of the functions that it runs.
type Watcher struct {
	// Interceptor is a replay.Interceptor, which this package cannot name: package replay imports
	// it. Functions call it inside their own.
	Interceptor any
	// Logs is where the records of the execution's loggers go in place of the function's own
	// handler; nil leaves them where they go.
	Logs slog.Handler
	// Past is what functions learn about how long their bodies take. It is kept here and not with
	// the function: what they do under a new Watcher does not depend on what they did before.
	Past engine.Durations
}

type watcherKey struct{}

// WithWatcher returns a context in which functions are watched. Of nested uses the innermost
// counts.
func WithWatcher(ctx context.Context, w *Watcher) context.Context {
	return context.WithValue(ctx, watcherKey{}, w)
}

// WatcherFrom returns the watcher of a context; nil if there is none.
func WatcherFrom(ctx context.Context) *Watcher {
	w, _ := ctx.Value(watcherKey{}).(*Watcher)
	return w
}

// Restorer is what each function has for hosts, beside its methods for users.
type Restorer interface {
	// Restore returns the error that an execution, which m names by its ARN, or an operation of it,
	// with its ID and name, has failed with, as its record says. The errors registered with the
	// handler, and those of known, are restored, and an error that has passed the codec of errors
	// is read. If it cannot be, the second error says why, and the first one has the type alone. A
	// nil failure is one without a reason.
	Restore(ctx context.Context, m codec.Meta, failure *checkpoint.Failure, known ...codec.KnownError) (*op.Error, error)
}

// RestorerOf returns the Restorer of a function that replay.Handler has made; false for anything
// else. Package replay sets it.
var RestorerOf func(function any) (Restorer, bool) //nolint:gochecknoglobals // package replay sets it when the program begins
