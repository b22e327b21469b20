package op

import (
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Group is several operations that are recorded as one: fn runs them in a scope of its own, in
// which names need to be unique only among themselves, and its result or error is recorded.
// Once recorded, fn does not run again; until then it runs in every invocation, with what its
// operations recorded.
//
// A result of more than 256 KiB stays in the records of fn's operations: then fn is run again on
// each replay, read-only, to compute it.
func Group[T any](name string, fn func(Context) (T, error), opts ...GroupOption) Op[T] {
	n := &node.Group{Header: header[T](name, subtype.Group), Body: groupFn[T](fn)}
	if fn == nil {
		n.Err = nilBody(n.Err, "Group", name)
	}
	return group[T](n, opts)
}

// GroupFunc makes a builder of groups from a function of their input. A package variable whose
// function uses the variable itself is an initialization cycle: build it inside a function.
func GroupFunc[In, Out any](name string, fn func(Context, In) (Out, error), opts ...GroupOption) Builder[In, Out] {
	d := &node.Decl{Name: name}
	return func(in In) Op[Out] {
		n := &node.Group{Header: header[Out](name, subtype.Group), Body: groupInFn[In, Out]{fn, in}}
		if fn == nil {
			n.Err = nilBody(n.Err, "GroupFunc", name)
		}
		declared(&n.Header, d, in)
		return group[Out](n, opts)
	}
}

func group[T any](n *node.Group, opts []GroupOption) Op[T] {
	for _, o := range opts {
		if o != nil {
			o.applyGroup(n)
		}
	}
	return Op[T]{n: n}
}

type groupFn[T any] func(Context) (T, error)

func (f groupFn[T]) Run(s node.Scope) (any, error) { return f(NewContext(s)) }

type groupInFn[In, Out any] struct {
	fn func(Context, In) (Out, error)
	in In
}

// Run runs the body.
func (f groupInFn[In, Out]) Run(s node.Scope) (any, error) { return f.fn(NewContext(s), f.in) }
