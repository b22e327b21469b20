package replay

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
)

// attempt runs a body between the reports of its attempt. Called without the lock.
func (h *hooks) attempt(ctx context.Context, st *step, number int, run func(context.Context) error) {
	if h == nil {
		_ = run(ctx)
		return
	}
	h.flush()
	a := AttemptInfo{OperationInfo: h.operation(st.operation), Number: number, Began: h.inv.clock.Now()}
	h.each(func(i *Interceptor) {
		if i.AttemptStart != nil {
			i.AttemptStart(ctx, a)
		}
	})
	end := AttemptEnd{Outcome: outcomeIncomplete}
	defer func() {
		h.flush()
		h.each(func(i *Interceptor) {
			if i.AttemptEnd != nil {
				i.AttemptEnd(ctx, a, end)
			}
		})
	}()
	own := ctx
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapAttempt != nil {
			i.WrapAttempt(ctx, a, next)
		}
	}, func(ctx context.Context) {
		ctx, free := within(own, ctx)
		defer free()
		end = ended(run(ctx))
	})
}

// group runs the function of a group or branch between its reports. Called without the lock.
func (h *hooks) group(ctx context.Context, o *operation, run func(context.Context) error) {
	if h == nil {
		_ = run(ctx)
		return
	}
	h.flush()
	g := GroupInfo{OperationInfo: h.operation(o), ReplayingChildren: o.found != nil}
	h.each(func(i *Interceptor) {
		if i.GroupStart != nil {
			i.GroupStart(ctx, g)
		}
	})
	end := AttemptEnd{Outcome: outcomeIncomplete}
	defer func() {
		h.flush()
		h.each(func(i *Interceptor) {
			if i.GroupEnd != nil {
				i.GroupEnd(ctx, g, end)
			}
		})
	}()
	own := ctx
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapGroup != nil {
			i.WrapGroup(ctx, g, next)
		}
	}, func(ctx context.Context) {
		ctx, _ = within(own, ctx) // it is freed with its own: what the function has started may go on
		end = ended(run(ctx))
	})
}

// operation describes an operation that runs, whose record may not be there yet.
func (h *hooks) operation(o *operation) OperationInfo {
	h.inv.mu.Lock()
	defer h.inv.mu.Unlock()
	info := o.info()
	if rec, ok := h.inv.log.Get(o.id); ok {
		info = h.describe(rec)
	}
	info.Path, info.Replay = o.path(), o.found != nil
	return info
}

// info describes an operation that has no record.
func (o *operation) info() OperationInfo {
	u := o.update(checkpoint.ActionStart)
	return OperationInfo{
		ExecutionARN: o.s.inv.arn, ID: u.ID, ParentID: u.ParentID, Name: u.Name, Path: o.path(),
		Kind: string(u.Kind), SubType: u.SubType, Status: string(checkpoint.StatusStarted),
	}
}

func ended(err error) AttemptEnd {
	if err != nil {
		return AttemptEnd{Outcome: outcomeFailed, Err: err}
	}
	return AttemptEnd{Outcome: outcomeSucceeded}
}

// wrap nests the interceptors around run, the first one outermost. run is called exactly once,
// whatever they do.
func (h *hooks) wrap(
	ctx context.Context, around func(i *Interceptor, ctx context.Context, next func(context.Context)), run func(context.Context),
) {
	var nest func(n int, ctx context.Context)
	nest = func(n int, ctx context.Context) {
		if n == len(h.list) {
			run(ctx)
			return
		}
		called := false
		next := func(ctx context.Context) {
			if !called {
				called = true
				nest(n+1, ctx)
			}
		}
		_, err := guard(func() (any, error) { around(&h.list[n], ctx, next); return nil, nil })
		if err != nil {
			h.panicked(n, err)
		}
		next(ctx)
	}
	nest(0, ctx)
}

// within returns a context with the values of ctx that ends when ctx does, and no later than own,
// of which ctx need not be made. free gives back what it costs before own ends.
func within(own, ctx context.Context) (in context.Context, free func()) {
	if ctx == own {
		return ctx, func() {}
	}
	in, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(own, func() { cancel(context.Cause(own)) })
	at, bounded := own.Deadline()
	if deadline, ok := in.Deadline(); bounded && (!ok || at.Before(deadline)) {
		in = &early{in, at}
	}
	return in, func() {
		stop()
		cancel(nil)
	}
}

// attrs are what interceptors add to the records of a body's logger.
func (h *hooks) attrs(st *step, number int) []slog.Attr {
	if h == nil {
		return nil
	}
	var attrs []slog.Attr
	a := AttemptInfo{OperationInfo: h.operation(st.operation), Number: number}
	h.each(func(i *Interceptor) {
		if i.LogAttrs != nil {
			attrs = append(attrs, i.LogAttrs(a)...)
		}
	})
	return attrs
}
