package op

import (
	"github.com/perdure/perdure/op/node"
)

// withSides is with for a change that needs the result of the operation: each side of a declared
// change is given the function that decodes a record of that side.
func (o Op[T]) withSides(change func(h *node.Header, decode func(node.Result) (T, error))) Op[T] {
	decode := o.result
	c, ok := o.n.(*node.Choice)
	if !ok {
		return o.with(func(h *node.Header) { change(h, decode) })
	}
	o.n = withSides(c, 0, 0, func(h *node.Header, s node.Sides) {
		change(h, func(r node.Result) (T, error) {
			r.Sides = s
			return decode(r)
		})
	})
	return o
}

// withSides returns a copy of n in which change has changed the headers, given the sides that they
// are those of.
func withSides(n node.Node, s node.Sides, depth int, change func(*node.Header, node.Sides)) node.Node {
	c, ok := n.(*node.Choice)
	switch {
	case n == nil:
		return nil
	case !ok:
		return node.With(n, func(h *node.Header) { change(h, s) })
	}
	changed := *c
	changed.New = withSides(c.New, s, depth+1, change)
	changed.Old = withSides(c.Old, s|1<<depth, depth+1, change)
	return &changed
}

// choice is an operation of which the log decides which side it is.
func choice(as string, newer, older node.Node, left bool) *node.Choice {
	c := &node.Choice{New: newer, Old: older, Left: left, As: as}
	if depth := node.Depth(c); depth > node.MostSides {
		c.Err = misuse(c.Head().Name, "op.%s: %d declared changes are nested in one another; at most %d are allowed: "+
			"drop those that no running execution needs any more", as, depth, node.MostSides)
	}
	return c
}

// taken returns whether the result of a declared change is that of its side Old, and the result as
// that side has it, or the other one.
func taken(r node.Result) (old bool, of node.Result) {
	old, r.Sides = r.Sides.Split()
	return old, r
}

// checked returns n, with what is wrong if it is a declared change that the log could not decide.
func checked(n node.Node) node.Node {
	c, ok := n.(*node.Choice)
	if !ok {
		if in, inline := n.(*node.Inline); inline && in.Err == nil && in.Undo != nil {
			return invalidInline(in)
		}
		return n
	}
	if c.Head().Err != nil {
		return n
	}
	err := undecidable(c)
	if err == nil {
		return n
	}
	refused := *c
	refused.Err = err
	return &refused
}

// plain reports a side that is one operation, or nothing.
func plain(n node.Node) bool {
	switch n.(type) {
	case nil, *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch:
		return true
	case *node.Await, *node.Choice, *node.Inline:
	}
	return false
}

func invalidInline(n *node.Inline) node.Node {
	refused := *n
	refused.Err = inlineUndo(n.Name)
	return &refused
}

func inlineUndo(name string) error {
	return misuse(name, "Op.Undo of an op.Inline: it has no record that could be undone; give the operations inside an Undo each")
}

// undecidable reports sides that the log cannot distinguish, and options that a side cannot have.
func undecidable(c *node.Choice) (err error) {
	if plain(c.New) && plain(c.Old) && (c.New == nil || c.Old == nil || !sameIdentity(c.New, c.Old)) {
		return nil // most are: a replay makes one for each that it passes
	}
	var heads [8]node.Node
	seen := heads[:0]
	node.Walk(c, func(n node.Node, _ node.Sides, left bool) bool {
		switch n := n.(type) {
		case *node.Inline:
			switch {
			case n.Undo != nil:
				err = inlineUndo(n.Name)
			case left:
				err = misuse(n.Name, "op.%s of an op.Inline: declare op.Removed for each operation that it runs", c.As)
			}
			return err == nil
		case *node.Await:
			if left {
				err = misuse(n.Name, "op.%s of a future: declare op.Removed where the operation was started", c.As)
			}
			return err == nil
		case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Choice:
		}
		for _, other := range seen {
			if sameIdentity(other, n) {
				h := n.Head()
				err = misuse(h.Name, "op.%s: both sides are a %s of the name %q and the key %q, so that no log says which one was begun: "+
					"give the new one another name (or key), or put what both begin with before the declaration", c.As, kindName(n), h.Name, h.Key)
				return false
			}
		}
		seen = append(seen, n)
		return true
	})
	return err
}

// sameIdentity reports whether a record of one operation could be one of the other.
func sameIdentity(a, b node.Node) bool {
	h, g := a.Head(), b.Head()
	return h.Name == g.Name && h.Key == g.Key && h.SubType == g.SubType && kindName(a) == kindName(b)
}

// kindName says what an operation is, as far as the log distinguishes operations.
func kindName(n node.Node) string {
	switch n.(type) {
	case *node.Step:
		return "step"
	case *node.Wait:
		return "wait"
	case *node.Callback:
		return "callback"
	case *node.Invoke:
		return "invoke"
	case *node.Group, *node.Batch:
		return "group"
	case *node.Await:
		return "future"
	case *node.Inline:
		return "inline"
	case *node.Choice:
	}
	return "declared change"
}

// isDeclared reports a declared change, and code that runs in the scope around it.
func isDeclared(n node.Node) bool {
	switch n.(type) {
	case *node.Choice, *node.Inline:
		return true
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Await:
	}
	return false
}
