package op

import (
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
)

// keepUndo moves the Undo of the operation inside a wrapper outward: until the wrapper has
// succeeded what is inside takes care of itself, and then the scope of the wrapper does. inner
// finds the record of the operation in that of the wrapper. A wrapper with an Undo of its own
// replaces it.
func keepUndo(h *node.Header, constructor string, o node.Node, inner func(node.Result) node.Result) {
	if h.Err != nil {
		return
	}
	u, all := undosOf(o)
	switch {
	case u == nil:
		return
	case !all:
		h.Err = misuse(h.Name, "op.%s: one side of the declared change %q has an Undo and the other one has none: give both one, or put the "+
			"declaration around op.%s", constructor, o.Head().Name, constructor)
		return
	}
	if len(h.Name)+len(undoSuffix) > limits.Name {
		h.Err = misuse(h.Name, "op.%s: the name has %d bytes; the Undo of %q needs one of at most %d",
			constructor, len(h.Name), o.Head().Name, limits.Name-len(undoSuffix))
		return
	}
	name := h.Name + undoSuffix
	h.Undo = &node.Undo{Inner: true, Past: u.Past, Step: func(r node.Result) *node.Step {
		it := inner(r)
		taken := u
		if side := node.Side(o, it.Sides); side != nil && side.Head().Undo != nil {
			taken = side.Head().Undo
		}
		n := *taken.Step(it)
		n.Name = name
		return &n
	}}
}

// undosOf returns the Undo of an operation, or of the newest of its sides that has one, and whether
// all of them have.
func undosOf(o node.Node) (u *node.Undo, all bool) {
	all = true
	node.Walk(o, func(side node.Node, _ node.Sides, _ bool) bool {
		if side.Head().Undo == nil {
			all = false
		} else if u == nil {
			u = side.Head().Undo
		}
		return true
	})
	return u, all
}

// itself is for wrappers that pass on the record of what is inside.
func itself(r node.Result) node.Result { return r }

// operand is for wrappers that are batches whose first operation is the one inside.
func operand(r node.Result) node.Result {
	if r.Outcome == nil {
		return node.Result{Err: errNoOutcome}
	}
	for _, it := range r.Outcome.Items {
		if it.Index == 0 {
			return it.Result
		}
	}
	return node.Result{Err: errNoOutcome}
}

// keepsItems reports an operation whose Undo needs the results of its operands, which a codec of
// its own would not keep.
func keepsItems(n node.Node) bool {
	_, batch := n.(*node.Batch)
	u := n.Head().Undo
	return batch && u != nil && u.Inner
}
