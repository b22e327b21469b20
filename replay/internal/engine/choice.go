package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Which side of a declared change is taken is decided by the log alone:
//
//  1. If it holds nothing of the scope, or of its compensations, that the code has not reached, the
//     newest side is taken.
//  2. Otherwise, of the sides whose first operation has a record, the one whose record is the
//     earliest.
//  3. Otherwise a side that claims nothing, if there is one: the newest.
//  4. Otherwise the newest side, whose claim is then the divergence.
//
// This is right because a record implies records of all that was claimed before it, and records
// never vanish. If the old code was in this place, its first operation there was recorded before
// all that comes later (2), or it had none (3). If it was not, nothing later is in the log (1). And
// who took the new side has recorded its first operation before anything later: the next invocation
// takes it again.

// candidate is a side of a declared change, and what the log says of the operation that it begins
// with.
type candidate struct {
	n     node.Node // nil if it claims nothing
	sides node.Sides
	left  bool // it is not run
	state state
	rec   *checkpoint.Operation
	place int // of the record, among all
	// gone is the operation that the execution has gone past without its end; nil if there is none.
	gone node.Node
}

// state is what the log says of a side.
type state int

const (
	claimsNothing state = iota
	unrecorded
	isRecorded
)

// callChoice runs, or starts, the side of a declared change that the log says.
func callChoice(ctx context.Context, s *scope, n *node.Choice, start bool) node.Result {
	if start {
		if in := inlineOf(n); in != nil {
			return refusedResult(s, fmt.Errorf("replay: %s: a side of it is the op.Inline %s, which runs in its place and cannot be "+
				"started by Go: start the operations inside and return their futures, or make it an op.Group",
				quote(describe(s, &n.Header)), quote(in.Name)), start)
		}
	}
	newest := newestOf(n)
	if newest != nil && s.past.names != nil {
		if err := repeats(s, newest); err != nil {
			return refusedResult(s, err, start)
		}
	}
	c := s.choose(ctx, n, start)
	if r := s.inv.Rehearsal; r != nil && s.f.look == nil {
		r.Decisions = append(r.Decisions, decisionOf(s, n, c))
	}
	if c.gone == nil {
		s.passOver(n, newest, c.n)
	} else {
		s.passOver(n, newest, c.gone)
	}
	undos := len(s.saga.undos)
	older := s.past.inside
	s.past.inside = older || c.sides != 0
	r := s.take(ctx, c, start)
	if o, ok := r.Target.(*operation); ok && start && n.Old == nil && c.state == isRecorded {
		o.added = true
	}
	s.past.inside = older
	s.saga.note(undos, r, start)
	r.Sides = c.sides
	return r
}

// take runs, or starts, a side.
func (s *scope) take(ctx context.Context, c candidate, start bool) node.Result {
	if c.gone != nil {
		callLeft(ctx, s, c.gone, false)
	}
	switch n := c.n.(type) {
	case nil:
		return givenResult(s, node.Result{}, start)
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Await, *node.Inline, *node.Choice:
		if c.left {
			return callLeft(ctx, s, n, start)
		}
		return s.call(ctx, n, start)
	}
	return node.Result{}
}

// newestOf is how executions run that have not ended a declared change; nil if that is nothing.
func newestOf(n *node.Choice) node.Node { return node.Side(n, 0) }

// inlineOf is a side that runs in the scope; nil if there is none.
func inlineOf(n *node.Choice) *node.Inline {
	var found *node.Inline
	node.Walk(n, func(side node.Node, _ node.Sides, _ bool) bool {
		in, ok := side.(*node.Inline)
		if ok {
			found = in
		}
		return !ok
	})
	return found
}

// fresh reports whether the log holds nothing of the scope that the code has not reached.
func (s *scope) fresh() bool {
	if s.readOnly || s.unclaimed() > 0 {
		return false
	}
	return s.inv.log.AllClaimed() || s.inv.log.Unclaimed(undoIDs(s)) == 0
}

