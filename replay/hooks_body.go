package replay

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay/internal/engine"
	"github.com/perdure/perdure/retry"
)

// Attempt runs a body between the reports of its attempt.
func (h *hooks) Attempt(ctx context.Context, o engine.Sight, number int, run func(context.Context) error) {
	a := AttemptInfo{OperationInfo: h.operation(o), Number: number, Began: h.run.Clock.Now()}
	h.each(func(i *Interceptor) {
		if i.AttemptStart != nil {
			i.AttemptStart(ctx, a)
		}
	})
	end := AttemptEnd{Outcome: outcomeIncomplete}
	own, body := ctx, ctx
	defer func() {
		h.each(func(i *Interceptor) {
			if i.AttemptEnd != nil {
				i.AttemptEnd(body, a, h.timed(&end))
			}
		})
	}()
	wrap(h, ctx, func(i *Interceptor, ctx context.Context, next func(context.Context) AttemptEnd) {
		if i.WrapAttempt != nil {
			i.WrapAttempt(ctx, a, next)
		}
	}, func(ctx context.Context) AttemptEnd {
		body = ctx //nolint:fatcontext // once
		ctx, free := within(own, ctx)
		defer free()
		end = attempted(run(ctx))
		return h.timed(&end)
	})
}

// Group runs the function of a group or branch between its reports.
func (h *hooks) Group(ctx context.Context, o engine.Sight, run func(context.Context) error) {
	g := GroupInfo{OperationInfo: h.operation(o), ReplayingChildren: o.Replay, Virtual: o.Virtual}
	h.each(func(i *Interceptor) {
		if i.GroupStart != nil {
			i.GroupStart(ctx, g)
		}
	})
	end := AttemptEnd{Outcome: outcomeIncomplete}
	own, inside := ctx, ctx
	defer func() {
		h.each(func(i *Interceptor) {
			if i.GroupEnd != nil {
				i.GroupEnd(inside, g, h.timed(&end))
			}
		})
	}()
	wrap(h, ctx, func(i *Interceptor, ctx context.Context, next func(context.Context) AttemptEnd) {
		if i.WrapGroup != nil {
			i.WrapGroup(ctx, g, next)
		}
	}, func(ctx context.Context) AttemptEnd {
		inside = ctx              //nolint:fatcontext // once
		ctx, _ = within(own, ctx) // it is freed with its own: what the function has started may go on
		end = ended(run(ctx))
		return h.timed(&end)
	})
}

// timed notes when a function ended, once.
func (h *hooks) timed(end *AttemptEnd) AttemptEnd {
	if end.Ended.IsZero() {
		end.Ended = h.run.Clock.Now()
	}
	return *end
}

// operation describes an operation that runs, whose record may not be there yet. It is called off
// the turn, too, and reads nothing that changes.
func (h *hooks) operation(o engine.Sight) OperationInfo {
	info := OperationInfo{
		ExecutionARN: h.run.ARN, ID: o.ID, ParentID: o.ParentID, Name: o.Name,
		Kind: string(o.Kind), SubType: o.SubType, Status: string(checkpoint.StatusStarted),
	}
	if o.Record != nil {
		info = describe(h.run.ARN, o.Record)
	}
	info.Path, info.Replay, info.Reached = o.Path, o.Replay, h.reachedAt(o.ID)
	return info
}

// attempted is how a body ended. One that asks for another attempt has not failed.
func attempted(err error) AttemptEnd {
	if _, again := retry.StateOf(err); again && !retry.IsPermanent(err) {
		return AttemptEnd{Outcome: outcomeSucceeded, Again: true}
	}
	return ended(err)
}

func ended(err error) AttemptEnd {
	if err != nil {
		return AttemptEnd{Outcome: outcomeFailed, Err: err}
	}
	return AttemptEnd{Outcome: outcomeSucceeded}
}

// wrap nests the interceptors around run, the first one outermost. run is called exactly once,
// whatever they do.
func wrap[T any](
	h *hooks, ctx context.Context, //nolint:revive // the receiver it cannot have comes first
	around func(i *Interceptor, ctx context.Context, next func(context.Context) T),
	run func(context.Context) T,
) {
	var nest func(n int, ctx context.Context) T
	nest = func(n int, ctx context.Context) T {
		if n == len(h.list) {
			return run(ctx)
		}
		called := false
		var end T
		next := func(ctx context.Context) T {
			if !called {
				called = true
				end = nest(n+1, ctx)
			}
			return end
		}
		if err := engine.Guard(func() { around(&h.list[n], ctx, next) }); err != nil {
			h.panicked(n, err)
		}
		return next(ctx)
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
		in = &engine.Early{Context: in, At: at}
	}
	return in, func() {
		stop()
		cancel(nil)
	}
}

// Attrs are what interceptors add to the records of a body's logger.
func (h *hooks) Attrs(o engine.Sight, number int) []slog.Attr {
	var attrs []slog.Attr
	a := AttemptInfo{OperationInfo: h.operation(o), Number: number}
	h.each(func(i *Interceptor) {
		if i.LogAttrs != nil {
			attrs = append(attrs, i.LogAttrs(a)...)
		}
	})
	return attrs
}

// TraceHeader asks the interceptors, in their order, for the trace header of an invoke.
func (h *hooks) TraceHeader(o engine.Sight, header string) string {
	info := h.operation(o)
	for n := range h.list {
		replace := h.list[n].InvokeTraceHeader
		if replace == nil {
			continue
		}
		made := header
		if err := engine.Guard(func() { made = replace(h.ctx, info, header) }); err != nil {
			h.panicked(n, err)
			continue
		}
		if !validTraceHeader(made) {
			h.log.Warn("an interceptor made a trace header that the service would refuse: the former one stays; "+
				"want at most 512 printable ASCII characters", slog.Int("interceptor", n), slog.String("path", o.Path))
			continue
		}
		header = made
	}
	return header
}

// maxTraceHeader bounds what an interceptor may make: the service gives no bound, and real headers
// have about 100 bytes.
const maxTraceHeader = 512

func validTraceHeader(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxTraceHeader
}
