package replay

import (
	"context"
	"errors"
	"runtime"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay/internal/engine"
)

var errNoContext = errors.New("replay: the zero op.Context: pass the context that the handler or group was given")

// Run runs an operation and returns its result.
//
//  1. If the declaration is invalid, Run returns what is wrong with it, and nothing is recorded.
//  2. If the log holds the operation's result or failure, Run returns it; no body runs.
//  3. Otherwise the operation is carried out and recorded. If that takes waiting (a wait, the pause
//     before another attempt, an answer from outside) and nothing else is left to do, the
//     invocation ends: Run does not return, deferred functions run, and a later invocation comes
//     back to this point.
//
// The error of an operation that failed is an [*op.Error]; one that could not be converted is a
// *codec.Error. Use of a context by a goroutine it was not given to, or inside the body of an
// operation, ends the execution: see [ErrConcurrent], [ErrNested].
func Run[T any](ctx op.Context, o op.Op[T]) (T, error) {
	s := op.ScopeOf(ctx)
	if s == nil {
		var zero T
		return zero, errNoContext
	}
	h, ok := s.(*engine.Handle)
	if !ok || !h.Enter() {
		return o.Interpret().Decode(s.Run(o.Interpret().Node()))
	}
	r, ended := h.Call(made(h, o, true))
	if ended {
		h.Leave()
		runtime.Goexit()
	}
	return decoded(h, o, r)
}

// Exec runs an operation as [Run] does and drops the result, without decoding it.
func Exec[T any](ctx op.Context, o op.Op[T]) error {
	s := op.ScopeOf(ctx)
	if s == nil {
		return errNoContext
	}
	h, ok := s.(*engine.Handle)
	if !ok || !h.Enter() {
		r := s.Run(undecoded(o.Interpret().Node()))
		if r.Err == nil {
			return nil
		}
		_, err := o.Interpret().Decode(r)
		return err
	}
	r, ended := h.Call(made(h, o, false))
	if ended {
		h.Leave()
		runtime.Goexit()
	}
	if r.Err == nil {
		h.Done()
		h.Leave()
		return nil
	}
	_, err := decoded(h, o, r)
	return err
}

// made returns the node of an operation for which the scope was entered; with decodes, the result
// is to be decoded. If a key function ends the goroutine, the turn is that of the code around the
// call.
func made[T any](h *engine.Handle, o op.Op[T], decodes bool) (n node.Node) {
	returned := false
	defer func() {
		if !returned {
			h.Leave()
		}
	}()
	n = o.Interpret().Node()
	if !decodes {
		n = undecoded(n)
	}
	returned = true
	return n
}

// undecoded is an operation whose result is dropped.
func undecoded(n node.Node) node.Node {
	_, declared := n.(*node.Choice)
	if h := n.Head(); !declared && h.Check != nil && h.Undo == nil {
		return node.With(n, func(h *node.Header) { h.Check = nil })
	}
	return n
}

// decoded decodes the record of a call, and lets user code go on: what a Transform does is part of
// the call.
func decoded[T any](h *engine.Handle, o op.Op[T], r node.Result) (T, error) {
	defer h.Leave()
	v, err := o.Interpret().Decode(r)
	if err != nil {
		h.Failed(err)
	}
	h.Done()
	return v, err
}

// Future is an operation that was started and goes on beside its scope.
type Future[T any] struct {
	result op.Op[T]
}

// Go starts an operation and returns at once. Its place in the log is taken here, in program
// order, no matter when it is awaited.
//
// If the scope returns without an error, steps and groups that were started in it are waited for,
// and an error of theirs that the scope itself has not asked for becomes the scope's; waits,
// callbacks and invokes that no one waits for are left behind. If the scope returns an error, all
// are left.
func Go[T any](ctx op.Context, o op.Op[T]) *Future[T] {
	s := op.ScopeOf(ctx)
	if s == nil {
		return &Future[T]{result: o.Interpret().Await(node.Result{Err: errNoContext})}
	}
	if h, ok := s.(*engine.Handle); ok && h.Enter() {
		defer h.Leave()
		f := &Future[T]{result: o.Interpret().Await(h.Begin(o.Interpret().Node()))}
		h.Done()
		return f
	}
	return &Future[T]{result: o.Interpret().Await(s.Start(o.Interpret().Node()))}
}

// Result returns the operation that waits for the future. It leaves no record of its own and may
// be run any number of times, in the scope of the future and those inside it.
func (f *Future[T]) Result() op.Op[T] { return f.result }

// Cancel cancels a wait that was started with [Go]. It has no record of its own, and returns when
// the service has answered. Running the future's result then gives [op.ErrStopped] if the wait was
// cancelled, and no error if it had ended before, the same on every replay. Cancelling a wait that
// has ended does nothing; anything but a wait is an error.
func Cancel[T any](ctx op.Context, f *Future[T]) error {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	if !ok {
		return errNoContext
	}
	a, ok := f.result.Interpret().Node().(*node.Await)
	if !ok {
		return engine.ErrNoTarget
	}
	if a.Err != nil {
		return a.Err
	}
	return h.Cancel(a.Target)
}

// OnEnd registers a function that runs when the scope of ctx (the handler, a group, a branch)
// ends: after everything it started has ended, before the result is recorded. err is what the
// scope ended with. Functions run in the reverse order of their registration, at least once, and
// may run again if the invocation is cut off before the result is recorded. They run no
// operations. They do not run when the invocation suspends or is repeated, nor when the execution
// diverged, was stopped or timed out; for what must be released then, use defer.
//
// OnEnd does nothing on the zero Context, and registers nothing if fn is nil.
func OnEnd(ctx op.Context, fn func(ctx context.Context, err error)) {
	if h, ok := op.ScopeOf(ctx).(*engine.Handle); ok && fn != nil {
		h.OnEnd(fn)
	}
}

// Suspending reports whether deferred functions run because the invocation, or the branch they
// belong to, is ending without a result, and not because their function has returned.
func Suspending(ctx op.Context) bool {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	return ok && h.Suspending()
}
