package engine

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callCallback creates a callback. Creating one succeeds whatever becomes of it: how it ended is
// seen by who awaits the Target of the record. Nothing goes on without the ID, which only the
// service knows: if the reply to START does not hold it, it is asked for; see [invocation.askID].
func callCallback(ctx context.Context, s *scope, n *node.Callback, start bool) node.Result {
	c := s.claim(n, checkpoint.KindCallback)
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start)
	}
	o := newOperation(ctx, s, &n.Header, checkpoint.KindCallback, c)
	o.outside = true
	if c.rec == nil {
		u := o.update(checkpoint.ActionStart)
		u.Timeout, u.Heartbeat = n.Timeout, n.Heartbeat
		s.inv.out.Add(u, time.Time{})
	}
	for {
		if s.f.logOnly && c.rec != nil && c.rec.CallbackID == "" {
			s.f.stop(s)
		}
		if rec, ok := s.inv.log.Get(o.id); ok && rec.CallbackID != "" {
			s.time.stale = c.rec != nil && s.inv.fresh != nil // its end is seen by who awaits it
			return givenResult(s, node.Result{CallbackID: rec.CallbackID, Target: o}, start)
		}
		s.f.watch(o)
		s.f.park(wait{why: waitID, s: s, op: o})
	}
}
