package replay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// inBubble runs an execution of f on a service whose real clock is that of a synctest bubble.
func inBubble(t *testing.T, f local.Handler, opts ...local.Option) *local.Execution {
	t.Helper()
	s := local.New(opts...)
	if err := s.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return e
}

func TestStepTimeoutCancelsTheContextOfTheBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		body   func(context.Context) (string, error)
		want   string
		is     bool // op.ErrTimedOut
	}{
		{
			reason: "a body that obeys its context",
			body: func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", context.Cause(ctx)
			},
			want: "FAILED TimedOut: timed out", is: true,
		},
		{
			reason: "a body that says it in its own words",
			body: func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", errThrottled
			},
			want: "FAILED TimedOut: throttled", is: true,
		},
		{
			reason: "a late success counts: attempts of one step never overlap",
			body: func(context.Context) (string, error) {
				time.Sleep(time.Minute)
				return "late", nil
			},
			want: `SUCCEEDED "late"`,
		},
		{
			reason: "an error in time is the body's own",
			body:   func(context.Context) (string, error) { return "", errThrottled },
			want:   "FAILED Error: throttled",
		},
	}
	for _, tt := range tests {
		for _, host := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/set by the handler %t", tt.reason, host), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var got error
					opts, defaults := []op.StepOption{op.WithTimeout(5 * time.Second)}, []replay.HandlerOption(nil)
					if host {
						defaults, opts = []replay.HandlerOption{replay.WithStepDefaults(opts...)}, nil
					}
					e := inBubble(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
						v, err := replay.Run(ctx, op.Step("charge", tt.body, append(opts, op.WithRetry(retry.Never()))...))
						got = err
						return v, err
					}, defaults...))
					if end(e) != tt.want {
						t.Errorf("the execution ended as %s, want %s", end(e), tt.want)
					}
					if errors.Is(got, op.ErrTimedOut) != tt.is {
						t.Errorf("errors.Is(%v, op.ErrTimedOut) = %t", got, !tt.is)
					}
				})
			})
		}
	}
}

func TestEachAttemptHasTheWholeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		e := inBubble(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (int, error) {
				began := time.Now()
				info, _ := op.InfoFrom(ctx)
				if info.Attempt < 3 {
					<-ctx.Done()
					took = append(took, time.Since(began))
					return 0, ctx.Err()
				}
				return info.Attempt, nil
			}, op.WithTimeout(7*time.Second), op.WithRetry(retry.Fixed(time.Second))))
		}))
		if diff := cmp.Diff([]time.Duration{7 * time.Second, 7 * time.Second}, took); diff != "" || end(e) != "SUCCEEDED 3" {
			t.Errorf("attempts took (-want +got):\n%s, end %s", diff, end(e))
		}
	})
}

// TestWhatABodySaysAfterItsInvocationIsNotRecorded guards that the end of the invocation's time
// is no failure of the step: it runs again.
func TestWhatABodySaysAfterItsInvocationIsNotRecorded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason    string
		semantics op.Semantics
		late      func(ctx context.Context) (string, error)
		calls     []string
		want      string
	}{
		{
			reason: "an error", semantics: op.AtLeastOncePerRetry,
			late:  func(ctx context.Context) (string, error) { return "", ctx.Err() },
			calls: []string{"START charge", "SUCCEED charge"}, want: `SUCCEEDED "second run of attempt 1"`,
		},
		{
			reason: "a result", semantics: op.AtLeastOncePerRetry,
			late:  func(context.Context) (string, error) { return "late", nil },
			calls: []string{"START charge", "SUCCEED charge"}, want: `SUCCEEDED "second run of attempt 1"`,
		},
		{
			reason: "an error of an at-most-once step: the attempt was interrupted", semantics: op.AtMostOncePerRetry,
			late:  func(ctx context.Context) (string, error) { return "", ctx.Err() },
			calls: []string{"START charge", "RETRY charge", "START charge", "SUCCEED charge"},
			want:  `SUCCEEDED "second run of attempt 2"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				e := inBubble(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (string, error) {
						info, _ := op.InfoFrom(ctx)
						if runs++; runs == 1 {
							<-ctx.Done()
							return tt.late(ctx)
						}
						return fmt.Sprint("second run of attempt ", info.Attempt), nil
					}, op.WithSemantics(tt.semantics), op.WithRetry(retry.Fixed(time.Second))))
				}), local.WithFunctionTimeout(time.Minute))
				if end(e) != tt.want {
					t.Errorf("the execution ended as %s, want %s", end(e), tt.want)
				}
				if diff := cmp.Diff(tt.calls, callsOf(e)); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestBodyHasTheDeadlineOfItsInvocation: op.Context has none, so that handler code cannot decide by
// it.
func TestBodyHasTheDeadlineOfItsInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		e := inBubble(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				left = time.Until(deadline)
				return nil
			}))
		}), local.WithFunctionTimeout(3*time.Minute))
		if left != 3*time.Minute || end(e) != "SUCCEEDED {}" {
			t.Errorf("the body had %v, the execution ended as %s", left, end(e))
		}
	})
}

func TestBodyOfAStepGetsWhatItRunsFor(t *testing.T) {
	t.Parallel()
	var got op.Info
	var ok bool
	type traceKey struct{}
	var trace any
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		ctx = ctx.WithValue(traceKey{}, "trace-7")
		return replay.Run(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
				got, ok = op.InfoFrom(ctx)
				trace = ctx.Value(traceKey{})
				return nil
			}).Key("card"))
		}))
	})
	once(t, f, &tape{})
	group := oplog.ID("", "order", "", 0)
	want := op.Info{
		ID: oplog.ID(group, "charge", "card", 0), Name: "charge", Path: "order/charge[card]", ParentID: group,
		ExecutionARN: tapeARN, IdempotencyKey: got.IdempotencyKey, Attempt: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	if trace != "trace-7" {
		t.Errorf("the value of the context is %v", trace)
	}
	if _, ok := op.InfoFrom(t.Context()); ok {
		t.Error("a context that is no body's has an Info")
	}
}

// TestRunTwiceIsTwoOperations: an Op is a value.
func TestRunTwiceIsTwoOperations(t *testing.T) {
	t.Parallel()
	runs := 0
	count := op.Step("count", func(context.Context) (int, error) { runs++; return runs, nil })
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) ([]int, error) {
		a, _ := replay.Run(ctx, count)
		b, err := replay.Run(ctx, count)
		return []int{a, b}, err
	}), "null")
	if end(e) != "SUCCEEDED [1,2]" || len(e.Operations()) != 3 {
		t.Errorf("the execution ended as %s with %d records", end(e), len(e.Operations()))
	}
}
