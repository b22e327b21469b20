package local_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

// TestEventsAsJSON has one event of every type, as the Lambda API shows it, and reads it back.
func TestEventsAsJSON(t *testing.T) {
	t.Parallel()
	text := checkpoint.TextPayload
	no := &checkpoint.Failure{Type: "E", Message: "m", Data: "d", Stack: []string{"f"}}
	const (
		head   = `"EventId":7,"EventTimestamp":1767225600.001,"Id":"a","ParentId":"p","Name":"n","SubType":"S"`
		result = `{"Result":{"Payload":"1","Truncated":false}}`
		failed = `{"Error":{"Payload":{"ErrorType":"E","ErrorMessage":"m","ErrorData":"d","StackTrace":["f"]},"Truncated":false}}`
	)
	for _, tt := range []struct {
		reason string
		event  local.Event
		want   string
	}{
		{"an execution starts with an input", local.Event{
			Type: local.EventExecutionStarted, Input: text("1"), Timeout: time.Minute,
		}, `{"Input":{"Payload":"1","Truncated":false},"ExecutionTimeout":60}`},
		{"or without", local.Event{
			Type: local.EventExecutionStarted, Timeout: time.Minute,
		}, `{"Input":{"Truncated":false},"ExecutionTimeout":60}`},
		{"it succeeds", local.Event{Type: local.EventExecutionSucceeded, Result: text("1")}, result},
		{"it fails", local.Event{Type: local.EventExecutionFailed, Failure: no}, failed},
		{"it fails without a reason", local.Event{Type: local.EventExecutionFailed}, `{"Error":{"Truncated":false}}`},
		{"it times out", local.Event{Type: local.EventExecutionTimedOut}, `{}`},
		{"it is stopped", local.Event{Type: local.EventExecutionStopped, Failure: no}, failed},
		{"it is paused", local.Event{
			Type: local.EventExecutionPaused, Requested: start, Reason: "bad deploy", TimeoutPaused: true,
		}, `{"PauseRequestTimestamp":1767225600,"Reason":{"Payload":"bad deploy","Truncated":false},"ExecutionTimeoutPaused":true}`},
		{"it is paused without a reason", local.Event{
			Type: local.EventExecutionPaused, Requested: start,
		}, `{"PauseRequestTimestamp":1767225600,"ExecutionTimeoutPaused":false}`},
		{"it is resumed", local.Event{
			Type: local.EventExecutionResumed, Requested: start, Reason: "mended",
		}, `{"ResumeRequestTimestamp":1767225600,"Reason":{"Payload":"mended","Truncated":false}}`},
		{"details are there even if empty", local.Event{Type: local.EventContextStarted}, `{}`},
		{"a context succeeds", local.Event{Type: local.EventContextSucceeded, Result: text("1")}, result},
		{"a context succeeds without a result", local.Event{Type: local.EventContextSucceeded}, `{"Result":{"Truncated":false}}`},
		{"a context fails", local.Event{Type: local.EventContextFailed, Failure: no}, failed},
		{"a wait starts", local.Event{
			Type: local.EventWaitStarted, Duration: time.Hour, ScheduledEnd: start.Add(time.Hour),
		}, `{"Duration":3600,"ScheduledEndTimestamp":1767229200}`},
		{"a wait is over", local.Event{Type: local.EventWaitSucceeded, Duration: time.Hour}, `{"Duration":3600}`},
		{"a wait is cancelled", local.Event{Type: local.EventWaitCancelled}, `{}`},
		{"a step starts", local.Event{Type: local.EventStepStarted}, `{}`},
		{"a step succeeds", local.Event{
			Type: local.EventStepSucceeded, Result: text("1"), Attempt: 2,
		}, `{"Result":{"Payload":"1","Truncated":false},"RetryDetails":{"CurrentAttempt":2}}`},
		{"a step succeeds for now", local.Event{
			Type: local.EventStepSucceeded, Result: text("1"), Attempt: 2, NextAttemptDelay: 3 * time.Second,
		}, `{"Result":{"Payload":"1","Truncated":false},"RetryDetails":{"CurrentAttempt":2,"NextAttemptDelaySeconds":3}}`},
		{"a step fails", local.Event{
			Type: local.EventStepFailed, Failure: &checkpoint.Failure{Message: "m"}, Attempt: 1, NextAttemptDelay: time.Second,
		}, `{"Error":{"Payload":{"ErrorMessage":"m"},"Truncated":false},"RetryDetails":{"CurrentAttempt":1,"NextAttemptDelaySeconds":1}}`},
		{"a callback starts", local.Event{
			Type: local.EventCallbackStarted, CallbackID: "c", Timeout: time.Minute, Heartbeat: time.Second,
		}, `{"CallbackId":"c","Timeout":60,"HeartbeatTimeout":1}`},
		{"a callback succeeds", local.Event{Type: local.EventCallbackSucceeded, Result: text("1")}, result},
		{"a callback fails", local.Event{Type: local.EventCallbackFailed, Failure: no}, failed},
		{"a callback times out", local.Event{Type: local.EventCallbackTimedOut, Failure: no}, failed},
		{"an invocation of a function starts", local.Event{
			Type: local.EventChainedInvokeStarted, Input: text("1"), Function: "f:7", Tenant: "t", Version: "7", Target: "arn",
		}, `{"Input":{"Payload":"1","Truncated":false},"FunctionName":"f:7","TenantId":"t","ExecutedVersion":"7","DurableExecutionArn":"arn"}`},
		{"it succeeds", local.Event{Type: local.EventChainedInvokeSucceeded, Result: text("1")}, result},
		{"it fails", local.Event{Type: local.EventChainedInvokeFailed, Failure: no}, failed},
		{"it times out", local.Event{Type: local.EventChainedInvokeTimedOut, Failure: no}, failed},
		{"it is stopped", local.Event{Type: local.EventChainedInvokeStopped, Failure: no}, failed},
		{"an invocation completes", local.Event{
			Type: local.EventInvocationCompleted, RequestID: "r", Start: start, End: start.Add(time.Second),
		}, `{"StartTimestamp":1767225600,"EndTimestamp":1767225601,"RequestId":"r"}`},
		{"an invocation fails", local.Event{
			Type: local.EventInvocationCompleted, RequestID: "r", Start: start, End: start, Failure: &checkpoint.Failure{Type: "E"},
		}, `{"Error":{"Payload":{"ErrorType":"E"},"Truncated":false},"StartTimestamp":1767225600,"EndTimestamp":1767225600,"RequestId":"r"}`},
	} {
		t.Run(string(tt.event.Type)+": "+tt.reason, func(t *testing.T) {
			t.Parallel()
			tt.event.ID, tt.event.Time = 7, start.Add(time.Millisecond)
			tt.event.OperationID, tt.event.ParentID, tt.event.Name, tt.event.SubType = "a", "p", "n", "S"
			got, err := json.Marshal(tt.event)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"EventType":"` + string(tt.event.Type) + `",` + head + `,"` + string(tt.event.Type) + `Details":` + tt.want + `}`
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
			var back local.Event
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.event, back); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventsThatAreNotJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `{"EventId":"x"}`, `{"EventType":"WaitStarted","WaitStartedDetails":[]}`} {
		if err := json.Unmarshal([]byte(text), new(local.Event)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// TestHistoriesAsJSON reads back whole histories.
func TestHistoriesAsJSON(t *testing.T) {
	t.Parallel()
	for seed := range uint64(draws.Count(30)) {
		c := newChaos(t, seed)
		c.run()
		b, err := json.Marshal(c.e.History())
		if err != nil {
			t.Fatal(err)
		}
		var back []local.Event
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.e.History(), back); diff != "" {
			t.Fatalf("seed %d: read back (-want +got):\n%s", seed, diff)
		}
	}
}

// TestHistory is the history of an order, event by event.
func TestHistory(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	e := begin(t, s, function(order), `{"total":12}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := start.Add
	step := func(ev local.Event) local.Event {
		ev.OperationID, ev.Name, ev.SubType = "charge", "charge", "Step"
		return ev
	}
	wait := func(ev local.Event) local.Event {
		ev.OperationID, ev.Name, ev.SubType, ev.Duration = "cool-off", "cool-off", "Wait", 24*time.Hour
		return ev
	}
	whole := func(ev local.Event) local.Event {
		ev.OperationID = checkpoint.ExecutionID(e.ARN())
		return ev
	}
	const resumed, over = 5 * time.Second, 24*time.Hour + 5*time.Second
	want := []local.Event{
		whole(local.Event{
			Type: local.EventExecutionStarted, Time: at(0), Input: checkpoint.TextPayload(`{"total":12}`), Timeout: 366 * 24 * time.Hour,
		}),
		step(local.Event{Type: local.EventStepStarted, Time: at(0)}),
		step(local.Event{
			Type: local.EventStepFailed, Time: at(0), Attempt: 1, NextAttemptDelay: 5 * time.Second,
			Failure: &checkpoint.Failure{Type: "Throttled", Message: "slow down"},
		}),
		{Type: local.EventInvocationCompleted, Time: at(0), Start: at(0), End: at(0)},
		step(local.Event{Type: local.EventStepStarted, Time: at(resumed)}),
		step(local.Event{Type: local.EventStepSucceeded, Time: at(resumed), Attempt: 2, Result: checkpoint.TextPayload(`"paid"`)}),
		wait(local.Event{Type: local.EventWaitStarted, Time: at(resumed), ScheduledEnd: at(over)}),
		{Type: local.EventInvocationCompleted, Time: at(resumed), Start: at(resumed), End: at(resumed)},
		wait(local.Event{Type: local.EventWaitSucceeded, Time: at(over)}),
		{Type: local.EventInvocationCompleted, Time: at(over), Start: at(over), End: at(over)},
		whole(local.Event{Type: local.EventExecutionSucceeded, Time: at(over), Result: checkpoint.TextPayload(`"done"`)}),
	}
	got := e.History()
	for i := range want {
		want[i].ID = i + 1
	}
	for i := range got {
		got[i].RequestID = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}
