package op

import (
	"errors"

	"github.com/perdure/perdure/op/node"
)

// SagaResult is how a [Saga] ended, and what was taken back.
type SagaResult[T any] struct {
	// Value is the result of the function; the zero value if it failed.
	Value T
	// Err is why the function failed; nil if it succeeded, and all else is empty then. It answers
	// errors.Is and errors.As as the error of a [Group] does.
	Err error
	// Undone are the paths of the operations that were compensated, in the order it was done.
	Undone []string
	// Failed are the errors of the compensations that failed, each an [*Error] whose Path is that
	// of the compensation.
	Failed []error
	// Unknown are the paths of operations of which it is not known whether they had their effect.
	Unknown []string
}

// Compensated reports whether the function failed and all that it had done was taken back.
func (r SagaResult[T]) Compensated() bool {
	return r.Err != nil && len(r.Failed) == 0 && len(r.Unknown) == 0
}

// sagaOperand is the name of the function's group in paths: "trip[work]/book-flight".
const sagaOperand = "work"

// Saga runs fn in a scope of its own, as [Group] does, and its result says how that ended: if fn
// fails, what completed in it is compensated (see [Op.Undo]), and the result names the error and
// what was taken back, what was not, and what is unknown. It is the same on every replay.
//
// A failure of fn is no error of the operation, which has succeeded once it is known how fn ended:
// the caller looks at [SagaResult].Err. Use [Group] where the failure is to be passed on.
func Saga[T any](name string, fn func(Context) (T, error), opts ...GroupOption) Op[SagaResult[T]] {
	o := Group(sagaOperand, fn, opts...)
	if g, ok := o.n.(*node.Group); ok {
		g.Report = true
		if fn == nil {
			g.Err = nilBody(nil, "Saga", name)
		}
	}
	return Transform(AllSettled(name, o), func(b Batch[T]) (SagaResult[T], error) {
		var r SagaResult[T]
		for _, it := range b.Items {
			r.Value, r.Err = it.Value, it.Err
		}
		if u, ok := errors.AsType[*UndoError](r.Err); ok {
			r.Undone, r.Failed, r.Unknown = u.Undone, u.Failed, u.Unknown
		}
		return r, nil
	})
}
