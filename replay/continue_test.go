package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// loop adds up rounds, one execution each: a step, a wait, and the next one.
type loop struct {
	Round, Most int
	Sum         int
}

func looping(ctx op.Context, l loop) (int, error) {
	n, err := replay.Run(ctx, op.Step("add", func(context.Context) (int, error) { return l.Sum + l.Round, nil }))
	if err != nil {
		return 0, err
	}
	if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
		return 0, err
	}
	if l.Round == l.Most {
		return n, nil
	}
	return 0, replay.ContinueAsNew(ctx, loop{l.Round + 1, l.Most, n})
}

// chain drives an execution and all that continue it, and lists them.
func chain(tb testing.TB, h *home, e *local.Execution) (list []string) {
	tb.Helper()
	for {
		must(tb, e.Drive(tb.Context()))
		next, ok := checkpoint.ContinuedAs(e.Result())
		if !ok {
			return append(list, fmt.Sprintf("%s: %s", e.Record().Name, end(e)))
		}
		list = append(list, e.Record().Name)
		if e, ok = h.Execution(next); !ok {
			tb.Fatalf("there is no execution %s", next)
		}
	}
}

// TestContinueAsNew: each round is an execution with an empty log; the names show the chain.
func TestContinueAsNew(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	must(t, h.Host("order", replay.Handler(looping)))
	e, err := h.Start(t.Context(), "order", "order-17", []byte(`{"Round":1,"Most":4}`))
	must(t, err)
	got := chain(t, h, e)
	if len(got) != 4 || got[0] != "order-17" || !strings.HasPrefix(got[1], "order-17-2-") || !strings.HasPrefix(got[2], "order-17-3-") ||
		!strings.HasPrefix(got[3], "order-17-4-") || !strings.HasSuffix(got[3], ": SUCCEEDED 10") {
		t.Errorf("the chain is %q", got)
	}
	for _, e := range h.Executions() {
		if n := len(e.Operations()); n > 4 {
			t.Errorf("%s has %d operations", e.Record().Name, n)
		}
	}
	if want := dawn.Add(4 * time.Minute); !h.clock.Now().Equal(want) {
		t.Errorf("it is %v, want %v", h.clock.Now(), want)
	}
}

// TestContinueAsNewOnce: an execution that is lost anywhere has one successor, with the input that
// it would have had undisturbed.
func TestContinueAsNewOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		opts   []replay.HandlerOption
	}{
		{"JSON", nil},
		{"a codec that encrypts", []replay.HandlerOption{replay.WithHandlerCodec(unwrapping{})}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			places := 0
			for at := 0; at <= places; at++ {
				seen := 0
				h := newHome(t, local.WithLimits(local.Limits{FailedInvocations: -1}), local.WithFaults(local.Faults{
					Lose: func(local.Point) bool { seen++; return seen == at },
				}))
				must(t, h.Host("order", replay.Handler(looping, tt.opts...)))
				e, err := h.Start(t.Context(), "order", "a", []byte(`{"Round":1,"Most":3}`))
				must(t, err)
				got := chain(t, h, e)
				if at == 0 {
					places = seen
				}
				if all := len(h.Executions()); len(got) != 3 || !strings.HasSuffix(got[2], ": SUCCEEDED 6") || all != 3 {
					t.Errorf("lost at %d of %d: the chain is %q, of %d executions", at, places, got, all)
				}
			}
			if places < 20 {
				t.Errorf("%d places", places)
			}
		})
	}
}

// unwrapping writes other bytes each time and reads them, and what others have written.
type unwrapping struct{}

func (unwrapping) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	if m.Part != codec.PartInput {
		return codec.JSON().Encode(ctx, m, v)
	}
	return noisy{codec.JSON()}.Encode(ctx, m, v)
}

func (unwrapping) Decode(ctx context.Context, m codec.Meta, payload []byte, v any) error {
	if _, inner, ok := strings.Cut(string(payload), ":"); ok && strings.HasSuffix(inner, "}}") {
		payload = []byte(strings.TrimSuffix(inner, "}"))
	}
	return codec.JSON().Decode(ctx, m, payload, v)
}

