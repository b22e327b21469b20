package replay_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestPanicOfTheEngineEndsTheInvocation: a panic that is none of the user's ends the invocation
// with an error that has the stack, whether its goroutine holds the lock or not, whatever the
// handler recovers.
func TestPanicOfTheEngineEndsTheInvocation(t *testing.T) {
	t.Parallel()
	// A client whose replies give the operations the type of the execution.
	strange := func(_ int, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		var ops []checkpoint.Operation
		for _, u := range in.Updates {
			ops = append(ops, checkpoint.Operation{ID: u.ID, Name: u.Name, Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted})
		}
		return checkpoint.CheckpointOutput{Token: "next", Operations: ops}, nil
	}
	programs := map[string]func(ctx op.Context) error{
		"a step": func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("a", func(context.Context) error { return nil }))
		},
		"a wait": func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("a", time.Hour)) },
		"a group": func(ctx op.Context) error {
			return replay.Exec(ctx, op.Group("a", func(op.Context) (int, error) { return 0, nil }))
		},
		"a callback": func(ctx op.Context) error { return replay.Exec(ctx, op.CreateCallback[int]("a")) },
		"a map": func(ctx op.Context) error {
			return replay.Exec(ctx, op.Map("a", []int{1}, op.StepFunc("s", func(_ context.Context, i int) (int, error) { return i, nil })))
		},
		"a future": func(ctx op.Context) error {
			return replay.Exec(ctx, replay.Go(ctx, op.Do("a", func(context.Context) error { return nil })).Result())
		},
	}
	for name, run := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(onTape(t, &tape{reply: strange}), time.Second)
			defer cancel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				defer func() { _ = recover() }()
				return "", run(ctx)
			})
			answer := make(chan string, 1)
			go func() { answer <- say(f.Invoke(ctx, event(t))) }()
			select {
			case got := <-answer:
				if !strings.HasPrefix(got, "error ") || !strings.Contains(got, "goroutine ") && !strings.Contains(got, "replay: ") {
					t.Errorf("the invocation answered %s", got)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("no answer")
			}
		})
	}
}

// TestPanicUnderTheLockEndsTheInvocation: the substitute of a host runs under the lock in a batch.
// Its panic counts as one of the engine: the invocation ends with an error.
func TestPanicUnderTheLockEndsTheInvocation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, at string }{
		{"on the goroutine of a batch, with the lock held", "m[0]"},
		{"in a call of the handler", "m"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			ctx := nodeSubstitute(onTape(t, &tape{}), func(path string) {
				if path == tt.at {
					panic("substitute")
				}
			})
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				defer func() { _ = recover() }()
				return "", replay.Exec(ctx, op.Map("m", []int{1}, op.GroupFunc("g", func(op.Context, int) (int, error) { return 0, nil })))
			})
			_, err := f.Invoke(ctx, event(t))
			if err == nil || !strings.Contains(err.Error(), "a mistake in this library") || !strings.Contains(err.Error(), "panic: substitute") ||
				!strings.Contains(err.Error(), "nodeSubstitute") && !strings.Contains(err.Error(), "guard_engine_test.go") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestRuleThatPanicsFailsTheBatch: what completed in it, and in the handler that fails for it, is
// undone, and a crash in between changes nothing.
func TestRuleThatPanicsFailsTheBatch(t *testing.T) {
	t.Parallel()
	for _, crash := range []string{"", "book-undo"} {
		var undone []string
		undo := func(name string) func(context.Context, int) error {
			return func(context.Context, int) error { undone = append(undone, name); return nil }
		}
		step := func(name string) op.Op[int] {
			return op.Step(name, func(context.Context) (int, error) { return 1, nil }).Undo(undo(name))
		}
		crashed := false
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			if err := replay.Exec(ctx, step("order")); err != nil {
				return op.None{}, err
			}
			rule := op.CompleteWhen(func(p op.Progress) op.Verdict {
				if p.Succeeded > 0 {
					panic("no table")
				}
				return op.VerdictContinue
			})
			return op.None{}, replay.Exec(ctx, op.Parallel("trip", []op.Op[int]{step("book")}, op.WithCompletion(rule)))
		}, replay.WithLogHandler(slog.DiscardHandler))
		e := drive(t, f, "null", local.WithFaults(local.Faults{Fail: func(p local.Point) error {
			if crash == "" || crashed || p.Moment != local.MomentBeforeCall || !slices.ContainsFunc(p.Updates, func(u checkpoint.Update) bool { return u.Name == crash }) {
				return nil
			}
			crashed = true
			return errors.New("lost")
		}}))
		if want := `FAILED PanicError: replay: "trip": the completion rule: panic: no table`; end(e) != want {
			t.Errorf("crash before %q: the execution ended as %s, want %s", crash, end(e), want)
		}
		if len(undone) < 2 || undone[0] != "book" || undone[len(undone)-1] != "order" {
			t.Errorf("crash before %q: undone %v", crash, undone)
		}
	}
}

// TestNilPointerAsErrorIsAnError: it is recorded, retried, found again on replay, and compensated.
func TestNilPointerAsErrorIsAnError(t *testing.T) {
	t.Parallel()
	policies := map[string]struct {
		wrap func(error) error
		runs int
	}{
		"as it is":          {func(err error) error { return err }, 3},
		"marked permanent":  {retry.Permanent, 1},
		"joined":            {func(err error) error { return errors.Join(io.EOF, err) }, 3},
		"with another pace": {func(err error) error { return retry.After(time.Hour, err) }, 3},
	}
	for reason, tt := range policies {
		runs, undone := 0, 0
		seen := map[string]bool{}
		book := op.Do("book", func(context.Context) error { return nil }).Undo(func(context.Context, op.None) error { undone++; return nil })
		charge := op.Do("charge", func(context.Context) error { runs++; return tt.wrap(typedNil()) },
			op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3))), op.WithErrors(codec.ErrorType[*nilError]("declined")))
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			if err := replay.Exec(ctx, book); err != nil {
				return op.None{}, err
			}
			err := replay.Exec(ctx, charge)
			seen[err.Error()] = true
			if again := replay.Exec(ctx, op.Wait("pause", time.Hour)); again != nil {
				return op.None{}, again
			}
			return op.None{}, err
		}), "null")
		if !strings.Contains(end(e), "FAILED PanicError: panic: a function returned a nil *replay_test.nilError as error") {
			t.Errorf("%s: the execution ended as %s", reason, end(e))
		}
		if runs != tt.runs || undone != 1 || len(seen) != 1 {
			t.Errorf("%s: %d runs, want %d; %d undone; errors %v", reason, runs, tt.runs, undone, seen)
		}
	}
}

// nodeSubstitute has f called with the path of each operation that is run.
func nodeSubstitute(ctx context.Context, f func(path string)) context.Context {
	return substitute.With(ctx, func(path string, n node.Node) node.Node { f(path); return n })
}
