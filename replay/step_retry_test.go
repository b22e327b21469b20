package replay_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var (
	errThrottled = errors.New("throttled")
	errDeclined  = errors.New("card declined")
)

// flaky is a handler of one step whose attempts end with the errors of the script, then succeed.
func flaky(script []error, opts ...op.StepOption) func(op.Context, op.None) (int, error) {
	return func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (int, error) {
			info, _ := op.InfoFrom(ctx)
			if info.Attempt <= len(script) {
				return 0, script[info.Attempt-1]
			}
			return info.Attempt, nil
		}, opts...))
	}
}

// failures returns n times the same error.
func failures(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// delays returns the delays that an execution's history says, and whether each attempt began.
func delays(e *local.Execution) []time.Duration {
	var ds []time.Duration
	for _, ev := range e.History() {
		if ev.Type == local.EventStepFailed && ev.NextAttemptDelay > 0 {
			ds = append(ds, ev.NextAttemptDelay)
		}
	}
	return ds
}

func TestStepIsRetriedAsItsPolicySays(t *testing.T) {
	t.Parallel()
	second := time.Second
	tests := []struct {
		reason string
		script []error
		opts   []op.StepOption
		host   []replay.HandlerOption
		delays []time.Duration
		want   string
	}{
		{
			reason: "an error that is gone at the third attempt", script: failures(2, errThrottled),
			opts:   []op.StepOption{op.WithRetry(retry.Linear())},
			delays: []time.Duration{second, 2 * second}, want: "SUCCEEDED 3",
		},
		{
			reason: "a policy without an attempt left", script: failures(4, errThrottled),
			opts:   []op.StepOption{op.WithRetry(retry.Fixed(second, retry.MaxAttempts(3)))},
			delays: []time.Duration{second, second}, want: "FAILED Error: throttled",
		},
		{
			reason: "never", script: failures(1, errThrottled), opts: []op.StepOption{op.WithRetry(retry.Never())},
			want: "FAILED Error: throttled",
		},
		{
			reason: "at-most-once without a policy is not retried", script: failures(1, errThrottled),
			opts: []op.StepOption{op.WithSemantics(op.AtMostOncePerRetry)}, want: "FAILED Error: throttled",
		},
		{
			reason: "nor does the handler's policy hold for it", script: failures(1, errThrottled),
			host: []replay.HandlerOption{replay.WithStepDefaults(op.WithRetry(retry.Fixed(second)))},
			opts: []op.StepOption{op.WithSemantics(op.AtMostOncePerRetry)}, want: "FAILED Error: throttled",
		},
		{
			reason: "at-most-once with a policy of its own is", script: failures(1, errThrottled),
			opts:   []op.StepOption{op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(second))},
			delays: []time.Duration{second}, want: "SUCCEEDED 2",
		},
		{
			reason: "the handler's policy", script: failures(3, errThrottled),
			host:   []replay.HandlerOption{replay.WithStepDefaults(op.WithRetry(retry.Fixed(3*second, retry.MaxAttempts(2))))},
			delays: []time.Duration{3 * second}, want: "FAILED Error: throttled",
		},
		{
			reason: "the step's policy comes before the handler's", script: failures(3, errThrottled),
			host: []replay.HandlerOption{replay.WithStepDefaults(op.WithRetry(retry.Fixed(3 * second)))},
			opts: []op.StepOption{op.WithRetry(retry.Never())}, want: "FAILED Error: throttled",
		},
		{
			reason: "a permanent error", script: []error{retry.Permanent(errDeclined)},
			want: "FAILED Error: card declined",
		},
		{
			reason: "an error that says when", script: []error{retry.After(90*second, errThrottled)},
			opts:   []op.StepOption{op.WithRetry(retry.Fixed(second))},
			delays: []time.Duration{90 * second}, want: "SUCCEEDED 2",
		},
		{
			reason: "a body that asks to be run again", script: []error{retry.Again(1), retry.Again(2)},
			opts:   []op.StepOption{op.WithRetry(retry.Linear())},
			delays: nil, want: "SUCCEEDED 3",
		},
		{
			reason: "a body that asks to be run again, too often", script: failures(3, retry.Again(1)),
			opts: []op.StepOption{op.WithRetry(retry.Linear(retry.MaxAttempts(2)))},
			want: "FAILED Error: retry: the body asked for another attempt: allow more with retry.MaxAttempts",
		},
		{
			reason: "a filter of the policy sees the user's own error",
			script: failures(2, fmt.Errorf("charge: %w", errThrottled)),
			opts:   []op.StepOption{op.WithRetry(retry.Fixed(second, retry.OnIs(errThrottled)))},
			delays: []time.Duration{second, second}, want: "SUCCEEDED 3",
		},
		{
			reason: "a filter of the policy that rejects", script: failures(1, errDeclined),
			opts: []op.StepOption{op.WithRetry(retry.Fixed(second, retry.OnIs(errThrottled)))},
			want: "FAILED Error: card declined",
		},
		{
			reason: "an error that is not to be retried", script: failures(1, errDeclined),
			opts: []op.StepOption{op.WithRetry(retry.Fixed(second, retry.Unless(retry.OnIs(errDeclined))))},
			want: "FAILED Error: card declined",
		},
		{
			reason: "a filter of the step narrows the default policy", script: failures(1, errDeclined),
			opts: []op.StepOption{op.WithRetryIf(retry.OnIs(errThrottled))},
			want: "FAILED Error: card declined",
		},
		{
			reason: "a filter of the step narrows the handler's policy", script: failures(1, errDeclined),
			host: []replay.HandlerOption{replay.WithStepDefaults(op.WithRetry(retry.Fixed(second)))},
			opts: []op.StepOption{op.WithRetryIf(retry.OnMessage(regexp.MustCompile("^throttled$")))},
			want: "FAILED Error: card declined",
		},
		{
			reason: "a filter of the handler's defaults", script: failures(1, errDeclined),
			host: []replay.HandlerOption{replay.WithStepDefaults(op.WithRetryIf(retry.OnIs(errThrottled)))},
			want: "FAILED Error: card declined",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(flaky(tt.script, tt.opts...), tt.host...), "null")
			if got := end(e); got != tt.want {
				t.Errorf("the execution ended as %s, want %s", got, tt.want)
			}
			if diff := cmp.Diff(tt.delays, delays(e)); diff != "" {
				t.Errorf("delays (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStepWithoutAPolicyHasSixAttempts(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(flaky(failures(9, errThrottled))), "null")
	got := delays(e)
	if len(got) != 5 || end(e) != "FAILED Error: throttled" {
		t.Fatalf("delays %v, end %s", got, end(e))
	}
	bound := 5 * time.Second
	for i, d := range got {
		if d < time.Second || d > bound || d%time.Second != 0 {
			t.Errorf("delay %d is %v, want whole seconds up to %v", i+1, d, bound)
		}
		bound = min(2*bound, time.Minute)
	}
}

func TestJitterIsAFunctionOfExecutionOperationAndAttempt(t *testing.T) {
	t.Parallel()
	run := func(name string) []time.Duration {
		h := newHome(t)
		if err := h.Host("order", replay.Handler(flaky(failures(5, errThrottled)))); err != nil {
			t.Fatal(err)
		}
		e, err := h.Start(t.Context(), "order", name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Drive(t.Context()); err != nil {
			t.Fatal(err)
		}
		return delays(e)
	}
	if diff := cmp.Diff(run("order-1"), run("order-1")); diff != "" {
		t.Errorf("two runs of one execution differ:\n%s", diff)
	}
	same := 0
	for i := range 8 {
		if cmp.Equal(run("order-1"), run(fmt.Sprint("other-", i))) {
			same++
		}
	}
	if same == 8 {
		t.Error("all executions have the same delays: nothing spreads the load")
	}
}

func TestPolicyGetsTheAttempt(t *testing.T) {
	t.Parallel()
	type seen struct {
		Err     string
		Number  int
		Elapsed time.Duration
	}
	var got []seen
	policy := retry.Policy(func(a retry.Attempt) retry.Decision {
		if a.Number < 1 { // a probe
			return retry.Decision{}
		}
		got = append(got, seen{a.Err.Error(), a.Number, a.Elapsed})
		return retry.Decision{Retry: a.Number < 3, After: 4 * time.Second}
	})
	e := drive(t, replay.Handler(flaky(failures(9, errThrottled), op.WithRetry(policy))), "null")
	want := []seen{
		{"throttled", 1, 0},
		{"throttled", 2, 4 * time.Second},
		{"throttled", 3, 8 * time.Second},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempts that the policy saw (-want +got):\n%s\n%v", diff, history(e))
	}
}

// TestPolicyThatFailsEndsTheStep covers policies that panic or make no sense: the step fails,
// and says so, instead of being run forever.
func TestPolicyThatFailsEndsTheStep(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		policy retry.Policy
		want   string
	}{
		{
			"a policy that panics", func(a retry.Attempt) retry.Decision {
				if a.Number < 1 {
					return retry.Decision{}
				}
				panic("no table")
			}, "retry: invalid policy: it panicked: no table",
		},
		{
			"a negative delay", func(a retry.Attempt) retry.Decision {
				return retry.Decision{Retry: true, After: -time.Duration(a.Number)}
			}, "retry: invalid policy: its delay after attempt 1 is -1ns: use zero or more",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got error
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				got = replay.Exec(ctx, op.Do("charge", func(context.Context) error { return errThrottled }, op.WithRetry(tt.policy)))
				return op.None{}, nil
			}), "null")
			if end(e) != "SUCCEEDED {}" {
				t.Fatalf("the execution ended as %s", end(e))
			}
			if got == nil || got.Error() != tt.want {
				t.Errorf("the error is %v, want %s", got, tt.want)
			}
		})
	}
}

