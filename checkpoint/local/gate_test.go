package local_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// narrow is a function of which one invocation runs at a time, for a second each.
type narrow struct {
	local.Handler

	place   chan struct{}
	waiting chan struct{} // gets an item for each invocation that waits
}

func newNarrow(h local.Handler) *narrow {
	return &narrow{Handler: h, place: make(chan struct{}, 1), waiting: make(chan struct{}, 100)}
}

func (n *narrow) Enter(ctx context.Context) (func(), error) {
	n.waiting <- struct{}{}
	select {
	case n.place <- struct{}{}:
		return func() { <-n.place }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TestWaitingForAPlaceTakesNoTime: the time of an invocation is that in which its function runs,
// however many others it has to wait for.
func TestWaitingForAPlaceTakesNoTime(t *testing.T) { //nolint:paralleltest // synctest
	synctest.Test(t, func(t *testing.T) {
		s := local.New(local.WithFunctionTimeout(1500 * time.Millisecond))
		f := newNarrow(function(func(k *talk) (string, error) {
			at, _ := k.ctx.Deadline()
			time.Sleep(time.Second)
			return succeed(fmt.Sprint(time.Until(at))), k.ctx.Err()
		}))
		if err := s.Host("order", f); err != nil {
			t.Fatal(err)
		}
		var all []*local.Execution
		for range 5 {
			e, err := s.Start(t.Context(), "order", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		began := time.Now()
		for _, e := range all {
			if err := e.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := string(e.Result()); got != "500ms" || e.Invocations() != 1 {
				t.Errorf("after %d invocations: %s with %s left, want one with half a second: %v", e.Invocations(), e.Status(), got, e.Err())
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("five invocations, one at a time, took %v", took)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestEndWhileAnInvocationWaits: one that has not begun leaves nothing behind.
func TestEndWhileAnInvocationWaits(t *testing.T) { //nolint:paralleltest // synctest
	synctest.Test(t, func(t *testing.T) {
		s := local.New()
		f := newNarrow(function(func(k *talk) (string, error) {
			<-k.ctx.Done()
			return "", context.Cause(k.ctx)
		}))
		if err := s.Host("order", f); err != nil {
			t.Fatal(err)
		}
		var all []*local.Execution
		for range 3 {
			e, err := s.Start(t.Context(), "order", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			<-f.waiting
			synctest.Wait()
			all = append(all, e)
		}
		if err := all[1].Stop(nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if all[1].Status() != local.StatusStopped || all[1].Invocations() != 0 || all[2].Invocations() != 0 {
			t.Errorf("stopped: %s after %d invocations; the last has %d, want none", all[1].Status(), all[1].Invocations(), all[2].Invocations())
		}
		if err := all[2].Wait(t.Context()); !errors.Is(err, local.ErrClosed) {
			t.Errorf("waiting for one that was never invoked: %v", err)
		}
	})
}
