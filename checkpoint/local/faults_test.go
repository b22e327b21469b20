package local_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// once returns a function that is true the first time p is at this moment of this call.
func once(m local.Moment, call int) func(local.Point) bool {
	var done atomic.Bool
	return func(p local.Point) bool {
		return p.Moment == m && p.Call == call && done.CompareAndSwap(false, true)
	}
}

// steps runs two steps, one call each, skipping what the log has, and counts the bodies.
func steps(bodies *[]string) function {
	return func(k *talk) (string, error) {
		for _, id := range []string{"a", "b"} {
			if k.status(id) == "SUCCEEDED" {
				continue
			}
			*bodies = append(*bodies, id)
			if _, err := k.send(stepSucceed(id, "1")); err != nil {
				return "", err
			}
		}
		return succeed(`1`), nil
	}
}

// TestFaults says what goes wrong in the second call of the first invocation, and what the function
// does again.
func TestFaults(t *testing.T) {
	t.Parallel()
	throttled := &checkpoint.APIError{Call: "CheckpointDurableExecution", HTTPStatus: 429, Code: "TooManyRequestsException"}
	fail := func(m local.Moment, err error) local.Faults {
		hit := once(m, 2)
		return local.Faults{Fail: func(p local.Point) error {
			if hit(p) {
				return err
			}
			return nil
		}}
	}
	const exit = "Runtime.ExitError"
	for _, tt := range []struct {
		reason string
		faults local.Faults
		bodies []string
		// failure is the type of the first invocation's failure.
		failure string
	}{
		{"nothing", local.Faults{}, []string{"a", "b"}, ""},
		{"the call is refused", fail(local.MomentBeforeCall, throttled), []string{"a", "b", "b"}, "APIError"},
		{"the network fails before the call", fail(local.MomentBeforeCall, errors.New("reset")), []string{"a", "b", "b"}, "APIError"},
		{"the reply is lost", fail(local.MomentAfterCall, errors.New("reset")), []string{"a", "b"}, "APIError"},
		{"the function is lost before the call", local.Faults{Lose: once(local.MomentBeforeCall, 2)}, []string{"a", "b", "b"}, exit},
		{"the function is lost after the call", local.Faults{Lose: once(local.MomentAfterCall, 2)}, []string{"a", "b"}, exit},
		{"the function is lost before it begins", local.Faults{Lose: once(local.MomentBegin, 0)}, []string{"a", "b"}, exit},
		{"the answer is lost", local.Faults{Lose: once(local.MomentAnswer, 0)}, []string{"a", "b"}, exit},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var bodies []string
			s, _ := newVirtual(t, local.WithFaults(tt.faults))
			e := begin(t, s, steps(&bodies), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.bodies, bodies); diff != "" {
				t.Errorf("bodies (-want +got):\n%s", diff)
			}
			if e.Status() != local.StatusSucceeded {
				t.Errorf("the execution is %s", e.Status())
			}
			var first local.Event
			succeeded := 0
			for _, ev := range e.History() {
				switch {
				case ev.Type == local.EventStepSucceeded:
					succeeded++
				case ev.Type == local.EventInvocationCompleted && first.ID == 0:
					first = ev
				}
			}
			if succeeded != 2 {
				t.Errorf("%d steps are recorded", succeeded)
			}
			if got := first.Failure; tt.failure == "" && got != nil || tt.failure != "" && (got == nil || got.Type != tt.failure) {
				t.Errorf("the first invocation failed with %v, want %q", got, tt.failure)
			}
		})
	}
}

