package conformance_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/replay/conformance"
)

// TestInterruptedRequirements: wherever a function is lost before or after a checkpoint, the
// execution comes to the same end; also if it is lost after each of them.
func TestInterruptedRequirements(t *testing.T) {
	t.Parallel()
	for _, q := range requirements(t) {
		t.Run(q.Suite+"/"+q.ID, func(t *testing.T) {
			t.Parallel()
			if why := notJudged(q); why != "" {
				t.Skip(why)
			}
			_, undisturbed, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
			if err != nil {
				t.Fatal(err)
			}
			if undisturbed.Exits > 0 {
				t.Skip("the requirement itself says when the function is lost, and how often")
			}
			compare := func(when string, o *conformance.Observation, problems []string) {
				for _, p := range problems {
					t.Errorf("lost %s: %s", when, p)
				}
				if o.Status != undisturbed.Status || string(o.Result) != string(undisturbed.Result) {
					t.Errorf("lost %s: %s, result %s; undisturbed: %s, result %s",
						when, o.Status, o.Result, undisturbed.Status, undisturbed.Result)
				}
				if t.Failed() {
					t.Fatalf("lost %s\n%s", when, conformance.Outline(o.History))
				}
			}
			for at := 1; ; at++ {
				lose := func(call int) bool { return call == at }
				_, o, problems := interrupt(t, q, local.BeforeCall, lose)
				compare(fmt.Sprintf("before call %d", at), o, problems)
				calls, o, problems := interrupt(t, q, local.AfterCall, lose)
				compare(fmt.Sprintf("after call %d", at), o, problems)
				if calls <= at {
					break
				}
			}
			_, o, problems := interrupt(t, q, local.AfterCall, func(int) bool { return true })
			compare("after each call", o, problems)
		})
	}
}

// interrupt runs a function that is lost at a moment of the checkpoints of the execution that lose
// picks, in whichever invocation they are, and returns how many checkpoints there were.
func interrupt(
	t *testing.T, q *conformance.Requirement, moment local.Moment, lose func(call int) bool,
) (calls int, o *conformance.Observation, problems []string) {
	t.Helper()
	var count atomic.Int64
	var arn atomic.Value // of the first execution: the others are targets of its invokes
	h := conformance.InProcess{Faults: []local.Faults{{Lose: func(p local.Point) bool {
		arn.CompareAndSwap(nil, p.ARN)
		return arn.Load() == p.ARN && p.Moment == moment && p.API == "CheckpointDurableExecution" &&
			lose(int(count.Add(1)))
	}}}}
	vars, err := conformance.NewVars(q.Variables, seed)
	if err != nil {
		t.Fatal(err)
	}
	o, err = h.Run(t.Context(), q, vars)
	if err != nil {
		t.Fatal(err)
	}
	return int(count.Load()), o, append(o.Problems, vars.Outcome(q.Result, o.Status, o.Result)...)
}
