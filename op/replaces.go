package op

import (
	"context"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
)

// Replaces declares that o stands where old stood: executions that have begun old in this place end
// it, all others run o. Nothing is recorded of the declaration; the log decides.
//
//  1. If the log holds nothing that this scope has not reached yet, o is run.
//  2. Otherwise the side whose first operation the log holds is taken; of both, the one that was
//     begun first.
//  3. Otherwise a side that claims nothing is taken, and o if there is none.
//
// A side may be several operations or none ([Inline]), a declaration itself (Replaces(v3,
// Replaces(v2, v1))), a group, a batch, or a [Transform] of what the code before it returned. The
// sides must not begin with the same operation: what both begin with stands before the
// declaration. Where a name without a key was that of an old side, a later operation of the scope
// needs a key: see [Op.WasKey]. An Undo ([Op.Undo]), a key and a codec of the whole are those of
// each side.
//
// As an operand, branch or item of a batch the side is taken whose branch the log holds; if it
// holds none, o while the batch is open, and a side that claims nothing when it has ended.
//
// The declaration may be dropped when no running execution can still take old: see
// docs/changing-code.md. On the zero Op as one of the sides, running it is an error, and so are
// sides that cannot be distinguished.
func Replaces[T any](o, old Op[T]) Op[T] {
	c := Op[T]{n: choice("Replaces", o.node(), old.node(), false)}
	if newer, older := o.decode, old.decode; newer != nil || older != nil { // else both are decoded as a T
		c.decode = func(r node.Result) (T, error) {
			was, r := taken(r)
			if was {
				return decodedWith(older, r)
			}
			return decodedWith(newer, r)
		}
	}
	return c
}

// Added declares that o is new in this place: executions that went past it before o was there get
// v, and nothing is run or recorded for them; all others run o. For the rest see [Replaces].
func Added[T any](o Op[T], v T) Op[T] {
	decode := o.decode
	return Op[T]{n: choice("Added", o.node(), nil, false), decode: func(r node.Result) (T, error) {
		was, r := taken(r)
		if was {
			return v, r.Err
		}
		return decodedWith(decode, r)
	}}
}

// Removed stands where o stood, and runs nothing. What has begun is left to itself: a body does not
// run again, a group or batch is not entered. If it has an Undo, that still compensates what
// completed.
//
// It belongs where o was, or earlier in the scope. A declaration of several operations is one
// Removed for each. Of a batch whose results have one type, [WithRemoved] declares what is gone.
func Removed[T any](o Op[T]) Op[Past[T]] {
	return Op[Past[T]]{n: choice("Removed", nil, o.node(), true), decode: func(r node.Result) (Past[T], error) {
		begun, r := taken(r)
		if !begun || r.Err != nil {
			return Past[T]{}, r.Err
		}
		return Past[T]{of: o, target: r.Target, sides: r.Sides, begun: true}, nil
	}}
}

// Past is what is left of an operation that the code does not run any more: see [Removed]. The zero
// value is that of one that was never begun.
type Past[T any] struct {
	of     Op[T]
	target any // what waits for it
	sides  node.Sides
	begun  bool
}

// Begun reports whether the execution had begun the operation.
func (p Past[T]) Begun() bool { return p.begun }

// Result returns the operation that has the result of the removed one. It leaves no record. It
// waits for a wait, callback or invoke that had begun, for the service ends those; the error is an
// [ErrRemoved] if the operation was never begun, and for a step, group or batch that had begun and
// not ended, for no one will end it.
func (p Past[T]) Result() Op[T] {
	if !p.begun {
		return Op[T]{n: invalid(ErrRemoved)}
	}
	return p.of.await(node.Result{Target: p.target, Sides: p.sides})
}

