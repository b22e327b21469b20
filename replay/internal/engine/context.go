package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"runtime/debug"
	"time"

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
func (h *Handle) Run(n node.Node) node.Result {
	if err := n.Head().Err; err != nil {
		return node.Result{Err: err}
	}
	if err := h.s.enter(n.Head()); err != nil {
		return node.Result{Err: err}
	}
	r, ended := h.Call(n)
	if ended {
		h.s.f.Exit()
	}
	h.Done()
	h.Leave()
	return r
}

// Call runs an operation for a caller that has entered. If the goroutine is to end instead, ended
// is true: the caller hands the turn to user code, by [Handle.Leave], and calls [runtime.Goexit].
func (h *Handle) Call(n node.Node) (r node.Result, ended bool) {
	s, head := h.s, n.Head()
	if head.Err != nil {
		s.refused = head.Err
		return node.Result{Err: head.Err}, false
	}
	returned := false
	defer interrupted(s, &returned)
	s.f.calling = calling{}
	undos := len(s.saga.undos)
	var o *operation
	if r, o = s.callOrWait(h.ctx, n, false); o != nil {
		if awaitService(s, o) {
			returned = true
			return r, true
		}
		r = served(s, n, o)
	}
	if undos < len(s.saga.undos) {
		s.saga.note(undos, r, false)
	}
	flushed(s)
	s.f.calling = calling{role: ofResult, name: head.Name}
	returned = true
	return r, false
}

// Enter takes the turn for a caller that makes the operation, calls [Handle.Call] or
// [Handle.Begin], decodes the record and calls [Handle.Done] and [Handle.Leave]. It reports whether
// the goroutine is the scope's own; if not, [Handle.Run] says what is wrong.
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
func (h *Handle) Start(n node.Node) node.Result {
	if err := h.s.enter(n.Head()); err != nil {
		return node.Result{Err: err}
	}
	r := h.Begin(n)
	h.Leave()
	return r
}

// Begin is Start for a caller that has entered.
func (h *Handle) Begin(n node.Node) (r node.Result) {
	s, head := h.s, n.Head()
	defer crashed(s)
	s.f.calling = calling{}
	if head.Err != nil {
		return refusedResult(s, head.Err, true)
	}
	s.awaitRoom()
	undos := len(s.saga.undos)
	r = s.call(h.ctx, n, true)
	if undos < len(s.saga.undos) {
		s.saga.note(undos, r, true)
	}
	flushed(s)
	return r
}

// interrupted is crashed for a call that has not returned because a function of the user's ended
// the goroutine: the turn is that of the user code around the call then.
func interrupted(s *scope, returned *bool) {
	if *returned {
		return
	}
	if v := recover(); v != nil {
		s.inv.Crashed(v, debug.Stack())
		s.f.exitIfOver()
	}
	s.leave()
}

// crashed ends the invocation if the engine has panicked: what user code does with the panic must
// not matter. It is deferred.
func crashed(s *scope) {
	if v := recover(); v != nil {
		s.inv.Crashed(v, debug.Stack())
		s.f.exitIfOver()
	}
}

// flushed reports to the observer what has happened in a call.
func flushed(s *scope) {
	if s.inv.Observer != nil && s.inv.Observer.Pending() {
		s.inv.running().observing(s.inv.Observer.Flush)
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
		Logger:     scopeLogger(h.ctx, h.s),
		Invocation: context.WithValue(h.ctx, scopeKey{}, h.s),
	}
}

// call runs or starts an operation. All but a [node.Await] claim their place; see [scope.claim].
func (s *scope) call(ctx context.Context, n node.Node, start bool) node.Result {
	r, o := s.callOrWait(ctx, n, start)
	if o != nil {
		if awaitService(s, o) {
			s.f.Exit()
		}
		r = served(s, n, o)
	}
	return r
}

