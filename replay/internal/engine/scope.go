package engine

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/turn"
)

// kind is what a scope is the scope of.
type kind int

const (
	handlerScope kind = iota
	groupScope
	// branchScope is a branch whose operation is a group: its function runs in the branch's own
	// scope.
	branchScope
	// aloneScope is a branch with an operation of another kind. What undoes that is the batch's.
	aloneScope
	// insideScope is the inside of a batch, where the branches are.
	insideScope
	// undoScope is where the compensations of another scope are. One that was abandoned is taken
	// over by the scope that has abandoned it, so that an operation may be claimed again.
	undoScope
)

// ordered reports whether operations are claimed in program order, so that a record implies records
// of everything that was claimed before it.
func (k kind) ordered() bool { return k != insideScope && k != undoScope }

// scope is where operations are claimed. It is touched with the turn; view and ended also without.
//
// Its methods are those of all kinds of scopes: a claim, the gate that keeps bodies from beginning
// too early, the time, the end. What one kind of operation does in its scope is a function in the
// file of that kind.
type scope struct {
	turn.Seat
	location
	passing

	inv   *invocation
	f     *fiber // which it belongs to
	outer *scope
	kind  kind
	// readOnly scopes are run again to compute a result that is in the log already.
	readOnly bool

	time scopeTime
	view atomic.Pointer[view]
	claims
	saga saga
	scopeEnd
}

// claims are the operations that a scope has claimed.
type claims struct {
	number  oplog.Claimer // zero until something is claimed
	seen    occurrences
	started []*operation // by Go, in the order of their claims
	gate    []*fiber     // wait until everything the log holds is claimed
	most    int          // of those started that may be open at once; zero means no bound
	past    past
	ahead   ahead
}

// scopeEnd is how a scope ends.
type scopeEnd struct {
	ended atomic.Bool
	onEnd []func(ctx context.Context, err error)
	// through says that a fiber that goes only as far as the log has reached the end of the scope,
	// which is not in the log.
	through bool
	// refused is why the last operation was refused that the code may not run.
	refused error
}

// location is where a scope is, and what its operations inherit.
type location struct {
	ids oplog.Scope
	// real is the ID of the nearest operation that has a record: the ParentId of what runs here.
	real string
	// at is the path, if it is not that of the operation around.
	at     string
	around *operation
	ctx    context.Context //nolint:containedctx // bodies' contexts are made of it
	cancel context.CancelCauseFunc
	known  []codec.KnownError
	slots  *slots // bounds the running bodies; nil for no bound
}

// path names a scope for people: it is that of the operation that the scope is the inside of. It is
// made when it is asked for: a path is as long as the scope is deep.
func (l *location) path() string {
	if l.around != nil {
		return l.around.path()
	}
	return l.at
}

// scopeTime is the time of a scope.
type scopeTime struct {
	// now is the latest end that the scope's code has seen. The ends of unseen ones, relaxed steps
	// whose completion is not durable yet, are to be added to it.
	now    time.Time
	unseen []*operation
	// stale says that what was observed last, an earlier invocation has seen too.
	stale bool
}

// view is what goroutines without the turn may know of a scope.
type view struct {
	now       time.Time
	replaying bool
}

// newRootScope is the scope of the handler.
func newRootScope(inv *invocation) *scope {
	s := &scope{inv: inv, kind: handlerScope}
	s.ids = oplog.NewScope("")
	s.ctx, s.cancel = context.WithCancelCause(inv.ctx)
	s.time.now = inv.Execution.Start
	inv.Rehearsal.enter(s)
	return s
}

// inside returns a scope for what is inside the operation o, run by f.
func (o *operation) inside(f *fiber, k kind) *scope {
	s := o.s
	in := &scope{inv: s.inv, outer: s, kind: k, readOnly: s.readOnly, time: scopeTime{now: o.now, unseen: slices.Clip(o.unseen)}}
	in.location = location{ids: oplog.NewScope(o.id), real: o.id, around: o, known: concat(o.head.Known, s.known), slots: s.slots}
	in.ctx, in.cancel = context.WithCancelCause(o.ctx)
	in.sit(f)
	s.saga.opens(in)
	s.inv.Rehearsal.enter(in)
	return in
}

// sit makes the scope that of a fiber.
func (s *scope) sit(f *fiber) {
	s.f = f
	s.Sit(f.Strand)
	s.publish()
}

// publish makes what the scope knows now readable without the turn.
func (s *scope) publish() {
	v := view{now: s.time.now, replaying: s.replaying()}
	if old := s.view.Load(); old != nil && *old == v {
		return
	}
	kept := v // else each view would be allocated, and few differ from the one before
	s.view.Store(&kept)
}

