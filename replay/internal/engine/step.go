package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// step is a step that is carried out.
type step struct {
	*operation

	n    *node.Step
	conf node.StepConfig
	// begun says that the START of the running attempt was queued by this invocation, as the update
	// with the number seq; late that it is queued with the completion instead.
	begun, late bool
	seq         uint64
	// before is the record before the running attempt; nil if there is none.
	before *checkpoint.Operation
	// state is what the last attempt left behind.
	state carried
	// tried is the context that the last body of this invocation had; nil if none ran.
	tried context.Context //nolint:containedctx // the policy is asked with its values
	// refused is what is wrong with the policy; nil if nothing is.
	refused error
}

// callStep runs or starts a step. A finished one is read from the log without anything else.
func callStep(ctx context.Context, s *scope, n *node.Step, start bool) node.Result {
	c := s.claim(n, checkpoint.KindStep)
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start)
	}
	if c.rec != nil && c.rec.Status.Terminal() {
		if !start && c.rec.Failure != nil {
			s.awaitLeaver(c.rec, func() string { return s.pathOf(&n.Header, c.occurrence) })
		}
		return finishedResult(ctx, s, n, c, start)
	}
	st := &step{operation: newOperation(ctx, s, &n.Header, checkpoint.KindStep, c), n: n, conf: s.inv.cfg.Steps.For(n.Config)}
	switch {
	case c.rec == nil:
		st.start()
	case s.readOnly && !s.f.logOnly:
		return unfinishedResult(s, st.operation, start)
	}
	if start {
		st.spawn(st.run)
		st.f.unbegun = st // it may be ended before its fiber has run
		return node.Result{Target: st.operation}
	}
	if c.rec != nil {
		s.frontier(st.operation)
	}
	return st.run(s.f)
}

// run carries the step from the status of its record to its end.
//
//	none       START is queued, the body runs
//	STARTED    an earlier invocation was cut off: the body runs again, or the attempt is decided
//	           as interrupted (at most once, or when crashes count)
//	PENDING    wait for READY
//	READY      START, the body runs
//	terminal   done
func (st *step) run(f *fiber) node.Result {
	inv, s := st.s.inv, st.s
	for {
		rec, ok := inv.log.Get(st.id)
		switch {
		case ok && rec.Status.Terminal():
			return outcomeOf(s, f, st.operation, rec)
		case f.logOnly:
			f.stop(s)
		case s.readOnly:
			s.diverge(unfinishedInside(st.operation))
		case ok && heldByService(rec):
			s.time.stale = false
			f.watch(st.operation)
			f.park(wait{why: waitRecord, s: s, op: st.operation})
			continue
		}
		s.time.stale = false
		f.unbegun = st
		s.awaitClaims(f, st.operation)
		r, ok := st.attempt(f, rec)
		if f.unbegun = nil; ok {
			return r
		}
	}
}

// heldByService reports whether a step goes on only when the service has changed its record: it is
// PENDING, or in a state that this version does not know.
func heldByService(rec *checkpoint.Operation) bool {
	switch rec.Status {
	case checkpoint.StatusStarted, checkpoint.StatusReady:
		return false
	case checkpoint.StatusPending, checkpoint.StatusSucceeded, checkpoint.StatusFailed, checkpoint.StatusCancelled,
		checkpoint.StatusTimedOut, checkpoint.StatusStopped:
	}
	return !rec.Status.Terminal()
}

// errNoReturn is the error of a body that has not returned.
var errNoReturn = errors.New("the body has not returned")

// recordUndone records how an attempt of a compensation ended whose goroutine was ended meanwhile.
// Another one goes on with the compensation, and waits for this: it must not do again what is being
// done.
func (st *step) recordUndone(f *fiber, number int, payload []byte, err error) {
	if _, late := err.(*unencoded); late || errors.Is(err, errNoReturn) { //nolint:errorlint // ours, never wrapped
		return
	}
	if err == nil {
		err = st.fits(payload)
	}
	if err != nil {
		st.queueEnd(afterFailure(st, f, st.before, number, err), time.Time{})
		return
	}
	u := st.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(payload)
	st.queueEnd(u, time.Time{})
}

// start queues the START of an attempt.
func (st *step) start() {
	st.begun = true
	u := st.update(checkpoint.ActionStart)
	if st.strict() || attempted(st.head) {
		st.seq = st.s.inv.out.Add(u, time.Time{})
		return
	}
	st.seq = st.s.inv.out.Add(u, st.s.inv.due(st.hold()))
}

// strict reports whether the start must be durable before the body begins.
func (st *step) strict() bool {
	return st.conf.Semantics == node.AtMostOnce || st.conf.CountCrashes
}

// attempted reports whether the operation is compensated even if it does not complete: then its
// start must be in the log before it can have an effect.
func attempted(h *node.Header) bool { return h.Undo != nil && h.Undo.Attempted }

// hold is how long START may be held back so that it travels with the completion.
//
//  1. If bodies of this name take a round trip or more, START goes at once, beside the body.
//  2. Otherwise it is held for a round trip if they are known to be shorter, for three quarters of
//     one if they are not known.
//
// The queue of a relaxed step is flushed by others, or when its own bound is over.
func (st *step) hold() time.Duration {
	if st.conf.Semantics == node.Relaxed {
		return relaxedHold
	}
	trip := st.s.inv.trip.time()
	expected, known := st.s.inv.Durations.of(st.head.Name)
	switch {
	case !known:
		return trip * 3 / 4
	case expected >= trip:
		return 0
	}
	return trip
}

