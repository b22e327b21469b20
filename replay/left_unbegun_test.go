package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestWhatWasLeftBehindDecidesNothing loses the function after each call of batches that end
// while a step of another branch is about to begin: that the step was left behind, which is
// recorded, is no end of its branch. The batch ends as before, and the branch does not go on with
// an error.
func TestWhatWasLeftBehindDecidesNothing(t *testing.T) {
	t.Parallel()
	// late is a branch that starts a step when the other one ends, and goes on if that fails.
	late := func(wentOn *bool, retried bool) op.Op[string] {
		return op.Group("late", func(ctx op.Context) (string, error) {
			if _, err := stepwise(undone("booked"), hourly("rest"))(ctx); err != nil {
				return "", err
			}
			started := says("started")
			if retried {
				started = op.Step("started", func(ctx context.Context) (string, error) {
					if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
						return "", errDeclined
					}
					return "started", nil
				}, op.WithRetry(attemptsOf(3)))
			}
			v, err := replay.Run(ctx, replay.Go(ctx, started).Result())
			if err != nil {
				*wentOn = true
				return "", err
			}
			return v, replay.Exec(ctx, hourly("more"))
		})
	}
	// fails is a branch that fails without a body.
	fails := func(waits ...op.Op[string]) op.Op[string] {
		return op.Group("fails", func(ctx op.Context) (string, error) {
			if _, err := stepwise(waits...)(ctx); err != nil {
				return "", err
			}
			return "", errDeclined
		})
	}
	atOnce, later := fails(hourly("rest")), fails(hourly("rest"), silent(op.Wait("moment", time.Second)))
	tests := []struct {
		reason string
		code   func(wentOn *bool) op.Op[string]
		want   string
	}{
		{"Race", func(wentOn *bool) op.Op[string] {
			return op.Race("r", late(wentOn, false), group("first", hourly("rest")))
		}, `SUCCEEDED ""`},
		{"Parallel that fails", func(wentOn *bool) op.Op[string] { return parallelOf([]op.Op[string]{late(wentOn, false), atOnce}) }, `FAILED`},
		{"All that fails", func(wentOn *bool) op.Op[string] { return allOf([]op.Op[string]{late(wentOn, false), atOnce}) }, `FAILED`},
		{"All that fails while a step is retried", func(wentOn *bool) op.Op[string] { return allOf([]op.Op[string]{late(wentOn, true), later}) }, `FAILED`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			wentOn := false
			h := stepwise(tt.code(&wentOn), hourly("w")).handler()
			want := end(drive(t, h, "null"))
			if !strings.HasPrefix(want, tt.want) {
				t.Fatalf("without a crash it ends as %s, want %s", want, tt.want)
			}
			states := 0
			everyState(t, h, h, func(where string, e *local.Execution) {
				states++
				if got := end(e); got != want {
					t.Errorf("%s: it ended as %s, want %s", where, got, want)
				}
			})
			if wentOn || states < 4 {
				t.Errorf("the branch went on: %v; %d states", wentOn, states)
			}
		})
	}
}

// TestWhatLeftItBehindIsGone deploys code without the branch that left another one behind: that one
// goes on with the error that is recorded, instead of waiting forever.
func TestWhatLeftItBehindIsGone(t *testing.T) {
	t.Parallel()
	late := func() op.Op[string] {
		return op.Group("late", func(ctx op.Context) (string, error) {
			if _, err := stepwise(undone("booked"), hourly("rest"))(ctx); err != nil {
				return "", err
			}
			return replay.Run(ctx, replay.Go(ctx, says("started")).Result())
		})
	}
	first := group("first", hourly("rest"))
	before := stepwise(op.Race("r", late(), first), hourly("w")).handler()
	after := stepwise(op.Race("r", late()).With(op.WithRemoved(first)), hourly("w")).handler()
	left := 0
	everyState(t, before, after, func(where string, e *local.Execution) {
		switch text := end(e); {
		case strings.Contains(text, "had not begun when its scope was left behind"):
			left++
		case !strings.HasPrefix(text, "SUCCEEDED") && !strings.Contains(text, "diverged"):
			t.Errorf("%s: it ended as %s", where, text)
		}
	})
	if left == 0 {
		t.Error("no state has a step that was left behind before it began")
	}
}