// TestContinueAsNewEndsTheRest: what the handler has started is waited for before the successor
// begins, and an error of that is the handler's.
func TestContinueAsNewEndsTheRest(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		h := newHome(t)
		var order []string
		f := replay.Handler(func(ctx op.Context, round int) (string, error) {
			if round == 2 {
				order = append(order, "successor")
				return "over", nil
			}
			replay.OnEnd(ctx, func(context.Context, error) { order = append(order, "end") })
			replay.Go(ctx, op.Group("beside", func(ctx op.Context) (string, error) {
				if err := replay.Exec(ctx, op.Wait("long", time.Hour)); err != nil {
					return "", err
				}
				return replay.Run(ctx, op.Step("late", func(context.Context) (string, error) {
					order = append(order, "late")
					if fails {
						return "", errors.New("broken")
					}
					return "", nil
				}, op.WithRetry(attemptsOf(1))))
			}))
			return "dropped", replay.ContinueAsNew(ctx, 2)
		})
		e := h.drive(t, f, "1")
		next, ok := checkpoint.ContinuedAs(e.Result())
		want := []string{"late", "end", "successor"}
		if fails {
			want = want[:2]
		}
		if ok == fails || fails && !strings.Contains(end(e), "broken") {
			t.Fatalf("the execution is %s", end(e))
		}
		if ok {
			s, _ := h.Execution(next)
			must(t, s.Drive(t.Context()))
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("it fails: %t (-want +got):\n%s", fails, diff)
		}
	}
}

// TestContinueOn: the successor is of the function that is named, with an input of its own.
func TestContinueOn(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	must(t, h.Host("other", echo()))
	e := h.drive(t, replay.Handler(func(ctx op.Context, _ int) (string, error) {
		return "", replay.ContinueAsNew(ctx, "text", replay.ContinueOn("other:live"))
	}), "1")
	next, _ := checkpoint.ContinuedAs(e.Result())
	s, ok := h.Execution(next)
	if !ok {
		t.Fatalf("the execution is %s", end(e))
	}
	must(t, s.Drive(t.Context()))
	if got := end(s); got != `SUCCEEDED "text"` || !strings.Contains(next, ":other:") {
		t.Errorf("the successor is %s, %s", next, got)
	}
}

