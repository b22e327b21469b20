package replay

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callWait runs or starts a wait. One that ends in the past claims nothing: it is compared with
// the scope's own time, which is the same on every replay.
func (s *scope) callWait(ctx context.Context, n *node.Wait, start bool) node.Record {
	s.inv.mu.Lock()
	if !n.Until.IsZero() && !n.Until.After(s.settleNow()) {
		s.inv.mu.Unlock()
		return s.given(node.Record{}, start)
	}
	c, err := s.claim(n, checkpoint.KindWait)
	if err != nil {
		return node.Record{Err: err}
	}
	o := s.operation(ctx, &n.Header, checkpoint.KindWait, c)
	if c.rec == nil {
		u := o.update(checkpoint.ActionStart)
		u.Wait = n.Duration
		if !n.Until.IsZero() {
			u.Wait = wholeSeconds(n.Until.Sub(s.inv.clock.Now()))
		}
		s.inv.writer.AddWait(u)
	}
	return s.serve(o, start)
}

// wholeSeconds rounds up, to at least one.
func wholeSeconds(d time.Duration) time.Duration {
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}
	return max(time.Second, d)
}

// serve waits for an operation that the service brings to its end, or returns it as something to
// wait for. Called with the lock held, which it gives back.
func (s *scope) serve(o *operation, start bool) node.Record {
	if start {
		s.inv.mu.Unlock()
		return node.Record{Target: o}
	}
	r := s.served(s.t, o)
	s.inv.mu.Unlock()
	return r
}

// served parks until the record of o is terminal and returns what user code gets of it.
// Called with the lock held.
func (s *scope) served(t *task, o *operation) node.Record {
	for {
		rec, ok := s.inv.log.Get(o.id)
		if ok && rec.Status.Terminal() {
			o.read = true
			return s.outcome(o, rec)
		}
		if ok {
			s.frontier(o)
		}
		if s.readOnly {
			s.diverge(s.unfinished(o))
		}
		s.stale = false
		s.inv.awaitChange(t, s, o)
	}
}
