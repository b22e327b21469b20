package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
}

// callStep runs or starts a step. A finished one is read from the log without anything else.
func callStep(ctx context.Context, s *scope, n *node.Step, start bool) node.Result {
	c := s.claim(n, checkpoint.KindStep)
	if c.refused != nil {
		return refusedResult(s, c.refused, start)
	}
	if c.rec != nil && c.rec.Status.Terminal() {
		return finishedResult(ctx, s, n, c, start)
	}
	st := &step{operation: newOperation(ctx, s, &n.Header, checkpoint.KindStep, c), n: n, conf: s.inv.cfg.Steps.For(n.Config)}
	if c.rec == nil {
		st.start()
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
		case ok && rec.Status == checkpoint.StatusPending:
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

// errNoReturn is the error of a body that has not returned.
var errNoReturn = errors.New("the body has not returned")

// recordUndone records how an attempt of a compensation ended whose goroutine was ended meanwhile. Another one goes on
// with the compensation, and waits for this: it must not do again what is being done.
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
	return st.conf.Semantics == node.AtMostOnce || st.conf.CountCrashes == node.On
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

// relaxedHold bounds how long the results of relaxed steps stay undurable while nothing strict runs.
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
	if late {
		st.s.inv.out.AddTied(st.update(checkpoint.ActionStart), due)
	}
	return st.s.inv.out.Add(u, due)
}

// withdraw takes back an attempt whose body will never begin. If its START was not handed over, and the
// scope ends with it, that is taken back; else it is recorded that the body has not begun: the scope of a
// future has gone on, and the next invocation comes to the future again.
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

// errNotBegun is the error of a step that was recorded as started and left behind before its body began.
var errNotBegun = errors.New("the body had not begun when its scope was left behind")

// The error of a step that was left behind before its body began once more.
const (
	leftBehind     = "LeftBehind"
	leftBehindText = "no further attempt was made when its scope was left behind"
)

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
		return node.Result{
			Payload: &u.Payload, Meta: st.meta(codec.Result), Codec: st.codec(), Source: st.s,
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

// bodyWait is a fiber that waits for its turn to run a body.
type bodyWait struct {
	f *fiber
	s *scope
	o *operation
}

// awaitBody parks until the body of an operation may begin.
//
//  1. No body begins while a batch around it has ends that it has not counted: they may end the batch.
//  2. Otherwise bodies begin in the order of their claims, as there are free places.
func (f *fiber) awaitBody(s *scope, o *operation) {
	w := &bodyWait{f: f, s: s, o: o}
	i, _ := slices.BinarySearchFunc(f.inv.waits.bodies, w, func(a, b *bodyWait) int {
		if a.o.order < b.o.order {
			return -1
		}
		return 1
	})
	f.inv.waits.bodies = slices.Insert(f.inv.waits.bodies, i, w)
	f.park(wait{why: waitBody, s: s, op: o})
}

// beginBodies lets begin what may.
func (inv loop) beginBodies() bool {
	begun := false
	waiting := inv.waits.bodies[:0]
	for _, w := range inv.waits.bodies {
		switch {
		case w.f.Dead(), w.f.logOnly:
		case hasUncounted(w.f.batch), !w.f.takeSlots(w.s.slots):
			waiting = append(waiting, w)
		default:
			w.f.Wake()
			begun = true
		}
	}
	clear(inv.waits.bodies[len(waiting):])
	inv.waits.bodies = waiting
	return begun
}

// runBody runs the body of an attempt off the turn, and encodes its result there.
func (st *step) runBody(f *fiber, number int) (payload []byte, err error) {
	inv := st.s.inv
	var sight Sight
	if inv.Observer != nil {
		flushed(st.s)
		sight = st.sight()
	}
	st.s.publish()
	began := inv.Clock.Now()
	if st.s.kind == undoScope {
		inv.waits.undoing[st.id] = f
		defer func() {
			f.Regain()
			delete(inv.waits.undoing, st.id)
			if f.Dead() && !inv.over() {
				st.recordUndone(f, number, payload, err)
			}
			if f.Dead() {
				st.s.leave()
			}
		}()
	}
	err = errNoReturn
	f.offBody(st.operation, func() {
		var v any
		v, err = st.body(f, sight, number)
		if err == nil {
			payload, err = st.encodeInBody(f, v)
		}
	})
	inv.Durations.add(st.head.Name, inv.Clock.Now().Sub(began))
	if late, ok := err.(*unencoded); ok { //nolint:errorlint // ours, never wrapped
		endIfTransient(f, st.meta(codec.Result), late.err)
	}
	return payload, err
}

// unencoded says that a result could not be encoded for now.
type unencoded struct{ err error }

func (e *unencoded) Error() string { return e.err.Error() }

// encodeInBody encodes the result of a body, off the turn.
func (st *step) encodeInBody(f *fiber, v any) (payload []byte, err error) {
	e := encoding{o: st.operation, ctx: st.ctx, v: v}
	run := func() error { return e.run(f) }
	if err = insist(st.ctx, st.s.inv, untilDeadline, run(), run); codec.IsTransient(err) {
		err = &unencoded{err}
	}
	return e.payload, err
}

// body runs the body of an attempt, without the turn.
func (st *step) body(f *fiber, sight Sight, number int) (v any, err error) {
	inv := st.s.inv
	ctx, release := beforeDeadline(st.ctx, inv)
	defer release()
	ctx, cancel := limit(ctx, st.conf.Timeout)
	defer cancel()
	info := &node.BodyInfo{
		Info: node.Info{
			ID: st.id, Name: st.head.Name, Path: st.path(), ParentID: st.s.real,
			ExecutionARN: inv.ARN, IdempotencyKey: idempotencyKey(inv, st.id), Attempt: number,
		},
		State: st.decodeState, Carry: st.carry,
	}
	run := func(ctx context.Context) error {
		v, err = f.call(ofScope, "", func() (any, error) { return st.n.Body.Run(ctx) })
		return err
	}
	if inv.Observer == nil {
		info.Logger = bodyLogger(inv, info)
		_ = run(node.WithBody(ctx, info))
	} else {
		f.calling = calling{role: ofObserver}
		info.Attrs = inv.Observer.Attrs(sight, number)
		info.Logger = bodyLogger(inv, info)
		inv.Observer.Attempt(node.WithBody(ctx, info), sight, number, func(ctx context.Context) error {
			if b, _ := node.BodyFrom(ctx); b != info { // an interceptor has made it of another one
				ctx = node.WithBody(ctx, info)
			}
			return run(ctx)
		})
		f.calling = calling{}
	}
	if err != nil && ctx.Err() != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, op.ErrTimedOut):
			err = &overrunError{err}
		case errors.Is(cause, errCutShort):
			err = &cutShortError{err}
		}
	}
	return v, err
}

