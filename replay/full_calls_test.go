package replay_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestStateTravelsWithItsAttemptInAFullCall: the START of an attempt clears the state that the one
// before has left behind, so it is never in another call than the update that writes the next
// state; also not where a call is full between the two. The steps before it fill the call to each
// length around that.
func TestStateTravelsWithItsAttemptInAFullCall(t *testing.T) {
	t.Parallel()
	sizes := make(map[int]bool)
	for steps := outbox.MaxUpdates/2 - 3; steps <= outbox.MaxUpdates/2+1; steps++ {
		calls := callsBeforeAState(t, steps)
		for n, names := range calls {
			if size := len(names); names[size-1] == "START page" && n+1 < len(calls) {
				t.Errorf("after %d steps: a call of %d updates ends with the START of an attempt, and its state is in the next one, of %d: %s",
					steps, size, len(calls[n+1]), calls[n+1][0])
			}
			sizes[len(names)] = true
		}
	}
	if !sizes[outbox.MaxUpdates] && !sizes[outbox.MaxUpdates-1] {
		t.Errorf("no call was full: %v", sizes)
	}
}

// callsBeforeAState runs a step that leaves a state behind, with that many relaxed steps before its
// second attempt has ended, and returns what each call of the invocation says.
func callsBeforeAState(t *testing.T, steps int) [][]string {
	t.Helper()
	var mu sync.Mutex
	var calls [][]string
	written := make(chan struct{})
	faults := local.Faults{Committed: func(p local.Point) {
		if p.Invocation < 2 || len(p.Updates) == 0 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		var names []string
		for _, u := range p.Updates {
			names = append(names, fmt.Sprint(u.Action, " ", u.Name))
			if u.Name == "page" && u.Action == checkpoint.ActionSucceed {
				close(written)
			}
		}
		calls = append(calls, names)
	}}
	begun, full := make(chan struct{}), make(chan struct{})
	page := op.Step("page", func(ctx context.Context) (int, error) {
		_, again, err := op.StateFrom[int](ctx)
		if err != nil || !again {
			return 0, retry.Again(1)
		}
		close(begun)
		<-full
		return 1, err
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3))))
	relaxed := func(name string, fn func()) op.Op[op.None] {
		return op.Do(name, func(context.Context) error { fn(); return nil }, op.WithSemantics(op.Relaxed))
	}
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		f := replay.Go(ctx, page)
		if err := replay.Exec(ctx, op.Wait("second", time.Second)); err != nil {
			return 0, err
		}
		for i := range steps {
			fn := func() {}
			if i == 0 {
				fn = func() { <-begun } // it needs what is written before it
			}
			if err := replay.Exec(ctx, relaxed("before-"+strconv.Itoa(i), fn)); err != nil {
				return 0, err
			}
		}
		last := relaxed("last", func() {
			close(full)
			soon := make(chan struct{})
			defer time.AfterFunc(5*time.Second, func() { close(soon) }).Stop()
			select {
			case <-written:
			case <-soon:
			}
		})
		if err := replay.Exec(ctx, last); err != nil {
			return 0, err
		}
		return replay.Run(ctx, f.Result())
	}), "null", local.WithFaults(faults))
	if got := end(e); got != "SUCCEEDED 1" {
		t.Fatalf("after %d steps: ended as %s", steps, got)
	}
	mu.Lock()
	defer mu.Unlock()
	return calls
}

// TestEveryChangeOfAReplyIsNoticed: whoever waits for one of the records that a reply reports goes
// on, however many it reports, while a body keeps the invocation alive.
func TestEveryChangeOfAReplyIsNoticed(t *testing.T) {
	t.Parallel()
	for _, naps := range []int{1, 64, 65, 200} {
		var mu sync.Mutex
		woken, all := 0, make(chan struct{})
		nap := func(int) op.Op[op.None] {
			return op.Group("nap", func(ctx op.Context) (op.None, error) {
				if err := replay.Exec(ctx, op.Wait("sleep", time.Second)); err != nil {
					return op.None{}, err
				}
				return replay.Run(ctx, op.Do("wake", func(context.Context) error {
					mu.Lock()
					defer mu.Unlock()
					if woken++; woken == naps {
						close(all)
					}
					return nil
				}))
			})
		}
		waiting := make(chan struct{})
		var once sync.Once
		asleep := 0
		faults := local.Faults{Committed: func(p local.Point) {
			mu.Lock()
			defer mu.Unlock()
			for _, u := range p.Updates {
				if u.Kind == checkpoint.KindWait {
					asleep++
				}
			}
			if asleep == naps {
				once.Do(func() { close(waiting) })
			}
		}}
		look := op.Step("look", func(ctx context.Context) (bool, error) {
			<-waiting
			clock, ok := checkpoint.ClockFrom(ctx).(*local.VirtualClock)
			soon := make(chan struct{})
			defer time.AfterFunc(10*time.Second, func() { close(soon) }).Stop()
			for step := time.NewTicker(2 * time.Millisecond); ok; { // the last of them may still be on its way to wait
				select {
				case <-all:
					step.Stop()
					return true, nil
				case <-soon:
					step.Stop()
					return false, nil
				case <-step.C:
					if clock.Now().Before(dawn.Add(5 * time.Second)) {
						clock.Advance(100 * time.Millisecond)
					}
				}
			}
			return false, nil
		})
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (bool, error) {
			f := replay.Go(ctx, op.Map("naps", make([]int, naps), nap, op.WithFlat()))
			seen, err := replay.Run(ctx, look)
			if err != nil {
				return false, err
			}
			return seen, replay.Exec(ctx, f.Result())
		}), "null", local.WithFaults(faults))
		if got := end(e); got != "SUCCEEDED true" || e.Invocations() != 1 {
			t.Errorf("%d naps: ended as %s after %d invocations; %d were reported", naps, got, e.Invocations(), woken)
		}
	}
}
