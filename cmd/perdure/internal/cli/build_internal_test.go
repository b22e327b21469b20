package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// TestFunctionsHoldByDefault: the environment of perdure dev counts more.
func TestFunctionsHoldByDefault(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{"": {"PERDURE_DIVERGENCE=hold"}, "fail": nil, "hold": nil} {
		got := holding(func(string) (string, bool) { return value, value != "" })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("PERDURE_DIVERGENCE=%q (-want +got):\n%s", value, diff)
		}
	}
}

// TestHeldByDivergence: what an operator has paused is left alone.
func TestHeldByDivergence(t *testing.T) {
	t.Parallel()
	reason := (&replay.DivergedError{Reason: "the name differs"}).Error()
	for _, tt := range []struct {
		name string
		rec  local.ExecutionRecord
		want bool
	}{
		{"held", local.ExecutionRecord{Status: local.StatusPaused, Pause: local.Pause{Reason: reason}}, true},
		{"paused by an operator", local.ExecutionRecord{Status: local.StatusPaused, Pause: local.Pause{Reason: "freeze"}}, false},
		{"paused without a reason", local.ExecutionRecord{Status: local.StatusPaused}, false},
		{"running", local.ExecutionRecord{Status: local.StatusRunning, Pause: local.Pause{Reason: reason}}, false},
	} {
		if got := heldByDivergence(tt.rec); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}
