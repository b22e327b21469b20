package replay

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay/internal/engine"
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
	defer func() {
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

// Group runs the function of a group or branch between its reports.
func (h *hooks) Group(ctx context.Context, o engine.Sight, run func(context.Context) error) {
	g := GroupInfo{OperationInfo: h.operation(o), ReplayingChildren: o.Replay}
	h.each(func(i *Interceptor) {
		if i.GroupStart != nil {
			i.GroupStart(ctx, g)
		}
	})
	end := AttemptEnd{Outcome: outcomeIncomplete}
	defer func() {
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
	info.Path, info.Replay = o.Path, o.Replay
	return info
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
		if err := engine.Guard(func() { around(&h.list[n], ctx, next) }); err != nil {
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
