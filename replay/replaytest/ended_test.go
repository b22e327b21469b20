package replaytest_test

import (
	"context"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// undisturbed is how many executions Explore runs before it tries a schedule: those that it
// compares, and one that finds which bodies can run at the same time.
const undisturbed = 9

// TestScheduleHasTheOrderOfEnds: what fails only if one of two bodies ends first is reported with
// the order in which they ended. In that order it fails again, most often at the first try; what
// else a busy machine changes takes a few more.
func TestScheduleHasTheOrderOfEnds(t *testing.T) {
	t.Parallel()
	for _, winner := range []string{"a", "b"} {
		t.Run(winner, func(t *testing.T) {
			t.Parallel()
			var runs, executions, wrong atomic.Int32 // wrong is the first of the executions that was
			body := func(name string) op.Op[string] {
				return op.Step(name, func(context.Context) (string, error) { runs.Add(1); return name, nil })
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				first, err := replay.Run(ctx, op.Race("first", body("a"), body("b")))
				if err != nil || first != winner || runs.Load() < 3 {
					return "right", err
				}
				wrong.CompareAndSwap(0, executions.Load())
				return "wrong", nil // if a function was lost, and this one won
			})
			try := func(schedule string) (found string) {
				executions.Store(0)
				wrong.Store(0)
				got := record(t, func(tb *recorder) {
					replaytest.Explore(tb, f, op.None{}, replaytest.WithSchedule(schedule),
						replaytest.WithReset(func() { runs.Store(0); executions.Add(1) }),
						replaytest.WithEqual(func(_, got string) bool { return got == "right" }))
				})
				for _, e := range got.errs {
					if m := regexp.MustCompile(`WithSchedule\("(.*)"\)`).FindStringSubmatch(e); m != nil {
						found = m[1]
					}
				}
				return found
			}
			var found string
			for tries := 0; !strings.Contains(found, "; order:"); tries++ {
				if found = try("call:1=lost-before"); tries == 100 {
					t.Fatalf("the schedule %q has no order", found)
				}
			}
			if want := `first[` + winner + `]/` + winner + `@2 < `; !strings.Contains(found, want) {
				t.Errorf("the schedule %q has no %q", found, want)
			}
			const times = 10
			atOnce := 0
			for range times {
				if try(found) == "" {
					t.Fatalf("%q does not fail again", found)
				}
				if wrong.Load() == undisturbed+1 {
					atOnce++
				}
			}
			if atOnce <= times/2 {
				t.Errorf("%q failed at the first try %d of %d times", found, atOnce, times)
			}
		})
	}
}
