package replay_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/leaks"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// trip is the round trip of the tests that count round trips. They run under virtual time, in
// which a trip takes exactly so long and everything else nothing.
const trip = 10 * time.Millisecond

// TestReplayedStepAllocatesAtMostFourTimes counts everything from the bytes of the event to the
// value in the handler's hands.
//
//nolint:paralleltest // counts allocations of the whole process
func TestReplayedStepAllocatesAtMostFourTimes(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates by itself")
	}
	const most = 4 // three without a key
	for _, shape := range replayShapes() {
		event := stepsEvent(t, replayed, 100, shape.id)
		f := replaySteps(replayed, shape.step)
		ctx := checkpoint.WithClient(t.Context(), new(acceptor))
		n := testing.AllocsPerRun(3, func() {
			if out, err := f.Invoke(ctx, event); err != nil || string(out) != `{"Status":"PENDING"}` {
				t.Fatal(string(out), err)
			}
		})
		if n /= replayed; n > most {
			t.Errorf("%s (%s): %.2f allocations per step, at most %d are allowed", shape.name, shape.reason, n, most)
		}
	}
}

// TestReplayMakesNoCall replays steps of every shape up to the next operation, which makes one.
func TestReplayMakesNoCall(t *testing.T) {
	t.Parallel()
	for _, shape := range replayShapes() {
		a := new(acceptor)
		f := replaySteps(100, shape.step)
		if _, err := f.Invoke(checkpoint.WithClient(t.Context(), a), stepsEvent(t, 100, 100, shape.id)); err != nil {
			t.Fatal(err)
		}
		if calls, starts := a.count(checkpoint.ActionStart); calls != 1 || starts != 1 {
			t.Errorf("%s: %d calls with %d STARTs, want one with that of the wait", shape.name, calls, starts)
		}
	}
}

// sequence runs n steps one after the other whose bodies take so long. begins is informed of each
// body.
func sequence(n int, body time.Duration, begins func(i int)) *replay.Function[op.None, int] {
	step := op.StepFunc("charge-card", func(_ context.Context, i int) (int, error) {
		begins(i)
		if body > 0 {
			time.Sleep(body)
		}
		return i, nil
	})
	return replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		for i := range n {
			if err := replay.Exec(ctx, step(i)); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
}

// emptyEvent is the event of a new execution.
func emptyEvent(tb testing.TB) []byte {
	tb.Helper()
	return stepsEvent(tb, 0, 2, nil)
}

// TestSequentialSteps counts calls and round trips of steps that run for the first time, the first
// three not included, which teach how long their bodies are.
func TestSequentialSteps(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		body, most time.Duration // per step
		calls      int           // per step
		reason     string
	}{
		{0, trip, 1, "START travels with SUCCEED: one call, one round trip"},
		{2 * ms, 12 * ms, 1, "the same"},
		{5 * ms, 15 * ms, 1, "the same"},
		{9 * ms, 19 * ms, 1, "the same"},
		{11 * ms, 21 * ms, 2, "START is sent at once, beside the body"},
		{15 * ms, 25 * ms, 2, "the same"},
		{21 * ms, 31 * ms, 2, "the same"},
		{50 * ms, 60 * ms, 2, "the same"},
	}
	for _, tt := range tests {
		t.Run(tt.body.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const steps, warm = 100, 3
				a := &acceptor{trip: trip}
				var began time.Time
				var before int
				invoke(checkpoint.WithClient(t.Context(), a), t, sequence(warm+steps, tt.body, func(i int) {
					if i == warm {
						began = time.Now()
						before, _ = a.count(checkpoint.ActionStart)
					}
				}))
				calls, starts := a.count(checkpoint.ActionStart)
				if starts != warm+steps {
					t.Errorf("%d STARTs were recorded, want %d", starts, warm+steps)
				}
				if calls -= before; calls > steps*tt.calls {
					t.Errorf("%s: %d calls for %d steps, at most %d per step are allowed", tt.reason, calls, steps, tt.calls)
				}
				if took := time.Since(began); took > steps*tt.most {
					t.Errorf("%s: %v per step, at most %v is allowed", tt.reason, took/steps, tt.most)
				}
			})
		})
	}
}