// TestContinueAsNewMisuse: the execution fails and says what to do, and nothing is started.
func TestContinueAsNewMisuse(t *testing.T) {
	t.Parallel()
	type handler = func(ctx op.Context, undone *bool) error
	var kept error
	tests := []struct {
		reason string
		run    handler
		says   string
		others bool // another error than replay.ErrContinuation
	}{
		{"in a group, with its context", func(ctx op.Context, _ *bool) error {
			_, err := replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) { return 0, replay.ContinueAsNew(ctx, 2) }))
			return err
		}, `was called in "inner", and only a handler ends its execution`, false},
		{"in a group, with the handler's context", func(ctx op.Context, _ *bool) error {
			_, err := replay.Run(ctx, op.Group("inner", func(op.Context) (int, error) { return 0, replay.ContinueAsNew(ctx, 2) }))
			return err
		}, "run inside the body of another", true},
		{"in a step", func(ctx op.Context, _ *bool) error {
			return replay.Exec(ctx, op.Do("body", func(context.Context) error { return replay.ContinueAsNew(ctx, 2) }))
		}, "run inside the body of another", true},
		{"in a branch", func(ctx op.Context, _ *bool) error {
			branch := op.Group("branch", func(ctx op.Context) (int, error) { return 0, replay.ContinueAsNew(ctx, 2) })
			return replay.Exec(ctx, op.All("all", branch, op.Group("other", func(op.Context) (int, error) { return 0, nil })))
		}, "only a handler ends its execution", false},
		{"joined with a failure, which would be lost", func(ctx op.Context, _ *bool) error {
			return errors.Join(errors.New("no money"), replay.ContinueAsNew(ctx, 2))
		}, "joined with another error", false},
		{"wrapped beside a failure", func(ctx op.Context, _ *bool) error {
			return fmt.Errorf("%w: %w", replay.ContinueAsNew(ctx, 2), errors.New("no money"))
		}, "no money", false},
		{"the error is dropped", func(ctx op.Context, _ *bool) error { _ = replay.ContinueAsNew(ctx, 2); return nil }, "returned no error", false},
		{"another error is returned", func(ctx op.Context, _ *bool) error {
			_ = replay.ContinueAsNew(ctx, 2)
			return errors.New("broken")
		}, "returned another error: broken", false},
		{"the error of another call", func(ctx op.Context, _ *bool) error {
			first := replay.ContinueAsNew(ctx, 2)
			_ = replay.ContinueAsNew(ctx, 3)
			return first
		}, "an error is not kept for later", false},
		{"the error of another invocation", func(ctx op.Context, _ *bool) error {
			if kept == nil {
				kept = replay.ContinueAsNew(ctx, 2)
			} else {
				_ = replay.ContinueAsNew(ctx, 2)
			}
			if err := replay.Exec(ctx, op.Wait("long", time.Minute)); err != nil {
				return err
			}
			return kept
		}, "an error is not kept for later", false},
		{"an input of another type", func(ctx op.Context, _ *bool) error { return replay.ContinueAsNew(ctx, "2") }, "its input is a string, and the handler takes a int", false},
		{"no function's name", func(ctx op.Context, _ *bool) error {
			return replay.ContinueAsNew(ctx, 2, replay.ContinueOn("a b"))
		}, `replay.ContinueOn("a b")`, false},
		{"no function's name, and the error is dropped", func(ctx op.Context, _ *bool) error {
			_ = replay.ContinueAsNew(ctx, 2, nil, replay.ContinueOn("a b"))
			return nil
		}, "returned no error", false},
		{"an input that cannot be encoded", func(ctx op.Context, _ *bool) error {
			return replay.ContinueAsNew(ctx, func() {}, replay.ContinueOn("order"))
		}, "func()", true},
		{"an input that is too large", func(ctx op.Context, _ *bool) error {
			return replay.ContinueAsNew(ctx, strings.Repeat("x", 1<<20), replay.ContinueOn("order"))
		}, "at most 1,048,576", true},
		{"no such function", func(ctx op.Context, _ *bool) error {
			return replay.ContinueAsNew(ctx, 2, replay.ContinueOn("none"))
		}, "there is no function none", true},
		{"something that could be undone", func(ctx op.Context, undone *bool) error {
			book := op.Do("book", func(context.Context) error { return nil }).Undo(func(context.Context, op.None) error { *undone = true; return nil })
			if err := replay.Exec(ctx, book); err != nil {
				return err
			}
			return replay.ContinueAsNew(ctx, 2)
		}, `"book" could still be undone, and the next execution cannot do that`, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			undone := false
			e := h.drive(t, replay.Handler(func(ctx op.Context, _ int) (int, error) { return 0, tt.run(ctx, &undone) }), "1")
			if got := end(e); e.Status() != local.StatusFailed || !strings.Contains(got, tt.says) {
				t.Errorf("the execution is %s, want it FAILED with %q", got, tt.says)
			}
			if f := e.Failure(); f != nil && !tt.others && !strings.Contains(f.Message, replay.ErrContinuation.Error()) {
				t.Errorf("its failure is %+v", f)
			}
			if n := len(h.Executions()); n != 1 || undone != strings.Contains(tt.reason, "undone") {
				t.Errorf("there are %d executions; undone: %t", n, undone)
			}
		})
	}
	if err := replay.ContinueAsNew(op.Context{}, 1); err == nil {
		t.Error("the zero context continues")
	}
}

