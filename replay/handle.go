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

// Run runs an operation to its end, on the calling goroutine.
func (h *handle) Run(n node.Node) node.Record {
	r := h.s.call(h.ctx, n, false)
	h.s.inv.hooks.flush()
	return r
}

// Start claims an operation and lets it go on beside the caller.
func (h *handle) Start(n node.Node) node.Record {
	r := h.s.call(h.ctx, n, true)
	h.s.inv.hooks.flush()
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
		Logger:     inv.set.logger(h.s),
		Invocation: context.WithValue(h.ctx, scopeKey{}, h.s),
	}
}

// call runs or starts an operation.
//
//  1. If the declaration is invalid, it is refused before it claims anything.
//  2. Otherwise the scope must be the caller's: see enter and owned.
//  3. Otherwise the operation claims its place, but for an [node.Await], which has none.
func (s *scope) call(ctx context.Context, n node.Node, start bool) node.Record {
	h := n.Head()
	if h.Err != nil {
		return s.refused(h.Err, start)
	}
	if err := s.enter(h); err != nil {
		return node.Record{Err: err}
	}
	defer s.leave()
	if swap := s.inv.swap; swap != nil {
		n = swap(s.pathOf(h, s.seen[identity{h.Name, h.Key}]), n)
	}
	if s.probe != nil {
		return s.look(ctx, n, start)
	}
	if h.Undo == nil {
		return s.carryOut(ctx, n, start)
	}
	at := len(s.undos)
	r := s.carryOut(ctx, n, start)
	if at < len(s.undos) {
		s.undos[at].note(r, start)
	}
	return r
}

// carryOut runs or starts an operation by its kind.
func (s *scope) carryOut(ctx context.Context, n node.Node, start bool) node.Record {
	switch n := n.(type) {
	case *node.Step:
		return s.callStep(ctx, n, start)
	case *node.Wait:
		return s.callWait(ctx, n, start)
	case *node.Group:
		return s.callGroup(ctx, n, start)
	case *node.Await:
		return s.callAwait(n, start)
	case *node.Callback:
		return s.callCallback(ctx, n, start)
	case *node.Invoke:
		return s.callInvoke(ctx, n, start)
	case *node.Batch:
		return s.callBatch(ctx, n, start)
	}
	return node.Record{}
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