// relaxedHold bounds how long the results of relaxed steps stay undurable while nothing strict
// runs.
const relaxedHold = time.Second

// attempt makes one attempt and records how it ended; rec is the record before it, nil if there is
// none. ok is false if the step is not finished.
func (st *step) attempt(f *fiber, rec *checkpoint.Operation) (r node.Result, ok bool) {
	inv, s := st.s.inv, st.s
	number := 1
	if st.before = rec; rec != nil {
		number = rec.Attempt + 1
		st.state = stateOf(rec)
	}
	if rec != nil && rec.Status == checkpoint.StatusStarted && !st.begun && st.strict() {
		f.unbegun = nil
		return st.failed(f, rec, number, op.ErrInterrupted)
	}
	if rec != nil && rec.Status == checkpoint.StatusReady {
		st.late = st.state.present() // START clears the state, so it travels with the completion
		if !st.late && (inv.cfg.ReadyStart || st.strict()) {
			st.start()
		}
	}
	if st.conf.Semantics != node.Relaxed {
		f.barrier(s, st.operation)
	}
	if st.strict() || attempted(st.head) {
		f.awaitAck(s, st.operation, st.seq)
	}
	f.awaitBody(s, st.operation)
	f.unbegun = nil
	payload, err := st.runBody(f, number)
	f.releaseSlots()
	if cut := inv.ctx.Err(); cut != nil {
		// The invocation's time is over: what the body says now may be due to that.
		inv.endWith(Outcome{Err: errCutOff(st.path(), context.Cause(inv.ctx))})
		f.exitIfOver()
	}
	if f.logOnly {
		f.stop(s)
	}
	if err == nil {
		err = st.fits(payload)
	}
	if err != nil {
		return st.failed(f, rec, number, err)
	}
	return st.succeeded(f, payload), true
}

// queueEnd queues how the attempt ended. A START that was kept back for the sake of the state
// travels with it: alone it would clear the state.
func (st *step) queueEnd(u checkpoint.Update, due time.Time) uint64 {
	late := st.late
	st.begun, st.late = false, false
	if u.Action == checkpoint.ActionRetry {
		st.s.inv.usage.retries++
	}
	if late {
		st.s.inv.out.AddTied(st.update(checkpoint.ActionStart), due)
	}
	return st.s.inv.out.Add(u, due)
}

// withdraw takes back an attempt whose body will never begin. If its START was not handed over, and
// the scope ends with it, that is taken back; else it is recorded that the body has not begun: the
// scope of a future has gone on, and the next invocation reaches the future again.
func (st *step) withdraw() {
	inv := st.s.inv
	if !st.begun || inv.end.closing || !st.separate && inv.out.Withdraw(st.seq) {
		return
	}
	if st.s.kind == undoScope {
		return // who takes over the compensation begins it
	}
	u := st.update(checkpoint.ActionFail)
	switch before := st.before; {
	case before == nil || before.Attempt == 0:
		u.Failure = inv.cfg.failure(errNotBegun, nil)
	case before.Failure != nil: // what the attempt before may have done is not forgotten
		u.Failure = &checkpoint.Failure{
			Type: leftBehind, Message: leftBehindText + "; the attempt before: " + before.Failure.Message, Data: before.Failure.Data,
		}
	default:
		u.Failure = &checkpoint.Failure{Type: leftBehind, Message: leftBehindText}
	}
	inv.out.Add(u, inv.due(inv.trip.time()))
}

// errNotBegun is the error of a step that was recorded as started and left behind before its body
// began.
var errNotBegun = errors.New("the body had not begun when its scope was left behind")

// The error of a step that was left behind before its body began once more.
const (
	leftBehind     = "LeftBehind"
	leftBehindText = "no further attempt was made when its scope was left behind"
)

// wasLeftUnbegun reports whether a record says so of a step.
func wasLeftUnbegun(rec *checkpoint.Operation) bool {
	if rec.Status != checkpoint.StatusFailed || rec.Failure == nil {
		return false
	}
	return rec.Failure.Type == leftBehind && strings.HasPrefix(rec.Failure.Message, leftBehindText) ||
		slices.ContainsFunc(identitiesOf(rec.Failure), func(known op.Identity) bool { return known.Name == builtinName("NotBegun") })
}

// succeeded records the result. A relaxed step does not wait until it is durable.
func (st *step) succeeded(f *fiber, payload []byte) node.Result {
	inv := st.s.inv
	u := st.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(payload)
	if st.conf.Semantics == node.Relaxed {
		inv.relaxed = st.queueEnd(u, inv.due(relaxedHold))
		f.because(cause{seq: inv.relaxed, id: st.id})
		if !st.separate {
			observeOf(st.s, st.operation)
		}
		p := u.Payload // else the update would be allocated for every step
		return node.Result{
			Payload: &p, Meta: st.meta(codec.PartResult), Codec: st.codec(), Source: st.s,
		}
	}
	f.awaitAck(st.s, st.operation, st.queueEnd(u, time.Time{}))
	rec, _ := inv.log.Get(st.id)
	return outcomeOf(st.s, f, st.operation, rec)
}

// failed decides what follows a failed attempt and records it. ok is false if there will be
// another one.
func (st *step) failed(f *fiber, rec *checkpoint.Operation, number int, err error) (r node.Result, ok bool) {
	u := afterFailure(st, f, rec, number, err)
	f.awaitAck(st.s, st.operation, st.queueEnd(u, time.Time{}))
	if u.Action == checkpoint.ActionRetry {
		return node.Result{}, false
	}
	rec, _ = st.s.inv.log.Get(st.id)
	return outcomeOf(st.s, f, st.operation, rec), true
}
