//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// tax is a function of perdure that one of JavaScript invokes.
func tax(ctx op.Context, in struct{ Net int }) (map[string]int, error) {
	due, err := replay.Run(ctx, op.Step("share", func(context.Context) (int, error) { return in.Net / 5, nil }))
	return map[string]int{"tax": due}, err
}

// TestJavaScriptRunsEveryOperation runs every operation that the official SDK has, and invokes
// functions of both languages.
func TestJavaScriptRunsEveryOperation(t *testing.T) {
	t.Parallel()
	js := installJavaScript(t)
	s := js.stage(t)
	couriers := make(chan string, 10)
	s.output = func(l process.Line) {
		if id, ok := strings.CutPrefix(l.Text, "courier "); ok {
			couriers <- id
		}
	}
	s.host(t, "order")
	s.host(t, "price")
	if err := s.Host("tax", replay.Handler(tax)); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "order-1", []byte(`{"id":"A-1","items":["tea","pot","cup"]}`))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case id := <-couriers:
		if err := errors.Join(s.Heartbeat(id), s.CompleteCallback(id, []byte("on the way"))); err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the courier has not been called; the operations are:\n%s", strings.Join(tree(e), "\n"))
	}
	finish(t, e)

	want := decoded(t, `{
		"hold": {"hold": "A-1"}, "approval": "{\"by\":\"Ann\"}", "courier": "on the way",
		"price": {"net": 300}, "tax": {"tax": 60}, "parcel": {"looks": 2}, "stars": [5, 4],
		"parcels": ["tea wrapped", "pot wrapped", "cup wrapped"], "packed": "ALL_COMPLETED", "sent": ["mailed", "texted"]
	}`)
	if diff := cmp.Diff(want, outcome(t, e)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"arrival WaitForCondition SUCCEEDED, 2 attempts",
		"ask-buyer Step SUCCEEDED",
		"ask-courier Step SUCCEEDED",
		"call-courier Step SUCCEEDED",
		"cool-off Wait SUCCEEDED",
		"courier Callback SUCCEEDED",
		"manager-approval WaitForCallback SUCCEEDED",
		"manager-approval/- Callback SUCCEEDED",
		"manager-approval/- Step SUCCEEDED",
		"notify Parallel SUCCEEDED",
		"notify/mail ParallelBranch SUCCEEDED",
		"notify/mail/send Step SUCCEEDED",
		"notify/text ParallelBranch SUCCEEDED",
		"notify/text/gateway RunInChildContext SUCCEEDED",
		"notify/text/gateway/send Step SUCCEEDED",
		"pack Map SUCCEEDED",
		"pack/pack-cup MapIteration SUCCEEDED",
		"pack/pack-cup/wrap Step SUCCEEDED",
		"pack/pack-pot MapIteration SUCCEEDED",
		"pack/pack-pot/wrap Step SUCCEEDED",
		"pack/pack-tea MapIteration SUCCEEDED",
		"pack/pack-tea/let-it-dry Wait SUCCEEDED",
		"pack/pack-tea/wrap Step SUCCEEDED",
		"price ChainedInvoke SUCCEEDED",
		"reserve-stock Step SUCCEEDED, 3 attempts",
		"reviews RunInChildContext SUCCEEDED",
		"tax ChainedInvoke SUCCEEDED",
	}, tree(e)); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	got := tally(e)
	if got["InvocationCompleted"] < 6 { // two retries, the condition, two waits, and the last
		t.Errorf("%d invocations: the function was not suspended", got["InvocationCompleted"])
	}
	delete(got, "InvocationCompleted") // how many there are more is a matter of time
	if diff := cmp.Diff(map[string]int{
		"ExecutionStarted": 1, "ExecutionSucceeded": 1,
		"StepStarted": 14, "StepFailed": 2, "StepSucceeded": 12, // the condition once with a state
		"ContextStarted": 10, "ContextSucceeded": 10,
		"WaitStarted": 2, "WaitSucceeded": 2,
		"CallbackStarted": 2, "CallbackSucceeded": 2,
		"ChainedInvokeStarted": 2, "ChainedInvokeSucceeded": 2,
	}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, ev := range e.History() {
		if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
			t.Errorf("an invocation has failed: %+v", *ev.Failure)
		}
	}
	if n := s.effects(t)["reserve"]; n != 3 {
		t.Errorf("the first step ran %d times, want 3", n)
	}
}