// TestOneLateBodyCostsOneCall holds up one body of many: those after it are as short as before, and
// their START waits for the result as before.
func TestOneLateBodyCostsOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const steps, late = 20, 10
		a := &acceptor{trip: trip}
		invoke(checkpoint.WithClient(t.Context(), a), t, sequence(steps, 9*time.Millisecond, func(i int) {
			if i == late {
				time.Sleep(3 * trip)
			}
		}))
		const first = 1 // nothing is known of its body
		if calls, starts := a.count(checkpoint.ActionStart); calls != steps+first+1 || starts != steps {
			t.Errorf("%d calls with %d STARTs for %d steps, want one call more for the first and for the late one", calls, starts, steps)
		}
	})
}

// TestEndOfABatchTravelsWithItsBranches counts the calls of batches of one step, whose updates come
// in one order only: a call for all that begins and the result of the step, and one for all that
// ends.
func TestEndOfABatchTravelsWithItsBranches(t *testing.T) {
	t.Parallel()
	pack := op.StepFunc("pack-item", func(_ context.Context, i int) (int, error) { return i, nil })
	tests := []struct {
		name string
		run  func(ctx op.Context) error
	}{
		{"map", func(ctx op.Context) error { return replay.Exec(ctx, op.Map("ship", []int{1}, pack)) }},
		{"all", func(ctx op.Context) error { return replay.Exec(ctx, op.All("all", pack(1))) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const most = 2
				a := &acceptor{trip: trip}
				began := time.Now()
				invoke(checkpoint.WithClient(t.Context(), a), t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
					return 0, tt.run(ctx)
				}))
				if calls, _ := a.count(checkpoint.ActionStart); calls != most || time.Since(began) != most*trip {
					t.Errorf("%d calls in %v, want %d, one round trip of %v each", calls, time.Since(began), most, trip)
				}
			})
		})
	}
}

// TestThousandItemsOfAMap counts the calls and round trips of a map of steps: what is queued while
// a call is in flight travels in the next one, and nothing waits for anything else.
func TestThousandItemsOfAMap(t *testing.T) {
	t.Parallel()
	const items = 1000
	synctest.Test(t, func(t *testing.T) {
		a := &acceptor{trip: trip}
		step := op.StepFunc("pack-item", func(_ context.Context, i int) (int, error) { return i, nil })
		began := time.Now()
		invoke(checkpoint.WithClient(t.Context(), a), t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			b, err := replay.Run(ctx, op.Map("ship", make([]int, items), step))
			return b.Len(), err
		}))
		// START and SUCCEED of the map, of each item, and of each step.
		const updates = 2 + 4*items
		const most = (updates+outbox.MaxUpdates-1)/outbox.MaxUpdates + 3
		if calls, starts := a.count(checkpoint.ActionStart); calls > most || starts-a.notes() != updates/2 {
			t.Errorf("%d calls with %d STARTs, at most %d and exactly %d are allowed", calls, starts, most, updates/2)
		}
		if took := time.Since(began); took > most*trip {
			t.Errorf("it took %v, at most %d round trips of %v are allowed", took, most, trip)
		}
	})
}

// invoke runs f to its result.
func invoke[Out any](ctx context.Context, tb testing.TB, f *replay.Function[op.None, Out]) {
	tb.Helper()
	out, err := f.Invoke(ctx, emptyEvent(tb))
	if err != nil || string(out[:len(`{"Status":"SUCCEEDED"`)]) != `{"Status":"SUCCEEDED"` {
		tb.Fatal(string(out), err)
	}
}

// TestStartOfALongBodyIsVisible measures when the log shows that a body runs that takes long.
func TestStartOfALongBodyIsVisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var began, seen []time.Time
		a := &acceptor{trip: trip, seen: func(us []checkpoint.Update) {
			if us[0].Action == checkpoint.ActionStart {
				seen = append(seen, time.Now())
			}
		}}
		step := op.StepFunc("render", func(context.Context, int) (int, error) {
			began = append(began, time.Now())
			time.Sleep(5 * trip)
			return 0, nil
		})
		invoke(checkpoint.WithClient(t.Context(), a), t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			for i := range 4 {
				if err := replay.Exec(ctx, step(i)); err != nil {
					return 0, err
				}
			}
			return 0, nil
		}))
		if len(seen) != 4 {
			t.Fatalf("%d STARTs were seen, want 4", len(seen))
		}
		for i, at := range seen {
			most := 3 * trip
			if i > 0 {
				most = trip + trip/2 // the name is known to be long
			}
			if late := at.Sub(began[i]); late > most {
				t.Errorf("step %d: START is visible %v after the body began, at most %v is allowed", i+1, late, most)
			}
		}
	})
}

