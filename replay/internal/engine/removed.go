package engine

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// removed is an operation that the code does not run any more, and that an execution has begun: the
// target of an await. Hardly any is waited for.
type removed struct {
	s   *scope
	ctx context.Context //nolint:containedctx // with the values of the scope's context
	n   node.Node
	c   claim
	claimed
	o *operation // made when it is waited for
}

// callLeft claims an operation that the code does not run any more.
func callLeft(ctx context.Context, s *scope, n node.Node, start bool) node.Result {
	c := s.claim(n, kindOf(n))
	return givenResult(s, node.Result{Target: &removed{s: s, ctx: ctx, n: n, c: c, claimed: claimedNow(s)}}, start)
}

func (l *removed) operation() *operation {
	if l.o == nil {
		l.o = newOperation(l.ctx, l.s, l.n.Head(), kindOf(l.n), l.c)
		l.o.left, l.o.claimed = l.n, l.claimed
	}
	return l.o
}

// targetOf is the operation that an await waits for; nil if that was not started.
func targetOf(n *node.Await) *operation {
	switch t := n.Target.(type) {
	case *operation:
		return t
	case *removed:
		return t.operation()
	}
	return nil
}

// isRemoved reports whether a result stands for an operation that the code does not run any more:
// started or not.
func isRemoved(r node.Result) bool {
	if o, ok := r.Target.(*operation); ok && o.done {
		_, ok = o.rec.Target.(*removed)
		return ok
	}
	_, ok := r.Target.(*removed)
	return ok
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
