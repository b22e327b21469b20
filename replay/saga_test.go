package replay_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// undoable is a step whose compensation fails as long as fails says.
func undoable(name string, undone *[]string, fails func() error) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name + " result", nil }).
		Undo(func(_ context.Context, v string) error {
			*undone = append(*undone, v)
			return fails()
		}, op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2))))
}

func TestUndoErrorSaysWhatWasTakenBack(t *testing.T) {
	t.Parallel()
	fine := func() error { return nil }
	tests := []struct {
		reason string
		body   func(ctx op.Context, undone *[]string) error
		want   string
		undone []string
	}{
		{
			"in the reverse order of the claims, each with its result", func(ctx op.Context, undone *[]string) error {
				for _, name := range []string{"a", "b"} {
					if err := replay.Exec(ctx, undoable(name, undone, fine)); err != nil {
						return err
					}
				}
				return errDenied
			}, "denied | CONTEXT | Denied | order | is denied", []string{"b result", "a result"},
		},
		{
			"a compensation that fails is reported, and the others run", func(ctx op.Context, undone *[]string) error {
				if err := replay.Exec(ctx, undoable("a", undone, fine)); err != nil {
					return err
				}
				if err := replay.Exec(ctx, undoable("b", undone, func() error { return errors.New("no stock") })); err != nil {
					return err
				}
				return errDenied
			}, "denied; undo failed: no stock (order/b-undo) | CONTEXT | Denied | order | is denied | undone order/a | failed no stock",
			[]string{"b result", "b result", "a result"},
		},
		{
			"a panic compensates like an error", func(ctx op.Context, undone *[]string) error {
				if err := replay.Exec(ctx, undoable("a", undone, fine)); err != nil {
					return err
				}
				panic("no further")
			}, "panic: no further | CONTEXT | PanicError | order", []string{"a result"},
		},
		{
			"a transformed result is given to an Undo behind it", func(ctx op.Context, undone *[]string) error {
				o := op.Transform(op.Step("a", func(context.Context) (string, error) { return "x", nil }),
					func(s string) (int, error) { return len(s), nil }).
					Undo(func(_ context.Context, n int) error { *undone = append(*undone, strings.Repeat("!", n)); return nil })
				if err := replay.Exec(ctx, o); err != nil {
					return err
				}
				return errDenied
			}, "denied | CONTEXT | Denied | order | is denied", []string{"!"},
		},
		{
			"a batch is given to its Undo", func(ctx op.Context, undone *[]string) error {
				each := op.StepFunc("each", func(_ context.Context, s string) (string, error) { return s, nil })
				o := op.Map("all", []string{"x", "y"}, each).Undo(func(_ context.Context, b op.Batch[string]) error {
					*undone = append(*undone, b.Values()...)
					return nil
				})
				if err := replay.Exec(ctx, o); err != nil {
					return err
				}
				return errDenied
			}, "denied | CONTEXT | Denied | order | is denied", []string{"x", "y"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var n notes
			var undone []string
			drive(t, twice(&n, func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { return op.None{}, tt.body(ctx, &undone) }))
				text := endedAs(nil, err)
				if u, ok := errors.AsType[*op.UndoError](err); ok {
					text += " | undone " + strings.Join(u.Undone, ", ") + " | failed " + errors.Join(u.Failed...).Error()
				}
				return text, nil
			}), "null")
			if diff := cmp.Diff(`"`+tt.want+`"`, n.same(t, 3)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.undone, undone); diff != "" {
				t.Errorf("undone (-want +got):\n%s", diff)
			}
		})
	}
}

// TestErrorThatDoesNotComeAgainIsADivergence: the code goes on where it had failed, after the
// compensation has begun.
func TestErrorThatDoesNotComeAgainIsADivergence(t *testing.T) {
	t.Parallel()
	for _, further := range []string{"another operation", "the end"} {
		runs, shipped := 0, false
		var undone []string
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			runs++
			if err := replay.Exec(ctx, undoable("reserve", &undone, func() error { return errDenied })); err != nil {
				return op.None{}, err
			}
			if runs == 1 {
				return op.None{}, errDeclined // and never again
			}
			if further == "the end" {
				return op.None{}, nil
			}
			return op.None{}, replay.Exec(ctx, op.Do("ship", func(context.Context) error { shipped = true; return nil }))
		}, replay.WithDivergence(replay.DivergenceFail)), "null")
		if got := end(e); !strings.Contains(got, "was being compensated") {
			t.Errorf("%s: ended as %s", further, got)
		}
		if shipped {
			t.Errorf("%s: a body ran after the compensation had begun", further)
		}
	}
}

// TestLosersKeepTheWinnerOverACrash: the function is lost after a loser was undone and before the
// race was recorded; the next invocation must not let the loser win.
func TestLosersKeepTheWinnerOverACrash(t *testing.T) {
	t.Parallel()
	var undone []string
	var once sync.Once
	lost, done := false, make(chan struct{})
	lose := local.Faults{Lose: func(p local.Point) bool {
		if p.Moment != local.MomentBeforeCall || lost {
			return false
		}
		for _, u := range p.Updates {
			if u.Action == checkpoint.ActionSucceed && u.Name == "inner" {
				once.Do(func() { close(done) })
			}
			if u.Action == checkpoint.ActionSucceed && u.Name == "first" {
				lost = true
			}
		}
		return lost
	}}
	quick := op.Step("quick", func(context.Context) (string, error) {
		<-done // so that the loser has something to take back
		return "quick result", nil
	}).Undo(func(_ context.Context, v string) error {
		undone = append(undone, v)
		return nil
	})
	slow := op.Group("slow", func(ctx op.Context) (string, error) {
		v, err := replay.Run(ctx, undoable("inner", &undone, func() error { return nil }))
		if err != nil {
			return "", err
		}
		return v, replay.Exec(ctx, op.Wait("pause", time.Hour))
	})
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Race("first", slow, op.Transform(op.Wait("timer", time.Minute), func(op.None) (string, error) { return "timer", nil }), quick))
	}), "null", local.WithFaults(lose))
	if !lost {
		t.Fatal("the function was not lost")
	}
	if got := end(e); got != `SUCCEEDED "quick result"` {
		t.Errorf("ended as %s", got)
	}
	if diff := cmp.Diff([]string{"inner result"}, undone); diff != "" {
		t.Errorf("undone (-want +got):\n%s", diff)
	}
}
