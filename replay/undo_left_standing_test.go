package replay_test

import (
	"context"
	"fmt"
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
// has ended meanwhile, before the code reaches the failure again. That is no divergence.
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
	rest := silent(op.Wait("w", 150*time.Minute))
	large := op.Group("large", func(ctx op.Context) (string, error) {
		_, err := replay.Run(ctx, says("l"))
		return strings.Repeat(".", 280<<10), err
	})
	tests := []struct {
		reason string
		left   func(a op.Op[string], own *atomic.Int64) op.Op[string]
	}{
		{"it waits", func(a op.Op[string], _ *atomic.Int64) op.Op[string] { return group("g", a, rest) }},
		{"a future is joined", func(a op.Op[string], _ *atomic.Int64) op.Op[string] {
			return op.Group("g", func(ctx op.Context) (string, error) {
				if _, err := replay.Run(ctx, a); err != nil {
					return "", err
				}
				replay.Go(ctx, group("waits", rest))
				return "", nil
			})
		}},
		{"it is a branch without a record, whose own Undo is for what has done all", func(a op.Op[string], own *atomic.Int64) op.Op[string] {
			return allOf([]op.Op[string]{group("g", a, rest).Undo(func(context.Context, string) error { own.Add(1); return nil }), hourly("b")})
		}},
	}
	for _, tt := range tests {
		for _, parks := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, the code parks before the failure: %t", tt.reason, parks), func(t *testing.T) {
				t.Parallel()
				var times, own atomic.Int64
				h := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					replay.Go(ctx, tt.left(undone("a", &times), &own))
					if _, err := replay.Run(ctx, hourly("before")); err != nil {
						return "", err
					}
					if parks {
						if _, err := replay.Run(ctx, replay.Go(ctx, large).Result()); err != nil {
							return "", err
						}
					}
					return "", errDeclined
				})
				e := alone(t, h)
				if text := end(e); times.Load() != 1 || own.Load() != 0 || !strings.Contains(text, errDeclined.Error()) {
					t.Errorf("it ended as %s, and was compensated %d times, with its own Undo %d times", text, times.Load(), own.Load())
				}
			})
		}
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