// TestInvocationUsesOneGoroutineOfItsOwn counts goroutines while a handler replays and runs
// steps one after the other: its own and, while a call is made, that of the writer. On a busy
// machine the timer of the watchdog may be seen, too.
//
//nolint:paralleltest // counts the goroutines of the whole process
func TestInvocationUsesOneGoroutineOfItsOwn(t *testing.T) {
	before := runtime.NumGoroutine()
	inside := 0
	step := op.StepFunc("count", func(context.Context, int) (int, error) {
		inside = max(inside, runtime.NumGoroutine())
		return 0, nil
	})
	f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		for i := range 100 {
			if err := replay.Exec(ctx, step(i)); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	invoke(checkpoint.WithClient(t.Context(), new(acceptor)), t, f)
	if most := before + 3; inside > most {
		t.Errorf("%d goroutines while a body ran, at most %d are allowed", inside, most)
	}
	if !leaks.Ended(before) {
		t.Errorf("%d goroutines after the reply, %d before", runtime.NumGoroutine(), before)
	}
}

// TestThousandStepsStartTogether counts calls of concurrent steps: what is queued while a call is
// in flight travels in the next one.
func TestThousandStepsStartTogether(t *testing.T) {
	t.Parallel()
	const steps = 1000
	synctest.Test(t, func(t *testing.T) {
		a := &acceptor{trip: trip}
		step := op.StepFunc("ship", func(_ context.Context, i int) (int, error) { return i, nil })
		began := time.Now()
		invoke(checkpoint.WithClient(t.Context(), a), t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			for i := range steps {
				replay.Go(ctx, step(i).Key(strconv.Itoa(i)))
			}
			return 0, nil
		}))
		calls, starts := a.count(checkpoint.ActionStart)
		if most := 2*steps/outbox.MaxUpdates + 3; calls > most || starts != steps {
			t.Errorf("%d calls with %d STARTs, at most %d and %d are allowed", calls, starts, most, steps)
		}
		if took, most := time.Since(began), (2*steps/outbox.MaxUpdates+3)*trip; took > most {
			t.Errorf("it took %v, at most %v is allowed", took, most)
		}
	})
}

// TestBranchEndsInFewFrames counts the frames that the end of a branch that waits has to go
// through, the user's function included: Goexit goes through them one by one, and a thousand
// branches that end are hardly anything else. They are those of the goroutine, the branch, its
// guard, the user's function and its operation; not those of the interpreter below it.
func TestBranchEndsInFewFrames(t *testing.T) {
	t.Parallel()
	const most = 8
	var frames []string
	wait := func(ctx op.Context, i int) (op.None, error) {
		if i == 0 {
			defer func() { frames = framesBelowGoexit() }()
		}
		return replay.Run(ctx, op.Wait("next", time.Hour))
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Map("ship", []int{0, 1}, op.GroupFunc("item", wait)))
	})
	if got := say(f.Invoke(checkpoint.WithClient(t.Context(), new(acceptor)), emptyEvent(t))); got != "PENDING" {
		t.Fatal(got)
	}
	if len(frames) == 0 || len(frames) > most {
		t.Errorf("%d frames, at least one and at most %d are allowed:\n%s", len(frames), most, strings.Join(frames, "\n"))
	}
}

// framesBelowGoexit returns the functions that the calling goroutine, which ends, is in.
func framesBelowGoexit() (names []string) {
	pcs := make([]uintptr, 64)
	stack := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	ends := false
	for {
		f, more := stack.Next()
		if ends {
			names = append(names, f.Function)
		}
		ends = ends || f.Function == "runtime.Goexit"
		if !more {
			return names
		}
	}
}