// choose decides which side is taken.
func (s *scope) choose(ctx context.Context, n *node.Choice, start bool) candidate {
	if s.fresh() {
		return candidate{n: newestOf(n)}
	}
	c := s.firstOf(ctx, n)
	if !start && n.Old == nil && c.state == isRecorded && s.goneBy(c) {
		return candidate{sides: node.Sides(0).Under(true), gone: c.n, state: isRecorded, rec: c.rec, place: c.place}
	}
	return c
}

// goneBy reports whether the execution has gone past an operation without its end: by a version of
// the code that had removed it. For a version that has it again, it is as if it had been added.
//
// The record says so: what is later in the scope was begun before it had ended. Only the service
// ends an operation that no code waits for.
func (s *scope) goneBy(c candidate) bool {
	switch c.n.(type) {
	case *node.Inline, *node.Await, *node.Choice:
		return false
	case *node.Step, *node.Group, *node.Batch, *node.Wait, *node.Callback, *node.Invoke:
	}
	return s.wentOnWithout(c.rec, c.place)
}

// wentOnWithout reports whether the execution has gone on in the scope before an operation ended,
// whose record this is and that it waits for: it has begun what comes later, or to compensate the
// scope, or has ended that.
func (s *scope) wentOnWithout(rec *checkpoint.Operation, place int) bool {
	if rec.Status.Terminal() && (rec.Kind == checkpoint.KindStep || rec.Kind == checkpoint.KindContext) {
		return false // only code that waits for it ends it
	}
	recs := slices.Concat(s.inv.log.UnclaimedRecords(s.ids), s.inv.log.UnclaimedRecords(undoIDs(s)))
	if !rec.Status.Terminal() {
		return s.readOnly || slices.ContainsFunc(recs, func(other checkpoint.Operation) bool { return other.ID != rec.ID })
	}
	if around, ok := s.inv.log.Get(s.real); ok && s.readOnly && around.End.Before(rec.End) {
		return true
	}
	return slices.ContainsFunc(recs, func(other checkpoint.Operation) bool {
		_, at := s.inv.log.Find([]byte(other.ID))
		return at > place && other.Start.Before(rec.End)
	})
}

// passes is goneBy for an operation that was started, when it is waited for: until then the
// execution may have gone on without its end in any version. It is ended, and from then on as if it
// had been added.
func (s *scope) passes(o *operation) bool {
	if !o.added || o.passed || !s.kind.ordered() && !s.readOnly {
		return o.passed
	}
	rec, place := s.inv.log.Find([]byte(o.id))
	if rec == nil || o.found == nil || o.done && !o.found.Status.Terminal() || !s.wentOnWithout(rec, place) {
		return false
	}
	o.passed = true
	if o.f != nil {
		o.f.End(false)
	}
	if r := s.inv.Rehearsal; r != nil {
		r.passed(o.path())
	}
	return true
}

// firstOf says what a declared change begins with, and which side that is.
func (s *scope) firstOf(ctx context.Context, n *node.Choice) candidate {
	newer, older := s.first(ctx, n.New), s.first(ctx, n.Old)
	older.left = older.left || n.Left
	newer.sides, older.sides = newer.sides.Under(false), older.sides.Under(true)
	switch {
	case newer.state == isRecorded && older.state == isRecorded:
		if newer.rec.ID == older.rec.ID {
			s.diverge(sidesAlike(s, n, newer.rec))
		}
		if older.place < newer.place {
			return older
		}
		return newer
	case newer.state == isRecorded:
		return newer
	case older.state == isRecorded:
		return older
	case newer.state == claimsNothing:
		return newer
	case older.state == claimsNothing:
		return older
	}
	return newer
}

// first says what a side begins with.
func (s *scope) first(ctx context.Context, n node.Node) candidate {
	switch n := n.(type) {
	case nil:
		return candidate{}
	case *node.Choice:
		return s.firstOf(ctx, n)
	case *node.Inline:
		c := s.lookInto(ctx, n)
		return candidate{n: n, state: c.state, rec: c.rec, place: c.place}
	case *node.Await:
		return candidate{n: n}
	case *node.Wait:
		if !n.Until.IsZero() && !n.Until.After(s.knownNow()) {
			return candidate{n: n}
		}
	case *node.Step, *node.Callback, *node.Invoke, *node.Group, *node.Batch:
	}
	return s.find(n)
}

