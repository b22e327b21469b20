package engine

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callWait runs or starts a wait. One that ends in the past claims nothing: it is compared with
// the scope's own time, which is the same on every replay.
func (s *scope) callWait(ctx context.Context, n *node.Wait, start bool) node.Record {
	if !n.Until.IsZero() && !n.Until.After(s.settleNow()) {
		return s.given(node.Record{}, start)
	}
	c := s.claim(n, checkpoint.KindWait)
	o := s.operation(ctx, &n.Header, checkpoint.KindWait, c)
	if c.rec == nil {
		o.startWait(n)
	}
	if start {
		return node.Record{Target: o}
	}
	return s.serve(o)
}

// startWait queues the START of a wait.
func (o *operation) startWait(n *node.Wait) {
	u := o.update(checkpoint.ActionStart)
	u.Wait = n.Duration
	if !n.Until.IsZero() {
		u.Wait = wholeSeconds(n.Until.Sub(o.s.inv.Clock.Now()))
	}
	o.s.inv.out.Add(u, time.Time{})
}

// wholeSeconds rounds up, to at least one.
func wholeSeconds(d time.Duration) time.Duration {
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}
	return max(time.Second, d)
}

// serve parks until the record of o is terminal, which the service brings to its end, and returns what
// user code gets of it.
func (s *scope) serve(o *operation) node.Record {
	for {
		rec, ok := s.inv.log.Get(o.id)
		if ok && rec.Status.Terminal() {
			o.read = true
			return s.outcome(s.f, o, rec)
		}
		if s.f.look {
			s.f.stop(s)
		}
		if ok {
			s.frontier(o)
		}
		if s.readOnly {
			s.diverge(s.unfinished(o))
		}
		s.time.stale = false
		s.f.watch(o)
		s.f.park(wait{why: waitRecord, s: s, op: o})
	}
}