// unclaimed returns how many records of the scope the code has not reached.
func (s *scope) unclaimed() int { return s.inv.log.Unclaimed(s.ids) }

// frontier checks what must hold when an ordered scope waits for an operation that is not
// finished, or runs its body again: the run that wrote the log stopped there too, so the log
// cannot hold anything that comes later.
func (s *scope) frontier(o *operation) {
	if s.f.logOnly {
		return
	}
	if s.kind.ordered() && s.unclaimed() > 0 {
		s.diverge(beyondFrontier(s, o))
	}
	s.standstill(o)
}

// standstill keeps code from going on in a scope that an earlier invocation has begun to
// compensate. The handler's goroutine has diverged. Any other one may belong to something that is
// about to be abandoned again: it waits for that, and if nothing can go on, the execution has
// diverged.
func (s *scope) standstill(o *operation) {
	for at := s; at != nil; at = at.outer {
		if !at.compensated() {
			continue
		}
		if at.f == s.inv.end.root && s.f == at.f {
			at.diverge(notUndone(recordedUndo(at)))
		}
		for {
			s.f.park(wait{why: waitUndone, s: at, op: o})
		}
	}
}

// compensated reports whether the log holds compensations of a scope that is not compensated here.
func (s *scope) compensated() bool {
	if !s.kind.ordered() || s.saga.undoing || s.ended.Load() || s.inv.log.AllClaimed() {
		return false
	}
	return s.inv.log.Unclaimed(undoIDs(s)) > 0
}

// recordedUndo lists those of the scope that the log holds.
func recordedUndo(s *scope) string {
	return recorded(&s.inv.log.UnclaimedRecords(undoIDs(s))[0])
}

// awaitClaims parks until neither the scope nor those around it hold records that have not been
// claimed: no body begins in a scope that may turn out to have diverged.
func (s *scope) awaitClaims(f *fiber, o *operation) {
	for at := s; at != nil; {
		for at.compensated() {
			f.park(wait{why: waitUndone, s: at, op: o})
		}
		if !at.kind.ordered() || at.ended.Load() || at.unclaimed() == 0 {
			at = at.outer
			continue
		}
		at.gate = append(at.gate, f)
		f.park(wait{why: waitGate, s: s, op: o})
		at = s
	}
}

// openGate lets bodies pass that waited for the last claim.
func (s *scope) openGate() {
	for _, f := range s.gate {
		f.Wake()
	}
	s.gate = nil
}

// observe notes an end that the scope's code has seen.
func (s *scope) observe(rec *checkpoint.Operation) {
	if rec.End.After(s.time.now) {
		s.time.now = rec.End
	}
}

// wentPast notes that the scope's code went past a finished record and has seen its end. An earlier
// invocation has gone past it too if the service says what has changed since, and this is not part
// of it.
func wentPast(s *scope, rec *checkpoint.Operation) {
	s.observe(rec)
	s.time.stale = s.inv.fresh != nil && !s.inv.fresh[rec.ID]
}

// observeOf notes the end of an operation that the scope's code has seen. Of a relaxed step that
// is not durable yet the end is not known: see settleNow.
func observeOf(s *scope, o *operation) {
	switch rec, ok := s.inv.log.Get(o.id); {
	case ok && rec.Status.Terminal():
		s.observe(rec)
	case o.id != "":
		s.time.unseen = append(s.time.unseen, o)
	}
}

// knownNow returns the time of the scope when the ends of the relaxed steps before are known,
// which takes their checkpoint: on a replay the log has them.
func (s *scope) knownNow() time.Time {
	if len(s.time.unseen) == 0 {
		return s.time.now
	}
	if s.f.logOnly && slices.ContainsFunc(s.time.unseen, func(o *operation) bool { return !s.inv.recorded(o.id) }) {
		s.f.stop(s)
	}
	s.f.barrier(s, nil)
	for _, o := range s.time.unseen {
		if rec, ok := s.inv.log.Get(o.id); ok {
			s.observe(rec)
		}
	}
	s.time.unseen = nil
	return s.time.now
}

// recorded reports whether the log has the end of an operation.
func (inv *invocation) recorded(id string) bool {
	rec, ok := inv.log.Get(id)
	return ok && rec.Status.Terminal()
}

// replaying reports whether an earlier invocation has been where the scope is now.
func (s *scope) replaying() bool {
	return s.f.logOnly || s.readOnly || s.unclaimed() > 0 || s.time.stale
}

