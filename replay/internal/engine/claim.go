package engine

import (
	"runtime"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/turn"
	"github.com/perdure/perdure/op/node"
)

// claim is an operation of the code and its place in the log.
type claim struct {
	id         string
	occurrence int
	// rec is the record when it was claimed; nil if there was none.
	rec *checkpoint.Operation
	// refused is why the operation was refused: the execution has, or had, no room for it. Nil if
	// it was not.
	refused *refusal
}

// enter is called when user code calls the scope. It returns with the turn, or an error to a
// goroutine that is not the scope's own; on the scope's own, misuse ends the execution and the
// goroutine.
func (s *scope) enter(h *node.Header) error {
	inv, f := s.inv, s.f
	who := s.Enter()
	switch who {
	case turn.Own, turn.Inside:
		f.exitIfOver()
		switch {
		case s.ended.Load():
			f.fatal(misused(s, ErrEnded, h))
		case who == turn.Inside:
			f.fatal(misused(s, ErrNested, h))
		}
		return nil
	case turn.InBody:
		rule := ErrNested
		if s.ended.Load() {
			rule = ErrEnded
		}
		if !inv.over() {
			inv.fail(misused(s, rule, h))
		}
		runtime.Goexit()
	case turn.Helper, turn.Foreign:
	}
	if inv.over() {
		return ErrEnded
	}
	err := misused(s, ErrConcurrent, h)
	switch {
	case s.ended.Load():
		err = misused(s, ErrEnded, h)
	case who == turn.Helper:
		err = misused(s, ErrNested, h)
	}
	inv.fail(err)
	return err
}

// leave gives the turn back to the user code around the call.
func (s *scope) leave() { s.inv.turn.Leave(&s.Seat) }

// exitIfOver ends the goroutine of the fiber if the invocation, or the fiber, is over.
func (f *fiber) exitIfOver() {
	if f.Dead() {
		f.Exit()
	}
	for f.inv.over() {
		f.Park(nil)
	}
}

// fatal ends the execution for an error, and the goroutine.
func (f *fiber) fatal(err error) {
	if f.supposed {
		f.inv.doubt(err)
		f.stop(nil)
	}
	f.inv.fail(err)
	f.exitIfOver()
}

// claim finds the record of the next operation and checks that it is the same operation.
//
//  1. If the log has the record, kind, sub-type, name and parent must agree.
//  2. Otherwise, if the scope is run again read-only, or is ordered and the log holds records that
//     come later, the execution diverged.
//  3. Otherwise the operation is new: the caller queues its START before it gives the turn away.
func (s *scope) claim(n node.Node, kind checkpoint.Kind) claim {
	return s.claimFor(n, kind, refusal{takes: 1})
}

// claimFor is claim for an operation that takes this many operations and bytes.
func (s *scope) claimFor(n node.Node, kind checkpoint.Kind, r refusal) claim {
	h := n.Head()
	c := s.place(h)
	rec := c.rec
	s.inv.claims++
	if h.Undo != nil {
		s.inv.usage.any = true
	}
	if h.Undo != nil && s.kind != aloneScope {
		s.inv.usage.open++
		s.saga.add(undo{s: s, head: h, n: n, id: c.id, path: s.pathOf(h, c.occurrence), nth: c.occurrence})
	}
	if rec == nil {
		if s.f.logOnly {
			s.f.stop(s)
		}
		if !s.hasRoom(h, r.takes, r.bytes) {
			refused := r // r would be allocated for each claim
			c.refused = &refused
			s.reach(h, checkpoint.KindStep, c)
			return c
		}
		s.inv.usage.operations++
		if s.readOnly || (s.kind.ordered() && s.unclaimed() > 0) {
			s.diverge(missingRecord(s, h, kind, c.occurrence))
		}
		if !s.inv.log.AllClaimed() {
			s.standstill(newOperation(s.ctx, s, h, kind, c))
		}
		s.time.stale = false
		s.reach(h, kind, c)
		return c
	}
	if isRefusal(rec) && oplog.IsWireName(rec.Name, h.Name, h.Key) && rec.ParentID == s.real {
		refused := r
		c.refused, kind = &refused, rec.Kind
	} else if rec.Kind != kind || rec.SubType != h.SubType || !oplog.IsWireName(rec.Name, h.Name, h.Key) || rec.ParentID != s.real {
		s.diverge(changedRecord(s, h, kind, c.occurrence, rec))
	}
	if s.kind.ordered() && len(s.gate) > 0 && s.unclaimed() == 0 {
		s.openGate()
	}
	s.reach(h, kind, c)
	return c
}

