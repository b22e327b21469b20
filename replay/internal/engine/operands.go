package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
)

// Which side of a declared change an operand of a batch is, its branch in the log says: branches
// are identified, not ordered.
//
//  1. If the log holds the branch of a side, that side is taken; of several, the newest.
//  2. Otherwise, if the batch has ended, a side that claims nothing is taken, if there is one.
//  3. Otherwise the newest side is taken: the branch begins now, or is found missing.

// operand is an operation of a batch once it is known which side of a declared change it is.
type operand struct {
	index int
	// n is nil if the side claims nothing; head is then that of the declared change. shown is what
	// the code calls it today, whichever side it is.
	n           node.Node
	head, shown *node.Header
	branchIdentity
	sides node.Sides
	// left says that the operation is not run: the code has it no more. passed that the code has it
	// again, and the batch has ended without it: it is as if it had been added. declared says that
	// the operand is a declared change, as by which constructor.
	left, passed, declared bool
	of                     *node.Choice // the declared change; nil if it is none
	as, shownAs            string       // shownAs is the label that the newest side has
	err                    error
}

// operandsOf makes the operations of a batch: those of the code, then those that it had.
func operandsOf(f *fiber, n *node.Batch, ev *evidence) []operand {
	list := make([]operand, n.N+len(n.Gone))
	for i := range list {
		if i < n.N {
			list[i] = operandOf(n, childOf(f, n, i), i, ev)
			continue
		}
		gone := &node.Choice{Old: n.Gone[i-n.N], Left: true, As: "WithRemoved"}
		list[i] = operandOf(n, gone, i, ev)
	}
	return list
}

// operandOf says which side of o the i-th operand is.
func operandOf(n *node.Batch, o node.Node, i int, ev *evidence) operand {
	c, declared := o.(*node.Choice)
	if !declared {
		k := operand{index: i, n: o, head: o.Head(), shown: o.Head(), branchIdentity: newIdentity(n, o.Head(), i)}
		k.err = cmp.Or(k.head.Err, operandError(o))
		return k
	}
	h := c.Head()
	k := operand{index: i, head: h, shown: h, branchIdentity: newIdentity(n, h, i), declared: true, of: c, as: c.As}
	k.shownAs = k.label
	if k.err = cmp.Or(h.Err, undecidable(n, c, i)); k.err != nil {
		return k
	}
	ev.look()
	t := sideOf(n, o, i, ev, false)
	if k.sides = t.sides; t.n == nil {
		if t.n = ev.without(n, c, i); t.n == nil {
			return k
		}
		t.left, k.passed = true, true
	}
	k.n, k.head, k.left = t.n, t.n.Head(), t.left
	k.branchIdentity, k.err = newIdentity(n, k.head, i), k.head.Err
	return k
}

// taken is a side of a declared change.
type taken struct {
	n          node.Node
	sides      node.Sides
	left, held bool
}

// sideOf says which side of o is taken.
func sideOf(n *node.Batch, o node.Node, i int, ev *evidence, left bool) taken {
	if o == nil {
		return taken{}
	}
	c, ok := o.(*node.Choice)
	if !ok {
		id := newIdentity(n, o.Head(), i)
		return taken{n: o, left: left, held: ev.holds(&id, i, left)}
	}
	newer, older := sideOf(n, c.New, i, ev, left), sideOf(n, c.Old, i, ev, left || c.Left)
	newer.sides, older.sides = newer.sides.Under(false), older.sides.Under(true)
	switch {
	case ev.oldest():
		return older
	case newer.held:
		return newer
	case older.held:
		return older
	case ev.ended() && newer.n != nil && older.n == nil:
		return older
	}
	return newer
}

// undecidable reports sides of which the log cannot say which one was begun.
func undecidable(n *node.Batch, c *node.Choice, i int) (err error) {
	var seen []branchIdentity
	node.Walk(c, func(side node.Node, _ node.Sides, left bool) bool {
		if left && n.Indexed && side.Head().Key == "" {
			err = errLeftByIndex
			return false
		}
		if err = operandError(side); err != nil {
			return false
		}
		if _, ok := side.(*node.Await); ok {
			err = errDeclaredFuture
			return false
		}
		id := newIdentity(n, side.Head(), i)
		if slices.Contains(seen, id) {
			err = fmt.Errorf("%w: each side is the branch %s, so that no log says which one was begun: give one of them another name or "+
				"key, or put the declaration inside, op.Group(%s, func(ctx op.Context) … { return replay.Run(ctx, op.%s(…)) })",
				errAlikeBranches, quote(id.label), quote(c.Head().Name), c.As)
			return false
		}
		seen = append(seen, id)
		return true
	})
	return err
}

var (
	errAlikeBranches  = errors.New("a declared change of an operand")
	errDeclaredFuture = errors.New("a side of a declared change is a future: declare the change where the operation is started by Go")
	errLeftByIndex    = errors.New("an item that was removed has no key, so its index identifies it: write op.Replaces(new, old) around the map, with another name for the new one")
	errInlineOperand  = errors.New("an op.Inline has no record, so it is no branch: make it an op.Group")
)

