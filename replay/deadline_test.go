package replay_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestBodyIsCutShortBeforeTheDeadline: what the n-th run of a body does when its context ends.
func TestBodyIsCutShortBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	stop := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	done := func(context.Context) (int, error) { return 7, nil }
	spite := func(ctx context.Context) (int, error) { <-ctx.Done(); return 7, nil }
	progress := func(ctx context.Context) (int, error) {
		n, _, err := op.StateFrom[int](ctx)
		if err != nil || n == 2 {
			return n, err
		}
		<-ctx.Done()
		return 0, retry.Again(n + 1)
	}
	tests := []struct {
		reason string
		runs   []func(context.Context) (int, error)
		opts   []op.StepOption
		want   string
	}{
		{"it is made again although it is never retried", []func(context.Context) (int, error){stop, done}, nil, "SUCCEEDED 7"},
		{"what it completes in spite of that counts", []func(context.Context) (int, error){spite}, nil, "SUCCEEDED 7"},
		{"so often, and then the policy decides", []func(context.Context) (int, error){stop, stop, stop}, nil, "FAILED context.Canceled: context canceled"},
		{"progress is kept", []func(context.Context) (int, error){progress, progress, progress}, nil, "SUCCEEDED 2"},
		{
			"at most once, the policy decides",
			[]func(context.Context) (int, error){stop},
			[]op.StepOption{op.WithSemantics(op.AtMostOncePerRetry)},
			"FAILED context.Canceled: context canceled",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
					return replay.Run(ctx, op.Step("long", func(ctx context.Context) (int, error) {
						n++
						return tt.runs[n-1](ctx)
					}, append([]op.StepOption{op.WithRetry(retry.Never())}, tt.opts...)...))
				}, replay.WithDeadlineMargin(5*time.Second), replay.WithMaxInterruptions(2))
				s := local.New(local.WithFunctionTimeout(time.Minute))
				_, err := s.Run(t.Context(), f, []byte("null"))
				e := s.Executions()[0]
				if diff := cmp.Diff(tt.want, end(e)); diff != "" {
					t.Errorf("end (-want +got):\n%s\n%v", diff, err)
				}
				if n != len(tt.runs) {
					t.Errorf("%d runs, want %d", n, len(tt.runs))
				}
				must(t, s.Close())
			})
		})
	}
}

// TestInterruptionsInARow: without WithMaxInterruptions three attempts in a row are interrupted,
// and with zero none; the next one is one of the policy's, which has no further.
func TestInterruptionsInARow(t *testing.T) {
	t.Parallel()
	for reason, tt := range map[string]struct {
		opts []replay.HandlerOption
		runs int
	}{
		"the default":             {nil, 4},
		"the policy decides each": {[]replay.HandlerOption{replay.WithMaxInterruptions(0)}, 1},
		"one":                     {[]replay.HandlerOption{replay.WithMaxInterruptions(1)}, 2},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					return op.None{}, replay.Exec(ctx, op.Do("long", func(ctx context.Context) error {
						runs++
						<-ctx.Done()
						return ctx.Err()
					}, op.WithRetry(retry.Never())))
				}, append(tt.opts, replay.WithDeadlineMargin(5*time.Second))...)
				s := local.New(local.WithFunctionTimeout(time.Minute))
				if _, err := s.Run(t.Context(), f, []byte("null")); err == nil || runs != tt.runs {
					t.Errorf("the body ran %d times, want %d; the execution ended with %v", runs, tt.runs, err)
				}
				must(t, s.Close())
			})
		})
	}
}

// TestMarginHoldsUnderAVirtualClock: the deadline is one of the service's clock.
func TestMarginHoldsUnderAVirtualClock(t *testing.T) {
	t.Parallel()
	h := newHome(t, local.WithFunctionTimeout(time.Minute))
	e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("short", func(ctx context.Context) (string, error) {
			if err := ctx.Err(); err != nil {
				return "", errors.Join(err, errors.New("cut short at once"))
			}
			at, ok := ctx.Deadline()
			if !ok || !at.Equal(dawn.Add(55*time.Second)) {
				t.Errorf("the deadline is %v, want the margin before that of the invocation", at)
			}
			h.clock.Advance(56 * time.Second)
			<-ctx.Done()
			return context.Cause(ctx).Error(), nil
		}))
	}, replay.WithDeadlineMargin(5*time.Second), replay.WithMaxInterruptions(1)), "null")
	if e.Status() != local.Status(checkpoint.StatusSucceeded) {
		t.Errorf("ended as %s", end(e))
	}
}
