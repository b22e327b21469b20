package engine

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callAwait waits for an operation that was started before. It may run in any scope inside the
// one that started it, any number of times. waits is what [scope.callOrWait] returns.
func callAwait(s *scope, n *node.Await, start bool) (r node.Result, waits *operation) {
	o := targetOf(n)
	if o == nil {
		return node.Result{Err: ErrNoTarget}, nil
	}
	if start {
		return node.Result{Target: n.Target, Sides: n.Sides}, nil
	}
	if o.left != nil {
		return resultOfLeft(s, o), nil
	}
	if s.passes(o) {
		return node.Result{Sides: o.added}, nil
	}
	r, waits = awaited(s, o)
	r.Sides = n.Sides
	return r, waits
}

// awaited is the result of an operation that was started before.
func awaited(s *scope, o *operation) (r node.Result, waits *operation) {
	f := s.f
	if !o.done {
		finished := s.inv.recorded(o.id)
		if !finished && s.readOnly && o.s.readOnly {
			s.diverge(unfinishedInside(o))
		}
		if !o.separate {
			return r, o
		}
		if !finished {
			if _, ok := s.inv.log.Get(o.id); ok {
				s.frontier(o)
			}
			if f.logOnly {
				f.stop(s)
			}
		}
		f.awaitDone(s, o)
	}
	f.joined(o)
	if o.found != nil && o.kind == checkpoint.KindStep && o.found.Failure != nil {
		s.awaitLeaver(o.found, o.path)
	}
	markAwaited(s, o)
	return o.rec, nil
}

// joined notes that the fiber has waited for an operation with a fiber of its own, or that was at
// its end when it was started.
func (f *fiber) joined(o *operation) {
	switch {
	case o.f != nil:
		f.because(o.f.cause)
	case o.found != nil && o.found.Status.Terminal():
		f.because(cause{at: o.found.End})
	}
}

// markAwaited notes that the scope's code has the result of o. An error counts as read only in the
// scope that has started o: a group inside it is not run again once it is recorded, and the
// error must not depend on that.
func markAwaited(s *scope, o *operation) {
	if s == o.s {
		o.read = true
	}
	observeOf(s, o)
}

// markOperandsRead notes that the futures among the operands of a batch have been asked for,
// whoever comes first: on a replay the batch is read from the log, and that are never awaited them.
func markOperandsRead(s *scope, n *node.Batch) {
	_, _ = guarded(func() (any, error) {
		for i := range n.N {
			switch o := childOf(s.inv.running(), n, i).(type) {
			case *node.Batch:
				markOperandsRead(s, o)
			case *node.Await:
				if f := targetOf(o); f != nil && f.s == s {
					f.read = true
				}
			case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Choice, *node.Inline:
			}
		}
		return nil, nil
	})
}

// Cancel cancels a wait that was started.
func (h *Handle) Cancel(target any) error {
	o, ok := target.(*operation)
	if !ok {
		return ErrNoTarget
	}
	if o.kind != checkpoint.KindWait && !o.done {
		return fmt.Errorf("%w: %s is a %s", errNotCancellable, quote(o.path()), o.kind)
	}
	s := h.s
	if err := s.enter(o.head); err != nil {
		return err
	}
	defer crashed(s)
	if !o.done && !s.readOnly && !s.f.logOnly && !s.inv.recorded(o.id) {
		s.f.awaitAck(s, o, s.inv.out.AddAlone(o.update(checkpoint.ActionCancel)))
	}
	s.leave()
	return nil
}