// TestCallsOfALostFunctionAreStale says that nothing a lost function does reaches the log, and
// that it is not kept waiting.
func TestCallsOfALostFunctionAreStale(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithFaults(local.Faults{Lose: once(local.MomentBeforeCall, 2)}))
	first := true
	e := begin(t, s, function(func(k *talk) (string, error) {
		if !first {
			return succeed(`1`), nil
		}
		first = false
		k.must(t, stepStart("a"))
		if _, err := k.send(stepSucceed("a", "1")); message(err) != stale {
			t.Errorf("the call that lost the function: %v", err)
		}
		<-k.ctx.Done()
		k.ctx = t.Context()
		for _, token := range []string{k.token, ""} {
			k.token = token
			if _, err := k.send(stepStart("b")); message(err) != stale {
				t.Errorf("a later call: %v", err)
			}
		}
		return succeed(`"ignored"`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := shown(e.Operations()); !slices.Equal(got, []string{"execution SUCCEEDED", "a STARTED"}) {
		t.Errorf("the log holds %v", got)
	}
	if string(e.Result()) != `1` {
		t.Errorf("the result is %s", e.Result())
	}
}

// TestLostReplyIsNoReply says that a function that was not reported is invoked again.
func TestLostReplyIsNoReply(t *testing.T) {
	t.Parallel()
	hit := once(local.MomentAfterCall, 1)
	s, _ := newVirtual(t, local.WithFaults(local.Faults{Fail: func(p local.Point) error {
		if hit(p) {
			return errors.New("reset")
		}
		return nil
	}}))
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("a") == "SUCCEEDED" {
			return succeed(`1`), nil
		}
		if _, err := k.send(stepSucceed("a", "1")); err == nil {
			t.Error("the reply has arrived")
		}
		return pending, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusSucceeded || e.Invocations() != 2 {
		t.Errorf("the execution is %s after %d invocations", e.Status(), e.Invocations())
	}
}

func TestEventDeliveredTwice(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithFaults(local.Faults{Duplicate: once(local.MomentBegin, 0)}))
	var answers []string
	e := begin(t, s, function(func(k *talk) (string, error) {
		_, err := k.send(stepSucceed("a", "1"))
		answers = append(answers, message(err))
		if err != nil {
			return "", err
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", stale}, answers); diff != "" {
		t.Errorf("the calls of the copies (-want +got):\n%s", diff)
	}
	if e.Status() != local.StatusSucceeded || e.Invocations() != 1 {
		t.Errorf("the execution is %s after %d invocations", e.Status(), e.Invocations())
	}
}

// TestEventDeliveredTwiceAtTheSameTime is the same under the real clock: one copy gets through.
func TestEventDeliveredTwiceAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithFaults(local.Faults{Duplicate: once(local.MomentBegin, 0)}))
	var refused, accepted atomic.Int32
	out, err := s.Run(t.Context(), function(func(k *talk) (string, error) {
		if _, err := k.send(stepSucceed("a", "1")); err != nil {
			refused.Add(1)
			return "", err
		}
		accepted.Add(1)
		return succeed(`1`), nil
	}), nil)
	if err != nil || string(out) != `1` {
		t.Errorf("Run: %s, %v", out, err)
	}
	if accepted.Load() != 1 || refused.Load() != 1 {
		t.Errorf("%d copies got through, %d were refused", accepted.Load(), refused.Load())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFaultsSeePoints says what faults are informed, in order, and that several options are all
// asked.
func TestFaultsSeePoints(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(who string) func(p local.Point) bool {
		return func(p local.Point) bool {
			moment := []string{"begin", "before", "after", "answer"}[p.Moment]
			line := []string{who, moment, string(rune('0' + p.Invocation)), string(rune('0' + p.Call)), p.API}
			for _, u := range p.Updates {
				line = append(line, u.ID)
			}
			seen = append(seen, strings.TrimSpace(strings.Join(line, " ")))
			return false
		}
	}
	committed := func(p local.Point) { note("committed")(p) }
	s, _ := newVirtual(t,
		local.WithFaults(local.Faults{Lose: note("first"), Committed: committed}),
		local.WithFaults(local.Faults{Lose: note("second")}),
	)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, stepStart("a"), stepStart("b"))
		_, err := k.client.State(k.ctx, checkpoint.StateInput{ARN: k.event.DurableExecutionArn, Token: k.token})
		return succeed(`1`), err
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"first begin 1 0", "second begin 1 0",
		"first before 1 1 CheckpointDurableExecution a b", "second before 1 1 CheckpointDurableExecution a b",
		"committed after 1 1 CheckpointDurableExecution a b",
		"first after 1 1 CheckpointDurableExecution a b", "second after 1 1 CheckpointDurableExecution a b",
		"first before 1 2 GetDurableExecutionState", "second before 1 2 GetDurableExecutionState",
		"first after 1 2 GetDurableExecutionState", "second after 1 2 GetDurableExecutionState",
		"first answer 1 0", "second answer 1 0",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
}

// TestDelay holds a reply for a while; ending the context ends the delay.
func TestDelay(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithFaults(local.Faults{Delay: func(p local.Point) time.Duration {
		if p.Moment == local.MomentAfterCall && p.Call == 1 {
			return 20 * time.Millisecond
		}
		return 0
	}}))
	out, err := s.Run(t.Context(), function(func(k *talk) (string, error) {
		began := time.Now()
		k.must(t, stepStart("a"))
		if took := time.Since(began); took < 20*time.Millisecond {
			t.Errorf("the call took %v", took)
		}
		return succeed(`1`), nil
	}), nil)
	if err != nil || string(out) != `1` {
		t.Errorf("Run: %s, %v", out, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestCheckpointCallsAreLogged(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		k.must(t, stepStart("a"), stepStart("b"))
		k.must(t)
		_, _ = k.send(stepStart("a"))
		return ""
	})
	calls := e.CheckpointCalls()
	if len(calls) != 3 {
		t.Fatalf("%d calls are logged", len(calls))
	}
	for i, c := range calls {
		if c.Invocation != 1 || c.Number != i+1 {
			t.Errorf("call %d is logged as call %d of invocation %d", i+1, c.Number, c.Invocation)
		}
	}
	if len(calls[0].Updates) != 2 || !slices.Equal(shown(calls[0].Operations), []string{"a STARTED", "b STARTED"}) || calls[0].Err != nil {
		t.Errorf("the first call is logged as %+v", calls[0])
	}
	if len(calls[1].Updates) != 0 || calls[1].Token == calls[0].Token || calls[1].Err != nil {
		t.Errorf("the second call is logged as %+v", calls[1])
	}
	if message(calls[2].Err) != "Invalid current STEP state to start." || len(calls[2].Operations) != 0 {
		t.Errorf("the third call is logged as %+v", calls[2])
	}
}