// sharedBranch reports a branch that two operands may be: the log cannot say which one was begun.
// Operands that are no declared changes and are alike are found without it.
func sharedBranch(n *node.Batch, list []operand) error {
	if !slices.ContainsFunc(list, func(o operand) bool { return o.of != nil }) {
		return nil
	}
	seen := make(map[identity]int, len(list))
	for i := range list {
		var shared string
		note := func(h *node.Header) {
			id := newIdentity(n, h, i)
			first, twice := seen[identity{id.name, id.key}]
			if twice && first != i && !id.indexed && (list[first].of != nil || list[i].of != nil) {
				shared = id.label
			}
			seen[identity{id.name, id.key}] = i
		}
		if o := &list[i]; o.of == nil {
			note(o.head)
		} else {
			node.Walk(o.of, func(side node.Node, _ node.Sides, _ bool) bool { note(side.Head()); return true })
		}
		if shared != "" {
			return fmt.Errorf("%w: two operands may be the branch %s, so that no log says which one was begun: give one of them another "+
				"name or key, and leave what an op.WithRemoved names out of the operands", errAlikeBranches, quote(shared))
		}
	}
	return nil
}

// operandError reports an operation that cannot be a branch.
func operandError(o node.Node) error {
	switch o.(type) {
	case *node.Callback:
		return errCreatedInBatch
	case *node.Inline:
		return errInlineOperand
	case *node.Step, *node.Wait, *node.Invoke, *node.Group, *node.Batch, *node.Await, *node.Choice:
	}
	return nil
}

// evidence is what the log holds of the branches of a batch. It is looked up when it is asked for:
// most operands are no declared changes.
type evidence struct {
	s *scope
	n *node.Batch
	// id is that of the batch; empty if it has no record.
	id string
	// e is how the batch ended; nil if that is not in the log.
	e      *wire.Envelope
	marks  []wire.Mark
	looked bool
}

// evidenceOf is the evidence of a batch whose record is rec; nil if it has none.
func evidenceOf(s *scope, n *node.Batch, rec *checkpoint.Operation) *evidence {
	ev := &evidence{s: s, n: n}
	if rec == nil {
		return ev
	}
	ev.id = rec.ID
	if rec.Status.Terminal() {
		ev.e, _ = wire.ReadEnvelope(rec.Payload.Bytes())
	}
	return ev
}

// look finds out how the batch ended if an earlier invocation has begun to compensate its losers.
func (ev *evidence) look() {
	if ev.looked {
		return
	}
	ev.looked = true
	if ev.e == nil && ev.id != "" {
		id := oplog.NewScope(oplog.UndoScope(ev.id)).AppendID(nil, outcomeName, "", 0)
		if rec, _ := ev.s.inv.log.Find(id); rec != nil && rec.Status == checkpoint.StatusSucceeded {
			ev.e, _ = wire.ReadEnvelope(rec.Payload.Bytes())
		}
	}
	if ev.e != nil {
		ev.marks = ev.e.Marks()
	}
}

// ended reports whether how the batch ends is in the log.
func (ev *evidence) ended() bool { return ev.e != nil }

// oldest reports whether the batch ended before names of branches were kept: then no operand was a
// declared change.
func (ev *evidence) oldest() bool {
	return ev.e != nil && !ev.n.Indexed && ev.e.IDs == "" && ev.e.Status != ""
}

// holds reports whether the log holds a branch; left says that the code does not run it.
func (ev *evidence) holds(id *branchIdentity, index int, left bool) bool {
	if ev.e != nil {
		if held, known := ev.ends(id, index, left); known || ev.n.Fixed {
			return held
		}
	}
	if ev.id == "" {
		return false
	}
	// A branch that has begun may not count as started: that depends on the order of the code.
	branch := id.appendID(nil, oplog.NewScope(ev.id), index)
	if !ev.n.Flat {
		rec, _ := ev.s.inv.log.Find(branch)
		return rec != nil
	}
	inside := string(branch)
	return ev.s.inv.log.Unclaimed(oplog.NewScope(inside)) > 0 || ev.s.inv.log.Unclaimed(oplog.NewScope(oplog.UndoScope(inside))) > 0
}

// ends reports whether the batch ended with a branch; known says that how it ended names it. One
// that was left as it was has no result.
func (ev *evidence) ends(id *branchIdentity, index int, left bool) (held, known bool) {
	mark := id.mark()
	if mark == "" {
		held = index < len(ev.marks) && ev.marks[index] == ""
		return held, held
	}
	i := slices.Index(ev.marks, mark)
	return i >= 0 && (left || !ev.e.Left(i)), i >= 0
}

// without is the side of a declared change that the batch ended without: it had begun, and the code
// did not have it then. It is nil if there is none.
func (ev *evidence) without(n *node.Batch, c *node.Choice, index int) (found node.Node) {
	if ev.e == nil {
		return nil
	}
	node.Walk(c, func(side node.Node, _ node.Sides, _ bool) bool {
		id := newIdentity(n, side.Head(), index)
		if mark := id.mark(); mark != "" && ev.e.Left(slices.Index(ev.marks, mark)) {
			found = side
		}
		return found == nil
	})
	return found
}

// appendID appends the ID of a branch.
func (id *branchIdentity) appendID(dst []byte, batch oplog.Scope, index int) []byte {
	if !id.indexed {
		index = 0
	}
	return batch.AppendID(dst, id.name, id.key, index)
}
