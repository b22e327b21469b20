package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

const origin = "arn:aws:lambda:us-east-1:123456789012:function:report:$LATEST/durable-execution/A-2/6c9f"

// redriven is the history of an execution that was made of one whose nine invocations have failed.
func redriven() *script {
	s := newScript().op(local.EventStepStarted, "render", "")
	for range 9 {
		s.after(time.Minute).invocation(time.Minute, "Task timed out after 60.00 seconds")
	}
	s.after(time.Hour).add(local.Event{
		Type: local.EventInvocationCompleted, Start: s.now.Add(-time.Hour), End: s.now.Add(-time.Hour), RequestID: "f",
		Failure: &checkpoint.Failure{Type: "Service.Forked", Message: "The execution was made of " + origin + "; it goes on here, and what has failed before does not count."},
	})
	return s
}

// TestRedriven: what has failed in the execution that another one was made of counts for nothing in
// that one, and is shown as what it is.
func TestRedriven(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason            string
		script            *script
		charged, failures int
		doing             string // its beginning
	}{
		{"nothing of its own has failed", redriven(), 0, 0, "its function is being invoked"},
		{
			"two invocations of its own have failed", redriven().after(time.Minute).invocation(time.Minute, "late").after(time.Minute).invocation(time.Minute, "late"),
			2, 2, "the last 2 invocations failed, the last one 10ms ago (Sandbox.Timedout: late): it is repeated (failed invocation 2 of 9, next in ",
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		switch {
		case h.Forked == nil || h.Forked.From != origin || h.Forked.Inherited != 9:
			t.Errorf("%s: it was made of %+v, want %s after 9 invocations", tt.reason, h.Forked, origin)
		case h.Charged != tt.charged || h.Failures != tt.failures || h.Invocations != tt.failures:
			t.Errorf("%s: %d of %d invocations failed, %d count; want %d and %d", tt.reason, h.Failures, h.Invocations, h.Charged, tt.failures, tt.charged)
		}
		if got := h.Doing(tt.script.now.Add(time.Second / 100)); !strings.HasPrefix(got, tt.doing) {
			t.Errorf("%s: it says %q, want %q", tt.reason, got, tt.doing)
		}
		if o := h.Operation("render"); o.CutOff != tt.failures || len(o.Bars) != 9+tt.failures {
			t.Errorf("%s: the body was cut off %d times, and has %d bars", tt.reason, o.CutOff, len(o.Bars))
		}
		mark := h.Ended[9]
		if mark.From != origin || mark.Failure != nil {
			t.Errorf("%s: where the fork begins is shown as %+v", tt.reason, mark)
		}
	}
}

// TestCutOff: an operation that the end of its execution has cut off is none that goes on.
func TestCutOff(t *testing.T) {
	t.Parallel()
	begun := func() *script {
		return newScript().op(local.EventContextStarted, "parcels", "").op(local.EventStepStarted, "pack", "parcels").
			op(local.EventStepSucceeded, "weigh", "parcels").after(time.Minute)
	}
	race := func() *script {
		return newScript().op(local.EventContextStarted, "race", "").op(local.EventCallbackStarted, "loser", "race", callback(0)).
			op(local.EventContextSucceeded, "race", "").op(local.EventWaitStarted, "rest", "", wait(time.Hour)).after(time.Minute)
	}
	tests := []struct {
		reason string
		script *script
		shown  map[string]string
		cut    []string // operations whose last bar is cut
	}{
		{"it goes on", begun(), map[string]string{"parcels": "STARTED", "pack": "STARTED", "weigh": "SUCCEEDED"}, nil},
		{
			"it has failed", begun().end(local.EventExecutionFailed),
			map[string]string{"parcels": "CUT OFF", "pack": "CUT OFF", "weigh": "SUCCEEDED"},
			[]string{"parcels", "pack"},
		},
		{"it was stopped", begun().end(local.EventExecutionStopped), map[string]string{"pack": "CUT OFF"}, []string{"parcels", "pack"}},
		{"it has timed out", begun().end(local.EventExecutionTimedOut), map[string]string{"pack": "CUT OFF"}, []string{"parcels", "pack"}},
		{
			"nothing waited for the loser of a race", race().end(local.EventExecutionFailed),
			map[string]string{"loser": "LEFT", "rest": "CUT OFF", "race": "SUCCEEDED"},
			[]string{"rest"},
		},
		{
			"the code has left what is open", race().end(local.EventExecutionSucceeded), map[string]string{"loser": "LEFT", "rest": "LEFT"}, nil,
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		for id, want := range tt.shown {
			if got := h.Operation(id).Shown(); got != want {
				t.Errorf("%s: %s is %s, want %s", tt.reason, id, got, want)
			}
		}
		cut := make(map[string]bool)
		for _, id := range tt.cut {
			cut[id] = true
		}
		for _, o := range h.All {
			last := o.Bars[len(o.Bars)-1]
			if last.Cut != cut[o.ID] || last.Going() && !h.End.IsZero() {
				t.Errorf("%s: the last bar of %s is %+v", tt.reason, o.ID, last)
			}
		}
	}
}
