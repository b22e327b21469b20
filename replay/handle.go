package replay

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// handle is a scope as user code holds it: with the values of its context.
type handle struct {
	s   *scope
	ctx context.Context //nolint:containedctx // the values that WithValue has added
}

var _ node.Scope = (*handle)(nil)

// Run runs an operation to its end, on the calling goroutine. Groups run here, and what the service brings to
// its end is waited for here, not further down: a goroutine that ends while it is parked goes back through its
// whole stack, which is most of what an invocation with many of them does when it suspends, and its
// ID is found by going through the stack as well.
func (h *handle) Run(n node.Node) (r node.Record) {
	s, head := h.s, n.Head()
	if head.Err != nil {
		return s.refused(head.Err, false)
	}
	if r.Err = s.enter(head); r.Err != nil {
		return r
	}
	defer s.leave()
	undos := len(s.undos)
	var o *operation
	if r, o = s.call(h.ctx, n, false); o != nil {
		if g, ok := o.n.(*node.Group); ok {
			r = o.group(s.t, g)
		} else {
			r = s.serve(o)
		}
	}
	if undos < len(s.undos) {
		s.undos[undos].note(r, false)
	}
	s.inv.hooks.flush()
	return r
}

// Start claims an operation and lets it go on beside the caller.
func (h *handle) Start(n node.Node) node.Record {
	s, head := h.s, n.Head()
	if head.Err != nil {
		return s.refused(head.Err, true)
	}
	if err := s.enter(head); err != nil {
		return node.Record{Err: err}
	}
	defer s.leave()
	undos := len(s.undos)
	r, _ := s.call(h.ctx, n, true)
	if undos < len(s.undos) {
		s.undos[undos].note(r, true)
	}
	s.inv.hooks.flush()
	return r
}

// WithValue returns the scope with a value for its bodies.
func (h *handle) WithValue(key, value any) node.Scope {
	return &handle{s: h.s, ctx: context.WithValue(h.ctx, key, value)}
}

// View returns what user code may know of the scope.
func (h *handle) View() node.View {
	inv := h.s.inv
	return node.View{
		Execution: node.Execution{
			ARN: inv.arn, Name: checkpoint.ExecutionName(inv.arn), StartedAt: inv.begun,
			Replaying: h.s.isReplaying(),
		},
		Now:        func() time.Time { return Now(op.NewContext(h)) },
		Logger:     inv.scopeLogger(h.s),
		Invocation: context.WithValue(h.ctx, scopeKey{}, h.s),
	}
}

// call runs or starts an operation. If it returns an operation, that is to be run if it is a group, else
// its record is to be waited for.
//
//  1. If the declaration is invalid, it is refused before it claims anything.
//  2. Otherwise the scope must be the caller's: see enter and owned.
//  3. Otherwise the operation claims its place, but for an [node.Await], which has none.
func (s *scope) call(ctx context.Context, n node.Node, start bool) (node.Record, *operation) {
	if swap := s.inv.swap; swap != nil {
		h := n.Head()
		n = swap(s.pathOf(h, s.seen.of(identity{h.Name, h.Key})), n)
	}
	if s.probe != nil {
		return s.look(ctx, n, start), nil
	}
	switch n := n.(type) {
	case *node.Step:
		return s.callStep(ctx, n, start), nil
	case *node.Wait:
		return s.callWait(ctx, n, start)
	case *node.Group:
		return s.callGroup(ctx, n, start)
	case *node.Await:
		return s.callAwait(n, start)
	case *node.Callback:
		return s.callCallback(ctx, n, start), nil
	case *node.Invoke:
		return s.callInvoke(ctx, n, start)
	case *node.Batch:
		return s.callBatch(ctx, n, start), nil
	}
	return node.Record{}, nil
}

// refused returns what is wrong with a declaration. One that was started belongs to what the scope
// has started: if nobody asks for its error, it becomes the scope's.
func (s *scope) refused(err error, start bool) node.Record {
	r := s.given(node.Record{Err: err}, start)
	if o, ok := r.Target.(*operation); ok {
		s.inv.mu.Lock()
		s.fibres = append(s.fibres, o)
		s.inv.mu.Unlock()
	}
	return r
}

// given returns a record that is complete: to the caller of Start as something to wait for.
func (s *scope) given(r node.Record, start bool) node.Record {
	if !start {
		return r
	}
	return node.Record{Target: &operation{s: s, done: true, rec: r}}
}
