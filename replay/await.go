package replay

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callAwait waits for an operation that was started before. It may run in any scope inside the
// one that started it, any number of times.
func (s *scope) callAwait(n *node.Await, start bool) node.Record {
	o, ok := n.Target.(*operation)
	if !ok {
		return node.Record{Err: errNoTarget}
	}
	if start {
		return node.Record{Target: o}
	}
	s.inv.mu.Lock()
	if err := s.alive(); err != nil {
		return node.Record{Err: err}
	}
	r, err := s.await(s.t, o)
	if err != nil {
		return node.Record{Err: err}
	}
	s.inv.mu.Unlock()
	return r
}

// await parks until o has ended. Called with the lock held; if it returns an error, which only a
// foreign goroutine sees, the lock is free.
func (s *scope) await(t *task, o *operation) (node.Record, error) {
	if o.done {
		o.read = true
		s.observeOf(o)
		return o.rec, nil
	}
	rec, ok := s.inv.log.Get(o.id)
	finished := ok && rec.Status.Terminal()
	if !finished {
		if err := s.owned(o.head); err != nil {
			return node.Record{}, err
		}
		if s.readOnly && o.s.readOnly {
			s.diverge(s.unfinished(o))
		}
	}
	if !o.own {
		return s.served(t, o), nil
	}
	if ok && !finished {
		s.frontier(o)
	}
	s.inv.awaitDone(t, s, o)
	o.read = true
	s.observeOf(o)
	return o.rec, nil
}

// observeOf notes the end of an operation that the scope's code has seen.
func (s *scope) observeOf(o *operation) {
	if rec, ok := s.inv.log.Get(o.id); ok && rec.Status.Terminal() {
		s.observe(rec)
	}
}

// outcome is what user code gets of an operation's terminal record. Called with the lock held.
func (s *scope) outcome(o *operation, rec *checkpoint.Operation) node.Record {
	replayed := o.found != nil && o.found.Status.Terminal()
	if replayed {
		s.passed(rec)
	}
	r := s.terminal(o.head, o.nth, rec, replayed)
	r.Outside = o.outside
	return r
}
