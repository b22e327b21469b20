package replay

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

var errUnlike = errors.New("replay: what has succeeded ends otherwise when it is looked at again")

// again computes the record of a finished group or batch whose result was too large for the log, from the
// records of what is inside it. What that did is its own affair: nothing in it is found. The probe ends if the
// log does not hold everything, as a read-only run of it would. Called without the lock, on the probe's
// goroutine.
func (s *scope) again(o *operation, n node.Node, rec *checkpoint.Operation) node.Record {
	in := o.s.newScope(s.t, o, false)
	defer in.cancel(errEnded)
	in.readOnly, in.probe, in.slots = true, &probe{}, nil
	switch n := n.(type) {
	case *node.Group:
		in.ordered = true
		v, err := guard(func() (any, error) { return n.Body.Run(&handle{s: in, ctx: in.ctx}) })
		var payload checkpoint.Payload
		if err == nil {
			payload, err = o.payload(v)
		}
		if err == nil {
			return s.dress(n, o.path(), o.large(payload.Bytes()))
		}
	case *node.Batch:
		return s.dress(n, o.path(), o.large(s.branches(in, o, n, rec).encode()))
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, nil:
	}
	s.inv.mu.Lock()
	s.stop()
	return node.Record{}
}

// branches takes the results of a finished batch from its branches.
func (s *scope) branches(in *scope, o *operation, n *node.Batch, rec *checkpoint.Operation) *envelope {
	kids, err := prepare(n)
	e, ok := readEnvelope(rec.Payload.Bytes())
	if err != nil || !ok || len(e.Status) > len(kids) {
		s.inv.mu.Lock()
		s.stop()
	}
	b := &batch{operation: o, n: n, kids: kids, t: s.t, in: in}
	full := &envelope{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner}
	for i, k := range kids[:len(e.Status)] {
		k.b = b
		k.identify(in.ids)
		if node.ItemStatus(e.Status[i]) != node.ItemStarted {
			if err := s.lookAtBranch(k); err != nil {
				s.inv.mu.Lock()
				s.stop()
			}
		}
		full.add(k)
	}
	if full.Status != e.Status {
		s.inv.mu.Lock()
		s.stop()
	}
	return full
}

// identify gives the branch its ID, without a claim.
func (k *branch) identify(in checkpoint.Scope) {
	occurrence := 0
	if k.indexed {
		occurrence = k.index
	}
	k.id = string(in.AppendID(nil, k.name, k.key, occurrence))
}

// lookAtBranch finds out how a branch has ended: from its record, or from those of what is inside it.
func (s *scope) lookAtBranch(k *branch) error {
	s.inv.mu.Lock()
	rec, ok := s.inv.log.Get(k.id)
	s.inv.mu.Unlock()
	k.done, k.counted = true, true
	switch {
	case k.b.n.Flat:
	case !ok || !rec.Status.Terminal():
		return errUnlike
	case !rec.ReplayChildren:
		k.payload, k.failure = rec.Payload, rec.Failure
		if rec.Status != checkpoint.StatusSucceeded && k.failure == nil {
			k.failure = &checkpoint.Failure{}
		}
		return nil
	}
	in := k.scope(true)
	defer in.cancel(errEnded)
	in.t, in.probe = s.t, &probe{}
	v, err := guard(func() (any, error) { return k.look(&handle{s: in, ctx: in.ctx}) })
	if err == nil {
		k.payload, err = k.encode(in, v)
	}
	if err != nil {
		k.failure = s.inv.set.failure(err, in.known)
	}
	return nil
}

// look runs the operation of the branch in a scope that only looks.
func (k *branch) look(h *handle) (any, error) {
	if g, plain := k.plain(); plain {
		return g.Body.Run(h)
	}
	return k.result(h.Run(k.n))
}

// encode makes the payload of what the branch has come to. Called without the lock.
func (k *branch) encode(in *scope, v any) (checkpoint.Payload, error) {
	o := &operation{s: k.b.in, head: k.n.Head(), kind: checkpoint.KindContext, id: k.id, ctx: in.ctx}
	return o.payload(v)
}

// encoded is encode for what a probe of the branch has come to. Called with the lock held, by the goroutine t,
// which gives it back meanwhile: codecs are user code.
func (k *branch) encoded(t *task, v any) (payload checkpoint.Payload, err error) {
	k.b.s.inv.mu.Unlock()
	_, err = guard(func() (any, error) {
		var err error
		payload, err = k.encode(k.b.in, v)
		return nil, err
	})
	k.b.s.inv.mu.Lock()
	t.check()
	return payload, err
}

// fetch computes the results of operations that are to be undone and were too large for the log: an
// undo that is given another value, or none, is none. It is no error if that cannot be done: the operation
// is then not known to be undone. Called with the lock held, by the goroutine t.
func (inv *invocation) fetch(t *task, list []undo) {
	for i := range list {
		u := &list[i]
		rec := u.find()
		if rec == nil || u.head.Undo.Attempted || rec.Status != checkpoint.StatusSucceeded || !rec.ReplayChildren ||
			u.rec != nil || u.o != nil && u.o.done {
			continue
		}
		u.lost = true
		if k := u.k; k != nil {
			p := inv.probe(t, k.scope(true), k.look)
			if !p.ended || p.err != nil {
				continue
			}
			if payload, err := k.encoded(t, p.v); err == nil {
				end := *rec
				end.Payload, end.ReplayChildren = payload, false
				u.end, u.lost = &end, false
			}
			continue
		}
		o := u.s.operation(u.s.ctx, u.head, rec.Kind, claim{id: rec.ID, occurrence: u.nth, rec: rec})
		in := u.s.newScope(nil, o, true)
		in.readOnly = true
		var r node.Record
		p := inv.probe(t, in, func(*handle) (any, error) {
			r = in.again(o, u.n, rec)
			return nil, nil
		})
		if p.ended && p.err == nil {
			u.rec, u.lost = &r, false
		}
	}
}

// anyOpen reports whether the body of an operation that will be undone may be running.
func anyOpen(list []undo) bool {
	return slices.ContainsFunc(list, func(u undo) bool { return u.open() })
}

// undone reports whether the log holds compensations of the scope with this ID.
func (inv *invocation) undone(id string) bool {
	tag := checkpoint.NewScope(checkpoint.UndoScope(id)).Tag()
	for rec := range inv.log.Records() {
		if t, ok := checkpoint.ScopeTag(rec.ID); ok && t == tag {
			return true
		}
	}
	return false
}
