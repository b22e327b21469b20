package replay_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestCompensationInFlightWhenTheBatchIsDecided: two branches fail, and each takes back what it has
// done. The first that is done decides the batch while the other one is still compensating: that
// compensation goes on, and its body does not run again in the same attempt, since nothing was
// lost.
func TestCompensationInFlightWhenTheBatchIsDecided(t *testing.T) {
	t.Parallel()
	twice, lost, rounds := 0, 0, draws.Count(100)
	for range rounds {
		var mu sync.Mutex
		runs := map[string]map[int]int{} // by step and attempt
		patient := op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(50)))
		branch := func(name string) op.Op[op.None] {
			work := op.Do(name, func(context.Context) error { return nil }).Undo(func(ctx context.Context, _ op.None) error {
				info, _ := op.InfoFrom(ctx)
				mu.Lock()
				defer mu.Unlock()
				if runs[name] == nil {
					runs[name] = map[int]int{}
				}
				if runs[name][info.Attempt]++; info.Attempt < 2 {
					return errors.New("not now")
				}
				return nil
			}, patient)
			return op.Group("group-"+name, func(ctx op.Context) (op.None, error) {
				if err := replay.Exec(ctx, work); err != nil {
					return op.None{}, err
				}
				return op.None{}, errDeclined
			})
		}
		h := newHome(t)
		e := h.begin(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.All("both", branch("a"), branch("b")))
		}, replay.WithLogHandler(slog.DiscardHandler)), "null")
		if err := e.Drive(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} { // what is recorded as failed and never began is lost
			for _, o := range e.Operations() {
				if o.Name == name+"-undo" && o.Status != checkpoint.StatusSucceeded {
					lost++
					t.Logf("%s-undo is %s: %v; %v", name, o.Status, o.Failure, e.Failure())
				}
			}
		}
		for _, attempts := range runs {
			for _, n := range attempts {
				if n > 1 {
					twice++
				}
			}
		}
	}
	if lost > 0 {
		t.Errorf("in %d of %d executions a compensation did not succeed", lost, rounds)
	}
	if twice > 0 {
		t.Errorf("in %d of %d executions that nothing has interrupted, the body of a compensation ran twice in one attempt", twice, rounds)
	}
}

// TestBatchThatIsLeftWhileItWaitsForABody: a batch waits, to undo what its loser did, until the
// body of that has ended, and is left behind meanwhile by the batch around it. The execution goes
// on, and suspends when it waits for time.
func TestBatchThatIsLeftWhileItWaitsForABody(t *testing.T) {
	t.Parallel()
	const soon = 10 * time.Second // of real time
	inner, outer := make(chan struct{}), make(chan struct{})
	decided := []chan struct{}{inner, outer}
	h := newHome(t, local.WithFaults(local.Faults{Committed: func(p local.Point) {
		for _, u := range p.Updates {
			if u.Name == "outcome" && u.Action == checkpoint.ActionSucceed && len(decided) > 0 {
				close(decided[0])
				decided = decided[1:]
			}
		}
	}}))
	undone := 0
	slow := op.Step("slow", func(context.Context) (int, error) { <-outer; return 1, nil }).
		UndoAttempted(func(context.Context) error { undone++; return nil })
	quick := op.Step("quick", func(context.Context) (int, error) { return 2, nil })
	first := op.Step("first", func(context.Context) (int, error) { <-inner; return 3, nil })
	e := h.begin(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		v, err := replay.Run(ctx, op.Race("outer", op.Any("inner", slow, quick), first))
		if err != nil {
			return 0, err
		}
		return v, replay.Exec(ctx, op.Wait("hour", time.Hour))
	}, replay.WithLogHandler(slog.DiscardHandler)), "null")
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := e.Drive(ctx); err != nil {
		t.Fatalf("it does not end: %v", err)
	}
	if end(e) != "SUCCEEDED 3" || undone != 1 {
		t.Errorf("it ended as %s, and what was left behind was undone %d times", end(e), undone)
	}
}
