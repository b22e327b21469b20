package replay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// abandonments are ways in which what a function does has no effect: it ends in a wait of a
// thousand hours, and something else ends before, or it fails itself.
func abandonments() map[string]func(ctx op.Context, f func(ctx op.Context) error) error {
	type body = func(ctx op.Context) error
	loser := func(f body) op.Op[string] {
		return op.Group("loser", func(ctx op.Context) (string, error) {
			if err := f(ctx); err != nil {
				return "", err
			}
			return "", execAll(ctx, op.Wait("long", 1000*time.Hour))
		})
	}
	minute := op.Transform(op.Wait("minute", time.Minute), func(op.None) (string, error) { return "", nil })
	bad := op.Group("bad", func(ctx op.Context) (string, error) {
		return "", errors.Join(execAll(ctx, op.Wait("minute", time.Minute)), errDenied)
	})
	each := func(f body) op.Builder[string, string] {
		return op.GroupFunc("each", func(ctx op.Context, s string) (string, error) {
			if s == "f" {
				return replay.Run(ctx, loser(f))
			}
			return replay.Run(ctx, minute)
		})
	}
	first := op.WithCompletion(op.MinSuccessful(1))
	return map[string]func(ctx op.Context, f body) error{
		"loser of a race": func(ctx op.Context, f body) error { return execAll(ctx, op.Race("r", loser(f), minute)) },
		"loser of Any":    func(ctx op.Context, f body) error { return execAll(ctx, op.Any("r", minute, loser(f))) },
		"a time-out": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Timeout("t", loser(f), time.Minute)))
		},
		"an early-ended map": func(ctx op.Context, f body) error {
			return execAll(ctx, op.Map("m", []string{"f", "g"}, each(f), first))
		},
		"an early-ended flat map": func(ctx op.Context, f body) error {
			return execAll(ctx, op.Map("m", []string{"f", "g"}, each(f), first, op.WithFlat()))
		},
		"an early-ended Parallel": func(ctx op.Context, f body) error {
			return execAll(ctx, op.Parallel("p", []op.Op[string]{loser(f), minute}, op.WithCompletion(op.MinSuccessful(1))))
		},
		"a failing sibling in All": func(ctx op.Context, f body) error { return ignore(execAll(ctx, op.All("a", loser(f), bad))) },
		"a failing sibling in Parallel": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Parallel("a", []op.Op[string]{loser(f), bad})))
		},
		"a scope that fails beside it": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Group("scope", func(ctx op.Context) (string, error) {
				replay.Go(ctx, loser(f))
				return "", errors.Join(execAll(ctx, minute), errDenied)
			})))
		},
		"a scope that fails beside a map": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Group("scope", func(ctx op.Context) (string, error) {
				replay.Go(ctx, op.Map("m", []string{"f"}, each(f)))
				return "", errors.Join(execAll(ctx, minute), errDenied)
			})))
		},
		"a race in a loser": func(ctx op.Context, f body) error {
			inner := op.Race("inner", loser(f), op.Transform(op.Wait("hours", 500*time.Hour), func(op.None) (string, error) { return "", nil }))
			return execAll(ctx, op.Race("r", inner, minute))
		},
	}
}

// fails are scopes that fail after the function has ended.
func fails() map[string]func(ctx op.Context, f func(ctx op.Context) error) error {
	type body = func(ctx op.Context) error
	then := func(f body, err error) op.Op[string] {
		return op.Group("scope", func(ctx op.Context) (string, error) {
			if err := f(ctx); err != nil {
				return "", err
			}
			if err := execAll(ctx, op.Wait("minute", time.Minute)); err != nil {
				return "", err
			}
			return "", err
		})
	}
	return map[string]func(ctx op.Context, f body) error{
		"its group":       func(ctx op.Context, f body) error { return ignore(execAll(ctx, then(f, errDenied))) },
		"its flat branch": func(ctx op.Context, f body) error { return ignore(execAll(ctx, op.All("all", then(f, errDenied)))) },
		"its nested branch": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Parallel("all", []op.Op[string]{then(f, errDenied)})))
		},
		"its attempt": func(ctx op.Context, f body) error {
			return ignore(execAll(ctx, op.Retry("all", then(f, errDenied), retry.Never())))
		},
	}
}

// ignore is for failures that are meant; those of compensation are not.
func ignore(err error) error {
	if _, ok := errors.AsType[*op.UndoError](err); ok {
		return err
	}
	return nil
}

// judge says what is wrong with how an execution has left the reservations.
func (r *reservations) judge(e *local.Execution) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	problems := r.wrong
	reported := e.Failure() != nil && strings.Contains(e.Failure().Message, "not known to be undone")
	if e.Status() != local.StatusSucceeded && !reported {
		problems = append(problems, "ended as "+end(e))
	}
	if len(r.held) == 0 {
		problems = append(problems, "nothing was reserved")
	}
	for name, n := range r.held {
		if n != 0 && !reported {
			problems = append(problems, fmt.Sprintf("%s is held %d times", name, n))
		}
	}
	return strings.Join(problems, "; ")
}

// check runs a program, if lost is not zero with the function lost at that call.
func (r *reservations) check(t *testing.T, lost int, program func(ctx op.Context) error) {
	t.Helper()
	calls := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, program(ctx) }), "null",
		local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
			if p.Moment == local.MomentAfterCall {
				calls++
			}
			return p.Moment == local.MomentAfterCall && calls == lost
		}}))
	if problem := r.judge(e); problem != "" {
		t.Errorf("lost at call %d: %s\n%s", lost, problem, strings.Join(history(e), "\n"))
	}
}

// TestEveryUndoIsDoneOrReported: wherever an Undo stands and however what it is for has no effect,
// what was reserved is released exactly once, with the value that the reservation returned, or the
// error says that this is not known.
func TestEveryUndoIsDoneOrReported(t *testing.T) {
	t.Parallel()
	for place := range undoPlaces(newReservations()) {
		for way := range abandonments() {
			t.Run(way+" with "+place, func(t *testing.T) {
				t.Parallel()
				for _, lost := range []int{0, 4} {
					r := newReservations()
					r.check(t, lost, func(ctx op.Context) error { return abandonments()[way](ctx, undoPlaces(r)[place]) })
				}
			})
		}
		for way := range fails() {
			if strings.Contains(place, "open") {
				continue // it does not end
			}
			t.Run(way+" fails with "+place, func(t *testing.T) {
				t.Parallel()
				r := newReservations()
				r.check(t, 0, func(ctx op.Context) error { return fails()[way](ctx, undoPlaces(r)[place]) })
			})
		}
	}
}

// TestLookAheadsSeeWhatTheRunSaw: nothing that ran before a reservation hides it, whether the
// function is lost on the way or not.
func TestLookAheadsSeeWhatTheRunSaw(t *testing.T) {
	t.Parallel()
	for before := range befores() {
		for way := range abandonments() {
			t.Run(way+" after "+before, func(t *testing.T) {
				t.Parallel()
				for _, lost := range []int{0, 3, 5} {
					r := newReservations()
					r.check(t, lost, func(ctx op.Context) error {
						return abandonments()[way](ctx, func(ctx op.Context) error {
							if err := befores()[before](ctx); err != nil {
								return err
							}
							return execAll(ctx, r.step("x"))
						})
					})
				}
			})
		}
	}
}
