package engine

import (
	"fmt"
	"runtime/debug"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// guard runs user code and turns a panic into an error. A Goexit passes through.
func guard(f func() (any, error)) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, panicError(p)
		}
	}()
	return f()
}

// Guard runs a function of the user's and returns its panic as an error.
func Guard(f func()) error {
	_, err := guard(func() (any, error) { f(); return nil, nil })
	return err
}

func guardEncode(f func() ([]byte, error)) (payload []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			payload, err = nil, panicError(p)
		}
	}()
	return f()
}

// runScope runs the function of a scope, which has the turn meanwhile, with as few frames as can be: a
// goroutine that ends while it is parked goes back through its whole stack, which is most of what an
// invocation with many of them does when it suspends.
func (f *fiber) runScope(b node.ScopeBody, h *Handle) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.panicked = p
			v, err = nil, panicError(p)
		}
	}()
	f.inv.turn.Leave(&h.s.Seat)
	return b.Run(h)
}

// scopeFunc is the function of the handler as that of a scope.
type scopeFunc func(s node.Scope) (any, error)

func (f scopeFunc) Run(s node.Scope) (any, error) { return f(s) }

// panicError describes a panic that was recovered.
func panicError(v any) *op.PanicError {
	return &op.PanicError{Value: fmt.Sprint(v), Stack: stackLines(debug.Stack())}
}
