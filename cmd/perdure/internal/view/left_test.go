package view_test

import (
	"testing"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestLeftOperations: nothing waits for what is still open in a group or a batch that has ended.
func TestLeftOperations(t *testing.T) {
	t.Parallel()
	asked := func() *script {
		return newScript().op(local.EventContextStarted, "ask", "").op(local.EventCallbackStarted, "ask-callback", "ask", func(e *local.Event) { e.CallbackID = "first" }).
			op(local.EventStepStarted, "ask-submitter", "ask").op(local.EventStepFailed, "ask-submitter", "ask", failed(1, "x", 0))
	}
	tests := []struct {
		reason         string
		script         *script
		pending, cause string
	}{
		{
			"the group goes on", asked(),
			`waiting for callback "ask-callback" (no time-out: it waits until it is answered); complete it with: perdure callback succeed first ` +
				`'<JSON of its type>' (the code has the type; for a string: --text '<text>')`, `callback "ask-callback"`,
		},
		{
			"the group has failed, and another callback is waited for",
			asked().op(local.EventContextFailed, "ask", "", failed(1, "x", 0)).
				op(local.EventCallbackStarted, "approve", "", func(e *local.Event) { e.CallbackID = "second" }),
			`waiting for callback "approve" (no time-out: it waits until it is answered); complete it with: perdure callback succeed second ` +
				`'<JSON of its type>' (the code has the type; for a string: --text '<text>')`, `callback "approve"`,
		},
		{
			"a context around it has ended",
			newScript().op(local.EventContextStarted, "race", "").op(local.EventContextStarted, "branch", "race").
				op(local.EventCallbackStarted, "loser", "branch").op(local.EventContextSucceeded, "race", ""),
			"", "its function to be invoked",
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		if got := h.Pending(begin); got != tt.pending {
			t.Errorf("%s: pending is %q, want %q", tt.reason, got, tt.pending)
		}
		if got := h.Cause(begin); got != tt.cause {
			t.Errorf("%s: the cause is %q, want %q", tt.reason, got, tt.cause)
		}
	}
}
