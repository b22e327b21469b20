package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
)

// ErrRepeat is the error with which a handler asks that the invocation be repeated.
var ErrRepeat = errors.New("replay: the invocation is to be repeated")

// errRepeatClosed is the answer of a handler that asks for it where errors pass a codec: the
// service keeps what it is answered.
var errRepeatClosed = fmt.Errorf("%w; what the handler says of it passes the codec of errors", ErrRepeat)

// asksForRepeat reports whether an error is, or wraps, ErrRepeat. It calls no method Is of the
// user's.
func asksForRepeat(err error) (found bool) {
	walk(err, func(e error, _ []error) {
		found = found || e == ErrRepeat //nolint:errorlint // the walk looks at each error by itself
	})
	return found
}

// repeated is the outcome of a handler that asks for another invocation. What it has started is
// left, and nothing is compensated: the scope has not failed. Ends that are queued are recorded
// before the answer, as they are with every other outcome.
func repeated(root *scope, err error) Outcome {
	abandonStarted(root)
	root.ended.Store(true)
	return Outcome{Err: err, repeat: true, Status: checkpoint.OutcomePending}
}

// sayRepeated logs that the handler has asked for another invocation: the runtime of Lambda answers
// with the error, and logs nothing.
func sayRepeated(ctx context.Context, inv *invocation, o *Outcome) {
	if !o.repeat || inv.Rehearsal != nil {
		return
	}
	sayLast(inv, func(l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelWarn, "the handler asks that the invocation be repeated", usersError(inv, o.Err))
	})
}