// TestContinueAsNewInAGroupThatIsUndone: what a group has done is not undone any more.
func TestContinueAsNewInAGroupThatIsUndone(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, n int) (int, error) {
		if n == 2 {
			return n, nil
		}
		err := replay.Exec(ctx, op.Group("trip", func(ctx op.Context) (op.None, error) {
			return replay.Run(ctx, op.Do("book", func(context.Context) error { return nil }).Undo(func(context.Context, op.None) error { return nil }))
		}))
		if err != nil {
			return 0, err
		}
		return 0, replay.ContinueAsNew(ctx, 2)
	}), "1")
	if _, ok := checkpoint.ContinuedAs(e.Result()); !ok {
		t.Errorf("the execution is %s", end(e))
	}
}

// TestContinueAsNewDiverges: code that does not continue any more, or did not do all that is
// recorded, diverges, and starts nothing.
func TestContinueAsNewDiverges(t *testing.T) {
	t.Parallel()
	for reason, run := range map[string]func(ctx op.Context) error{
		"it does not continue": func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("first", func(context.Context) error { return nil }))
		},
		"it leaves a recorded operation out": func(ctx op.Context) error { return replay.ContinueAsNew(ctx, 2) },
	} {
		first := stepRecord("first", checkpoint.StatusSucceeded)
		next := stepRecord("continue-as-new", checkpoint.StatusStarted, func(o *checkpoint.Operation) { o.SubType = "StartExecution" })
		got := once(t, replay.Handler(func(ctx op.Context, _ int) (int, error) { return 0, run(ctx) }), &tape{}, first, next)
		if !strings.HasPrefix(got, "FAILED NonDeterministicExecutionError: ") {
			t.Errorf("%s: answer %s", reason, got)
		}
	}
}

// TestContinueAsNewWhenFull: an execution that has no room for another operation has room for its
// successor.
func TestContinueAsNewWhenFull(t *testing.T) {
	t.Parallel()
	for most := 20; most < 60; most += 13 {
		h := newHome(t, local.WithLimits(local.Limits{Operations: most}))
		f := replay.Handler(func(ctx op.Context, n int) (int, error) {
			if n > 0 {
				return n, nil
			}
			for {
				n++
				_, err := replay.Run(ctx, op.Step("work", func(context.Context) (int, error) { return n, nil }).Key(strconv.Itoa(n)))
				if errors.Is(err, op.ErrTooMany) {
					return 0, replay.ContinueAsNew(ctx, n)
				}
				if err != nil {
					return 0, err
				}
			}
		})
		e := h.drive(t, crowded{f, quota.Quota{Operations: most}}, "0")
		next, ok := checkpoint.ContinuedAs(e.Result())
		if s, found := h.Execution(next); !ok || !found {
			t.Errorf("of %d operations: the execution is %s", most, end(e))
		} else if must(t, s.Drive(t.Context())); s.Status() != local.StatusSucceeded {
			t.Errorf("of %d operations: the successor is %s", most, end(s))
		}
	}
}

// TestInvokedFunctionContinues: who waits for a function that continues as another execution gets
// an error that names that one, live and on each replay.
func TestInvokedFunctionContinues(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	must(t, h.Host("loop", replay.Handler(looping)))
	var seen []string
	e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, op.Invoke[int]("call", "loop:live", loop{1, 2, 0}))
		failed, ok := errors.AsType[*op.Error](err)
		if !ok || !errors.Is(err, op.ErrContinued) {
			return "", fmt.Errorf("the operation ended with %w", err)
		}
		seen = append(seen, failed.Data)
		if err := replay.Exec(ctx, op.Wait("after", time.Second)); err != nil {
			return "", err
		}
		return failed.Data, nil
	}), "null")
	if len(seen) != 2 || seen[0] != seen[1] || e.Status() != local.StatusSucceeded {
		t.Fatalf("seen was %q; the execution is %s", seen, end(e))
	}
	if next, ok := h.Execution(seen[0]); !ok || !strings.Contains(next.Record().Name, "-2-") {
		t.Errorf("seen was %q", seen)
	}
}
