// Package substitute has functions run other operations than their code declares: a test kit puts
// stubs in place of bodies, and sees every operation before it runs.
package substitute

import (
	"context"

	"github.com/perdure/perdure/op/node"
)

// Func replaces an operation by another one before it is run: path is where it runs. It returns n
// for operations that stay as they are. What it returns must have the name, the key and the kind of
// n.
type Func func(path string, n node.Node) node.Node

type contextKey struct{}

// With returns a context in which functions run what f makes of each operation.
func With(ctx context.Context, f Func) context.Context {
	return context.WithValue(ctx, contextKey{}, f)
}

// From returns the function that With put into ctx; nil if there is none.
func From(ctx context.Context) Func {
	f, _ := ctx.Value(contextKey{}).(Func)
	return f
}
