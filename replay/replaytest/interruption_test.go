package replaytest_test

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// say is a step that returns its input.
var say = op.StepFunc("say", func(_ context.Context, s string) (string, error) { return s, nil })

func TestEveryOrderOfConcurrentBodiesIsTried(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, names []string) (string, error) {
		ops := make([]op.Op[string], len(names))
		for i, name := range names {
			ops[i] = say(name).Key(name)
		}
		return replay.Run(ctx, op.Race("first", ops...))
	})
	for _, tt := range []struct {
		reason string
		names  []string
		orders int
	}{
		{"two bodies", []string{"a", "b"}, 2},
		{"three bodies", []string{"a", "b", "c"}, 6},
		{"all orders of four bodies", []string{"a", "b", "c", "d"}, 24},
		{"no more of five, by seed", []string{"a", "b", "c", "d", "e"}, 24},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			seen := make(map[string]bool)
			got := replaytest.Explore(t, f, tt.names, replaytest.WithSchedules(0),
				replaytest.WithEqual(func(_, got string) bool { seen[got] = true; return true }))
			if diff := cmp.Diff([]int{len(tt.names)}, got.Waves); diff != "" || got.Orders != tt.orders {
				t.Errorf("got %d orders of waves of %v, want %d", got.Orders, got.Waves, tt.orders)
			}
			if diff := cmp.Diff(tt.names, slices.Sorted(maps.Keys(seen))); diff != "" {
				t.Errorf("who has won (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCallbackComesBeforeDuringAndAfterTheSuspend(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (time.Duration, error) {
		began := replay.Now(ctx)
		c, err := replay.Run(ctx, op.CreateCallback[string]("answer", op.WithTimeout(time.Hour)))
		if err != nil {
			return 0, err
		}
		if err := replay.Exec(ctx, say("meanwhile")); err != nil {
			return 0, err
		}
		_, err = replay.Run(ctx, c.Result())
		return replay.Now(ctx).Sub(began), err
	})
	for line, want := range map[string]time.Duration{
		"callback:answer=early":  0,
		"callback:answer=during": 0,
		"callback:answer=after":  30 * time.Minute,
	} {
		var got time.Duration
		replaytest.Explore(t, f, 1, replaytest.CallbackResult("answer", "yes"), replaytest.WithSchedule(line),
			replaytest.WithEqual(func(_, last time.Duration) bool { got = last; return true }))
		if got != want {
			t.Errorf("%s: answered after %v, want %v", line, got, want)
		}
	}
}

// TestInterruptionsTakePlace counts how often the handler is called beside the two times of eight
// undisturbed executions and of the interrupted one.
func TestInterruptionsTakePlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		more int32
	}{
		{"call:1=lost-before", 1},
		{"call:1=lost-after", 1},
		{"call:1=reply-lost", 1},
		{"call:1=stale-token", 1},
		{"call:1=paused", 1},
		{"call:2=paused", 1},
		{"invocation:1=paused", 0},
		{"call:1=throttled", 1},
		{"call:1=slow", 0},
		{"invocation:1=lost-before", 0}, // the handler is not called then
		{"invocation:1=lost-after", 1},
		{"body:say@1=lost-before", 1},
		{"body:say@1=lost-begun", 1},
		{"body:say@1=lost-after", 1},
		{"body:say@1=late", 0},
		{"page:1=throttled", 0}, // the function does not reach its handler
		{"page:1=split", 0},
		{"invocation:1=duplicate", 1},
		{"body:say@1=deadline", 1},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			var invocations atomic.Int32
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
				invocations.Add(1)
				s, err := replay.Run(ctx, say("a"))
				if err != nil {
					return "", err
				}
				return s, replay.Exec(ctx, op.Wait("pause", time.Hour))
			})
			r := replaytest.Explore(t, f, 1, replaytest.WithSchedule(tt.line))
			if r.Interruptions != 1 {
				t.Errorf("%d interruptions took place, want 1", r.Interruptions)
			}
			if got := invocations.Load() - 9*2; got != tt.more {
				t.Errorf("%d more calls of the handler, want %d", got, tt.more)
			}
		})
	}
}

// TestWhatIsHeldBackTakesItsTime measures, in real time, what passes between the first call and the
// second body. A busy machine makes it longer, and nothing shorter.
func TestWhatIsHeldBackTakesItsTime(t *testing.T) {
	t.Parallel()
	const held = 5 * time.Millisecond
	for _, tt := range []struct{ line, reason string }{
		{"call:1=slow", "operations beside go on before the reply comes"},
		{"body:second@1=late", "bodies beside end before it"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			var committed, began atomic.Int64
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
				if err := replay.Exec(ctx, say("first")); err != nil {
					return "", err
				}
				return replay.Run(ctx, op.Step("second", func(context.Context) (string, error) {
					began.Store(time.Now().UnixNano())
					return "", nil
				}))
			})
			got := replaytest.Explore(t, f, 1, replaytest.WithSchedule(tt.line), replaytest.WithReset(func() { committed.Store(0) }),
				replaytest.WithService(local.WithFaults(local.Faults{Committed: func(local.Point) {
					committed.CompareAndSwap(0, time.Now().UnixNano())
				}})))
			if d := time.Duration(began.Load() - committed.Load()); d < held || got.Interruptions != 1 {
				t.Errorf("%s: only %v, want %v", tt.reason, d, held)
			}
		})
	}
}
