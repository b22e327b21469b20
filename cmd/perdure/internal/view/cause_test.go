package view_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestCause: what executions wait for in words that are the same for all that wait for the same.
func TestCause(t *testing.T) {
	t.Parallel()
	unnamed := func(e *local.Event) { e.Name = "" }
	calls := func(e *local.Event) { e.Function = "payment:live" }
	paused := func(reason string) *script {
		return newScript().add(local.Event{Type: local.EventExecutionPaused, Reason: reason})
	}
	tests := []struct {
		reason string
		script *script
		want   string
	}{
		{"nothing has begun", newScript(), "its function to be invoked"},
		{"a body runs", newScript().op(local.EventStepStarted, "a", ""), `the body of step "a"`},
		{"a body without a name", newScript().op(local.EventStepStarted, "a", "", unnamed), "the body of a step without a name"},
		{
			"a body runs beside a wait: it comes first", newScript().op(local.EventWaitStarted, "w", "", wait(time.Hour)).
				op(local.EventStepStarted, "a", ""), `the body of step "a"`,
		},
		{
			"no number of the attempt", newScript().op(local.EventStepStarted, "a", "").
				op(local.EventStepFailed, "a", "", failed(7, "x", time.Minute)), `the next attempt of step "a"`,
		},
		{"an invocation has failed", newScript().invocation(time.Second, "x"), "an invocation after one that failed: Sandbox.Timedout"},
		{
			"an invocation has failed whose calls are throttled", newScript().fails("wrapError", throttled),
			"an invocation after one that failed: calls of the service are throttled",
		},
		{
			"the same, as that is said now", newScript().fails("CheckpointCallError", throttledNow),
			"an invocation after one that failed: calls of the service are throttled",
		},
		{
			"another call has failed", newScript().fails("CheckpointCallError", "replay: CheckpointDurableExecution: 500 ServiceException: x"),
			"an invocation after one that failed: CheckpointDurableExecution: 500 ServiceException",
		},
		{"a wait, without its end", newScript().op(local.EventWaitStarted, "w", "", wait(time.Hour)), `wait "w"`},
		{
			"who must act comes first", newScript().op(local.EventWaitStarted, "w", "", wait(time.Hour)).
				op(local.EventCallbackStarted, "c", "", callback(0)), `callback "c"`,
		},
		{
			"a callback without a name has that of what it is inside of", newScript().op(local.EventContextStarted, "approval", "").
				op(local.EventCallbackStarted, "c", "approval", callback(0), unnamed), `callback "approval"`,
		},
		{"another function", newScript().op(local.EventChainedInvokeStarted, "charge", "", calls), "function payment:live"},
		{"paused", paused("deploy"), "a resume: paused, deploy"},
		{"paused without a reason", paused(""), "a resume: paused without a reason"},
		{"held: the reason has IDs", paused("replay: the execution diverged: x"), "code that fits the log, then a resume"},
		{
			"paused in a body", newScript().op(local.EventStepStarted, "a", "").
				add(local.Event{Type: local.EventExecutionPaused, Reason: "deploy"}), "a resume: paused, deploy",
		},
	}
	for _, tt := range tests {
		if got := view.Read(tt.script.events).Cause(tt.script.now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
	h := view.Read([]local.Event{{ID: 1, Type: local.EventInvocationCompleted, Failure: &checkpoint.Failure{Type: "errorString", Message: "x 429"}}})
	if got, want := h.Cause(begin), "an invocation after one that failed"; got != want {
		t.Errorf("a type of Go's own says nothing: %q, want %q", got, want)
	}
	h = view.Read([]local.Event{{ID: 1, Type: local.EventInvocationCompleted, Failure: &checkpoint.Failure{Message: "x"}}})
	if got, want := h.Cause(begin), "an invocation after one that failed"; got != want {
		t.Errorf("a failure without a type: %q, want %q", got, want)
	}
}

// TestCauseOfABodyThatRunsAgain: a body that was cut off is waited for as soon as the invocation is
// repeated, which has no event.
func TestCauseOfABodyThatRunsAgain(t *testing.T) {
	t.Parallel()
	s := newScript().op(local.EventStepStarted, "render", "").after(time.Minute).invocation(time.Minute, "Task timed out after 60.00 seconds")
	const repeated = "an invocation after one that failed: Sandbox.Timedout"
	for _, tt := range []struct {
		reason  string
		now     time.Time
		invoked time.Time
		want    string
	}{
		{"its pause is not over", s.now, time.Time{}, repeated},
		{"its pause is over", s.now.Add(time.Minute), time.Time{}, `the body of step "render"`},
		{"the service says that it runs", s.now, s.now, `the body of step "render"`},
	} {
		h := view.Read(s.events)
		h.Invoked = tt.invoked
		if got := h.Cause(tt.now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
	h := view.Read(newScript().invocation(time.Second, "x").events)
	if got, want := h.Cause(begin.Add(time.Hour)), repeated; got != want {
		t.Errorf("no body was cut off: %q, want %q", got, want)
	}
}
