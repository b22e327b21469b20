package replay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// registered is an error type of the user's that is registered under the name of the row.
type registered struct{ Code int }

func (e *registered) Error() string { return "registered" }

// Declined, TimedOut, Interrupted, NotBegun and UndoError are error types that are not registered.
// Their names are those of registrations and of built-in errors.
//
//nolint:errname // what they are named is the point
type (
	Declined    struct{}
	TimedOut    struct{}
	Interrupted struct{}
	NotBegun    struct{}
	UndoError   struct{}
)

func (Declined) Error() string    { return "unregistered" }
func (TimedOut) Error() string    { return "unregistered" }
func (Interrupted) Error() string { return "unregistered" }
func (NotBegun) Error() string    { return "unregistered" }
func (UndoError) Error() string   { return "unregistered" }

// TestNamesOfErrorsAreThreeSpaces gives errors of one space the name of an error of another one:
// the names of Go types, of registrations and of built-in errors. What an operation fails with is
// found as what it was, on the first run and on each replay, and as nothing else.
func TestNamesOfErrorsAreThreeSpaces(t *testing.T) {
	t.Parallel()
	isRegistered := func(err error) bool { _, ok := errors.AsType[*registered](err); return ok }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	isUndo := func(err error) bool { _, ok := errors.AsType[*op.UndoError](err); return ok }
	rows := []struct {
		reason string
		fails  error
		name   string // of the registration of *registered
		found  func(error) bool
		want   bool
	}{
		{"a type that is named like a registration", Declined{}, "Declined", isRegistered, false},
		{"a registration", &registered{7}, "Declined", isRegistered, true},
		{"a type that is named like a built-in error", TimedOut{}, "other", is(op.ErrTimedOut), false},
		{"a type that is named like an interruption", Interrupted{}, "other", is(op.ErrInterrupted), false},
		{"a type that is named like a built-in type", UndoError{}, "other", isUndo, false},
		{"a registration that is named like a built-in error is not that one", &registered{7}, "TimedOut", is(op.ErrTimedOut), false},
		{"a registration that is named like a built-in error is found", &registered{7}, "TimedOut", isRegistered, true},
		{"a built-in error that is named like a registration is not that one", op.ErrTimedOut, "TimedOut", isRegistered, false},
		{"a built-in error that is named like a registration is found", op.ErrTimedOut, "TimedOut", is(op.ErrTimedOut), true},
		{"a registration with the prefix of built-in errors", &registered{7}, "perdure.TimedOut", is(op.ErrTimedOut), false},
		{"a registration with the prefix of built-in errors is found", &registered{7}, "perdure.TimedOut", isRegistered, true},
	}
	for _, row := range rows {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			known := codec.ErrorType[*registered](row.name)
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				fails := op.Do("fails", func(context.Context) error { return row.fails }, op.WithRetry(retry.Never()))
				again := op.Group("again", func(ctx op.Context) (int, error) { return 0, replay.Exec(ctx, fails) })
				for _, err := range []error{
					replay.Exec(ctx, fails),
					replay.Exec(ctx, again), // a scope that records the error once more
					replay.Exec(ctx, op.All("all", fails)),
				} {
					if got := row.found(err); got != row.want {
						t.Errorf("found %v, want %v in %v", got, row.want, err)
					}
				}
				if err := replay.Exec(ctx, op.Wait("w", 1e9)); err != nil { // what follows is read from the log
					return "", err
				}
				return "", replay.Exec(ctx, op.Do("last", func(context.Context) error { return row.fails }, op.WithRetry(retry.Never())))
			}, replay.WithErrors(known))
			e := drive(t, f, "null")
			if got := row.found(restoredBy(t, f, e.Failure())); got != row.want {
				t.Errorf("found %v, want %v in the failure of the execution", got, row.want)
			}
		})
	}
}

// TestUsersNotBegunIsUndone fails an attempt with an error of the user's whose type has the name
// that a step gets whose body never began: it did begin, and what it did is undone.
func TestUsersNotBegunIsUndone(t *testing.T) {
	t.Parallel()
	undone := false
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		o := op.Do("a", func(context.Context) error { return NotBegun{} }, op.WithRetry(retry.Never()))
		return "", replay.Exec(ctx, o.UndoAttempted(func(context.Context) error { undone = true; return nil }))
	})
	if drive(t, f, "null"); !undone {
		t.Error("it was not undone")
	}
}

// TestFailureFromOutsideIsNoBuiltinError has an outside system fail a callback with types of ours.
func TestFailureFromOutsideIsNoBuiltinError(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"TimedOut", "HeartbeatMissed", "Interrupted", "Stopped", "perdure.TimedOut"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			svc := local.New(local.WithClock(local.NewVirtualClock(time.Unix(1e9, 0))))
			defer svc.Close()
			f := replay.Handler(func(ctx op.Context, _ op.None) (bool, error) {
				err := replay.Exec(ctx, op.WaitForCallback[string]("ask", func(_ context.Context, id string) error {
					return svc.FailCallback(id, checkpoint.Failure{Type: kind, Message: "no"})
				}))
				return errors.Is(err, op.ErrTimedOut) || errors.Is(err, op.ErrInterrupted) || errors.Is(err, op.ErrStopped), nil
			})
			result, err := svc.Run(t.Context(), f, []byte("null"))
			if err != nil || string(result) != "false" {
				t.Errorf("got %s (%v), want that it is none of the built-in errors", result, err)
			}
		})
	}
}
