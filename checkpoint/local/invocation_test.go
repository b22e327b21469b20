package local_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func TestFirstEventHoldsTheExecution(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		ops := k.event.InitialExecutionState.Operations
		if len(ops) != 1 {
			t.Errorf("the event holds %d operations", len(ops))
			return ""
		}
		op := ops[0]
		if op.Type != "EXECUTION" || op.Status != "STARTED" || op.ExecutionDetails.InputPayload != "{}" ||
			op.StartTimestamp != start.UnixMilli() {
			t.Errorf("the first operation is %+v", op)
		}
		if !strings.HasSuffix(k.event.DurableExecutionArn, "/"+op.Name+"/"+op.ID) {
			t.Errorf("the ARN is %s, the operation's ID %s, its name %s", k.event.DurableExecutionArn, op.ID, op.Name)
		}
		if len(k.event.UpdatedOperationIDs) != 0 {
			t.Errorf("updated: %v", k.event.UpdatedOperationIDs)
		}
		return ""
	})
	if !strings.HasPrefix(e.ARN(), "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/") {
		t.Errorf("the ARN is %s", e.ARN())
	}
}

// TestUpdatedOperationIDs says which operations an event names as changed.
func TestUpdatedOperationIDs(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	var got [][]string
	e := begin(t, s, function(func(k *talk) (string, error) {
		got = append(got, k.event.UpdatedOperationIDs)
		switch len(got) {
		case 1:
			k.must(t, waitStart("known", time.Second), stepRetry("s", 2*time.Second, nil), waitStart("w", 2*time.Second))
			clock.Advance(time.Second)
			k.must(t) // the reply reports the first wait
			return pending, nil
		case 2:
			return "", errors.New("a failed invocation does not count")
		case 3:
			k.must(t, waitStart("last", time.Second))
			clock.Advance(time.Second) // not reported
			return pending, nil
		case 4:
			k.must(t, stepSucceed("own", "1"), waitStart("more", time.Second))
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{nil, {"s", "w"}, {"s", "w"}, {"last"}, {"more"}}, got); diff != "" {
		t.Errorf("updated operations (-want +got):\n%s", diff)
	}
}

// TestPendingIsFollowedByAnInvocation says when a suspended execution is invoked again.
func TestPendingIsFollowedByAnInvocation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		first  func(k *talk, clock *local.VirtualClock)
		// after is how long nothing happens after the first invocation.
		after time.Duration
	}{
		{"when a wait is over", func(k *talk, _ *local.VirtualClock) {
			k.must(t, waitStart("w", 5*time.Second))
		}, 5 * time.Second},
		{"when a step is ready", func(k *talk, _ *local.VirtualClock) {
			k.must(t, stepRetry("s", 5*time.Second, nil))
		}, 5 * time.Second},
		{"when anything is over, whatever it waits for", func(k *talk, _ *local.VirtualClock) {
			k.must(t, waitStart("w", time.Hour), waitStart("short", 5*time.Second))
		}, 5 * time.Second},
		{"when a callback times out", func(k *talk, _ *local.VirtualClock) {
			u := callbackStart("c")
			u.Timeout = 5 * time.Second
			k.must(t, u)
		}, 5 * time.Second},
		{"at once if something changed that it does not know, even if nothing is pending any more", func(k *talk, clock *local.VirtualClock) {
			k.must(t, waitStart("w", 5*time.Second))
			clock.Advance(5 * time.Second)
		}, 0},
		{"not for what it knows", func(k *talk, clock *local.VirtualClock) {
			k.must(t, waitStart("w", 5*time.Second), waitStart("long", 10*time.Second))
			clock.Advance(5 * time.Second)
			k.must(t)
		}, 5 * time.Second},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			var suspended, resumed time.Time
			e := begin(t, s, function(func(k *talk) (string, error) {
				if suspended.IsZero() {
					tt.first(k, clock)
					suspended = clock.Now()
					return pending, nil
				}
				resumed = clock.Now()
				return succeed(`1`), nil
			}), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := resumed.Sub(suspended); got != tt.after || e.Invocations() != 2 {
				t.Errorf("resumed after %v, in %d invocations", got, e.Invocations())
			}
			for _, ev := range e.History() {
				if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
					t.Errorf("an invocation failed: %v", ev.Failure)
				}
			}
		})
	}
}

const nothingPending = "Cannot return PENDING status with no pending operations."