// TestJavaScriptIsKilled has a function killed in a body, in one that must not run again, and
// between two steps.
func TestJavaScriptIsKilled(t *testing.T) {
	t.Parallel()
	js := installJavaScript(t)
	s := js.stage(t, local.WithLimits(local.Limits{RetryPause: 10 * time.Millisecond}))
	f := s.host(t, "crash")
	e := s.run(t, "crash", `{}`)
	if diff := cmp.Diff(decoded(t, `{"repeated": 2, "once": 2, "kept": 1}`), outcome(t, e)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	got := s.effects(t)
	// The handler itself runs again and again.
	delete(got, "between")
	delete(got, "end")
	if diff := cmp.Diff(map[string]int{"repeated": 2, "once": 2, "kept": 1}, got); diff != "" {
		t.Errorf("how often the bodies ran (-want +got):\n%s", diff)
	}
	var events []string
	for _, ev := range e.History() {
		if ev.Type == local.EventStepStarted && ev.Name == "repeated" {
			continue // the process may be dead before it has reported that
		}
		line := string(ev.Type)
		if ev.Name != "" {
			line += " " + ev.Name
		}
		if ev.Failure != nil {
			line += ": " + ev.Failure.Type
			if ev.Type == local.EventInvocationCompleted && !strings.HasSuffix(ev.Failure.Message, "signal: killed") {
				t.Errorf("the process ended by %q, not by a signal", ev.Failure.Message)
			}
		}
		events = append(events, line)
	}
	if diff := cmp.Diff([]string{
		"ExecutionStarted",
		"InvocationCompleted: Runtime.ExitError",
		"StepSucceeded repeated",
		"StepStarted once",
		"InvocationCompleted: Runtime.ExitError",
		"StepFailed once: StepInterruptedError",
		"InvocationCompleted",
		"StepStarted once",
		"StepSucceeded once",
		"InvocationCompleted: Runtime.ExitError",
		"StepStarted kept",
		"StepSucceeded kept",
		"InvocationCompleted: Runtime.ExitError",
		"InvocationCompleted",
		"ExecutionSucceeded",
	}, events); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if got := f.Stats().Started; got != 5 {
		t.Errorf("%d processes were started, want one, and one more after each of four crashes", got)
	}
}

// TestJavaScriptFails has functions fail in each way that the service has a part in.
func TestJavaScriptFails(t *testing.T) {
	t.Parallel()
	js := installJavaScript(t)
	s := js.stage(t)
	s.host(t, "fail")
	tests := []struct {
		how, reason string
		want        any
		operations  []string
	}{
		{
			how: "step", reason: "the error of the step is not caught",
			want: "StepError: no money", operations: []string{"charge-card Step FAILED"},
		},
		{how: "handler", reason: "there is no operation at all", want: "Declined: no money at all"},
		{
			how: "caught", reason: "an error of a step can be caught",
			want:       map[string]any{"caught": "StepError", "message": "no money"},
			operations: []string{"charge-card Step FAILED"},
		},
		{
			how: "refused callback", reason: "the Lambda client of JavaScript has refused it",
			want:       "CallbackExternalError: not approved",
			operations: []string{"ask WaitForCallback FAILED", "ask/- Callback FAILED", "ask/- Step SUCCEEDED"},
		},
		{
			how: "late callback", reason: "no answer within its second",
			want:       "CallbackTimeoutError: Callback timed out",
			operations: []string{"ask WaitForCallback FAILED", "ask/- Callback TIMED_OUT", "ask/- Step SUCCEEDED"},
		},
		{
			how: "invoke", reason: "the target has failed",
			want: "InvokeError: no money at all", operations: []string{"call ChainedInvoke FAILED"},
		},
		{
			how: "unknown target", reason: "it is not hosted",
			want: "InvokeError: Function not found: absent:$LATEST", operations: []string{"call ChainedInvoke FAILED"},
		},
		{
			how: "map", reason: "one failure of three is tolerated",
			want: map[string]any{"reason": "ALL_COMPLETED", "failed": 1., "results": []any{1., 3.}},
			operations: []string{
				"pack Map SUCCEEDED",
				"pack/map-item-0 MapIteration SUCCEEDED", "pack/map-item-0/wrap Step SUCCEEDED",
				"pack/map-item-1 MapIteration FAILED", "pack/map-item-1/wrap Step FAILED",
				"pack/map-item-2 MapIteration SUCCEEDED", "pack/map-item-2/wrap Step SUCCEEDED",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			t.Parallel()
			e := s.run(t, "fail", fmt.Sprintf(`{"how":%q}`, tt.how))
			if diff := cmp.Diff(tt.want, outcome(t, e)); diff != "" {
				t.Errorf("%s: outcome (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.operations, tree(e)); diff != "" {
				t.Errorf("%s: operations (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestJavaScriptReadsPages gives a function its log in pages of three operations, a group whose
// children it has to read again, and a result that fits no answer.
func TestJavaScriptReadsPages(t *testing.T) {
	t.Parallel()
	js := installJavaScript(t)
	var reads atomic.Int64
	s := js.stage(t, local.WithLimits(local.Limits{PageItems: 3}), local.WithFaults(local.Faults{
		Fail: func(p local.Point) error {
			if p.Moment == local.MomentBeforeCall && p.API == "GetDurableExecutionState" {
				reads.Add(1)
			}
			return nil
		},
	}))
	s.host(t, "large")
	e := s.run(t, "large", `{"steps":20,"bytes":0}`)
	if diff := cmp.Diff(decoded(t, `{"sum": 190, "length": 300000}`), outcome(t, e)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if e.Invocations() < 2 || reads.Load() < 7 { // 24 operations
		t.Errorf("%d invocations have read %d pages, want the log in pages of three", e.Invocations(), reads.Load())
	}
	const size = 6<<20 - 40 // 50 bytes below 6 MiB, the SDK returns it by a checkpoint
	e = s.run(t, "large", fmt.Sprintf(`{"steps":1,"bytes":%d}`, size))
	if got := len(e.Result()); e.Status() != local.StatusSucceeded || got != size+2 {
		t.Errorf("%s with %d bytes, want %d: %v", e.Status(), got, size+2, e.Err())
	}
}

// TestJavaScriptRepeatsCalls has calls refused, and replies lost after the call was committed: the
// AWS SDK repeats them with the same client token.
func TestJavaScriptRepeatsCalls(t *testing.T) {
	t.Parallel()
	js := installJavaScript(t)
	var refused, lost atomic.Int64
	s := js.stage(t, local.WithFaults(local.Faults{Fail: func(p local.Point) error {
		switch {
		case p.Moment == local.MomentBeforeCall && p.Call%5 == 2:
			refused.Add(1)
			return &checkpoint.APIError{Call: p.API, HTTPStatus: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
		case p.Moment == local.MomentAfterCall && p.Call%5 == 4:
			lost.Add(1)
			return errors.New("connection reset")
		}
		return nil
	}}))
	s.host(t, "large")
	e := s.run(t, "large", `{"steps":12,"bytes":0}`)
	if diff := cmp.Diff(decoded(t, `{"sum": 66, "length": 300000}`), outcome(t, e)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if got := tally(e); got["StepSucceeded"] != 13 {
		t.Errorf("%d steps have succeeded, want each of 13 once", got["StepSucceeded"])
	}
	if refused.Load() == 0 || lost.Load() == 0 {
		t.Errorf("%d calls were refused and %d replies lost, want some of both", refused.Load(), lost.Load())
	}
	t.Logf("%d calls were refused and %d replies lost in %d invocations", refused.Load(), lost.Load(), e.Invocations())
}
