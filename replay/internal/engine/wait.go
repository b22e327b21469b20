package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
)

// callWait runs or starts a wait. One that ends in the past claims nothing: it is compared with
// the scope's own time, which is the same on every replay.
func callWait(ctx context.Context, s *scope, n *node.Wait, start bool) (r node.Result, waits *operation) {
	if !n.Until.IsZero() {
		switch now := s.knownNow(); {
		case !n.Until.After(now):
			return givenResult(s, node.Result{}, start), nil
		case n.Until.Sub(now) > limits.Duration && peek(s, &n.Header) == nil:
			return refusedResult(s, fmt.Errorf("replay: %s: wait until %s: that is more than %v after %s, the longest that an execution "+
				"can last; let another execution wait for the rest", quote(nextPath(s, &n.Header)), n.Until.Format(time.RFC3339),
				limits.Duration, now.Format(time.RFC3339)), start), nil
		}
	}
	c := s.claim(n, checkpoint.KindWait)
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start), nil
	}
	o := newOperation(ctx, s, &n.Header, checkpoint.KindWait, c)
	if c.rec == nil {
		startWait(o, n)
	}
	if start {
		return node.Result{Target: o}, nil
	}
	return r, o
}

// startWait queues the START of a wait.
func startWait(o *operation, n *node.Wait) {
	u := o.update(checkpoint.ActionStart)
	u.Wait = n.Duration
	if !n.Until.IsZero() {
		u.Wait = wholeSeconds(n.Until.Sub(o.s.inv.Clock.Now()))
	}
	o.s.inv.out.Add(u, time.Time{})
}

// wholeSeconds rounds up, to at least one and at most what the service takes.
func wholeSeconds(d time.Duration) time.Duration {
	if d >= limits.Duration { // rounding up what is far beyond it would overflow
		return limits.Duration
	}
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}
	return max(time.Second, d)
}

// awaitService parks until the record of o is terminal, which the service brings to its end; then
// [served] is what user code gets of it. ended is what [fiber.parked] returns.
func awaitService(s *scope, o *operation) (ended bool) {
	for {
		rec, ok := s.inv.log.Get(o.id)
		if ok && rec.Status.Terminal() {
			return false
		}
		if s.f.logOnly {
			s.f.stop(s)
		}
		if ok {
			s.frontier(o)
		}
		if s.readOnly {
			s.diverge(unfinishedInside(o))
		}
		s.time.stale = false
		s.f.watch(o)
		if s.f.parked(wait{why: waitRecord, s: s, op: o}) {
			return true
		}
	}
}

// served is what user code gets of an operation that the service has finished, which n runs or
// awaits.
func served(s *scope, n node.Node, o *operation) node.Result {
	rec, _ := s.inv.log.Get(o.id)
	o.read = true
	r := outcomeOf(s, s.f, o, rec)
	if a, ok := n.(*node.Await); ok {
		r.Sides = a.Sides
	}
	return r
}
