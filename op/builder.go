package op

import (
	"context"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// Builder makes the operation for an input. All operations of one builder share its name;
// those that run in one scope need a [Builder.Key].
type Builder[In, Out any] func(In) Op[Out]

// Key gives each operation the key that f derives from its input. f is called when the operation
// is run, not when it is built.
func (b Builder[In, Out]) Key(f func(In) string) Builder[In, Out] {
	return func(in In) Op[Out] {
		o := b(in)
		if f == nil {
			return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Builder.Key", h.Name) })
		}
		o.key = func() string { return f(in) }
		return o
	}
}

// WithCodec is [Op.WithCodec] for each operation.
func (b Builder[In, Out]) WithCodec(c codec.Typed[Out]) Builder[In, Out] {
	return func(in In) Op[Out] { return b(in).WithCodec(c) }
}

// WithSummary is [Op.WithSummary] for each operation.
func (b Builder[In, Out]) WithSummary(summary func(Out) string) Builder[In, Out] {
	return func(in In) Op[Out] { return b(in).WithSummary(summary) }
}

// MapError is [Op.MapError] for each operation.
func (b Builder[In, Out]) MapError(f func(error) error) Builder[In, Out] {
	return func(in In) Op[Out] { return b(in).MapError(f) }
}

// Undo is [Op.Undo] for each operation.
func (b Builder[In, Out]) Undo(fn func(context.Context, Out) error, opts ...StepOption) Builder[In, Out] {
	return func(in In) Op[Out] { return b(in).Undo(fn, opts...) }
}

// Was is [Op.Was] for each operation.
func (b Builder[In, Out]) Was(name string) Builder[In, Out] {
	return func(in In) Op[Out] { return b(in).Was(name) }
}

// WasKey is [Op.WasKey] for each operation, with the old key that f derives from its input; nil
// means that it had none.
func (b Builder[In, Out]) WasKey(f func(In) string) Builder[In, Out] {
	return func(in In) Op[Out] {
		if f == nil {
			return b(in).WasKey("")
		}
		key, err := guardedKey(func() string { return f(in) })
		o := b(in).WasKey(key)
		if err != nil {
			return o.with(func(h *node.Header) { h.Err = err })
		}
		return o
	}
}

// declared marks an operation as made by a builder.
func declared(h *node.Header, d *node.Decl, in any) {
	h.Decl, h.Input = d, in
}
