package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// bodyWait is a fiber that waits for its turn to run a body.
type bodyWait struct {
	f *fiber
	s *scope
	o *operation
}

// awaitBody parks until the body of an operation may begin.
//
//  1. No body begins while a batch around it has ends that it has not counted: they may end the
//     batch.
//  2. Otherwise bodies begin in the order of their claims, as there are free places.
func (f *fiber) awaitBody(s *scope, o *operation) {
	f.body = bodyWait{f: f, s: s, o: o}
	w := &f.body
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
	if inv.Rehearsal != nil {
		return false
	}
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
	trace := startTrace(f, st, sight)
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
		v, err = st.body(f, sight, number, trace)
		if err == nil {
			payload, err = st.encodeInBody(f, v)
		}
	})
	inv.Durations.add(st.head.Name, inv.Clock.Now().Sub(began))
	if late, ok := err.(*unencoded); ok { //nolint:errorlint // ours, never wrapped
		endIfTransient(f, st.meta(codec.PartResult), late.err)
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

// bodyRun is what a body runs with, all of it in one piece of memory: every step needs it.
type bodyRun struct {
	node.BodyInfo

	inv *invocation
	ctx context.Context //nolint:containedctx // that the body is given first
	// own is the context that the body has: interceptors may have made another one.
	own  atomic.Pointer[context.Context]
	logs lateHandler
}

func newBodyRun(ctx context.Context, inv *invocation, info node.BodyInfo) *bodyRun {
	b := &bodyRun{BodyInfo: info, inv: inv}
	b.ctx = node.WithBody(ctx, &b.BodyInfo)
	b.own.Store(&b.ctx)
	b.logs.base = b.handler
	return b
}

// body runs the body of an attempt, without the turn.
func (st *step) body(f *fiber, sight Sight, number int, trace string) (v any, err error) {
	inv := st.s.inv
	ctx, release := beforeDeadline(st.ctx, inv)
	defer release()
	ctx, cancel := limit(ctx, st.conf.Timeout)
	defer cancel()
	b := newBodyRun(ctx, inv, node.BodyInfo{
		Info:  st.info(number),
		State: st.decodeState, Carry: st.carry,
		Start: func(ctx context.Context, what node.Starting) (string, error) { return st.starts(ctx, what, trace) },
	})
	ctx = b.ctx
	defer func() { st.tried = *b.own.Load() }()
	if inv.Observer == nil {
		b.Logger = slog.New(&b.logs)
		v, err = f.call(ofScope, "", func() (any, error) { return st.n.Body.Run(b.ctx) })
	} else {
		v, err = st.observedBody(f, b, sight, number)
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

// observedBody is body between the reports to the observer.
func (st *step) observedBody(f *fiber, b *bodyRun, sight Sight, number int) (v any, err error) {
	inv, info := b.inv, &b.BodyInfo
	f.calling = calling{role: ofObserver}
	info.Attrs = inv.Observer.Attrs(sight, number)
	info.Logger = slog.New(&b.logs)
	inv.Observer.Attempt(b.ctx, sight, number, func(ctx context.Context) error {
		if own, _ := node.BodyFrom(ctx); own != info { // an interceptor has made it of another one
			ctx = node.WithBody(ctx, info)
		}
		b.own.Store(&ctx)
		v, err = f.call(ofScope, "", func() (any, error) { return st.n.Body.Run(ctx) })
		if _, again := retry.StateOf(err); again && st.conf.Semantics == node.AtMostOnce {
			return errAgainAtMostOnce // it fails the step
		}
		return err
	})
	f.calling = calling{}
	return v, err
}

// info describes an attempt to its body.
func (st *step) info(number int) node.Info {
	inv := st.s.inv
	return node.Info{
		ID: st.id, Name: st.head.Name, Path: st.path(), ParentID: st.s.real,
		ExecutionARN: inv.ARN, IdempotencyKey: idempotencyKey(inv, st.id), Attempt: number,
		TraceHeader: inv.TraceHeader,
	}
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
	return true, decodeInBody(st.s, st.codec(), st.meta(codec.PartState), st.state.payload, v)
}

// carry takes a state through the codec, as if an attempt before had left it behind.
func (st *step) carry(v, into any) error {
	m := st.meta(codec.PartState)
	return convertInBody(st.s, m, aFewTimes, func(ctx context.Context) error {
		payload, err := codec.Encode(ctx, st.codec(), m, v)
		if err != nil {
			return err
		}
		return codec.Decode(ctx, st.codec(), m, payload, into)
	})
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
