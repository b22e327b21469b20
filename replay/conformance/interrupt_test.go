package conformance_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/replay/conformance"
)

// TestInterruptedRequirements: wherever a function is lost before or after a checkpoint, the
// execution has the same end; also if it is lost after each of them. Left out are only the
// requirements that say themselves when the function is lost: their functions end their process.
func TestInterruptedRequirements(t *testing.T) {
	t.Parallel()
	var sum interruptions
	t.Cleanup(func() { t.Log(sum.String()) })
	for _, q := range requirements(t) {
		t.Run(q.Suite+"/"+q.ID, func(t *testing.T) {
			t.Parallel()
			if why := notJudged(q); why != "" {
				sum.skip(q, why)
				t.Skip(why)
			}
			_, undisturbed, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
			if err != nil {
				t.Fatal(err)
			}
			if undisturbed.Exits > 0 {
				const why = "the requirement itself says when the function is lost"
				sum.skip(q, why)
				t.Skip(why)
			}
			compare := func(when string, r *interrupted) {
				for _, p := range r.problems {
					t.Errorf("lost %s: %s", when, p)
				}
				if r.seen.Status != undisturbed.Status || string(r.seen.Result) != string(undisturbed.Result) {
					t.Errorf("lost %s: %s, result %s; undisturbed: %s, result %s",
						when, r.seen.Status, r.seen.Result, undisturbed.Status, undisturbed.Result)
				}
				if t.Failed() {
					t.Fatalf("lost %s\n%s", when, conformance.Outline(r.seen.History))
				}
				sum.add(r)
			}
			calls := 1
			for at := 1; at <= calls; at++ {
				lose := func(call int) bool { return call == at }
				before := interrupt(t, q, local.MomentBeforeCall, lose)
				compare(fmt.Sprintf("before call %d", at), before)
				after := interrupt(t, q, local.MomentAfterCall, lose)
				compare(fmt.Sprintf("after call %d", at), after)
				if calls = after.calls; after.calls > 0 && (before.lost != 1 || after.lost != 1) {
					t.Fatalf("at call %d the function was lost %d and %d times, want once each", at, before.lost, after.lost)
				}
			}
			each := interrupt(t, q, local.MomentAfterCall, func(int) bool { return true })
			compare("after each call", each)
			if each.lost != each.calls {
				t.Errorf("the function was lost %d times in %d calls", each.lost, each.calls)
			}
			sum.met()
		})
	}
}

// interrupted is an execution whose function was lost.
type interrupted struct {
	seen        *conformance.Observation
	problems    []string
	calls, lost int
}

// interrupt runs a function that is lost at a moment of the checkpoints of the execution that lose
// picks, in whichever invocation they are.
func interrupt(
	t *testing.T, q *conformance.Requirement, moment local.Moment, lose func(call int) bool,
) *interrupted {
	t.Helper()
	var calls, lost atomic.Int64
	var arn atomic.Value // of the first execution: the others are targets of its invokes
	h := conformance.InProcess{Faults: []local.Faults{{Lose: func(p local.Point) bool {
		arn.CompareAndSwap(nil, p.ARN)
		if arn.Load() != p.ARN || p.Moment != moment || p.API != "CheckpointDurableExecution" || !lose(int(calls.Add(1))) {
			return false
		}
		lost.Add(1)
		return true
	}}}}
	vars, err := conformance.NewVars(q.Variables, seed)
	if err != nil {
		t.Fatal(err)
	}
	o, err := h.Run(t.Context(), q, vars)
	if err != nil {
		t.Fatal(err)
	}
	return &interrupted{
		seen: o, problems: append(o.Problems, vars.Outcome(q.Result, o.Status, o.Result)...),
		calls: int(calls.Load()), lost: int(lost.Load()),
	}
}

// interruptions counts them.
type interruptions struct {
	mu                       sync.Mutex
	requirements, runs, lost int
	skipped                  []string
}

func (s *interruptions) add(r *interrupted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.lost += r.lost
}

func (s *interruptions) met() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requirements++
}

func (s *interruptions) skip(q *conformance.Requirement, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped = append(s.skipped, q.ID+" left out: "+why)
}

// String says how many there were.
func (s *interruptions) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.skipped)
	return fmt.Sprintf("%d requirements ended the same in %d executions whose functions were lost %d times\n%s",
		s.requirements, s.runs, s.lost, strings.Join(s.skipped, "\n"))
}