// TestInvalidAnswers says which answers are invalid, and that four in a row fail the execution.
func TestInvalidAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, answer, want string }{
		{"it has a status", `{}`, "Invalid response: there is no Status."},
		{"a known one", `{"Status":"DONE"}`, `Invalid response: the Status is "DONE".`},
		{"it is an object", `49`, "Invalid response: a durable function answers with an object that has a Status, and this is a JSON number; " +
			"host a function that is not durable as Plain."},
		{"it is JSON", `done`, "Invalid response: invalid character 'd' looking for beginning of value"},
		{"it is not empty", ``, "Invalid response: unexpected end of JSON input"},
		{"a failure has no result", `{"Status":"FAILED","Result":"1"}`, "Cannot provide a Result for FAILED status."},
		{"a success has no error", `{"Status":"SUCCEEDED","Error":{}}`, "Cannot provide an Error for SUCCEEDED status."},
		{"something is pending", pending, nothingPending},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			e := begin(t, s, function(func(*talk) (string, error) { return tt.answer, nil }), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := &checkpoint.Failure{Type: "InvalidParameterValueException", Message: tt.want}
			if e.Status() != local.StatusFailed || e.Invocations() != 4 {
				t.Errorf("the execution is %s after %d invocations", e.Status(), e.Invocations())
			}
			if diff := cmp.Diff(want, e.Failure()); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if got := clock.Now().Sub(start); got != 15*time.Second {
				t.Errorf("the three pauses took %v", got)
			}
		})
	}
}

