package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestFlatBranchThatFailedIsRunAgain has a branch without a record fail and leave behind what it
// had started, in a batch whose result is too large for its record: the branch is run again to
// compute its error, and what it had started and not ended is no difference.
func TestFlatBranchThatFailedIsRunAgain(t *testing.T) {
	t.Parallel()
	retried := op.Step("slow", func(context.Context) (string, error) { return "", errDeclined }, op.WithRetry(retry.Fixed(time.Hour)))
	tests := []struct {
		reason  string
		started op.Op[string]
	}{
		{"a group", group("slow", hourly("rest"))},
		{"a step", retried},
		{"a wait", hourly("slow")},
		{"a batch", allOf([]op.Op[string]{says("quick"), hourly("slow")})},
		{"a map", mapText("a b", func(string) op.Op[string] { return group("slow", hourly("rest")) })},
	}
	for _, tt := range tests {
		for _, moment := range []bool{false, true} {
			t.Run(tt.reason+map[bool]string{true: ", after a while"}[moment], func(t *testing.T) {
				t.Parallel()
				large := op.Group("large", func(op.Context) (string, error) { return strings.Repeat(".", 280<<10), nil })
				fails := op.Group("fails", func(ctx op.Context) (string, error) {
					replay.Go(ctx, tt.started)
					if moment {
						if err := replay.Exec(ctx, op.Wait("moment", time.Minute)); err != nil {
							return "", err
						}
					}
					return "", errDeclined
				})
				e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					b, err := replay.Run(ctx, op.AllSettled("all", large, fails))
					if err != nil {
						return "", err
					}
					if _, err := replay.Run(ctx, op.Wait("w", 2*time.Hour)); err != nil {
						return "", err
					}
					return b.Items[1].Err.Error(), nil
				}), "null")
				if got, want := end(e), `SUCCEEDED "card declined"`; got != want {
					t.Errorf("it ended as %s, want %s", got, want)
				}
			})
		}
	}
}

// TestFinishedGroupMustEndWhatItStarted runs a group again whose code starts something that it had
// not started: that is a difference as before, seen when the group waits for it.
func TestFinishedGroupMustEndWhatItStarted(t *testing.T) {
	t.Parallel()
	code := func(started func(ctx op.Context)) version {
		return stepwise(op.Transform(op.Group("g", func(ctx op.Context) (string, error) {
			started(ctx)
			v, err := replay.Run(ctx, says("a"))
			return v + strings.Repeat(".", 280<<10), err
		}), func(string) (string, error) { return "", nil }), hourly("w"))
	}
	for reason, started := range map[string]func(ctx op.Context){
		"a step more":  func(ctx op.Context) { replay.Go(ctx, says("b")) },
		"a group more": func(ctx op.Context) { replay.Go(ctx, group("b", says("c"))) },
		"a wait more":  func(ctx op.Context) { replay.Go(ctx, hourly("b")) },
	} {
		got := comesTo(t, code(func(op.Context) {}), code(started))
		if !strings.Contains(strings.Join(got, "\n"), "diverged") {
			t.Errorf("%s: executions end as %q", reason, got)
		}
	}
}
