package replay

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// scope is where operations are claimed: the handler, a group, a branch, or the inside of a
// batch. Everything but inCall is guarded by the invocation's lock or used by its own goroutine
// alone.
type scope struct {
	inv    *invocation
	parent *scope
	t      *task // the goroutine it belongs to
	ids    checkpoint.Scope
	// real is the ID of the nearest operation that has a record: the ParentId of what runs here.
	real string
	path string
	// ordered scopes claim in program order, so that a record implies records of everything
	// claimed before it. The inside of a batch is not ordered.
	ordered bool
	// readOnly scopes are run again to compute a result that is in the log already.
	readOnly bool
	ended    bool

	ctx    context.Context //nolint:containedctx // bodies' contexts are made of it
	cancel context.CancelCauseFunc
	known  []codec.KnownError
	seen   occurrences
	gate   []*waiter    // wait until everything the log holds is claimed
	fibres []*operation // started by Go, in the order of their claims
	undos  []undo       // what to compensate, in the order of claims
	groups []*operation // started groups and batches, which may be abandoned
	// single scopes are those of branches that are one operation, whose compensation is the batch's.
	single bool
	// private scopes are those that no user code holds: whoever calls them is their own goroutine.
	private bool
	// virtual scopes are those of compensations: one that was abandoned is taken over by the scope
	// that has abandoned it, so that an operation may be claimed again.
	virtual bool
	// undoing says that the scope has failed and is being compensated.
	undoing bool
	// expected are the compensations that the code asks for; of a virtual scope alone.
	expected []string
	undoIDs  *checkpoint.Scope // of its compensations, made when it is needed
	probe    *probe            // not nil: the scope only looks at what the log holds
	onEnd    []func(ctx context.Context, err error)
	slots    *slots // bounds the running bodies; nil for no bound
	// now is the latest end that the scope has observed. The ends of unseen ones, relaxed steps whose
	// completion is not durable yet, are to be added to it.
	now    time.Time
	unseen []*operation
	// stale says that what was observed last, an earlier invocation has seen too.
	stale bool

	// inCall is set while a call is in the scope: the ownership check of the replay path.
	inCall atomic.Bool
}

// newScope returns a scope below s for the operation o, whose goroutine is t.
func (s *scope) newScope(t *task, o *operation, ordered bool) *scope {
	ctx, cancel := context.WithCancelCause(o.ctx)
	return &scope{
		inv: s.inv, parent: s, t: t, ids: checkpoint.NewScope(o.id), real: o.id, path: o.path(),
		ordered: ordered, readOnly: s.readOnly, ctx: ctx, cancel: cancel,
		known: concat(o.head.Known, s.known), slots: s.slots, now: o.now, unseen: o.unseen, probe: s.probe,
	}
}

// enter marks the scope as being called. It returns an error to a goroutine that is not the
// scope's own; on the scope's own, misuse ends the execution and the goroutine.
func (s *scope) enter(h *node.Header) error {
	if s.inCall.CompareAndSwap(false, true) {
		return nil
	}
	err := misused(ErrConcurrent, s, s.describe(h))
	own := s.called()
	if own {
		err = misused(ErrNested, s, s.describe(h))
	}
	s.inv.mu.Lock()
	if s.inv.phase == running {
		s.inv.fail(err)
	}
	s.inv.mu.Unlock()
	if own {
		exit()
	}
	return err
}

func (s *scope) leave() { s.inCall.Store(false) }

// called reports whether the calling goroutine is the scope's own.
func (s *scope) called() bool { return s.private || goroutineID() == s.t.gid }

// owned checks that the calling goroutine is the scope's own before it claims something new or
// waits. Called with the lock held; if it returns an error, the lock is free.
func (s *scope) owned(h *node.Header) error {
	if s.called() {
		return nil
	}
	err := misused(ErrConcurrent, s, s.describe(h))
	s.inv.fail(err)
	s.inv.mu.Unlock()
	return err
}

// unclaimed returns how many records of the scope the code has not reached.
func (s *scope) unclaimed() int { return s.inv.log.Unclaimed(s.ids) }

// frontier checks what must hold when an ordered scope waits for an operation that is not
// finished, or runs its body again: the run that wrote the log stopped there too, so the log
// cannot hold anything that comes later. Called with the lock held.
func (s *scope) frontier(o *operation) {
	if s.ordered && s.unclaimed() > 0 {
		s.diverge(s.beyond(o))
	}
	s.standstill(o)
}

// standstill keeps code from going on in a scope that an earlier invocation has begun to
// compensate. The handler's goroutine has diverged. Any other one may belong to something that is
// about to be abandoned again: it waits for that, and if nobody can go on, the execution has
// diverged. Called with the lock held.
func (s *scope) standstill(o *operation) {
	for at := s; at != nil; at = at.parent {
		if !at.compensated() {
			continue
		}
		if at.t.parent == nil && s.t == at.t {
			at.diverge(notUndone(at.compensations()))
		}
		w := &waiter{t: s.t, s: at, why: waitUndone, op: o}
		s.inv.park(w)
	}
}

// compensated reports whether the log holds compensations of a scope that is not compensated here.
func (s *scope) compensated() bool {
	if !s.ordered || s.undoing || s.ended || s.inv.log.AllClaimed() {
		return false
	}
	if s.undoIDs == nil {
		ids := checkpoint.NewScope(checkpoint.UndoScope(s.ids.ID()))
		s.undoIDs = &ids
	}
	return s.inv.log.Unclaimed(*s.undoIDs) > 0
}

// compensations lists those of the scope that the log holds.
func (s *scope) compensations() string {
	return recorded(&s.inv.log.UnclaimedRecords(*s.undoIDs)[0])
}

// pass parks until neither the scope nor those around it hold records that nobody has claimed:
// no body starts in a scope that may turn out to have diverged. Called with the lock held.
func (s *scope) pass(t *task, o *operation) {
	for at := s; at != nil; {
		if at.compensated() {
			s.inv.park(&waiter{t: t, s: at, why: waitUndone, op: o})
		}
		if !at.ordered || at.ended || at.unclaimed() == 0 {
			at = at.parent
			continue
		}
		w := &waiter{t: t, s: s, why: waitGate, op: o}
		at.gate = append(at.gate, w)
		s.inv.park(w)
		at = s
	}
}

// open lets bodies pass that waited for the last claim.
func (s *scope) open() {
	for _, w := range s.gate {
		w.wake()
	}
	s.gate = nil
}

// observe notes an end that the scope's code has seen.
func (s *scope) observe(rec *checkpoint.Operation) {
	if rec.End.After(s.now) {
		s.now = rec.End
	}
}

// passed notes that the scope's code went past a finished record and has seen its end. An earlier invocation has gone
// past it too if the service says what has changed since, and this is not part of it.
func (s *scope) passed(rec *checkpoint.Operation) {
	s.observe(rec)
	s.stale = s.inv.fresh != nil && !s.inv.fresh[rec.ID]
}

// replaying reports whether an earlier invocation has been where the scope is now.
func (s *scope) replaying() bool {
	return s.probe != nil || s.readOnly || s.unclaimed() > 0 || s.stale
}

// isReplaying is replaying for callers without the lock.
func (s *scope) isReplaying() bool {
	s.inv.mu.Lock()
	defer s.inv.mu.Unlock()
	return s.replaying()
}

// concat joins two lists without changing either.
func concat(a, b []codec.KnownError) []codec.KnownError {
	if len(a) == 0 {
		return b
	}
	return append(slices.Clip(a), b...)
}
