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
			s.diverge(missingRecord(s, n, kind, c.occurrence))
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
		s.diverge(changedRecord(s, n, kind, c.occurrence, rec))
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
	key, me := identityOf(h), s.claimer()
	var c claim
	var before oplog.Claimer
	var kept bool
	if at := s.ahead; at.of == h {
		s.ahead = ahead{}
		c.occurrence, kept = at.occurrence, at.kept
		c.rec, c.id, before = s.inv.log.ClaimAt(at.place, me)
	} else {
		n, sure, known := s.occurred(key)
		c.occurrence, kept = n, known
		c.rec, c.id, before = s.inv.log.ClaimBy(s.ids.AppendID(buf[:0], h.Name, h.Key, n), me)
		if !sure && before == me { // it has occurred once, which nothing but the log knows
			c.occurrence = 1
			c.rec, c.id, before = s.inv.log.ClaimBy(s.ids.AppendID(buf[:0], h.Name, h.Key, 1), me)
		}
	}
	s.seen.claimed(key, c.occurrence+1, kept)
	if before != 0 {
		if s.kind != undoScope && !s.f.logOnly {
			s.f.fatal(misused(s, errCollision, h))
		}
		s.seen.set(key, c.occurrence+1) // the log says it of another scope
	}
	return c
}

// ahead is where the log has the operation that is claimed next, if that was looked up to decide
// which one it is; else zero.
type ahead struct {
	of                *node.Header
	occurrence, place int
	kept              bool // its name and key are, in the scope's occurrences
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
	var buf [maxID]byte
	_, n, _ := s.nextID(buf[:0], h)
	return n
}

// nextID appends the ID of the next operation with this name and key to dst, and returns its
// occurrence as well, and whether the scope's occurrences keep the two.
func (s *scope) nextID(dst []byte, h *node.Header) (id []byte, occurrence int, kept bool) {
	n, sure, kept := s.occurred(identityOf(h))
	id = s.ids.AppendID(dst, h.Name, h.Key, n)
	if sure || s.inv.log.ClaimedBy(id) != s.claimer() {
		return id, n, kept
	}
	return s.ids.AppendID(dst, h.Name, h.Key, 1), 1, kept
}

// occurred returns how often a name and key have occurred, and whether the scope's occurrences keep
// that. If it is not sure, it is zero, or one if the scope has claimed the first occurrence, which
// the log knows.
func (s *scope) occurred(key identity) (n int, sure, kept bool) {
	u, kept := s.seen.of(key)
	if u.sure || u.n == 0 {
		return int(u.n), u.sure, kept
	}
	var buf [maxID]byte
	if s.inv.log.ClaimedBy(s.ids.AppendID(buf[:0], key.name, key.key, 0)) == s.claimer() {
		return int(u.n) + 1, true, kept
	}
	return int(u.n), true, kept
}
