package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

// errNested says that a function drives the service that runs it.
var errNested = errors.New("local: a function cannot drive the service that runs it")

// RunUntilSuspended runs what is due, on all executions of the service, one invocation after the
// other in the order they became due, and returns when this execution has ended or nothing is due
// any more. It moves no clock. Under a clock that is not virtual the service runs by itself, and
// RunUntilSuspended waits until this execution is in no invocation and none is due.
//
// The error is that of ctx, or says that the service is down.
func (e *Execution) RunUntilSuspended(ctx context.Context) error {
	s := e.svc
	if inv, ok := ctx.Value(invocationKey{}).(*invocation); ok && inv.e.svc == s {
		return errNested
	}
	for {
		idle, changed := s.drive(e)
		if idle {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.base.Done():
			return s.down()
		}
	}
}

// Drive runs the execution to its end: whenever nothing is due it advances the virtual clock to
// the next timer. Under a clock that is not virtual it waits. That the execution ends without a
// result is no error.
//
// The error is [ErrStalled] if there is no timer and something else must happen first, that of
// ctx, or says that the service is down.
func (e *Execution) Drive(ctx context.Context) error {
	if e.svc.virtual == nil {
		return e.Wait(ctx)
	}
	for {
		if err := e.RunUntilSuspended(ctx); err != nil {
			return err
		}
		if closed(e.done) {
			return nil
		}
		at, ok := e.svc.virtual.Next()
		if !ok {
			return fmt.Errorf("%w: %s %s", ErrStalled, e.arn, e.waitsFor())
		}
		e.svc.virtual.AdvanceTo(at)
	}
}

// drive begins the next invocation that is due, unless one is running. It reports whether there
// is nothing to wait for, else what reports a change.
func (s *Service) drive(e *Execution) (idle bool, changed <-chan struct{}) {
	if closed(e.done) {
		return true, nil
	}
	if s.virtual == nil {
		s.mu.Lock()
		changed = s.change()
		s.mu.Unlock()
		e.mu.Lock()
		defer e.mu.Unlock()
		return !e.queued && !e.running, changed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.invoking == 0 {
		if len(s.queue) == 0 {
			return true, nil
		}
		s.launch(s.queue[0])
		s.queue = s.queue[1:]
	}
	return false, s.change()
}

// waitsFor describes what an execution waits for.
func (e *Execution) waitsFor() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rec.Status.Held() {
		return fmt.Sprintf("is %s (%q) until Resume is called", e.rec.Status, e.rec.Pause.Reason)
	}
	for _, r := range e.records {
		if r.Kind != checkpoint.KindExecution && r.Kind != checkpoint.KindContext && !r.Status.Terminal() {
			return fmt.Sprintf("waits for %s %q (%s), which is %s", r.Kind, r.Name, r.ID, r.Status)
		}
	}
	return "waits for nothing"
}
