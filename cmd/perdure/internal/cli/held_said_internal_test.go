package cli

import (
	"strings"
	"testing"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestPausedSaysWhich: a pause is there, or waits for the invocation that runs. The invocation
// may have ended the execution by the time that its status is read.
func TestPausedSaysWhich(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status local.Status
		want   string
	}{
		{local.StatusPaused, "the execution is paused"},
		{local.StatusPausing, "the execution is pausing: its invocation goes on until its next checkpoint call"},
		{local.StatusSucceeded, "the execution ended before it was paused: SUCCEEDED"},
		{local.StatusTimedOut, "the execution ended before it was paused: TIMED_OUT"},
	} {
		if got := paused(tt.status); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.status, got, tt.want)
		}
	}
}

// TestAllHasMore: with --all nothing of what is said without is missing, and the reason is whole.
func TestAllHasMore(t *testing.T) {
	t.Parallel()
	const reason = `replay: the execution diverged: an operation was removed; checkpointed STEP Step "charge" (SUCCEEDED, ID a-1), ` +
		`current code STEP Step at "check" (main.go:31); declare the change: op.Added(x, v); the execution is held (docs/determinism.md)`
	arn := "arn:x"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	d := &described{
		GetDurableExecutionOutput: &lambdaapi.GetDurableExecutionOutput{DurableExecutionArn: &arn, Status: lambdatypes.ExecutionStatus(local.StatusPaused)},
		pause:                     &pauseDetails{Requested: now, Reason: reason},
	}
	short, whole := d.held(now, false), strings.Join(d.held(now, true), "\n")
	for _, line := range short[:len(short)-1] {
		if !strings.Contains(whole, line) {
			t.Errorf("--all has not the line %q:\n%s", line, whole)
		}
	}
	if len(short) < 5 || short[len(short)-1] != "--all shows the whole reason" || !strings.HasSuffix(whole, "\nthe whole reason: "+reason) {
		t.Errorf("short %q, whole %q", short, whole)
	}
}
