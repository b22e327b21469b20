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
	n node.Node // nil if it claims nothing
	// gone is the operation that the execution has gone past without its end; nil if there is none.
	gone  node.Node
	sides node.Sides
	left  bool // it is not run
	state state
	// rec is the record, at where it is in the log.
	rec *checkpoint.Operation
	at  ahead
}

// state is what the log says of a side.
type state int8

const (
	claimsNothing state = iota
	unrecorded
	isRecorded
)

// callChoice runs, or starts, the side of a declared change that the log says.
func callChoice(ctx context.Context, s *scope, n *node.Choice, start bool) (r node.Result) {
	if start {
		if in := inlineOf(n); in != nil {
			return refusedResult(s, fmt.Errorf("replay: %s: a side of it is the op.Inline %s, which runs in its place and cannot be "+
				"started by Go: start the operations inside and return their futures, or make it an op.Group",
				quote(describe(s, n.Head())), quote(in.Name)), start)
		}
	}
	newest := newestOf(n)
	if newest != nil && s.past.any {
		if err := repeats(s, newest); err != nil {
			return refusedResult(s, err, start)
		}
	}
	var few [4]side
	sides := sidesOf(n, few[:0])
	c := s.choose(ctx, n, sides, start)
	if found := s.inv.Rehearsal; found != nil && s.f.look == nil {
		found.Decisions = append(found.Decisions, decisionOf(s, n, c))
	}
	taken := c.n
	if c.gone != nil {
		taken = c.gone
	}
	s.passOver(sides, newest, taken)
	undos := len(s.saga.undos)
	older := s.past.inside
	s.past.inside = older || c.sides != 0
	r = s.take(ctx, &c, start)
	if o, ok := r.Target.(*operation); ok && start && c.state == isRecorded {
		o.added = addedSides(n, c.sides)
	}
	s.past.inside = older
	if undos < len(s.saga.undos) {
		s.saga.note(undos, r, start)
	}
	r.Sides = c.sides
	return r
}

// take runs, or starts, a side.
func (s *scope) take(ctx context.Context, c *candidate, start bool) (r node.Result) {
	s.ahead = c.at
	switch {
	case c.gone != nil:
		callLeft(ctx, s, c.gone, false)
		r = givenResult(s, r, start)
	case c.n == nil:
		r = givenResult(s, r, start)
	case c.left:
		r = callLeft(ctx, s, c.n, start)
	default:
		r = s.call(ctx, c.n, start)
	}
	s.ahead = ahead{} // a substitute may have been claimed instead
	return r
}

// newestOf is how executions run that have not ended a declared change; nil if that is nothing.
func newestOf(n *node.Choice) node.Node { return node.Side(n, 0) }

// side is a side of a declared change that is none itself.
type side struct {
	n     node.Node
	sides node.Sides
	left  bool // it is not run
}

// sidesOf appends the sides of a declared change that claim something, or may, the newest first. It
// is node.Walk without a function that is called for each.
func sidesOf(n *node.Choice, list []side) []side { return appendSides(list, n, 0, 0, false) }

func appendSides(list []side, n node.Node, sides node.Sides, depth int, left bool) []side {
	c, declared := n.(*node.Choice)
	switch {
	case n == nil, depth > node.MostSides:
		return list
	case !declared:
		return append(list, side{n, sides, left})
	}
	list = appendSides(list, c.New, sides, depth+1, left)
	return appendSides(list, c.Old, sides|1<<depth, depth+1, left || c.Left)
}

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
func (s *scope) choose(ctx context.Context, n *node.Choice, sides []side, start bool) (c candidate) {
	if !s.nextOf(sides, &c) {
		if s.fresh() {
			return candidate{n: newestOf(n)}
		}
		c = s.firstOf(ctx, n)
	}
	if start || c.state != isRecorded {
		return c
	}
	if added := addedSides(n, c.sides); added != 0 && s.goneBy(&c) {
		c.n, c.gone, c.sides = nil, c.n, added
	}
	return c
}

// addedSides are the sides that are taken of a declared change if the operation that these sides
// take is as if it had not been there: those of the op.Added that it is in, the outermost of
// several. They are zero if it is in none, or if the code has it no more.
func addedSides(n *node.Choice, sides node.Sides) (added node.Sides) {
	for at := node.Sides(1); ; at <<= 1 {
		old, inner := sides.Split()
		of := n.New
		switch {
		case old && n.Left:
			return 0
		case old:
			added |= at
			of = n.Old
		case n.Old == nil:
			return added | at
		}
		c, declared := of.(*node.Choice)
		if !declared {
			return 0
		}
		n, sides = c, inner
	}
}

// nextOf finds the side whose record is the next one of the scope: of all sides that have a record,
// that is the earliest. It is not found if more must be known of a side to say what it begins with.
func (s *scope) nextOf(sides []side, c *candidate) (found bool) {
	rec, place := s.inv.log.Next(s.ids)
	if rec == nil {
		return false
	}
	for i := range sides {
		o := &sides[i]
		switch n := o.n.(type) {
		case *node.Inline:
			return false
		case *node.Wait:
			if !n.Until.IsZero() {
				return false
			}
		case *node.Await:
			continue
		case *node.Step, *node.Callback, *node.Invoke, *node.Group, *node.Batch, *node.Choice:
		}
		if found || !isOf(rec, o.n) {
			continue
		}
		if c.at, found = s.comesNext(rec, place, o.n.Head()); found {
			c.n, c.sides, c.left, c.state, c.rec = o.n, o.sides, o.left, isRecorded, rec
		}
	}
	return found
}

