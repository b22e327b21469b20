package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

// printed is what a demo of a handler prints.
func printed(t *testing.T, fn func(d *demo.Demo) func(op.Context, string) (string, error)) (string, error) {
	t.Helper()
	var out bytes.Buffer
	d := demo.New(&out, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	_, err := demo.Run(t.Context(), d, "shown", replay.Handler(fn(d), d.Options()...), "in")
	return out.String(), err
}

// step is a step that logs a line, and fails the first time that it runs if failing.
func step(name string, failing bool) op.Op[op.None] {
	return op.Do(name, func(ctx context.Context) error {
		if info, _ := op.InfoFrom(ctx); failing && info.Attempt == 1 {
			return errors.New("not yet")
		}
		op.LoggerFrom(ctx).InfoContext(ctx, "done", slog.Int("n", 1))
		return nil
	}, op.WithRetry(retry.Fixed(2*time.Second)))
}

func TestOutput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		fn     func(d *demo.Demo) func(op.Context, string) (string, error)
		want   string
	}{
		{
			reason: "retries, crashes, a wait, and a callback that is answered from outside",
			fn: func(d *demo.Demo) func(op.Context, string) (string, error) {
				d.CrashAfter("charge")
				d.CrashBefore("ship")
				return func(ctx op.Context, _ string) (string, error) {
					approval, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
					if err != nil {
						return "", err
					}
					ask := op.Do("ask", func(context.Context) error {
						d.After(30*time.Hour, func() {
							d.Say("boss", "says yes")
							_ = d.Service.CompleteCallback(approval.ID, []byte("yes")) // the demo prints what follows
						})
						return nil
					})
					if err := errors.Join(replay.Exec(ctx, ask), replay.Exec(ctx, step("charge", true))); err != nil {
						return "", err
					}
					err = replay.Exec(ctx, op.Timeout("soon", approval.Result(), time.Hour))
					if !errors.Is(err, op.ErrTimedOut) {
						return "", err
					}
					return "ok", errors.Join(replay.Exec(ctx, approval.Result()), replay.Exec(ctx, step("ship", false)))
				}
			},
			want: `
2026-03-02 09:00  invocation 1
                  ran         ask
                  failed      charge                        attempt 1: not yet
                  waits for   approval, charge in 2s

                  invocation 2
                  replayed    ask
                  ran         charge                        done n=1 (attempt 2)
                  CRASH       charge                        the outcome is recorded

                  invocation 3
                  replayed    ask, charge
                  waits for   approval, soon until 2026-03-02 10:00

2026-03-02 10:00  invocation 4
                  replayed    ask, charge
                  over        soon
                  waits for   approval

2026-03-03 15:00  boss        says yes
                  invocation 5
                  replayed    ask, charge, soon
                  answered    approval                      yes
                  ran         ship                          done n=1
                  CRASH       ship                          the body has run, its outcome is not recorded

                  invocation 6
                  replayed    approval, ask, charge, soon
                  ran         ship                          done n=1

SUCCEEDED after 1 day, 6 hours, in 6 invocations
cost: 9 operations (3 steps, 1 retry, 1 wait, 1 callback, 1 context, 2 lost invocations), 8 checkpoint calls, 355 bytes
`,
		},
		{
			reason: "many operations are counted, and a failure is said",
			fn: func(*demo.Demo) func(op.Context, string) (string, error) {
				return func(ctx op.Context, _ string) (string, error) {
					for key := range strings.SplitSeq("abcdefghi", "") {
						if err := replay.Exec(ctx, step("pack", false).Key(key)); err != nil {
							return "", err
						}
					}
					return "", errors.Join(replay.Exec(ctx, op.Wait("pause", time.Minute)), errors.New("no more"))
				}
			},
			want: `
2026-03-02 09:00  invocation 1
                  ran         pack[a]                       done n=1
                  ran         pack[b]                       done n=1
                  ran         pack[c]                       done n=1
                  ran         pack[d]                       done n=1
                  ran         pack[e]                       done n=1
                  ran         pack[f]                       done n=1
                  ran         pack[g]                       done n=1
                  ran         pack[h]                       done n=1
                  ran         pack[i]                       done n=1
                  waits for   pause until 2026-03-02 09:01

2026-03-02 09:01  invocation 2
                  replayed    6 operations, pack[g], pack[h], pack[i]
                  over        pause

FAILED after 1m0s, in 2 invocations
  Error: no more
cost: 10 operations (9 steps, 1 wait), 10 checkpoint calls, 18 bytes
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, _ := printed(t, tt.fn)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestCrashThatDoesNotTakePlace: a demo that shows no crash where one was meant is wrong.
func TestCrashThatDoesNotTakePlace(t *testing.T) {
	t.Parallel()
	d := demo.New(io.Discard, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	d.CrashAfter("charge-card")
	f := replay.Handler(func(ctx op.Context, _ string) (string, error) {
		return "ok", replay.Exec(ctx, step("charge", false))
	}, d.Options()...)
	_, err := demo.Run(t.Context(), d, "shown", f, "in")
	if err == nil || !strings.Contains(err.Error(), `the function was not lost at "charge-card"`) {
		t.Errorf("got %v", err)
	}
}
