package op

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Undo says how the operation is compensated when the scope it ran in fails after it completed:
// as a step of its own, "<name>-undo", after the scope's operations that completed later have been
// compensated. fn gets the operation's result, computed again if it was too large for the log; if
// that cannot be, the operation is listed as unknown. A group or batch that succeeded is undone by
// its own Undo alone: a [Map], [Parallel], [Race], [All] and their like keep nothing of the Undo of
// their operands once they have succeeded.
//
// What wraps one operation keeps its Undo: [Transform], [Op.MapError] and [Op.Key] because they
// are the operation itself, [Timeout] and [Retry] by a step of their own name, once they have
// succeeded. An Undo of the wrapper itself replaces the one inside.
//
// Operations that a batch or a failing scope leaves behind are undone too. If the body of one was
// running then, it is not known what came of it: the error is an [*UndoError] that lists it as
// unknown, of a batch with a winner as well. Use [Op.UndoAttempted] for what takes part in a
// [Race].
//
// The name of the operation has at most 251 bytes.
func (o Op[T]) Undo(fn func(context.Context, T) error, opts ...StepOption) Op[T] {
	if fn == nil {
		return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Op.Undo", h.Name) })
	}
	return o.undo("Op.Undo", false, func(decode func(node.Result) (T, error), r node.Result) func(context.Context) error {
		return func(ctx context.Context) error {
			v, err := decode(r)
			if err != nil {
				return fmt.Errorf("decode the result to undo: %w", err)
			}
			return fn(ctx, v)
		}
	}, opts)
}

// UndoAttempted is [Op.Undo] for operations that may have had an effect without completing: fn
// runs also when the operation failed or was cut off. It gets no result, for there may be none;
// let it find out by the operation's idempotency key what there is to undo. The start of the
// operation is recorded before its body begins, at the price of a round trip, and a body that was
// abandoned has ended before fn runs.
func (o Op[T]) UndoAttempted(fn func(context.Context) error, opts ...StepOption) Op[T] {
	if fn == nil {
		return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Op.UndoAttempted", h.Name) })
	}
	return o.undo("Op.UndoAttempted", true, func(func(node.Result) (T, error), node.Result) func(context.Context) error { return fn }, opts)
}

func (o Op[T]) undo(
	method string, attempted bool, body func(func(node.Result) (T, error), node.Result) func(context.Context) error, opts []StepOption,
) Op[T] {
	return o.withSides(func(h *node.Header, decode func(node.Result) (T, error)) {
		name := h.Name + undoSuffix
		step := func(r node.Result) *node.Step {
			n := &node.Step{Header: header[None](name, subtype.Step), Body: doFn(body(decode, r))}
			step[None](n, opts)
			return n
		}
		h.Undo = &node.Undo{Attempted: attempted, Step: step}
		if n := step(node.Result{}); h.Err == nil && n.Err != nil {
			h.Err = misuse(h.Name, "%s: %v", method, n.Err)
		}
	})
}

// undoSuffix follows the name of an operation in the name of its compensation.
const undoSuffix = "-undo"
