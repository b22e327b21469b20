package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var errStateLost = errors.New("the state is lost")

// kept is a state of that many bytes of a text, as JSON.
func kept(text string, bytes int) string { return strings.Repeat(text, max(0, bytes-2)/len(text)) }

// progress is a step that leaves the state at its first attempt, fails at the second one if it is
// to, and results in the length of the state that the last attempt sees.
func progress(state string, fails bool) op.Op[int] {
	last := 2
	if fails {
		last = 3
	}
	return op.Step("import", func(ctx context.Context) (int, error) {
		info, _ := op.InfoFrom(ctx)
		got, ok, err := op.StateFrom[string](ctx)
		switch {
		case err != nil:
			return 0, err
		case info.Attempt > 1 && (!ok || got != state):
			return 0, retry.Permanent(errStateLost)
		case info.Attempt == 1:
			return 0, retry.Again(state)
		case info.Attempt < last:
			return 0, errors.Join(errThrottled, errors.New(strings.Repeat("m", 200<<10)))
		}
		return len(got), nil
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5))))
}

// condition is a condition whose first check leaves the state.
func condition(state string) op.Op[int] {
	return op.Transform(op.WaitForCondition("import", "", func(ctx context.Context, s string) (string, bool, error) {
		info, _ := op.InfoFrom(ctx)
		if info.Attempt > 1 && s != state {
			return "", false, errStateLost
		}
		return state, info.Attempt == 3, nil
	}, op.WithPolling(retry.Fixed(time.Second, retry.MaxAttempts(5)))), func(s string) (int, error) { return len(s), nil })
}

// TestStateOfAnySizeSurvivesACrash loses the function before and after each call: a state is there
// at the next attempt whatever its size, or the operation fails with an error that says that it is
// too large.
func TestStateOfAnySizeSurvivesACrash(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	tests := []struct {
		reason string
		state  string
		// small says that the state has room in the log beside an error.
		small bool
	}{
		{"small", kept("s", 10), true},
		{"just below what a call takes", kept("s", 750*kib-400), true},
		{"what a call takes together with START, but for some bytes", kept("s", 750*kib-200), true},
		{"what a call takes", kept("s", 750*kib), true},
		{"more than a call takes", kept("s", 800*kib), true},
		{"quotes, which take two bytes in a call", kept(`"`, 150*kib), true},
		{"as large as can be beside an error", kept("s", 967_232-1000), true},
		{"larger than can be beside an error", kept("s", 970_000), false},
		{"quotes, of which the log would take a call that has none", kept(`"`, 450*kib), false},
		{"larger than a record can be", kept("s", 1100*kib), false},
	}
	for _, tt := range tests {
		ops := map[string]op.Op[int]{
			"progress": progress(tt.state, false), "progress and an error": progress(tt.state, true), "condition": condition(tt.state),
		}
		for kind, o := range ops {
			t.Run(kind+" "+tt.reason, func(t *testing.T) {
				t.Parallel()
				want := fmt.Sprintf("SUCCEEDED %d", len(tt.state))
				if !tt.small {
					want = `FAILED Error: replay: "import": the state for the next attempt takes`
				}
				for n := 0; ; n++ {
					for _, moment := range []local.Moment{local.MomentBeforeCall, local.MomentAfterCall} {
						calls := 0
						e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) { return replay.Run(ctx, o) }), "null",
							local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
								if p.Moment != moment {
									return false
								}
								calls++
								return calls == n
							}}))
						if got := end(e); !strings.HasPrefix(got, want) {
							t.Fatalf("lost at call %d, moment %d: ended as %.300s, want %s\n%s", n, moment, got, want, strings.Join(history(e), "\n"))
						}
						if moment == local.MomentAfterCall && n > 0 && calls < n {
							return
						}
					}
				}
			})
		}
	}
}

// TestStateIsRefusedAsAnErrorOfItsOperation: code may handle it, and what was done before is
// undone.
func TestStateIsRefusedAsAnErrorOfItsOperation(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, progress(kept("s", 990_000), false))
		failed, ok := errors.AsType[*op.Error](err)
		if !ok {
			return "", err
		}
		return fmt.Sprintf("%s failed at attempt %d", failed.Path, failed.Attempt), nil
	}), "null")
	if got, want := end(e), `SUCCEEDED "import failed at attempt 1"`; got != want {
		t.Errorf("ended as %s, want %s", got, want)
	}
}