// goneBy reports whether the execution has gone past an operation without its end: by a version of
// the code that had removed it. For a version that has it again, it is as if it had been added.
//
// The record says so: what is later in the scope was begun before it had ended. Only the service
// ends an operation that no code waits for.
func (s *scope) goneBy(c *candidate) bool {
	switch c.n.(type) {
	case *node.Inline, *node.Await, *node.Choice:
		return false
	case *node.Step, *node.Group, *node.Batch, *node.Wait, *node.Callback, *node.Invoke:
	}
	return s.wentOnWithout(c.rec, c.at.place)
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
	if o.passed || !s.skips(o) {
		return o.passed
	}
	if o.f != nil {
		o.f.End(false)
	}
	return true
}

// skips is passes for a scope that fails next: what goes on is left to it, for what an earlier
// invocation has done there is to be undone.
func (s *scope) skips(o *operation) bool {
	if o.added == 0 || !s.kind.ordered() && !s.readOnly {
		return false
	}
	rec, place := s.inv.log.Find([]byte(o.id))
	if rec == nil || o.found == nil || o.done && !o.found.Status.Terminal() || !s.wentOnWithout(rec, place) {
		return false
	}
	o.passed = true
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
		if older.at.place < newer.at.place {
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
		return candidate{n: n, state: c.state, rec: c.rec, at: ahead{place: c.at.place}} // it claims nothing itself
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

// comesNext reports whether a record that is not claimed is that of the operation with this header,
// if that is claimed next, and where that is.
func (s *scope) comesNext(rec *checkpoint.Operation, place int, h *node.Header) (at ahead, is bool) {
	var buf [maxID]byte
	n, sure, kept := s.occurred(identityOf(h))
	id := s.ids.AppendID(buf[:0], h.Name, h.Key, n)
	if rec.ID == string(id) {
		return ahead{of: h, place: place, occurrence: n, kept: kept}, true
	}
	if sure || s.inv.log.ClaimedBy(id) != s.claimer() {
		return at, false
	}
	at = ahead{of: h, place: place, occurrence: 1, kept: kept}
	return at, rec.ID == string(s.ids.AppendID(buf[:0], h.Name, h.Key, 1))
}

// find looks for the record of an operation, as it would be claimed next.
func (s *scope) find(n node.Node) candidate {
	var buf [maxID]byte
	c := candidate{n: n, state: unrecorded}
	id, nth, kept := s.nextID(buf[:0], n.Head())
	if rec, place := s.inv.log.Find(id); rec != nil && isOf(rec, n) {
		c.state, c.rec, c.at = isRecorded, rec, ahead{of: n.Head(), place: place, occurrence: nth, kept: kept}
	}
	return c
}

// isOf reports whether a record may be that of an operation: whether it is, its ID says.
func isOf(rec *checkpoint.Operation, n node.Node) bool {
	h := n.Head()
	return oplog.IsWireName(rec.Name, h.Name, h.Key) && rec.Kind == kindOf(n) && rec.SubType == h.SubType
}

// past is what a scope knows of operations that the newest code does not have.
type past struct {
	// any says that old sides of declared changes have used up names and keys: which ones, its
	// occurrences say.
	any bool
	// inside says that an old side runs.
	inside bool
}

// passOver has each name and key of a declared change count once, whichever side is taken: the next
// operation of the same name must be the same one whatever the log holds.
func (s *scope) passOver(sides []side, newest, taken node.Node) {
	for i, o := range sides {
		if isTaken := o.n == taken; !hasPlace(o.n) || isTaken && taken == newest {
			continue
		}
		id := identityOf(o.n.Head())
		counts := !named(taken, id) && !slices.ContainsFunc(sides[:i], func(before side) bool { return named(before.n, id) })
		old := !named(newest, id) && !s.past.inside
		if !counts && !old {
			continue
		}
		if s.seen.kept.n == 0 {
			s.seen.kept.resize(s.unclaimed() + leastKept) // at a guess, as many as there are records
		}
		s.seen.pass(id, counts, old)
		s.past.any = s.past.any || old
	}
}

// hasPlace reports whether an operation claims a place in the log itself.
func hasPlace(n node.Node) bool {
	switch n.(type) {
	case nil, *node.Inline, *node.Await, *node.Choice:
		return false
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Group, *node.Batch:
	}
	return true
}

// named reports whether an operation claims a place by this name and key.
func named(n node.Node, id identity) bool { return hasPlace(n) && identityOf(n.Head()) == id }

// repeats reports an operation of the newest code whose name and key an old side has used up: it
// would have another place in the log once the declaration is dropped.
func repeats(s *scope, n node.Node) error {
	h := n.Head()
	if !hasPlace(n) || s.past.inside || !s.seen.wasPast(identityOf(h)) {
		return nil
	}
	if h.Key != "" {
		return fmt.Errorf("replay: %s: the old side of a declared change before it has this name and key, too, so its place in the log "+
			"would change when the declaration is dropped: give it another key", quote(nextPath(s, h)))
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
