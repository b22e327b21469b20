package replay_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestEndOfABatchComesAfterThoseOfItsBranches: no one waits for the branches' ends, of which there
// are more than a call can take. If the call with the end of the batch is lost, the next invocation
// has the same result, without a body that runs again.
func TestEndOfABatchComesAfterThoseOfItsBranches(t *testing.T) {
	t.Parallel()
	const items = outbox.MaxUpdates + 50
	list := make([]int, items)
	for i := range list {
		list[i] = i
	}
	for _, moment := range []local.Moment{local.MomentBeforeCall, local.MomentAfterCall} {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			bodies := make(map[int]int)
			pack := op.StepFunc("pack-item", func(_ context.Context, i int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				bodies[i]++
				return i, nil
			})
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				b, err := replay.Run(ctx, op.Map("ship", list, pack))
				for i, v := range b.Values() {
					if i != v {
						return "", fmt.Errorf("result %d is %d", i, v)
					}
				}
				return fmt.Sprint(b.Len(), " ", b.Reason), err
			})
			var once sync.Once
			e := drive(t, f, "null", local.WithFaults(local.Faults{Lose: func(p local.Point) (lose bool) {
				if p.Moment == moment && strings.HasSuffix(sayUpdates(p.Updates), "SUCCEED ship") {
					once.Do(func() { lose = true })
				}
				return lose
			}}))
			if end(e) != `SUCCEEDED "300 ALL_COMPLETED"` || e.Invocations() != 2 {
				t.Errorf("ended as %s after %d invocations", end(e), e.Invocations())
			}
			for i, n := range bodies {
				if n != 1 {
					t.Errorf("the body of item %d ran %d times", i, n)
				}
			}
			ended := 0
			for n, call := range e.CheckpointCalls() {
				for _, u := range call.Updates {
					switch {
					case u.Action != checkpoint.ActionSucceed || u.Kind != checkpoint.KindContext:
					case u.Name != "ship":
						ended++
					case ended < items:
						t.Errorf("call %d ends the batch when %d of %d branches have ended", n, ended, items)
					}
				}
			}
		})
	}
}
