package engine

import (
	"context"
	"runtime/debug"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/turn"
	"github.com/perdure/perdure/op/node"
)

// Handle is a scope as user code holds it: with the values of its context.
type Handle struct {
	s   *scope
	ctx context.Context //nolint:containedctx // the values that WithValue has added
}

var _ node.Scope = (*Handle)(nil)

// Run runs an operation to its end, on the calling goroutine.
func (h *Handle) Run(n node.Node) node.Record {
	if err := n.Head().Err; err != nil {
		return node.Record{Err: err}
	}
	if err := h.s.enter(n.Head()); err != nil {
		return node.Record{Err: err}
	}
	r := h.Call(n)
	h.Done()
	h.Leave()
	return r
}

// Call runs an operation for a caller that has entered.
func (h *Handle) Call(n node.Node) (r node.Record) {
	s, head := h.s, n.Head()
	if head.Err != nil {
		return node.Record{Err: head.Err}
	}
	defer s.crashed()
	s.f.calling = calling{}
	undos := len(s.saga.undos)
	r = s.call(h.ctx, n, false)
	s.saga.note(undos, r, false)
	s.flushed()
	s.f.calling = calling{role: ofResult, name: head.Name}
	return r
}

// Enter takes the turn for a caller that makes the operation, calls [Handle.Call] or [Handle.Begin], decodes
// the record and calls [Handle.Done] and [Handle.Leave]. It reports whether the goroutine is the scope's own; if not, [Handle.Run]
// says what is wrong.
func (h *Handle) Enter() bool {
	s := h.s
	if s.Enter() != turn.Own || s.ended.Load() || s.f.Dead() || s.inv.over() {
		return false
	}
	s.f.calling = calling{role: ofBuilder}
	return true
}

// Done says that all functions of the user's that belong to a call have returned.
func (h *Handle) Done() { h.s.f.calling = calling{} }

// Leave lets user code go on after a call.
func (h *Handle) Leave() { h.s.leave() }

// Start claims an operation and lets it go on beside the caller.
func (h *Handle) Start(n node.Node) node.Record {
	if err := h.s.enter(n.Head()); err != nil {
		return node.Record{Err: err}
	}
	r := h.Begin(n)
	h.Leave()
	return r
}

// Begin is Start for a caller that has entered.
func (h *Handle) Begin(n node.Node) (r node.Record) {
	s, head := h.s, n.Head()
	defer s.crashed()
	s.f.calling = calling{}
	if head.Err != nil {
		return s.refused(head.Err, true)
	}
	undos := len(s.saga.undos)
	r = s.call(h.ctx, n, true)
	s.saga.note(undos, r, true)
	s.flushed()
	return r
}

// crashed ends the invocation if the engine has panicked: what user code does with the panic must not
// matter. It is deferred.
func (s *scope) crashed() {
	if v := recover(); v != nil {
		s.inv.Crashed(v, debug.Stack())
		s.f.last()
	}
}

// flushed reports to the observer what has happened in a call.
func (s *scope) flushed() {
	if s.inv.Observer != nil && s.inv.Observer.Pending() {
		s.inv.running().during(ofObserver, "", s.inv.Observer.Flush)
	}
}

// WithValue returns the scope with a value for its bodies.
func (h *Handle) WithValue(key, value any) node.Scope {
	return &Handle{s: h.s, ctx: context.WithValue(h.ctx, key, value)}
}

// View returns what user code may know of the scope.
func (h *Handle) View() node.View {
	inv := h.s.inv
	return node.View{
		Execution: node.Execution{
			ARN: inv.ARN, Name: checkpoint.ExecutionName(inv.ARN), StartedAt: inv.Execution.Start,
			Replaying: h.s.isReplaying(),
		},
		Now:        h.Now,
		Logger:     inv.scopeLogger(h.s),
		Invocation: context.WithValue(h.ctx, scopeKey{}, h.s),
	}
}

// call runs or starts an operation. All but a [node.Await] claim their place; see [scope.claim].
func (s *scope) call(ctx context.Context, n node.Node, start bool) node.Record {
	if swap := s.inv.Substitute; swap != nil {
		h := n.Head()
		n = swap(s.pathOf(h, s.seen.of(identity{h.Name, h.Key})), n)
	}
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

// refused returns what is wrong with a declaration that was started. It belongs to what the scope has
// started: if its error is not asked for, it becomes the scope's.
func (s *scope) refused(err error, start bool) node.Record {
	r := s.given(node.Record{Err: err}, start)
	if o, ok := r.Target.(*operation); ok {
		s.started = append(s.started, o)
	}
	return r
}

// given returns a record that is complete: to the caller of Start as something to wait for.
func (s *scope) given(r node.Record, start bool) node.Record {
	if !start {
		return r
	}
	return node.Record{Target: &operation{s: s, future: future{own: true, done: true, rec: r}}}
}
