package engine

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// callLeft claims an operation that the code does not run any more, and that an execution has
// begun. Its result is the target of an await.
func callLeft(ctx context.Context, s *scope, n node.Node, start bool) node.Result {
	kind := kindOf(n)
	o := newOperation(ctx, s, n.Head(), kind, s.claim(n, kind))
	o.left = n
	return givenResult(s, node.Result{Target: o}, start)
}

// resultOfLeft is how an operation ended that the code does not run any more.
//
//  1. If its record is terminal, that says it.
//  2. If the service ends it, that is waited for.
//  3. Otherwise no one ends it.
func resultOfLeft(s *scope, o *operation) node.Result {
	for {
		rec, ok := s.inv.log.Get(o.id)
		switch {
		case ok && rec.Status.Terminal():
			r := endOfLeft(s, o, rec)
			observeOf(s, o)
			return r
		case o.kind == checkpoint.KindStep, o.kind == checkpoint.KindContext:
			return node.Result{Err: fmt.Errorf("%s had begun and not ended when it was %w", quote(o.path()), op.ErrRemoved)}
		case s.f.logOnly:
			s.f.stop(s)
		case s.readOnly:
			s.diverge(unfinishedInside(o))
		}
		s.time.stale = false
		s.f.watch(o)
		s.f.park(wait{why: waitRecord, s: s, op: o})
	}
}

// endOfLeft is what user code gets of the terminal record. A result that was too large for it is
// computed again.
func endOfLeft(s *scope, o *operation, rec *checkpoint.Operation) node.Result {
	o.found = rec
	if !rec.ReplayChildren {
		return addBatchOutcome(s, o.left, o.path, outcomeOf(s, s.f, o, rec))
	}
	switch n := o.left.(type) {
	case *node.Group:
		return o.group(s.f, n)
	case *node.Batch:
		kids, err := prepare(s, n, rec)
		if err != nil {
			return node.Result{Err: err}
		}
		return newBatch(o, n, kids).run(s.f)
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, *node.Choice, *node.Inline:
	}
	return outcomeOf(s, s.f, o, rec)
}
