package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

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
func (inv *invocation) beginBodies() bool {
	begun := false
	waiting := inv.waits.bodies[:0]
	for _, w := range inv.waits.bodies {
		switch {
		case w.f.Dead(), w.f.look:
		case w.f.in.counts(), !w.f.take(w.s.slots):
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
		st.s.flushed()
		sight = st.sight()
	}
	st.s.publish()
	began := inv.Clock.Now()
	f.offBody(st.operation, func() {
		var v any
		v, err = st.body(f, sight, number)
		if err == nil {
			_, err = f.call(ofCodec, st.head.Name, func() (_ any, err error) { payload, err = st.encoded(st.ctx, v); return nil, err })
		}
	})
	inv.Durations.add(st.head.Name, inv.Clock.Now().Sub(began))
	return payload, err
}

// body runs the body of an attempt, without the turn.
func (st *step) body(f *fiber, sight Sight, number int) (v any, err error) {
	inv := st.s.inv
	ctx, release := inv.beforeDeadline(st.ctx)
	defer release()
	ctx, cancel := limit(ctx, st.conf.Timeout)
	defer cancel()
	info := &node.BodyInfo{
		Info: node.Info{
			ID: st.id, Name: st.head.Name, Path: st.path(), ParentID: st.s.real,
			ExecutionARN: inv.ARN, IdempotencyKey: inv.idempotencyKey(st.id), Attempt: number,
		},
		State: st.decodeState,
	}
	run := func(ctx context.Context) error {
		v, err = f.call(ofScope, "", func() (any, error) { return st.n.Body.Run(ctx) })
		return err
	}
	if inv.Observer == nil {
		info.Logger = inv.bodyLogger(info)
		_ = run(node.WithBody(ctx, info))
	} else {
		f.calling = calling{role: ofObserver}
		info.Attrs = inv.Observer.Attrs(sight, number)
		info.Logger = inv.bodyLogger(info)
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
func (inv *invocation) beforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
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
	return true, codec.Decode(st.ctx, st.codec(), st.meta(codec.State), st.state.payload, v)
}
