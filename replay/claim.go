package replay

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// claim is an operation of the code and its place in the log.
type claim struct {
	id         string
	occurrence int
	// rec is the record when it was claimed; nil if there was none.
	rec *checkpoint.Operation
}

// claim finds the record of the next operation and checks that it is the same operation. It is
// called with the lock held; if it returns an error, which only a foreign goroutine sees, the
// lock is free.
//
//  1. If the invocation is over or nobody waits for the scope, the goroutine ends.
//  2. If the scope has ended, the execution fails.
//  3. If the log has the record, kind, sub-type, name and parent must agree.
//  4. Otherwise, if the scope is run again read-only, or is ordered and the log holds records that
//     come later, the execution diverged.
//  5. Otherwise the operation is new: the caller queues its START before it gives back the lock.
func (s *scope) claim(n node.Node, kind checkpoint.Kind) (claim, error) {
	h := n.Head()
	if err := s.alive(); err != nil {
		return claim{}, err
	}
	if s.ended {
		return claim{}, s.refuse(misused(ErrEnded, s, s.describe(h)))
	}
	key := identity{h.Name, h.Key}
	c := claim{occurrence: s.seen.of(key)}
	s.seen.set(key, c.occurrence+1)

	var buf [maxID]byte
	rec, id, first := s.inv.log.Claim(s.ids.AppendID(buf[:0], h.Name, h.Key, c.occurrence))
	c.id, c.rec = id, rec
	if !first && !s.virtual {
		return c, s.refuse(misused(errCollision, s, s.describe(h)))
	}
	if h.Undo != nil && !s.single {
		s.undos = append(s.undos, undo{s: s, head: h, n: n, id: id, path: s.pathOf(h, c.occurrence), nth: c.occurrence})
	}
	if rec == nil {
		if err := s.owned(h); err != nil {
			return c, err
		}
		if s.readOnly || (s.ordered && s.unclaimed() > 0) {
			s.diverge(s.missing(h, kind, c.occurrence))
		}
		if !s.inv.log.AllClaimed() {
			s.standstill(s.operation(s.ctx, h, kind, c))
		}
		s.stale = false
		s.reach(h, kind, c)
		return c, nil
	}
	if rec.Kind != kind || rec.SubType != h.SubType || !oplog.IsWireName(rec.Name, h.Name, h.Key) || rec.ParentID != s.real {
		s.diverge(s.changed(h, kind, c.occurrence, rec))
	}
	if s.ordered && len(s.gate) > 0 && s.unclaimed() == 0 {
		s.open()
	}
	s.reach(h, kind, c)
	return c, nil
}

// maxID is the longest operation ID in bytes.
const maxID = limits.ID

// refuse ends the execution for misuse: on the scope's own goroutine it does not return, a
// foreign one gets the error. Called with the lock held, which it gives back.
func (s *scope) refuse(err error) error {
	s.inv.fail(err)
	s.inv.mu.Unlock()
	if s.called() {
		exit()
	}
	return err
}

// alive checks that somebody waits for what the scope does. If not, its own goroutine ends, and a
// foreign one gets an error. Called with the lock held; if it returns an error, the lock is free.
func (s *scope) alive() error {
	if s.inv.phase == running && !s.t.dead {
		return nil
	}
	s.inv.mu.Unlock()
	if s.called() {
		exit()
	}
	return ErrEnded
}

// pathOf is the path of an operation of the scope.
func (s *scope) pathOf(h *node.Header, occurrence int) string {
	return oplog.Path(s.path, h.Name, h.Key, occurrence)
}

// describe is the path of an operation that is not claimed yet.
func (s *scope) describe(h *node.Header) string { return s.pathOf(h, 0) }
