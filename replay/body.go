package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// body runs the body of an attempt, without the lock.
func (st *step) body(t *task, number int) (v any, err error) {
	inv := st.s.inv
	ctx, release := inv.beforeDeadline(st.ctx)
	defer release()
	ctx, cancel := limit(ctx, st.conf.Timeout)
	defer cancel()
	info := &node.BodyInfo{
		Info: node.Info{
			ID: st.id, Name: st.head.Name, Path: st.path(), ParentID: st.s.real,
			ExecutionARN: inv.arn, IdempotencyKey: inv.idempotencyKey(st.id), Attempt: number,
		},
		Attrs: inv.hooks.attrs(st, number),
		State: st.decodeState,
	}
	info.Logger = inv.bodyLogger(info)
	inv.hooks.attempt(node.WithBody(ctx, info), st, number, func(ctx context.Context) error {
		if b, _ := node.BodyFrom(ctx); b != info { // an interceptor has made it of another one
			ctx = node.WithBody(ctx, info)
		}
		v, err = t.guard(func() (any, error) { return st.n.Body.Run(ctx) })
		return err
	})
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
	if !ok || inv.set.margin == 0 {
		return ctx, func() {}
	}
	at := deadline.Add(-inv.set.margin)
	cut, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if left := at.Sub(inv.clock.Now()); left > 0 {
		stop = inv.clock.AfterFunc(left, func() { cancel(errCutShort) })
	} else {
		cancel(errCutShort)
	}
	return &early{cut, at}, func() {
		stop()
		cancel(nil)
	}
}

// early is a context that ends before that of the invocation, in the time of the service's clock,
// which the context package knows nothing of.
type early struct {
	context.Context //nolint:containedctx // the parent

	at time.Time
}

// Deadline returns when the context ends.
func (c *early) Deadline() (time.Time, bool) { return c.at, true }

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

// guard runs user code and turns a panic into an error. A Goexit passes through.
func guard(f func() (any, error)) (v any, err error) { return guarded(f, func(any) {}) }

// guard is guard for code that may be ended while it runs. A panic of a deferred function on the
// way out is recovered too, but nobody gets the error: the goroutine goes on to its end.
func (t *task) guard(f func() (any, error)) (v any, err error) {
	v, err = guarded(f, func(p any) { t.panicked = p })
	t.panicked = nil
	return v, err
}

// guardScope is guard for the function of a group or branch, with as few frames as can be: see
// [handle.Run]. The caller clears t.panicked.
func (t *task) guardScope(b node.ScopeBody, h *handle) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked = p
			v, err = nil, panicError(p)
		}
	}()
	return b.Run(h)
}

func guarded(f func() (any, error), note func(p any)) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			note(p)
			v, err = nil, panicError(p)
		}
	}()
	return f()
}

// decodeState decodes what the last attempt left behind.
func (st *step) decodeState(v any) (bool, error) {
	if !st.state.present() {
		return false, nil
	}
	return true, codec.Decode(st.ctx, st.codec(), st.meta(codec.State), st.state.payload, v)
}
