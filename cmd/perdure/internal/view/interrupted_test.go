package view_test

import (
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func cutOff(e *local.Event) {
	e.Attempt = 1
	e.Failure = &checkpoint.Failure{Type: "Interrupted", Message: "interrupted before its result was recorded"}
}

// TestRepeated: which steps run again whose effect may have happened.
func TestRepeated(t *testing.T) {
	t.Parallel()
	charged := func() *script {
		return newScript().
			op(local.EventStepStarted, "hold", "").op(local.EventStepSucceeded, "hold", "").
			op(local.EventContextStarted, "pay", "").op(local.EventStepStarted, "charge", "pay").
			op(local.EventStepFailed, "charge", "pay", cutOff).op(local.EventContextFailed, "pay", "", cutOff)
	}
	tests := []struct {
		reason        string
		script        *script
		redrive, fork []string
		before        string
	}{
		{
			"nothing began after it", charged().end(local.EventExecutionFailed),
			[]string{"pay/charge"},
			[]string{"pay/charge"},
			"hold",
		},
		{
			"an undo began after it: a redrive leaves it as it is",
			charged().op(local.EventStepStarted, "undo", "").op(local.EventStepSucceeded, "undo", "").end(local.EventExecutionFailed),
			nil,
			[]string{"pay/charge"},
			"pay/charge",
		},
		{
			"a fork that begins after it", charged().op(local.EventStepStarted, "undo", "").op(local.EventStepSucceeded, "undo", "").end(local.EventExecutionFailed),
			nil, nil, "undo",
		},
		{"no such operation", charged().end(local.EventExecutionFailed), []string{"pay/charge"}, nil, "fly"},
		{
			"another error", newScript().op(local.EventStepStarted, "hold", "").op(local.EventStepFailed, "hold", "", failed(1, "x", 0)).
				end(local.EventExecutionFailed), nil, nil, "hold",
		},
		{
			"it is tried again: the code says that it may be", newScript().op(local.EventStepStarted, "hold", "").
				op(local.EventStepFailed, "hold", "", cutOff, func(e *local.Event) { e.NextAttemptDelay = time.Second }),
			nil, nil, "hold",
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		if got := h.RepeatedByRedrive(); !slices.Equal(got, tt.redrive) {
			t.Errorf("%s: a redrive repeats %q, want %q", tt.reason, got, tt.redrive)
		}
		if got := h.RepeatedByFork(tt.before); !slices.Equal(got, tt.fork) {
			t.Errorf("%s: a fork repeats %q, want %q", tt.reason, got, tt.fork)
		}
	}
}
