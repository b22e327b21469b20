package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// onceMore runs a part of a handler, then waits, so that a second invocation runs it again from the
// log, and returns what it said: the same each time, or the test fails.
func onceMore(t *testing.T, run func(ctx op.Context) string, opts ...replay.HandlerOption) (string, *local.Execution) {
	t.Helper()
	var said []string
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		text := run(ctx)
		said = append(said, text)
		return text, replay.Exec(ctx, op.Wait("until-tomorrow", 24*time.Hour))
	}, append(opts, replay.WithErrors(codec.Sentinel("declined", errDeclined)))...)
	e := drive(t, f, "null")
	if len(said) < 2 {
		t.Fatalf("the code has run %d times, and the execution ended as %s\n%s", len(said), end(e), strings.Join(history(e), "\n"))
	}
	for _, s := range said[1:] {
		if diff := cmp.Diff(said[0], s); diff != "" {
			t.Fatalf("first run and replay differ (-first +replay):\n%s", diff)
		}
	}
	return said[0], e
}

// plainStep is a step with a result and without retries.
func plainStep(name, result string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return result, nil })
}

// failingStep is a step that fails for good with a registered error.
func failingStep(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return "", errDeclined }, op.WithRetry(retry.Never()))
}

// slow is an operation that ends after an hour.
func slow(name string) op.Op[string] {
	return op.Transform(op.Wait(name, time.Hour), func(op.None) (string, error) { return "late", nil })
}

// sayError says what callers can find out about an error.
func sayError(err error) string {
	if err == nil {
		return "no error"
	}
	var facts []string
	if errors.Is(err, errDeclined) {
		facts = append(facts, "declined")
	}
	if errors.Is(err, op.ErrTimedOut) {
		facts = append(facts, "timed out")
	}
	if b, ok := errors.AsType[*op.BatchError](err); ok {
		facts = append(facts, fmt.Sprintf("batch %s %s: %d of %d", b.Name, b.Reason, b.Started, b.Total))
	}
	return fmt.Sprintf("%v (%s)", err, strings.Join(facts, ", "))
}

func TestFailedBatchIsAFailureForEverybody(t *testing.T) {
	t.Parallel()
	type operation = op.Op[string]
	all := func() operation {
		return op.Transform(op.All("all", failingStep("charge"), slow("pause")), func([]string) (string, error) { return "", nil })
	}
	mapped := func() operation {
		return op.Transform(op.Map("ship", []int{1, 2}, func(int) operation { return failingStep("pack") }),
			func(op.Batch[string]) (string, error) { return "", nil })
	}
	timeout := func() operation { return op.Timeout("limit", slow("pause"), time.Minute) }
	tests := []struct {
		reason string
		run    func(ctx op.Context) (string, error)
		want   string
	}{
		{
			reason: "Exec drops the value, not the error, of All",
			run:    func(ctx op.Context) (string, error) { return "", replay.Exec(ctx, all()) },
			want:   " card declined (declined)",
		},
		{
			reason: "Exec returns the error of a map that failed",
			run:    func(ctx op.Context) (string, error) { return "", replay.Exec(ctx, mapped()) },
			want:   ` "ship": 1 of 2 operations failed, the first with: card declined (declined, batch ship FAILURE_TOLERANCE_EXCEEDED: 2 of 2)`,
		},
		{
			reason: "Exec returns the error of a time limit that passed",
			run:    func(ctx op.Context) (string, error) { return "", replay.Exec(ctx, timeout()) },
			want:   ` "limit": timed out after 1m0s (timed out)`,
		},
		{
			reason: "Any goes on to an operand that succeeds if one that is a batch fails",
			run: func(ctx op.Context) (string, error) {
				return replay.Run(ctx, op.Any("first", all(), slow("cool-off")))
			},
			want: "late no error",
		},
		{
			reason: "a map of maps fails with the first one that does",
			run: func(ctx op.Context) (string, error) {
				b, err := replay.Run(ctx, op.Parallel("orders", []operation{mapped(), plainStep("notify", "sent")}, op.WithMaxConcurrency(1)))
				return fmt.Sprint(b.Reason, " ", b.Len()), err
			},
			want: `FAILURE_TOLERANCE_EXCEEDED 1 "orders": 1 of 2 operations failed, the first with: "ship": 1 of 2 operations failed, the first with: card declined` +
				" (declined, batch orders FAILURE_TOLERANCE_EXCEEDED: 1 of 2)",
		},
		{
			reason: "Join abandons the others when an operand that is a race fails",
			run: func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, op.Join2("both", op.Race("race", failingStep("charge"), slow("pause")), op.Wait("week", 168*time.Hour)))
				return "", err
			},
			want: " card declined (declined)",
		},
		{
			reason: "Retry attempts a batch again",
			run: func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, op.Retry("again", all(), retry.Fixed(time.Second, retry.MaxAttempts(2))))
				return "", err
			},
			want: " card declined (declined)",
		},
		{
			reason: "a future that was not asked for gives its error to its scope",
			run: func(ctx op.Context) (string, error) {
				return replay.Run(ctx, op.Group("order", func(ctx op.Context) (string, error) {
					replay.Go(ctx, mapped())
					return "fine", nil
				}))
			},
			want: ` "ship": 1 of 2 operations failed, the first with: card declined (declined, batch ship FAILURE_TOLERANCE_EXCEEDED: 2 of 2)`,
		},
		{
			reason: "MapError is called for it",
			run: func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, op.All("all", failingStep("charge"), slow("pause")).MapError(func(err error) error {
					return fmt.Errorf("order: %w", err)
				}))
				return "", err
			},
			want: " order: card declined (declined)",
		},
		{
			reason: "it keeps its identity over the boundaries of groups",
			run: func(ctx op.Context) (string, error) {
				return replay.Run(ctx, op.Group("outer", func(ctx op.Context) (string, error) {
					return replay.Run(ctx, op.Group("inner", func(ctx op.Context) (string, error) {
						_, err := replay.Run(ctx, mapped())
						return "", fmt.Errorf("ship: %w", err)
					}))
				}))
			},
			want: ` ship: "ship": 1 of 2 operations failed, the first with: card declined (declined, batch ship FAILURE_TOLERANCE_EXCEEDED: 2 of 2)`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, e := onceMore(t, func(ctx op.Context) string {
				v, err := tt.run(ctx)
				return v + " " + sayError(err)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s\n%s", diff, strings.Join(history(e), "\n"))
			}
		})
	}
}

func TestBuildersOfBatchesMayAskTheirScope(t *testing.T) {
	t.Parallel()
	got, _ := onceMore(t, func(ctx op.Context) string {
		each := func(i int) op.Op[string] {
			return plainStep("pack", fmt.Sprint(i, " after ", replay.Now(ctx).Sub(dawn)))
		}
		b, err := replay.Run(ctx, op.Map("ship", []int{1, 2}, each))
		return fmt.Sprint(b.Values(), err)
	})
	if want := "[1 after 0s 2 after 0s] <nil>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
