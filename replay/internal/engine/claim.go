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
}

// enter is called when user code calls the scope. It returns with the turn, or an error to a goroutine that is not the
// scope's own; on the scope's own, misuse ends the execution and the goroutine.
func (s *scope) enter(h *node.Header) error {
	inv, f := s.inv, s.f
	who := s.Enter()
	switch who {
	case turn.Own, turn.Inside:
		f.last()
		switch {
		case s.ended.Load():
			f.fatal(s.misuse(ErrEnded, h))
		case who == turn.Inside:
			f.fatal(s.misuse(ErrNested, h))
		}
		return nil
	case turn.InBody:
		rule := ErrNested
		if s.ended.Load() {
			rule = ErrEnded
		}
		if !inv.over() {
			inv.fail(s.misuse(rule, h))
		}
		runtime.Goexit()
	case turn.Helper, turn.Foreign:
	}
	if inv.over() {
		return ErrEnded
	}
	err := s.misuse(ErrConcurrent, h)
	switch {
	case s.ended.Load():
		err = s.misuse(ErrEnded, h)
	case who == turn.Helper:
		err = s.misuse(ErrNested, h)
	}
	inv.fail(err)
	return err
}

// leave gives the turn back to the user code around the call.
func (s *scope) leave() { s.inv.turn.Leave(&s.Seat) }

// last ends the goroutine of the fiber if the invocation, or the fiber, is over.
func (f *fiber) last() {
	if f.Dead() {
		f.Exit()
	}
	for f.inv.over() {
		f.Park(nil)
	}
}

// fatal ends the execution for an error, and the goroutine.
func (f *fiber) fatal(err error) {
	f.inv.fail(err)
	f.last()
}

// claim finds the record of the next operation and checks that it is the same operation.
//
//  1. If the log has the record, kind, sub-type, name and parent must agree.
//  2. Otherwise, if the scope is run again read-only, or is ordered and the log holds records that
//     come later, the execution diverged.
//  3. Otherwise the operation is new: the caller queues its START before it gives the turn away.
func (s *scope) claim(n node.Node, kind checkpoint.Kind) claim {
	h := n.Head()
	key := identity{h.Name, h.Key}
	c := claim{occurrence: s.seen.of(key)}
	s.seen.set(key, c.occurrence+1)

	var buf [maxID]byte
	id := s.ids.AppendID(buf[:0], h.Name, h.Key, c.occurrence)
	rec, name, first := s.inv.log.Claim(id)
	c.id, c.rec = name, rec
	if !first && s.kind != undoScope && !s.f.look {
		s.f.fatal(s.misuse(errCollision, h))
	}
	s.inv.claims++
	if h.Undo != nil && s.kind != aloneScope {
		s.saga.add(undo{s: s, head: h, n: n, id: c.id, path: s.pathOf(h, c.occurrence), nth: c.occurrence})
	}
	if rec == nil {
		if s.f.look {
			s.f.stop(s)
		}
		if s.readOnly || (s.kind.ordered() && s.unclaimed() > 0) {
			s.diverge(s.missing(h, kind, c.occurrence))
		}
		if !s.inv.log.AllClaimed() {
			s.standstill(s.operation(s.ctx, h, kind, c))
		}
		s.time.stale = false
		s.reach(h, kind, c)
		return c
	}
	if rec.Kind != kind || rec.SubType != h.SubType || !oplog.IsWireName(rec.Name, h.Name, h.Key) || rec.ParentID != s.real {
		s.diverge(s.changed(h, kind, c.occurrence, rec))
	}
	if s.kind.ordered() && len(s.gate) > 0 && s.unclaimed() == 0 {
		s.open()
	}
	s.reach(h, kind, c)
	return c
}

// reach shows the observer an operation that was claimed.
func (s *scope) reach(h *node.Header, kind checkpoint.Kind, c claim) {
	if s.inv.Observer == nil || s.f.look {
		return
	}
	o := operation{s: s, head: h, kind: kind, id: c.id, nth: c.occurrence, found: c.rec}
	s.inv.Observer.Reached(o.sight())
}

// maxID is the longest operation ID in bytes. Source: Lambda API, OperationUpdate.Id.
const maxID = 64

// pathOf is the path of an operation of the scope.
func (s *scope) pathOf(h *node.Header, occurrence int) string {
	return oplog.Path(s.path, h.Name, h.Key, occurrence)
}

// describe is the path of an operation that is not claimed yet.
func (s *scope) describe(h *node.Header) string {
	if h == nil {
		return s.path
	}
	return s.pathOf(h, 0)
}
