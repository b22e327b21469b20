package engine

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// Decision is which side of a declared change was taken.
type Decision struct {
	// Path is that of the side's operation, or of the newest one if the side claims nothing, As the
	// constructor: Replaces, Added or Removed.
	Path, As string
	// Side says what was taken.
	Side Side
	// Name is that of what runs; empty if nothing does.
	Name string
	// Change is the path of the newest operation that the change is about, whichever side was
	// taken.
	Change string
	// ID is that of the record of the old side's operation, or of its branch; empty if there is
	// none, or the new side was taken. Now is what the code calls it today, with its key; empty if
	// the code has it no more.
	ID, Now string
}

// Side says whose side of a declared change was taken.
type Side int

const (
	// NewSide is the code of today.
	NewSide Side = iota
	// OldSide is what the code was before: an operation, or code that is several or none.
	OldSide
)

// String is "new" or "old".
func (s Side) String() string {
	if s == OldSide {
		return "old"
	}
	return "new"
}

// decisionOf describes which side was taken.
func decisionOf(s *scope, n *node.Choice, c candidate) Decision {
	h := n.Head()
	d := Decision{As: n.As}
	if c.n != nil {
		h = c.n.Head()
		d.Name = h.Name
	}
	if c.sides != 0 {
		d.Side = OldSide
		if _, several := c.n.(*node.Inline); c.rec != nil && !several {
			d.ID = c.rec.ID
		}
	}
	if n.New != nil {
		d.Now = oplog.WireName(n.Head().Name, n.Head().Key)
	}
	d.Path, d.Change = nextPath(s, h), nextPath(s, n.Head())
	return d
}

// passed notes that an operation that was started is as if it had been added.
func (r *Rehearsal) passed(path string) {
	for i := range slices.Backward(r.Decisions) {
		if d := &r.Decisions[i]; d.Path == path {
			d.Side, d.Name, d.ID = OldSide, "", ""
			return
		}
	}
}

// decided notes for a rehearsal which side of a declared change an operand is; batch is the path of
// its batch, and id the ID of that, empty if it has no record.
func (s *scope) decided(n *node.Batch, o *operand, id string, batch func() string) {
	r := s.inv.Rehearsal
	if !o.declared || o.err != nil || r == nil || s.f.look != nil {
		return
	}
	d := Decision{As: o.as, Path: oplog.ItemPath(batch(), o.label), Change: oplog.ItemPath(batch(), o.shownAs)}
	if o.n != nil && !o.passed {
		d.Name = o.head.Name
	}
	if !o.left {
		d.Now = o.shownAs
	}
	if o.sides != 0 {
		d.Side = OldSide
		d.ID = recordOf(n, o, id)
	}
	if !slices.Contains(r.Decisions, d) {
		r.Decisions = append(r.Decisions, d)
	}
}

// sidesAlike describes a declared change both of whose sides begin with the same operation.
func sidesAlike(s *scope, n *node.Choice, rec *checkpoint.Operation) *Divergence {
	return &Divergence{
		Reason: "both sides of a declared change begin with the same operation, so that the log cannot say which one the execution has " +
			"begun: put what both begin with before the declaration, or give it another name in the new side",
		Log:  recorded(rec),
		Code: "op." + n.As + " at " + quote(nextPath(s, n.Head())),
	}
}

// recordOf is the ID of the record that an operand of a batch has if it has begun: that of its
// branch, or of the operation if branches have none; empty if there is none.
func recordOf(n *node.Batch, o *operand, batch string) string {
	if batch == "" || o.n == nil || o.passed {
		return ""
	}
	if !n.Flat {
		return string(o.appendID(nil, oplog.NewScope(batch), o.index))
	}
	k := newBranch(o)
	if _, plain := k.plain(); plain {
		return ""
	}
	id, _ := originOf(k, batch, "")
	return id
}
