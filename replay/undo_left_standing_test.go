package replay_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestScopeLeftBehindReachesItsEnd: what a scope that failed leaves behind is compensated by it. By
// the next invocation the group that was left may be able to reach its end, for what it waited for
// has ended meanwhile, before the code comes to the failure again. That is no divergence.
func TestScopeLeftBehindReachesItsEnd(t *testing.T) {
	t.Parallel()
	undone := func(name string, times *atomic.Int64) op.Op[string] {
		return says(name).Undo(func(ctx context.Context, _ string) error {
			if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
				return errThrottled
			}
			times.Add(1)
			return nil
		}, op.WithRetry(retry.Fixed(2*time.Hour)))
	}
	large := op.Group("large", func(ctx op.Context) (string, error) {
		_, err := replay.Run(ctx, says("l"))
		return strings.Repeat(".", 280<<10), err
	})
	tests := []struct {
		reason string
		left   func(a op.Op[string]) version
	}{
		{"it waits", func(a op.Op[string]) version { return stepwise(a, silent(op.Wait("w", 150*time.Minute))) }},
		{"a future is joined", func(a op.Op[string]) version {
			return func(ctx op.Context) (string, error) {
				if _, err := replay.Run(ctx, a); err != nil {
					return "", err
				}
				replay.Go(ctx, group("waits", silent(op.Wait("w", 150*time.Minute))))
				return "", nil
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var times atomic.Int64
			h := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				replay.Go(ctx, op.Group("g", tt.left(undone("a", &times))))
				if _, err := replay.Run(ctx, hourly("before")); err != nil {
					return "", err
				}
				if _, err := replay.Run(ctx, replay.Go(ctx, large).Result()); err != nil {
					return "", err
				}
				return "", errDeclined
			})
			e := alone(t, h)
			if text := end(e); times.Load() != 1 || !strings.Contains(text, errDeclined.Error()) {
				t.Errorf("it ended as %s, and was compensated %d times", text, times.Load())
			}
		})
	}
}

// alone runs an execution of a handler to its end.
func alone(t *testing.T, h local.Handler) *local.Execution {
	t.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	if err := svc.Host("order", h); err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "order", "", []byte("null"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}