func TestInvalidAnswersMustBeInARow(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	n := 0
	e := begin(t, s, function(func(k *talk) (string, error) {
		switch n++; n {
		case 4:
			return "", errors.New("a failure is something else")
		case 8:
			k.must(t, waitStart("w", time.Second)) // the answer is valid
		case 12:
			return succeed(`1`), nil
		}
		return pending, nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusSucceeded {
		t.Errorf("the execution is %s: %v", e.Status(), e.Failure())
	}
}

type throttledError struct{}

func (*throttledError) Error() string { return "slow down" }

// TestFailedInvocationsAreRepeated says how an invocation can fail and what the history shows.
func TestFailedInvocationsAreRepeated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		fail   func(k *talk) (string, error)
		want   checkpoint.Failure
	}{
		{
			"a function error", func(*talk) (string, error) { return "", &throttledError{} },
			checkpoint.Failure{Type: "throttledError", Message: "slow down"},
		},
		{
			"an error beside an answer", func(*talk) (string, error) { return succeed("1"), errors.New("no") },
			checkpoint.Failure{Type: "errorString", Message: "no"},
		},
		{
			"a failure that is reported",
			func(*talk) (string, error) {
				return "", &local.FunctionError{Failure: checkpoint.Failure{Type: "Extension.Crash", Message: "m", Data: "d"}}
			},
			checkpoint.Failure{Type: "Extension.Crash", Message: "m", Data: "d"},
		},
		{
			"an error that is not text", func(*talk) (string, error) { return "", errors.New("no\xff") },
			checkpoint.Failure{Type: "errorString", Message: "no\uFFFD"},
		},
		{
			"a panic", func(*talk) (string, error) { panic("oops") },
			checkpoint.Failure{Type: "string", Message: "oops"},
		},
		{
			"a panic with an error", func(*talk) (string, error) { panic(&throttledError{}) },
			checkpoint.Failure{Type: "throttledError", Message: "slow down"},
		},
		{
			"a function that ends without an answer",
			func(*talk) (string, error) { runtime.Goexit(); return "", nil },
			checkpoint.Failure{Type: "Runtime.ExitError"},
		},
		{
			"a process that is killed",
			func(k *talk) (string, error) {
				if !local.Kill(k.ctx) || local.Kill(k.ctx) {
					return "", errors.New("a function is killed once")
				}
				<-k.ctx.Done()
				if !errors.Is(context.Cause(k.ctx), local.ErrLost) {
					return "", context.Cause(k.ctx)
				}
				return succeed(`"ignored"`), nil
			},
			checkpoint.Failure{Type: "Runtime.ExitError"},
		},
		{
			"an answer that is too large",
			func(*talk) (string, error) { return strings.Repeat(" ", 6<<20+101), nil },
			checkpoint.Failure{
				Type:    "Function.ResponseSizeTooLarge",
				Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			calls := 0
			e := begin(t, s, function(func(k *talk) (string, error) {
				if calls++; calls <= 3 {
					return tt.fail(k)
				}
				return succeed(`1`), nil
			}), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := clock.Now().Sub(start); got != 6300*time.Millisecond {
				t.Errorf("the pauses took %v, want 1.1 s, 2.1 s and 3.1 s", got)
			}
			history := e.History()
			want := []string{
				"ExecutionStarted", "InvocationCompleted", "InvocationCompleted", "InvocationCompleted",
				"InvocationCompleted", "ExecutionSucceeded",
			}
			if diff := cmp.Diff(want, types(e)); diff != "" {
				t.Fatalf("history (-want +got):\n%s", diff)
			}
			got := *history[1].Failure
			if tt.want.Message == "" {
				tt.want.Message = "RequestId: " + history[1].RequestID + " Error: Runtime exited with error: exit status 1"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if history[4].Failure != nil {
				t.Errorf("the last invocation has the failure %v", history[4].Failure)
			}
		})
	}
}

// TestEndlessFailuresEndAtTheOperationLimit also says that pauses do not grow forever.
func TestEndlessFailuresEndAtTheOperationLimit(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t, local.WithLimits(local.Limits{Operations: 10, FailedInvocations: -1, RetryPause: time.Second}))
	e := begin(t, s, function(func(*talk) (string, error) { return "", errors.New("no") }), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusFailed || e.Invocations() != 11 {
		t.Errorf("the execution is %s after %d invocations", e.Status(), e.Invocations())
	}
	if got, want := clock.Now().Sub(start), time.Duration(1+2+4+8+16+32+4*60)*time.Second; got != want {
		t.Errorf("the pauses took %v, want %v", got, want)
	}
}

// TestChangesDuringAPauseDoNotShortenIt says that they come with the next invocation.
func TestChangesDuringAPauseDoNotShortenIt(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t, local.WithLimits(local.Limits{RetryPause: time.Minute}))
	var resumed time.Duration
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("w") == "" {
			k.must(t, waitStart("w", time.Second))
			return "", errors.New("no")
		}
		resumed = clock.Now().Sub(start)
		if k.status("w") != "SUCCEEDED" {
			t.Errorf("the wait is %s", k.status("w"))
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if resumed != time.Minute || e.Invocations() != 2 {
		t.Errorf("resumed after %v, in %d invocations", resumed, e.Invocations())
	}
}

func TestAnswerAfterTheExecutionWasCompletedByACheckpoint(t *testing.T) {
	t.Parallel()
	const refused = "The execution was completed by a checkpoint: the response must carry nothing else."
	for _, tt := range []struct {
		reason, answer, want string
		err                  error
	}{
		{"an empty result", `{"Status":"SUCCEEDED","Result":""}`, "", nil},
		{"no result", `{"Status":"SUCCEEDED"}`, "", nil},
		{"another result is invalid and changes nothing", succeed("2"), refused, nil},
		{"so is PENDING", pending, refused, nil},
		{"so is an error", `{"Status":"FAILED","Error":{}}`, refused, nil},
		{"a crash changes nothing", "", "crashed", errors.New("crashed")},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			e := begin(t, s, function(func(k *talk) (string, error) {
				k.must(t, executionSucceed(k, "1"))
				return tt.answer, tt.err
			}), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if e.Status() != local.StatusSucceeded || string(e.Result()) != "1" {
				t.Errorf("the execution is %s with %s", e.Status(), e.Result())
			}
			want := []string{"ExecutionStarted", "InvocationCompleted", "ExecutionSucceeded"}
			if diff := cmp.Diff(want, types(e)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			got := ""
			if f := e.History()[1].Failure; f != nil {
				got = f.Message
			}
			if got != tt.want {
				t.Errorf("the invocation completed with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExecutionFailsByAnswerAndByCheckpoint(t *testing.T) {
	t.Parallel()
	want := &checkpoint.Failure{Type: "CardError", Message: "declined", Data: "d", Stack: []string{"a", "b"}}
	for _, byCheckpoint := range []bool{false, true} {
		e := inside(t, func(k *talk) string {
			if !byCheckpoint {
				return `{"Status":"FAILED","Error":{"ErrorType":"CardError","ErrorMessage":"declined","ErrorData":"d","StackTrace":["a","b"]}}`
			}
			k.must(t, checkpoint.Update{ID: "made-up", Kind: checkpoint.KindExecution, Action: checkpoint.ActionFail, Failure: want})
			return `{"Status":"FAILED"}`
		})
		failed, ok := errors.AsType[*local.ExecutionError](e.Err())
		if !ok || failed.Status != local.StatusFailed || failed.ARN != e.ARN() {
			t.Fatalf("the error is %v", e.Err())
		}
		if diff := cmp.Diff(want, failed.Failure); diff != "" {
			t.Errorf("failure (-want +got):\n%s", diff)
		}
		if got := types(e); got[len(got)-1] != "ExecutionFailed" {
			t.Errorf("history %v", got)
		}
	}
}

func TestContextOfAnInvocation(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	var ids []string
	var last *talk
	e := begin(t, s, function(func(k *talk) (string, error) {
		last = k
		lc, ok := lambdacontext.FromContext(k.ctx)
		if !ok || lc.InvokedFunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST" || lc.TenantID != "" {
			t.Errorf("the Lambda context is %+v", lc)
		}
		ids = append(ids, lc.AwsRequestID)
		if checkpoint.ClockFrom(k.ctx) != checkpoint.Clock(clock) {
			t.Error("the clock is not the service's")
		}
		if _, ok := k.ctx.Deadline(); ok {
			t.Error("there is a deadline")
		}
		if k.status("w") == "" {
			k.must(t, waitStart("w", time.Second))
			return pending, nil
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2 || ids[0] == ids[1] || ids[0] != e.History()[2].RequestID {
		t.Errorf("the request IDs are %v", ids)
	}
	if cause := context.Cause(last.ctx); !errors.Is(cause, local.ErrAnswered) {
		t.Errorf("after the answer the cause is %v", cause)
	}
}
