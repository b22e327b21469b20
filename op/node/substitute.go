package node

import "context"

// Substitute replaces an operation by another one before it is run: path is where it runs. It
// returns n for operations that stay as they are. What it returns must have the name, the key and
// the kind of n.
type Substitute func(path string, n Node) Node

type substituteKey struct{}

// WithSubstitute returns a context in which an interpreter runs what f makes of each operation.
// A test kit puts stubs in place of bodies with it.
func WithSubstitute(ctx context.Context, f Substitute) context.Context {
	return context.WithValue(ctx, substituteKey{}, f)
}

// SubstituteFrom returns the function that WithSubstitute put into ctx; nil if there is none.
func SubstituteFrom(ctx context.Context) Substitute {
	f, _ := ctx.Value(substituteKey{}).(Substitute)
	return f
}
