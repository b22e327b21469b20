package replay

import (
	"context"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// body runs the body of an attempt, without the lock.
func (st *step) body(number int) (v any, err error) {
	ctx, cancel := limit(st.ctx, st.conf.Timeout)
	defer cancel()
	inv := st.s.inv
	v, err = guard(func() (any, error) {
		return st.n.Body.Run(node.WithBody(ctx, &node.BodyInfo{
			Info: node.Info{
				ID: st.id, Name: st.head.Name, Path: st.path(), ParentID: st.s.real,
				ExecutionARN: inv.arn, IdempotencyKey: inv.idempotencyKey(st.id), Attempt: number,
			},
			Logger: inv.set.bodyLogger(st, number),
			State:  st.decodeState,
		}))
	})
	if err != nil && ctx.Err() != nil && context.Cause(ctx) == op.ErrTimedOut { //nolint:errorlint // our own cause
		err = &overrun{err}
	}
	return v, err
}

// overrun is the error of a body whose time was over. It reads as what the body said.
type overrun struct{ err error }

func (e *overrun) Error() string   { return e.err.Error() }
func (e *overrun) Unwrap() []error { return []error{e.err, op.ErrTimedOut} }

// limit returns a context that ends after d with the cause [op.ErrTimedOut]; zero is no limit.
func limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, op.ErrTimedOut)
}

// guard runs user code and turns a panic into an error. A Goexit passes through.
func guard(f func() (any, error)) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
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