func TestAgainIsRefusedForAtMostOnce(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(flaky([]error{retry.Again(1)},
		op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second)))), "null")
	want := "FAILED Error: replay: retry.Again needs at-least-once semantics: " +
		"an at-most-once step cannot keep its state over an interruption"
	if got := end(e); got != want {
		t.Errorf("the execution ended as %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"START charge", "FAIL charge"}, callsOf(e)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAttemptAfterAPauseSendsStart asserts the wire of a step that is attempted three times.
func TestAttemptAfterAPauseSendsStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		opts    []replay.HandlerOption
		calls   []string
		history []string
	}{
		{
			reason: "by default",
			calls:  []string{"START charge, RETRY charge", "START charge, RETRY charge", "START charge, SUCCEED charge"},
			history: []string{
				"StepStarted charge", "StepFailed charge", "InvocationCompleted",
				"StepStarted charge", "StepFailed charge", "InvocationCompleted",
				"StepStarted charge", "StepSucceeded charge", "InvocationCompleted", "ExecutionSucceeded",
			},
		},
		{
			reason: "without a start of READY steps", opts: []replay.HandlerOption{replay.WithReadyStart(false)},
			calls: []string{"START charge, RETRY charge", "RETRY charge", "SUCCEED charge"},
			history: []string{
				"StepStarted charge", "StepFailed charge", "InvocationCompleted",
				"StepFailed charge", "InvocationCompleted",
				"StepSucceeded charge", "InvocationCompleted", "ExecutionSucceeded",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(flaky(failures(2, errThrottled)), tt.opts...), "null")
			if diff := cmp.Diff(tt.calls, callsOf(e)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.history, history(e)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryIsRecordedWithTheErrorOfTheAttempt(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(flaky(failures(1, errThrottled), op.WithRetry(retry.Fixed(7*time.Second))))
	if got := once(t, f, client); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	u := client.update(t, checkpoint.ActionRetry, "charge")
	if u.NextAttemptDelay != 7*time.Second || u.Failure == nil || u.Failure.Message != "throttled" || u.Payload.Present() {
		t.Errorf("RETRY is %+v", u)
	}
}