// isReplaying is replaying for callers that may not have the turn.
func (s *scope) isReplaying() bool {
	if s.Who() == turn.Own && !s.ended.Load() {
		return s.replaying()
	}
	return s.view.Load().replaying
}

// close brings a scope to its end after its function has returned with err, and returns the error
// of the scope.
//
//  1. If the log holds records that the code did not reach, the execution diverged: this is seen
//     before anything is waited for.
//  2. If the function returned no error, what it started is waited for; an error that no one has
//     asked for becomes the scope's. If there is none and the log has compensations of the scope,
//     it was left behind by one around it before it could get here, and is again.
//  3. Otherwise everything it started is left behind.
//  4. If the scope failed, what completed in it is compensated.
//  5. The functions of OnEnd run, the last one first, once the results of relaxed steps are
//     durable: they may act on them.
func (s *scope) close(err error) error {
	if s.readOnly && err != nil {
		abandonStarted(s)
		return err // it had succeeded: who runs it again says so
	}
	if s.unclaimed() > 0 {
		s.diverge(unreachedAtReturn(s, err))
	}
	if err == nil {
		err = joinStarted(s)
	}
	if s.f.logOnly && !s.readOnly {
		// What was compensated in it was so as in one that had not got here.
		s.through = err == nil && !s.compensated()
		s.f.stop(s) // how it ended is not in the log: it was not left to end
	}
	if err == nil && s.compensated() {
		s.standstill(nil)
	}
	if err != nil {
		err = compensate(s, err)
	}
	abandonStarted(s)
	s.inv.usage.open -= len(s.saga.undos)
	if len(s.onEnd) > 0 && !s.readOnly {
		s.f.barrier(s, nil)
	}
	s.ended.Store(true) // from here on operations are refused, those of OnEnd's functions included
	runOnEnd(s, err)
	if s.outer != nil {
		s.outer.saga.closes(s)
	}
	return err
}

// abandonStarted ends what the scope has started and what goes on.
func abandonStarted(s *scope) {
	for _, o := range s.started {
		if o.f != nil {
			o.f.End(false)
		}
	}
}

// joinStarted waits for what the scope has started and returns the errors no one has asked for. If
// the scope had failed without an operation that the code has again, it is not waited for.
func joinStarted(s *scope) error {
	var errs []error
	for _, o := range s.started {
		if o.passed || s.readOnly && s.passes(o) || s.compensated() && s.skips(o) {
			continue
		}
		if s.readOnly && !o.done && !s.inv.recorded(o.id) {
			s.diverge(unfinishedInside(o))
		}
		s.f.awaitDone(s, o)
		if o.read {
			continue
		}
		if o.found != nil && o.kind == checkpoint.KindStep && o.found.Failure != nil {
			s.awaitLeaver(o.found, o.path)
		}
		if err := usersErrorOf(s, o); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// usersErrorOf is the error that whoever asked for the operation would get: functions of the user's
// that change its result or its error have their say, whether or not someone asks.
func usersErrorOf(s *scope, o *operation) error {
	if o.head == nil || o.head.Value == nil {
		return o.rec.Err
	}
	_, err := s.f.call(ofResult, o.head.Name, func() (any, error) { return nil, o.head.Value.Check(o.rec) })
	return err
}

// runOnEnd runs the functions of OnEnd. A read-only scope has run them when it was live.
func runOnEnd(s *scope, err error) {
	for !s.readOnly && s.inv.Rehearsal == nil && len(s.onEnd) > 0 {
		last := len(s.onEnd) - 1
		fn := s.onEnd[last]
		s.onEnd = s.onEnd[:last]
		var p error
		s.f.offBody(s.f.at.Load(), func() { _, p = s.f.call(ofEnd, "", func() (any, error) { fn(s.ctx, err); return nil, nil }) })
		if p != nil {
			warn(s.inv, "a function of replay.OnEnd panicked", append(StackOf(p), pathAttr(s.path()), usersError(s.inv, p))...)
		}
	}
}

// OnEnd registers a function that runs when the scope ends.
func (h *Handle) OnEnd(fn func(ctx context.Context, err error)) {
	s := h.s
	if s.enter(nil) != nil {
		return
	}
	s.onEnd = append(s.onEnd, fn)
	s.leave()
}

// Suspending reports whether deferred functions run because the invocation, or the branch they
// belong to, is ending without a result.
func (h *Handle) Suspending() bool { return h.s.inv.over() || h.s.f.ending.Load() }

// concat joins two lists without changing either.
func concat(a, b []codec.KnownError) []codec.KnownError {
	if len(a) == 0 {
		return b
	}
	return append(slices.Clip(a), b...)
}
