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
	h := &n.Header
	d := Decision{As: n.As}
	if c.n != nil {
		h = c.n.Head()
		d.Name = h.Name
	}
	if c.sides != 0 {
		d.Side = OldSide
	}
	d.Path, d.Change = nextPath(s, h), nextPath(s, &n.Header)
	return d
}

// passed notes that an operation that was started is as if it had been added.
func (r *Rehearsal) passed(path string) {
	for i := range slices.Backward(r.Decisions) {
		if d := &r.Decisions[i]; d.Path == path {
			d.Side, d.Name = OldSide, ""
			return
		}
	}
}

// decided notes for a rehearsal which side of a declared change an operand is; batch is the path of
// its batch.
func (s *scope) decided(o *operand, batch func() string) {
	r := s.inv.Rehearsal
	if !o.declared || o.err != nil || r == nil || s.f.look != nil {
		return
	}
	d := Decision{As: o.as, Path: oplog.ItemPath(batch(), o.label), Change: oplog.ItemPath(batch(), o.shownAs)}
	if o.n != nil && !o.passed {
		d.Name = o.head.Name
	}
	if o.sides != 0 {
		d.Side = OldSide
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
		Code: "op." + n.As + " at " + quote(nextPath(s, &n.Header)),
	}
}
