package replay

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// callAwait waits for an operation that was started before. It may run in any scope inside the
// one that started it, any number of times.
func (s *scope) callAwait(n *node.Await, start bool) (node.Record, *operation) {
	o, ok := n.Target.(*operation)
	if !ok {
		return node.Record{Err: errNoTarget}, nil
	}
	if start {
		return node.Record{Target: o}, nil
	}
	s.inv.mu.Lock()
	if err := s.alive(); err != nil {
		return node.Record{Err: err}, nil
	}
	if o.done {
		s.asked(o)
		s.inv.mu.Unlock()
		return o.rec, nil
	}
	rec, ok := s.inv.log.Get(o.id)
	finished := ok && rec.Status.Terminal()
	if !finished {
		if err := s.owned(o.head); err != nil {
			return node.Record{Err: err}, nil
		}
		if s.readOnly && o.s.readOnly {
			s.diverge(s.unfinished(o))
		}
	}
	if !o.own {
		s.inv.mu.Unlock()
		return o.served(false)
	}
	if ok && !finished {
		s.frontier(o)
	}
	s.inv.awaitDone(s.t, s, o)
	s.asked(o)
	s.inv.mu.Unlock()
	return o.rec, nil
}

// asked notes that the scope's code has the result of o. An error counts as read only in the
// scope that has started o: a group inside it is not run again once it is recorded, and the
// error must not depend on that.
func (s *scope) asked(o *operation) {
	if s == o.s {
		o.read = true
	}
	s.observeOf(o)
}

// asks notes that the futures among the operands of a batch have been asked for, whoever comes first:
// on a replay the batch is read from the log, and nobody awaits them.
func (s *scope) asks(n *node.Batch) {
	_, _ = guard(func() (any, error) {
		for i := range n.N {
			switch o := n.Child(i).(type) {
			case *node.Batch:
				s.asks(o)
			case *node.Await:
				if f, ok := o.Target.(*operation); ok && f.s == s {
					s.inv.mu.Lock()
					f.read = true
					s.inv.mu.Unlock()
				}
			case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group:
			}
		}
		return nil, nil
	})
}

// observeOf notes the end of an operation that the scope's code has seen. Of a relaxed step that
// is not durable yet the end is not known: see settleNow.
func (s *scope) observeOf(o *operation) {
	switch rec, ok := s.inv.log.Get(o.id); {
	case ok && rec.Status.Terminal():
		s.observe(rec)
	case o.id != "":
		s.unseen = append(s.unseen, o)
	}
}

// outcome is what user code gets of an operation's terminal record. Called with the lock held.
func (s *scope) outcome(o *operation, rec *checkpoint.Operation) node.Record {
	replayed := o.found != nil && o.found.Status.Terminal()
	if !o.own {
		o.read = true
		s.observe(rec)
		if replayed {
			s.passed(rec)
		}
	}
	r := s.terminal(o.head, o.nth, rec, replayed)
	r.Outside = o.outside
	return r
}