// errCutShort is the cause of a body's context that ends before the invocation's deadline.
var errCutShort = fmt.Errorf("replay: the invocation's deadline is near: %w", op.ErrInterrupted)

// cutShortError is the error of a body that was cut short. It reads as what the body said.
type cutShortError struct{ err error }

func (e *cutShortError) Error() string   { return e.err.Error() }
func (e *cutShortError) Unwrap() []error { return []error{e.err, op.ErrInterrupted} }

// beforeDeadline returns a context that ends the handler's margin before the invocation does.
func beforeDeadline(ctx context.Context, inv *invocation) (context.Context, context.CancelFunc) {
	deadline, ok := inv.ctx.Deadline()
	if !ok || inv.cfg.Margin == 0 {
		return ctx, func() {}
	}
	at := deadline.Add(-inv.cfg.Margin)
	cut, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if left := at.Sub(inv.Clock.Now()); left > 0 {
		stop = inv.Clock.AfterFunc(left, func() { cancel(errCutShort) })
	} else {
		cancel(errCutShort)
	}
	return &Early{cut, at}, func() {
		stop()
		cancel(nil)
	}
}

// Early is a context that ends before that of the invocation, in the time of the service's clock,
// which the context package knows nothing of.
type Early struct {
	context.Context //nolint:containedctx // the parent

	At time.Time
}

// Deadline returns when the context ends.
func (c *Early) Deadline() (time.Time, bool) { return c.At, true }

// overrunError is the error of a body whose time was over. It reads as what the body said.
type overrunError struct{ err error }

func (e *overrunError) Error() string   { return e.err.Error() }
func (e *overrunError) Unwrap() []error { return []error{e.err, op.ErrTimedOut} }

// limit returns a context that ends after d with the cause [op.ErrTimedOut]; zero is no limit.
func limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, op.ErrTimedOut)
}

// decodeState decodes what the last attempt left behind.
func (st *step) decodeState(v any) (bool, error) {
	if !st.state.present() {
		return false, nil
	}
	return true, decodeInBody(st.s, st.codec(), st.meta(codec.State), st.state.payload, v)
}

// carry takes a state through the codec, as if an attempt before had left it behind.
func (st *step) carry(v, into any) error {
	payload, err := codec.Encode(st.ctx, st.codec(), st.meta(codec.State), v)
	if err != nil {
		return err
	}
	return codec.Decode(st.ctx, st.codec(), st.meta(codec.State), payload, into)
}

// slots bounds how many bodies run at once in a batch and all that is inside it. The nil slots
// are no bound.
type slots struct {
	outer *slots // of the batch around it; nil if that has no bound
	free  int
}

// takeSlots takes a place in sl and all around it. It reports whether there was one in each.
func (f *fiber) takeSlots(sl *slots) bool {
	for at := sl; at != nil; at = at.outer {
		if at.free == 0 {
			return false
		}
	}
	for at := sl; at != nil; at = at.outer {
		at.free--
	}
	f.held = sl
	return true
}

// releaseSlots gives the places back that the fiber has taken.
func (f *fiber) releaseSlots() {
	for at := f.held; at != nil; at = at.outer {
		at.free++
	}
	f.held = nil
}