// Inline is code that runs in the scope around it, without a record and without a name of its own
// in the log: a side of [Replaces] that is several operations, or none. The name is for messages.
//
// fn is given the Context that it must use. To find out which operation it begins with, it may be
// run up to that operation and ended there: what it does before must have no effect. A panic of it
// is its error. It cannot be started by Go, and is no operand of a batch; it has no Undo, and a key
// or codec of it has no effect.
func Inline[T any](name string, fn func(Context) (T, error)) Op[T] {
	n := &node.Inline{Header: node.Header{Name: name, Err: checkName(name)}, Body: groupFn[T](fn)}
	if fn == nil {
		n.Err = nilBody(n.Err, "Inline", name)
	}
	return Op[T]{n: n, decode: func(r node.Result) (T, error) {
		v, _ := r.Value.(T)
		return v, r.Err
	}}
}

// Was declares that the operation had another name: executions that have begun it under that name
// end it so. It is [Replaces] with the operation under its old name as the old side; an [Op.Undo]
// before it keeps the old name as well. Operations that name what is inside them after themselves
// ([WaitForCallback], [Retry], [Timeout]) are refused: write the Replaces.
func (o Op[T]) Was(name string) Op[T] {
	return o.was("Op.Was", func(h *node.Header) {
		h.Name = name
		if err := checkName(name); err != nil && h.Err == nil {
			h.Err = err
		}
	})
}

// WasKey declares that the operation had another key, or none if the key is empty: executions that
// have begun it with that key end it so. Give the new key before: op.Step("remind",
// f).Key("1").WasKey("").
func (o Op[T]) WasKey(key string) Op[T] {
	return o.was("Op.WasKey", func(h *node.Header) { h.Key = key })
}

func (o Op[T]) was(method string, change func(*node.Header)) Op[T] {
	n := o.node()
	if _, ok := n.(*node.Choice); ok && n.Head().Err == nil {
		n = node.With(n, func(h *node.Header) {
			h.Err = misuse(h.Name, "%s of a declared change: write op.Replaces(new, old), in which old is what is declared so far", method)
		})
	}
	if namesInside(n) && method == "Op.Was" && n.Head().Err == nil {
		n = node.With(n, func(h *node.Header) {
			h.Err = misuse(h.Name, "%s: operations inside are named after it: write op.Replaces(new, old), each made by its constructor", method)
		})
	}
	newer := Op[T]{n: n, decode: o.decode}
	older := Op[T]{n: node.With(n, func(h *node.Header) {
		before := h.Name
		if change(h); h.Undo != nil && h.Name != before {
			h.Undo = renamedUndo(h)
		}
	}), decode: o.decode}
	return Replaces(newer, older)
}

// renamedUndo is the Undo of an operation under another name.
func renamedUndo(h *node.Header) *node.Undo {
	undo, name := *h.Undo, h.Name+undoSuffix
	if len(name) > limits.Name && h.Err == nil {
		h.Err = misuse(h.Name, "Op.Was: the name has %d bytes; with an Undo it has at most %d", len(h.Name), limits.Name-len(undoSuffix))
	}
	step := undo.Step
	undo.Step = func(r node.Result) *node.Step {
		n := *step(r)
		n.Name = name
		return &n
	}
	return &undo
}

// namesInside reports whether names of operations inside are made of the name of n.
func namesInside(n node.Node) bool {
	switch n := n.(type) {
	case *node.Group:
		return n.Of != nil || n.Outside
	case *node.Batch:
		return n.NamesInside
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, *node.Choice, *node.Inline:
	}
	return false
}

// WasUndone declares that the operation had the Undo fn and has none any more: an execution that
// has begun to compensate the operation by it goes on with that, and no other one is compensated.
// fn and opts are those of the Undo.
func (o Op[T]) WasUndone(fn func(context.Context, T) error, opts ...StepOption) Op[T] {
	if fn == nil {
		return o.with(func(h *node.Header) { h.Err = nilBody(h.Err, "Op.WasUndone", h.Name) })
	}
	return o.Undo(fn, opts...).with(func(h *node.Header) {
		if h.Undo != nil {
			undo := *h.Undo
			undo.Past = true
			h.Undo = &undo
		}
	})
}
