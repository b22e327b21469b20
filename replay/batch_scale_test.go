package replay_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// far is a client whose calls take a fixed time and that counts.
type far struct {
	trip time.Duration

	mu             sync.Mutex
	calls, updates int
}

func (c *far) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	over := make(chan struct{})
	checkpoint.ClockFrom(ctx).AfterFunc(c.trip, func() { close(over) })
	<-over
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	for _, u := range in.Updates {
		if u.SubType != subtype.Usage { // what is hidden travels with what hides it
			c.updates++
		}
	}
	return checkpoint.CheckpointOutput{Token: fmt.Sprint("token-", c.calls)}, nil
}

func (c *far) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, nil
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A map of a thousand items with a step each: results in order, few calls, few goroutines, and
// nothing left behind.
func TestMapOfAThousandItems(t *testing.T) { //nolint:paralleltest // it counts goroutines and measures the heap
	const items = 1000
	list := make([]int, items)
	for i := range list {
		list[i] = i
	}
	for _, bound := range []int{0, 10} { //nolint:paralleltest // as above
		t.Run(fmt.Sprint("bound ", bound), func(t *testing.T) {
			var g gauge
			each := op.StepFunc("pack", func(_ context.Context, i int) (int, error) {
				g.mu.Lock()
				g.most = max(g.most, runtime.NumGoroutine())
				g.mu.Unlock()
				return i, nil
			})
			var opts []op.MapOption
			open := items
			if bound > 0 {
				open, opts = bound, append(opts, op.WithMaxConcurrency(bound))
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				b, err := replay.Run(ctx, op.Map("ship", list, each, opts...))
				for i, v := range b.Values() {
					if i != v {
						return 0, fmt.Errorf("result %d is %d", i, v)
					}
				}
				return b.Len(), err
			})
			c := &far{trip: 10 * time.Millisecond}
			if bound > 0 {
				c.trip = time.Millisecond
			}
			ctx, log := checkpoint.WithClient(t.Context(), c), event(t)
			once := func() string { return say(f.Invoke(ctx, log)) }
			if got := once(); got != "SUCCEEDED 1000" { // what is made once
				t.Fatal(got)
			}
			c.calls, c.updates, g.most = 0, 0, 0
			goroutines, before := runtime.NumGoroutine(), heapInUse()
			began := time.Now()
			got := once()
			took := time.Since(began)
			after := heapInUse()
			// The timer of the watchdog holds what has ended until it looks again, within a second.
			for until := time.Now().Add(3 * time.Second); after > before+1<<20; after = heapInUse() {
				if time.Now().After(until) {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if got != "SUCCEEDED 1000" || c.updates != 4*items+2 {
				t.Errorf("%s after %d updates", got, c.updates)
			}
			least := (c.updates + outbox.MaxUpdates - 1) / outbox.MaxUpdates
			if bound == 0 && c.calls > least+3 {
				t.Errorf("%d calls for %d updates, want at most %d", c.calls, c.updates, least+3)
			}
			if most := open + 10 + goroutines; g.most > most {
				t.Errorf("%d goroutines, want at most %d", g.most, most)
			}
			if after > before+1<<20 {
				t.Errorf("the heap grew from %d to %d bytes", before, after)
			}
			t.Logf("%d calls for %d updates in %v, at most %d goroutines, heap %d to %d bytes",
				c.calls, c.updates, took, g.most-goroutines, before, after)
		})
	}
}

func TestThousandWaitingBranchesNeedNoCallEach(t *testing.T) {
	t.Parallel()
	list := make([]int, 1000)
	c := &far{trip: 10 * time.Millisecond}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Map("ship", list, func(int) op.Op[string] { return slow("dry") }, op.WithMaxRunning(1)))
	})
	got := say(f.Invoke(checkpoint.WithClient(t.Context(), c), event(t)))
	if got != "PENDING" || c.updates != 2001 || c.calls > 50 {
		t.Errorf("%s after %d updates in %d calls", strings.TrimSpace(got), c.updates, c.calls)
	}
}
