package replay_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestDeferredFunctionsHaveTheTurnAfterACallThatExits: a function of the user's that an operation
// calls ends the goroutine. The deferred functions of the code around the operation run, and may
// call the engine: the turn is theirs again.
func TestDeferredFunctionsHaveTheTurnAfterACallThatExits(t *testing.T) {
	t.Parallel()
	one := []int{1}
	exits := func(int) string { runtime.Goexit(); return "" }
	step := op.StepFunc("s", func(_ context.Context, i int) (int, error) { return i, nil })
	fails := func(context.Context) error { return context.Canceled }
	for _, row := range []struct {
		reason string
		run    func(ctx op.Context)
	}{
		{"the key is made before the call", func(ctx op.Context) { _ = replay.Exec(ctx, step.Key(exits)(1)) }},
		{"the same, of a result that is decoded", func(ctx op.Context) { _, _ = replay.Run(ctx, step.Key(exits)(1)) }},
		{"a builder is called in the call", func(ctx op.Context) {
			_ = replay.Exec(ctx, op.Map("m", one, func(i int) op.Op[int] { runtime.Goexit(); return step(i) }))
		}},
		{"a rule is called when the call goes on", func(ctx op.Context) {
			rule := op.CompleteWhen(func(op.Progress) op.Verdict { runtime.Goexit(); return op.VerdictContinue })
			_, _ = replay.Run(ctx, op.Map("m", one, step, op.WithCompletion(rule)))
		}},
		{"a policy is called after a body", func(ctx op.Context) {
			policy := func(a retry.Attempt) retry.Decision {
				if a.Number > 0 {
					runtime.Goexit()
				}
				return retry.Decision{}
			}
			_ = replay.Exec(ctx, op.Do("a", fails, op.WithRetry(policy)))
		}},
		{"a Transform is called after the call", func(ctx op.Context) {
			_, _ = replay.Run(ctx, op.Transform(step(1), func(i int) (string, error) { return exits(i), nil }))
		}},
		{"an error is mapped after the call", func(ctx op.Context) {
			failing := op.Do("a", fails, op.WithRetry(retry.Never())).MapError(func(err error) error { runtime.Goexit(); return err })
			_ = replay.Exec(ctx, failing)
		}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			called := 0
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				defer func() {
					called++
					replay.OnEnd(ctx, func(context.Context, error) {}) // misuse, unless the turn is here
					called++
				}()
				row.run(ctx)
				return op.None{}, nil
			}, replay.WithLogHandler(slog.DiscardHandler))
			got := say(f.Invoke(onTape(t, &tape{}), event(t)))
			if !strings.Contains(got, replay.ErrExited.Error()) || strings.Contains(got, replay.ErrNested.Error()) {
				t.Errorf("answer %.400s\nwant the text of ErrExited", got)
			}
			if called != 2 {
				t.Errorf("the deferred function got to place %d of 2", called)
			}
		})
	}
}
