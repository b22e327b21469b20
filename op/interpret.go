package op

import "github.com/perdure/perdure/op/node"

// Interpretation is an operation as interpreters see it: packages that run operations, such as
// replay, and test kits. Handlers do not need it.
type Interpretation[T any] struct {
	op Op[T]
}

// Interpret returns what interpreters need of an operation.
func (o Op[T]) Interpret() Interpretation[T] { return Interpretation[T]{op: o} }

// Node returns the operation without its type. The node of the zero Op is one whose header says
// what is wrong.
func (i Interpretation[T]) Node() node.Node { return i.op.node() }

// Decl returns the identity of the builder that made the operation, nil if none did.
func (i Interpretation[T]) Decl() *node.Decl { return i.op.decl() }

// Decode returns the result that a record of the operation holds, or the error with which running
// the operation ends.
func (i Interpretation[T]) Decode(r node.Result) (T, error) { return i.op.result(r) }

// Await returns the operation that waits for this one, which an interpreter has started: r is the
// record it got from doing so. It claims nothing.
func (i Interpretation[T]) Await(r node.Result) Op[T] { return i.op.await(r) }
