package replay_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// polling is a handler of one condition whose n-th check does what the script says.
func polling(script []string, seen *[]int, opts ...op.ConditionOption) local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.WaitForCondition("ready", 10, func(ctx context.Context, state int) (int, bool, error) {
			*seen = append(*seen, state)
			switch script[len(*seen)-1] {
			case doFail:
				return state, false, errThrottled
			case doCrash:
				local.Kill(ctx)
				runtime.Goexit()
			case "panic":
				panic("no such shelf")
			case doSucceed:
				return state + 1, true, nil
			}
			return state + 1, false, nil
		}, opts...))
	}, replay.WithStepDefaults(op.WithRetry(retry.Fixed(time.Second))))
}

func TestConditionCarriesItsState(t *testing.T) {
	t.Parallel()
	fixed := op.WithPolling(retry.Fixed(time.Second, retry.MaxAttempts(3)))
	tests := []struct {
		reason string
		script []string
		seen   []int
		want   string
	}{
		{"met at once", []string{doSucceed}, []int{10}, "SUCCEEDED 11"},
		{"from check to check", []string{doAgain, doAgain, doSucceed}, []int{10, 11, 12}, "SUCCEEDED 13"},
		{"over crashes", []string{doCrash, doAgain, doCrash, doCrash, doSucceed}, []int{10, 10, 11, 11, 11}, "SUCCEEDED 12"},
		{"the policy gives up", []string{doAgain, doAgain, doAgain}, []int{10, 11, 12}, `FAILED ConditionNotMet: "ready": condition not met after 3 calls`},
		{"an error is not retried", []string{doAgain, doFail}, []int{10, 11}, "FAILED Error: throttled"},
		{"a panic is not retried", []string{doAgain, "panic"}, []int{10, 11}, "FAILED PanicError: panic: no such shelf"},
	}
	for _, tt := range tests {
		for _, kept := range []bool{false, true} {
			t.Run(tt.reason, func(t *testing.T) {
				t.Parallel()
				var seen []int
				e := drive(t, polling(tt.script, &seen, fixed), "null", stateAtStart(kept)...)
				if got := end(e); got != tt.want {
					t.Errorf("ended as %s, want %s", got, tt.want)
				}
				if diff := cmp.Diff(tt.seen, seen); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestConditionInTheHistory(t *testing.T) {
	t.Parallel()
	var seen []int
	e := drive(t, polling([]string{doAgain, doSucceed}, &seen), "null")
	want := []string{
		"StepStarted ready", "StepSucceeded ready", "InvocationCompleted",
		"StepStarted ready", "StepSucceeded ready", "InvocationCompleted", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, history(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestPollingBounds(t *testing.T) {
	t.Parallel()
	var seen []int
	e := drive(t, polling(strings.Split(strings.Repeat(doAgain+" ", 60), " "), &seen,
		op.WithPolling(retry.Polling(retry.NoJitter()))), "null")
	if len(seen) != 60 || !strings.HasPrefix(end(e), "FAILED ConditionNotMet") {
		t.Errorf("%d checks, ended as %s", len(seen), end(e))
	}
	var pauses []time.Duration
	for _, ev := range e.History() {
		if ev.Type == local.EventStepSucceeded {
			pauses = append(pauses, ev.NextAttemptDelay)
		}
	}
	want := []time.Duration{5 * time.Second, 8 * time.Second, 11 * time.Second}
	if len(pauses) < 59 || cmp.Diff(want, pauses[:3]) != "" || pauses[58] != 300*time.Second {
		t.Errorf("pauses %v, want %v … 5m0s", pauses, want)
	}
}

func TestConditionOverNothing(t *testing.T) {
	t.Parallel()
	calls := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (*int, error) {
		return replay.Run(ctx, op.WaitForCondition("ready", (*int)(nil), func(_ context.Context, state *int) (*int, bool, error) {
			calls++
			return state, calls == 2, nil
		}))
	}), "null")
	if got := end(e); got != "SUCCEEDED null" {
		t.Errorf("ended as %s", got)
	}
}

// Filters of a policy are never asked about a condition: neither when it is not met nor when its
// check fails.
func TestFiltersOfAConditionAreNotAsked(t *testing.T) {
	t.Parallel()
	asked := 0
	filter := retry.If(func(error) bool { asked++; return true })
	for name, policy := range map[string]retry.Policy{
		"retry.Polling": retry.Polling(retry.MaxAttempts(3), filter, retry.Unless(filter)),
		"retry.Fixed":   retry.Fixed(time.Second, filter),
	} {
		var seen []int
		e := drive(t, polling([]string{doAgain, doFail}, &seen, op.WithPolling(policy)), "null")
		if got := end(e); got != "FAILED Error: throttled" || asked != 0 || len(seen) != 2 {
			t.Errorf("%s: ended as %s after %d checks; filters were asked %d times", name, got, len(seen), asked)
		}
	}
}

// The first check gets what went through the codec, as every other one does.
func TestInitialStateGoesThroughTheCodec(t *testing.T) {
	t.Parallel()
	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		type progress struct {
			Done    []string
			Token   string `json:"-"`
			skipped int
		}
		initial := &progress{Done: []string{}, Token: "secret", skipped: 3}
		var seen []progress
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (*progress, error) {
			return replay.Run(ctx, op.WaitForCondition("ready", initial, func(_ context.Context, p *progress) (*progress, bool, error) {
				seen = append(seen, *p)
				p.Done, p.skipped = append(p.Done, "one"), 7
				return p, len(seen) == 2, nil
			}))
		}), "null")
		want := []progress{{Done: []string{}}, {Done: []string{"one"}}}
		if diff := cmp.Diff(want, seen, cmp.AllowUnexported(progress{})); diff != "" || end(e) != `SUCCEEDED {"Done":["one","one"]}` {
			t.Errorf("ended as %s; the checks saw (-want +got):\n%s", end(e), diff)
		}
		if len(initial.Done) != 0 || initial.skipped != 3 {
			t.Errorf("a check has changed the declaration: %+v", initial)
		}
	})
	t.Run("a codec of its own", func(t *testing.T) {
		t.Parallel()
		first := 0.0
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (float64, error) {
			return replay.Run(ctx, op.WaitForCondition("ready", 1.75, func(_ context.Context, v float64) (float64, bool, error) {
				first = v
				return v, true, nil
			}).WithCodec(rounding()))
		}), "null")
		if first != 1 || end(e) != "SUCCEEDED 1" {
			t.Errorf("the first check saw %v; ended as %s", first, end(e))
		}
	})
	t.Run("the handler's codec", func(t *testing.T) {
		t.Parallel()
		first := ""
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			return replay.Run(ctx, op.WaitForCondition("ready", "a", func(_ context.Context, v string) (string, bool, error) {
				first = v
				return v, true, nil
			}))
		}, replay.WithCodec(codec.Raw())), "null")
		if first != "a" || end(e) != `SUCCEEDED "a"` {
			t.Errorf("the first check saw %q; ended as %s", first, end(e))
		}
	})
	t.Run("a state that cannot be recorded", func(t *testing.T) {
		t.Parallel()
		checks := 0
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (bool, error) {
			err := replay.Exec(ctx, op.WaitForCondition("ready", make(chan int), func(context.Context, chan int) (chan int, bool, error) {
				checks++
				return nil, true, nil
			}))
			_, found := errors.AsType[*op.Error](err)
			return found && strings.Contains(err.Error(), "encode state"), nil
		}), "null")
		if checks != 0 || end(e) != "SUCCEEDED true" {
			t.Errorf("%d checks; ended as %s", checks, end(e))
		}
	})
}
