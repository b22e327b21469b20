package replay

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callWait runs or starts a wait. One that ends in the past claims nothing: it is compared with
// the scope's own time, which is the same on every replay.
func (s *scope) callWait(ctx context.Context, n *node.Wait, start bool) (node.Record, *operation) {
	s.inv.mu.Lock()
	if !n.Until.IsZero() && !n.Until.After(s.settleNow()) {
		s.inv.mu.Unlock()
		return s.given(node.Record{}, start), nil
	}
	c, err := s.claim(n, checkpoint.KindWait)
	if err != nil {
		return node.Record{Err: err}, nil
	}
	o := s.operation(ctx, &n.Header, checkpoint.KindWait, c)
	if c.rec == nil {
		o.startWait(n)
	}
	s.inv.mu.Unlock()
	return o.served(start)
}

// startWait queues the START of a wait. Called with the lock held.
func (o *operation) startWait(n *node.Wait) {
	u := o.update(checkpoint.ActionStart)
	u.Wait = n.Duration
	if !n.Until.IsZero() {
		u.Wait = wholeSeconds(n.Until.Sub(o.s.inv.clock.Now()))
	}
	o.s.inv.writer.AddWait(u)
}

// wholeSeconds rounds up, to at least one.
func wholeSeconds(d time.Duration) time.Duration {
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}
	return max(time.Second, d)
}

// served returns an operation that the service brings to its end: to the caller of Start as something
// to wait for, else to be waited for at once.
func (o *operation) served(start bool) (node.Record, *operation) {
	if start {
		return node.Record{Target: o}, nil
	}
	return node.Record{}, o
}

// serve parks until the record of o is terminal and returns what user code gets of it. Called
// without the lock.
func (s *scope) serve(o *operation) node.Record {
	s.inv.mu.Lock()
	if err := s.alive(); err != nil {
		return node.Record{Err: err}
	}
	for {
		rec, ok := s.inv.log.Get(o.id)
		if ok && rec.Status.Terminal() {
			o.read = true
			r := s.outcome(o, rec)
			s.inv.mu.Unlock()
			return r
		}
		if ok {
			if err := s.owned(o.head); err != nil { // the claim does not look if there is a record
				return node.Record{Err: err}
			}
			s.frontier(o)
		}
		if s.readOnly {
			s.diverge(s.unfinished(o))
		}
		s.stale = false
		s.inv.awaitChange(s.t, s, o)
	}
}
