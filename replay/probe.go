package replay

import (
	"context"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// probe goes through the code of an abandoned group as far as the log reaches, to find out what it
// has done that is to be undone. It claims nothing, runs no bodies and writes nothing. Both the
// invocation that abandons the group and a later one that finds it abandoned see the same.
type probe struct {
	found []undo
	// ended says that the body has come to its end, with err: the log holds all that it has waited for, and the
	// ends of all that it has started.
	ended bool
	v     any
	err   error
}

// probe runs body in the scope as a probe, on a goroutine of its own, and returns what it found.
// Called with the lock held, by the goroutine t.
func (inv *invocation) probe(t *task, in *scope, body func(h *handle) (any, error)) *probe {
	p := &probe{}
	in.probe = p
	w := &waiter{t: t, s: in, why: waitDone, path: in.path}
	over := false
	pt := inv.spawn(t, in.path, funcs{func(t *task) {
		in.t = t
		v, err := guard(func() (any, error) { return body(&handle{s: in, ctx: in.ctx}) })
		if err == nil {
			p.ended, err = in.joined()
		}
		p.v, p.err = v, err
	}, func(error) {}})
	pt.gone = func() {
		over = true
		w.wake()
	}
	for !over {
		inv.park(w)
	}
	return p // the scope's context ends with that around it: what was found is decoded with it
}

// joined reports whether all that the code of a probe has started has ended, and the error that nobody has
// asked for: see [scope.join].
func (s *scope) joined() (bool, error) {
	s.inv.mu.Lock()
	defer s.inv.mu.Unlock()
	for _, o := range s.fibres {
		switch {
		case !o.done:
			return false, nil
		case o.rec.Err != nil && !o.read:
			return true, o.rec.Err
		}
	}
	return true, nil
}

// stop ends a probe. Its goroutine counts until it has woken who waits for it: see task.end. Called
// with the lock held.
func (s *scope) stop() {
	s.t.dead = true
	s.inv.mu.Unlock()
	exit()
}

// look finds the record of the next operation of a probe, which ends if there is none.
func (s *scope) look(ctx context.Context, n node.Node, start bool) node.Record {
	h := n.Head()
	inv := s.inv
	if b, ok := n.(*node.Batch); ok {
		s.asks(b)
	}
	inv.mu.Lock()
	if err := s.alive(); err != nil {
		return node.Record{Err: err}
	}
	s.seeUnseen() // whoever looks has waited until all results were durable
	if a, ok := n.(*node.Await); ok {
		return s.lookAt(a)
	}
	if w, ok := n.(*node.Wait); ok && !w.Until.IsZero() && !w.Until.After(s.now) {
		inv.mu.Unlock()
		return s.given(node.Record{}, start)
	}
	key := identity{h.Name, h.Key}
	nth := s.seen.of(key)
	s.seen.set(key, nth+1)
	rec, ok := inv.log.Get(string(s.ids.AppendID(nil, h.Name, h.Key, nth)))
	if !ok || rec.Kind != kindOf(n) {
		s.stop()
	}
	o := s.operation(ctx, h, rec.Kind, claim{id: rec.ID, occurrence: nth, rec: rec})
	if start && (rec.Kind == checkpoint.KindStep || rec.Kind == checkpoint.KindContext) {
		s.fibres = append(s.fibres, o)
	}
	found := -1
	if h.Undo != nil && !s.single {
		found = len(s.probe.found)
		s.probe.found = append(s.probe.found, undo{s: s, head: h, n: n, id: rec.ID, path: o.path(), nth: nth})
	}
	if _, ok := n.(*node.Callback); ok {
		inv.mu.Unlock()
		return s.given(node.Record{CallbackID: rec.CallbackID, Target: o}, start)
	}
	if rec.Status.Terminal() && !rec.ReplayChildren {
		r := s.terminal(h, nth, rec, true)
		if !start {
			s.observe(rec)
		}
		inv.mu.Unlock()
		return s.looked(o, s.dress(n, o.path(), r), start)
	}
	if !rec.Status.Terminal() {
		return s.lookInto(o, n, start)
	}
	if !start {
		s.observe(rec)
	}
	inv.mu.Unlock()
	r := s.again(o, n, rec)
	if found >= 0 {
		s.probe.found[found].rec = &r
	}
	return s.looked(o, r, start)
}

// lookAt waits for nothing: an operation that is not finished ends the probe.
func (s *scope) lookAt(a *node.Await) node.Record {
	o, ok := a.Target.(*operation)
	if !ok {
		s.inv.mu.Unlock()
		return node.Record{Err: errNoTarget}
	}
	if s == o.s {
		o.read = true
	}
	rec, ok := s.inv.log.Get(o.id)
	if o.done {
		if ok && rec.Status.Terminal() {
			s.observe(rec)
		}
		s.inv.mu.Unlock()
		return o.rec
	}
	if !ok || !rec.Status.Terminal() {
		s.stop()
	}
	s.observe(rec)
	if rec.ReplayChildren { // it is being run again beside the probe
		s.inv.mu.Unlock()
		return s.again(o, a.Of, rec)
	}
	r := s.terminal(o.head, o.nth, rec, true)
	s.inv.mu.Unlock()
	return s.dress(a, o.path(), r)
}

// looked returns the record of a finished operation: as something to wait for if it was started.
func (s *scope) looked(o *operation, r node.Record, start bool) node.Record {
	if !start {
		return r
	}
	o.done, o.rec = true, r
	return node.Record{Target: o}
}

// lookInto goes into an operation that is not finished, which ends the probe unless it goes on beside the
// scope. Called with the lock held.
func (s *scope) lookInto(o *operation, n node.Node, start bool) node.Record {
	o.n = n
	s.probe.found = append(s.probe.found, s.inside(s.t, o)...)
	if !start {
		s.stop()
	}
	s.inv.mu.Unlock()
	return node.Record{Target: o}
}

// kindOf is the kind of record that an operation has.
func kindOf(n node.Node) checkpoint.Kind {
	switch n.(type) {
	case *node.Step:
		return checkpoint.KindStep
	case *node.Wait:
		return checkpoint.KindWait
	case *node.Callback:
		return checkpoint.KindCallback
	case *node.Invoke:
		return checkpoint.KindChainedInvoke
	case *node.Group, *node.Batch, *node.Await:
	}
	return checkpoint.KindContext
}
