package replay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

// runSaga runs the saga of a seed with as many crashes and says what is wrong.
func runSaga(t *testing.T, seed uint64, crashes int, lose func(p local.Point) bool) (*saga, *local.Execution, []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	g := &saga{root: newSaga(rng), rng: rng, crashes: crashes, undos: map[string]int{}}
	g.h = newHome(t, local.WithFaults(local.Faults{Lose: lose}))
	e := g.h.begin(t, g.handler(), "null")
	if err := e.Drive(t.Context()); err != nil {
		return g, e, []string{err.Error()}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	problems := g.judge(e)
	if f := e.Failure(); f != nil && (strings.Contains(f.Message, "diverged") || strings.Contains(f.Message, "replay:")) {
		problems = append(problems, f.Message)
	}
	return g, e, problems
}

// TestWhatAFailedScopeDidIsUndone runs random sagas with crashes between effect and record, and
// between a call and its reply, and compares a log of the effects that no crash loses with what
// the scopes reached.
func TestWhatAFailedScopeDidIsUndone(t *testing.T) {
	t.Parallel()
	sagas, crashed, undone, failed := draws.Count(250), 0, 0, 0
	for seed := range uint64(sagas) {
		rng := rand.New(rand.NewPCG(seed, 2))
		budget := int(seed % 4)
		g, e, problems := runSaga(t, seed, int(seed/4%3), func(p local.Point) bool {
			if budget == 0 || p.Moment == local.MomentBegin || rng.IntN(8) != 0 {
				return false
			}
			budget--
			crashed++
			return true
		})
		undone += strings.Count(strings.Join(g.ledger, "\n"), "undo ")
		if e.Status() == local.StatusFailed {
			failed++
		}
		if len(problems) > 0 {
			t.Fatalf("seed %d: %s\n%s\nended as %s\nledger: %s\nhistory:\n%s", seed, strings.Join(problems, "\n"), g.root, end(e),
				strings.Join(g.ledger, ", "), strings.Join(history(e), "\n"))
		}
	}
	t.Logf("%d sagas, %d failed, %d lost invocations, %d compensations", sagas, failed, crashed, undone)
}

// TestSagaAtEveryCrashPoint loses the function before and after every call of some sagas.
func TestSagaAtEveryCrashPoint(t *testing.T) {
	t.Parallel()
	points := 0
	for seed := range uint64(draws.Count(12)) {
		for _, moment := range []local.Moment{local.MomentBeforeCall, local.MomentAfterCall} {
			for n := 1; ; n++ {
				calls, hit := 0, false
				g, e, problems := runSaga(t, seed, 0, func(p local.Point) bool {
					if p.Moment != moment {
						return false
					}
					calls++
					hit = hit || calls == n
					return calls == n
				})
				if len(problems) > 0 {
					t.Fatalf("seed %d, lost at call %d, moment %d: %s\n%s\nended as %s\nledger: %s\nhistory:\n%s", seed, n, moment,
						strings.Join(problems, "\n"), g.root, end(e), strings.Join(g.ledger, ", "), strings.Join(history(e), "\n"))
				}
				if !hit {
					break
				}
				points++
			}
		}
	}
	t.Log(fmt.Sprint(points, " crash points"))
}
