package replay

import (
	"context"
	"errors"

	"github.com/perdure/perdure/op"
)

// end brings a scope to its end after its function has returned with err, and returns the error
// of the scope. Called without the lock, on the scope's goroutine.
//
//  1. If the log holds records that the code did not reach, the execution diverged: this is seen
//     before anything is waited for.
//  2. If the function returned no error, what it started is waited for; an error that nobody has
//     asked for becomes the scope's.
//  3. Otherwise everything it started is left behind.
//  4. If the scope failed, what completed in it is compensated.
//  5. The functions of OnEnd run, the last one first, once the results of relaxed steps are durable:
//     they may act on them.
func (s *scope) end(err error) error {
	inv := s.inv
	inv.mu.Lock()
	s.t.check()
	if s.unclaimed() > 0 {
		s.diverge(s.left())
	}
	if err == nil {
		err = s.join()
	}
	if err == nil && s.compensated() {
		s.undoScope().expect(nil)
	}
	for _, o := range s.fibres {
		if o.t != nil {
			o.t.abandon()
		}
	}
	inv.mu.Unlock()
	if err != nil {
		err = s.compensate(err)
	}
	inv.mu.Lock()
	s.t.check()
	if len(s.onEnd) > 0 && !s.readOnly {
		inv.barrier(s.t, s, nil)
	}
	s.ended = true // from here on operations are refused, those of OnEnd's functions included
	inv.mu.Unlock()
	s.runOnEnd(err)
	return err
}

// join waits for what the scope has started and returns the errors nobody has asked for.
// Called with the lock held.
func (s *scope) join() error {
	var errs []error
	for _, o := range s.fibres {
		s.inv.awaitDone(s.t, s, o)
		if o.rec.Err != nil && !o.read {
			errs = append(errs, o.rec.Err)
		}
	}
	return errors.Join(errs...)
}

// runOnEnd runs the functions of OnEnd. A read-only scope has run them when it was live.
func (s *scope) runOnEnd(err error) {
	for !s.readOnly && len(s.onEnd) > 0 {
		last := len(s.onEnd) - 1
		fn := s.onEnd[last]
		s.onEnd = s.onEnd[:last]
		if _, p := guard(func() (any, error) { fn(s.ctx, err); return nil, nil }); p != nil {
			s.inv.logger().Warn("a function of replay.OnEnd panicked", pathAttr(s.path), errorAttr(p))
		}
	}
}

// OnEnd registers a function that runs when the scope of ctx (the handler, a group, a branch)
// ends: after everything it started has ended, before the result is recorded. err is what the
// scope ended with. Functions run in the reverse order of their registration, at least once, and
// may run again if the invocation is cut off before the result is recorded. They run no
// operations. They do not run when the invocation suspends, nor when the execution diverged, was
// stopped or timed out; for what must be released then, use defer. Nor do they run in a group or branch that is
// left behind, because it lost a race or the scope around it failed: it does not end. What it did is taken back by
// Undo, what it holds is released by defer.
//
// OnEnd does nothing on the zero Context.
func OnEnd(ctx op.Context, fn func(ctx context.Context, err error)) {
	if h, ok := op.ScopeOf(ctx).(*handle); ok && fn != nil {
		h.s.onEnd = append(h.s.onEnd, fn)
	}
}

// Suspending reports whether deferred functions run because the invocation, or the branch they
// belong to, is ending without a result, and not because their function has returned.
func Suspending(ctx op.Context) bool {
	h, ok := op.ScopeOf(ctx).(*handle)
	if !ok {
		return false
	}
	h.s.inv.mu.Lock()
	defer h.s.inv.mu.Unlock()
	return h.s.inv.phase != running || h.s.t.dead
}