// reach shows the observer an operation that was claimed.
func (s *scope) reach(h *node.Header, kind checkpoint.Kind, c claim) {
	if s.inv.Observer == nil || s.f.logOnly {
		return
	}
	o := operation{s: s, head: h, kind: kind, id: c.id, nth: c.occurrence, found: c.rec}
	s.inv.Observer.Reached(o.sight())
}

// maxID is the longest operation ID in bytes. Source: Lambda API, OperationUpdate.Id.
const maxID = 64

// pathOf is the path of an operation of the scope.
func (s *scope) pathOf(h *node.Header, occurrence int) string {
	return oplog.Path(s.path(), h.Name, h.Key, occurrence)
}

// lastPath is the path of the operation that the scope has claimed last; empty for none.
func (s *scope) lastPath() string {
	last := s.seen.last
	if last.name == "" {
		return ""
	}
	return oplog.Path(s.path(), last.name, last.key, s.seen.n-1)
}

// describe is the path of an operation that is not claimed yet.
func describe(s *scope, h *node.Header) string {
	if h == nil {
		return s.path()
	}
	return s.pathOf(h, 0)
}

// place claims the place of the next operation in the log.
func (s *scope) place(h *node.Header) claim {
	var buf [maxID]byte
	key, me := identity{h.Name, h.Key}, s.claimer()
	n, known := s.seen.of(key)
	c := claim{occurrence: n}
	rec, name, before := s.inv.log.ClaimBy(s.ids.AppendID(buf[:0], h.Name, h.Key, c.occurrence), me)
	if !known && before == me { // it has occurred once, which nothing but the log knows
		c.occurrence = 1
		rec, name, before = s.inv.log.ClaimBy(s.ids.AppendID(buf[:0], h.Name, h.Key, c.occurrence), me)
	}
	c.id, c.rec = name, rec
	s.seen.claimed(key, c.occurrence+1)
	if before != 0 {
		if s.kind != undoScope && !s.f.logOnly {
			s.f.fatal(misused(s, errCollision, h))
		}
		s.seen.set(key, c.occurrence+1) // the log says it of another scope
	}
	return c
}

// claimer is the number of the scope among those that claim.
func (s *scope) claimer() oplog.Claimer {
	if s.number == 0 {
		s.inv.claimers++
		s.number = 1 + s.inv.claimers // one is who claims without a scope
	}
	return s.number
}

// next returns the occurrence of the next operation with this name and key.
func (s *scope) next(h *node.Header) int {
	if n, known := s.seen.of(identity{h.Name, h.Key}); known {
		return n
	}
	var buf [maxID]byte
	if s.inv.log.ClaimedBy(s.ids.AppendID(buf[:0], h.Name, h.Key, 0)) == s.claimer() {
		return 1
	}
	return 0
}

// identity is what shows operations of a scope apart, but for the occurrence.
type identity struct{ name, key string }

// occurrences counts the operations of a scope by name and key. Which of them have occurred once is
// in the log, which knows by which scope a place was claimed: most operations of most scopes occur
// once, and need no map.
type occurrences struct {
	last identity // of the operation that was claimed last
	n    int      // how often it has occurred
	more map[identity]int
}

// of returns how often a name and key have occurred. What is not known here has not occurred, or
// once: that the log knows.
func (o *occurrences) of(id identity) (n int, known bool) {
	if o.last == id {
		return o.n, true
	}
	n, known = o.more[id]
	return n, known
}

// claimed notes the n-th occurrence of a name and key, which the log knows if it is the first one.
func (o *occurrences) claimed(id identity, n int) {
	if o.last != id && o.n > 1 {
		o.keep(o.last, o.n)
	}
	o.last, o.n = id, n
	if _, kept := o.more[id]; kept {
		o.more[id] = n
	}
}

// set says how often a name and key have occurred, whatever the log knows.
func (o *occurrences) set(id identity, n int) {
	if o.last == id {
		o.n = n
	}
	o.keep(id, n)
}

func (o *occurrences) keep(id identity, n int) {
	if o.more == nil {
		o.more = make(map[identity]int)
	}
	o.more[id] = n
}