// callOrWait is call for a caller that waits by itself, with [awaitService], for an operation that
// the service will finish: waits is that operation, or nil. What a goroutine has on its stack while
// it waits is gone through when it is ended, so it waits where that is least.
func (s *scope) callOrWait(ctx context.Context, n node.Node, start bool) (r node.Result, waits *operation) {
	if swap := s.inv.Substitute; swap != nil {
		h := n.Head()
		if _, ok := n.(*node.Choice); !ok { // a substitute stands for the side that is taken
			n = swap(s.pathOf(h, s.next(h)), n)
		}
	}
	if (s.f.look != nil || s.past.any) && s.foreseen(ctx, n, start, &r) {
		return r, nil
	}
	switch n := n.(type) {
	case *node.Step:
		r = callStep(ctx, s, n, start)
	case *node.Wait:
		return callWait(ctx, s, n, start)
	case *node.Group:
		r = callGroup(ctx, s, n, start)
	case *node.Await:
		return callAwait(s, n, start)
	case *node.Callback:
		r = callCallback(ctx, s, n, start)
	case *node.Invoke:
		return callInvoke(ctx, s, n, start)
	case *node.Batch:
		r = callBatch(ctx, s, n, start)
	case *node.Choice:
		r = callChoice(ctx, s, n, start)
	case *node.Inline:
		r = callInline(ctx, s, n, start)
	}
	return r, nil
}

// foreseen stores in r what the result of an operation is that is not called: one that is only
// looked for, or that repeats an old side of a declared change. It reports whether it is one. It is
// a function of its own so that calls, which are on the stack once for each level of groups, have
// no room for what it returns.
func (s *scope) foreseen(ctx context.Context, n node.Node, start bool, r *node.Result) (is bool) {
	if s.f.look != nil {
		if *r, is = s.f.look.pass(ctx, s, n); is {
			return true
		}
	}
	if s.past.any && s.ahead.of == nil { // a side of which it is known where it is has been looked at
		if err := repeats(s, n); err != nil {
			*r = refusedResult(s, err, start)
			return true
		}
	}
	return false
}

// refusedResult returns what is wrong with a declaration that was started. It belongs to what the
// scope has started: if its error is not asked for, it becomes the scope's.
func refusedResult(s *scope, err error, start bool) node.Result {
	s.refused = err
	r := givenResult(s, node.Result{Err: err}, start)
	if o, ok := r.Target.(*operation); ok {
		s.started = append(s.started, o)
	}
	return r
}

// givenResult returns a record that is complete: to the caller of Start as something to wait for.
func givenResult(s *scope, r node.Result, start bool) node.Result {
	if !start {
		return r
	}
	return node.Result{Target: &operation{s: s, future: future{separate: true, done: true, rec: r}}}
}

// Now returns the time of the scope.
//
//  1. On the scope's own goroutine, it is settled first: that may take a checkpoint.
//  2. In a body and in functions that the engine calls, it is what the scope knew when they began.
//  3. In another scope of the same invocation, it is what the scope knew when it parked.
//  4. On any other goroutine it ends the execution: what it returned would depend on when it was
//     called.
func (h *Handle) Now() time.Time {
	s := h.s
	if !h.mine() {
		return s.view.Load().now
	}
	if len(s.time.unseen) == 0 {
		return s.time.now
	}
	if s.Enter() == turn.Own {
		defer crashed(s)
		s.f.exitIfOver()
		s.knownNow()
		s.leave()
	}
	return s.time.now
}

// mine reports whether the calling goroutine is the scope's own and may touch it. One that has
// nothing to do with it ends the execution.
func (h *Handle) mine() bool {
	s := h.s
	switch s.Who() {
	case turn.Own, turn.Inside:
		return !s.ended.Load() && !s.inv.over()
	case turn.Foreign:
		if s.inv.turn.Caller() == nil && !s.inv.turn.Away() && !s.ended.Load() && !s.inv.over() { // a strand of ours sees what this one knew
			s.inv.fail(misused(s, ErrConcurrent, nil))
		}
	case turn.InBody, turn.Helper:
	}
	return false
}

// Seed is a pure function of execution, scope, purpose and name.
func (h *Handle) Seed(purpose, name string) [sha256.Size]byte {
	h.mine()
	var b []byte
	for _, field := range []string{"perdure", purpose, h.s.inv.ARN, h.s.ids.ID(), name} {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return sha256.Sum256(b)
}

// idempotencyKey is the same for all attempts of an operation, and for no other operation.
func idempotencyKey(inv *invocation, id string) string {
	var buf [256]byte // with the longest ID of an operation, and nearly every ARN
	sum := sha256.Sum256(append(append(append(buf[:0], inv.ARN...), 0), id...))
	var key [32]byte
	hex.Encode(key[:], sum[:16])
	return string(key[:])
}