// find looks for the record of an operation, as it would be claimed next.
func (s *scope) find(n node.Node) candidate {
	var buf [maxID]byte
	h := n.Head()
	c := candidate{n: n, state: unrecorded}
	nth, known := s.seen.of(identity{h.Name, h.Key})
	id := s.ids.AppendID(buf[:0], h.Name, h.Key, nth)
	if !known && s.inv.log.ClaimedBy(id) == s.claimer() {
		id = s.ids.AppendID(buf[:0], h.Name, h.Key, 1)
	}
	rec, place := s.inv.log.Find(id)
	if rec != nil && rec.Kind == kindOf(n) && rec.SubType == h.SubType && oplog.IsWireName(rec.Name, h.Name, h.Key) {
		c.state, c.rec, c.place = isRecorded, rec, place
	}
	return c
}

// past is what a scope knows of operations that the newest code does not have.
type past struct {
	// names are those without a key that old sides of declared changes have used up.
	names map[string]bool
	// inside says that an old side runs.
	inside bool
}

// passOver has each name and key of a declared change count once, whichever side is taken: the next
// operation of the same name must be the same one whatever the log holds.
func (s *scope) passOver(n *node.Choice, newest, taken node.Node) {
	if (n.New == nil || n.Old == nil) && taken != nil && (taken == n.New || taken == n.Old && n.New == nil && taken.Head().Key != "") {
		return // the only name is that of what is claimed
	}
	node.Walk(n, func(side node.Node, _ node.Sides, _ bool) bool {
		switch side.(type) {
		case *node.Inline, *node.Await:
			return true
		case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Choice:
		}
		h := side.Head()
		if h.Key == "" && !named(newest, h) && !s.past.inside {
			if s.past.names == nil {
				s.past.names = make(map[string]bool)
			}
			s.past.names[h.Name] = true
		}
		if named(taken, h) || counted(n, side) {
			return true
		}
		s.seen.set(identity{h.Name, h.Key}, s.next(h)+1)
		return true
	})
}

// named reports whether an operation has the name and key of h.
func named(n node.Node, h *node.Header) bool {
	switch n.(type) {
	case nil, *node.Inline, *node.Await:
		return false
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Choice:
	}
	g := n.Head()
	return g.Name == h.Name && g.Key == h.Key
}

// counted reports whether a side before this one has its name and key.
func counted(n *node.Choice, side node.Node) bool {
	before := false
	node.Walk(n, func(other node.Node, _ node.Sides, _ bool) bool {
		if other == side {
			return false
		}
		before = before || named(other, side.Head())
		return !before
	})
	return before
}

// repeats reports an operation of the newest code whose name without a key an old side has used up:
// it would have another place in the log once the declaration is dropped.
func repeats(s *scope, n node.Node) error {
	h := n.Head()
	switch n.(type) {
	case *node.Inline, *node.Await, *node.Choice:
		return nil
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch:
	}
	if h.Key != "" || s.past.inside || !s.past.names[h.Name] {
		return nil
	}
	return fmt.Errorf("replay: %s: the old side of a declared change before it has this name, too, so its place in the log would change "+
		"when the declaration is dropped: give it a key and say that it had none, .Key(%q).WasKey(\"\")", quote(nextPath(s, h)), "1")
}

// callInline runs code in the scope.
func callInline(ctx context.Context, s *scope, n *node.Inline, start bool) node.Result {
	if start {
		return refusedResult(s, fmt.Errorf("replay: %s: an op.Inline runs in its place and cannot be started by Go: "+
			"start the operations inside, or make it an op.Group", quote(n.Name)), start)
	}
	if s.inv.Observer != nil && !s.f.logOnly {
		v, err := observedGroup(ctx, s, Sight{
			ParentID: s.real, Name: n.Name, SubType: subtype.Group, Path: s.pathOf(&n.Header, 0), Kind: checkpoint.KindContext,
			Replay: s.replaying(), Virtual: true,
		}, n.Body)
		return node.Result{Value: v, Err: err}
	}
	v, err := runScope(s.f, n.Body, &Handle{s: s, ctx: ctx})
	err = regainedInside(s.f, err)
	return node.Result{Value: v, Err: err}
}
