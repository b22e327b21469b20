package replay

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// The outcomes of bodies and invocations, as interceptors see them.
const (
	outcomeSucceeded  = "SUCCEEDED"
	outcomeFailed     = "FAILED"
	outcomeIncomplete = "INCOMPLETE"
	outcomeRetrying   = "RETRYING"
)

// hooks calls the interceptors of an invocation. What happens under the invocation's lock is
// queued, and reported in order when the lock is free. The nil hooks report nothing.
type hooks struct {
	inv  *invocation
	list []Interceptor
	info InvocationInfo
	ctx  context.Context //nolint:containedctx // of the invocation: reports are made later than they are queued

	calling sync.Mutex // held while queued reports are made, so that they keep their order

	// Guarded by the invocation's lock.
	queue []func(context.Context)
	paths map[string]string
	over  map[string]bool // ends that have been reported
}

func newHooks(inv *invocation, requestID string) *hooks {
	if len(inv.set.interceptors) == 0 {
		return nil
	}
	return &hooks{
		inv: inv, list: inv.set.interceptors, paths: make(map[string]string), over: make(map[string]bool),
		info: InvocationInfo{
			ExecutionARN: inv.arn, RequestID: requestID, First: inv.log.Len() == 0, StartedAt: inv.begun,
			Operations: inv.log.Len(), Updated: len(inv.fresh),
		},
	}
}

// each calls f for every interceptor; a panic of one does not reach the others.
func (h *hooks) each(f func(i *Interceptor)) {
	for n := range h.list {
		if _, err := guard(func() (any, error) { f(&h.list[n]); return nil, nil }); err != nil {
			h.inv.set.logger(nil).Warn("an interceptor panicked", slog.Int("interceptor", n), errorAttr(err))
		}
	}
}

// flush makes the queued reports. Called without the lock.
func (h *hooks) flush() {
	if h == nil {
		return
	}
	h.calling.Lock()
	defer h.calling.Unlock()
	for {
		h.inv.mu.Lock()
		queue := h.queue
		h.queue = nil
		h.inv.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, report := range queue {
			report(h.ctx)
		}
	}
}

// reached queues the report of an operation that the code has come to. Called with the lock held.
func (h *hooks) reached(o OperationInfo, rec *checkpoint.Operation) {
	if h == nil {
		return
	}
	h.paths[o.ID] = o.Path
	if rec != nil {
		if rec.Status.Terminal() {
			if h.inv.fresh[rec.ID] {
				h.finished(rec)
			}
			return
		}
		o = h.describe(rec)
	}
	o.Replay = rec != nil
	h.queue = append(h.queue, func(ctx context.Context) {
		h.each(func(i *Interceptor) {
			if i.OperationStart != nil {
				i.OperationStart(ctx, o)
			}
		})
	})
}

// changed queues the report of records that have changed. Called with the lock held.
func (h *hooks) changed(recs []*checkpoint.Operation) {
	if h == nil || len(recs) == 0 {
		return
	}
	c := Change{ExecutionARN: h.inv.arn, Operations: h.inv.log.Len(), Lookup: h.lookup}
	for _, rec := range recs {
		c.Changed = append(c.Changed, h.describe(rec))
	}
	h.queue = append(h.queue, func(ctx context.Context) {
		h.each(func(i *Interceptor) {
			if i.OperationChange != nil {
				i.OperationChange(ctx, c)
			}
		})
	})
	for _, rec := range recs {
		if _, reached := h.paths[rec.ID]; reached && rec.Status.Terminal() {
			h.finished(rec)
		}
	}
}

// finished queues the report of an operation's end, once. Called with the lock held.
func (h *hooks) finished(rec *checkpoint.Operation) {
	if h.over[rec.ID] {
		return
	}
	h.over[rec.ID] = true
	o := h.describe(rec)
	h.queue = append(h.queue, func(ctx context.Context) {
		h.each(func(i *Interceptor) {
			if i.OperationEnd != nil {
				i.OperationEnd(ctx, o)
			}
		})
	})
}

// lookup finds an operation for the user of a Change.
func (h *hooks) lookup(id string) (OperationInfo, bool) {
	h.inv.mu.Lock()
	defer h.inv.mu.Unlock()
	rec, ok := h.inv.log.Get(id)
	if !ok {
		return OperationInfo{}, false
	}
	return h.describe(rec), true
}

// describe is a record as interceptors see it. Called with the lock held.
func (h *hooks) describe(rec *checkpoint.Operation) OperationInfo {
	o := OperationInfo{
		ExecutionARN: h.inv.arn, ID: rec.ID, ParentID: rec.ParentID, Name: rec.Name, Path: h.paths[rec.ID],
		Kind: string(rec.Kind), SubType: rec.SubType, Status: string(rec.Status), Attempt: rec.Attempt,
		Start: rec.Start, End: rec.End,
	}
	if rec.Status == checkpoint.StatusSucceeded && rec.Payload.Present() {
		o.Result, o.HasResult = rec.Payload.String(), true
	}
	if f := rec.Failure; f != nil {
		o.ErrorType, o.ErrorMessage = f.Type, f.Message
	}
	return o
}

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
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapAttempt != nil {
			i.WrapAttempt(ctx, a, next)
		}
	}, func(ctx context.Context) { end = ended(run(ctx)) })
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
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapGroup != nil {
			i.WrapGroup(ctx, g, next)
		}
	}, func(ctx context.Context) { end = ended(run(ctx)) })
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
			h.inv.set.logger(nil).Warn("an interceptor panicked", slog.Int("interceptor", n), errorAttr(err))
		}
		next(ctx)
	}
	nest(0, ctx)
}

// began reports the beginning of the invocation.
func (h *hooks) began(ctx context.Context) {
	if h == nil {
		return
	}
	h.ctx = ctx
	h.each(func(i *Interceptor) {
		if i.InvocationStart != nil {
			i.InvocationStart(ctx, h.info)
		}
	})
	h.inv.mu.Lock()
	var recs []*checkpoint.Operation
	for rec := range h.inv.log.Records() {
		if h.inv.fresh[rec.ID] {
			recs = append(recs, rec)
		}
	}
	h.changed(recs)
	h.inv.mu.Unlock()
	h.flush()
}

// invocation runs an invocation inside the interceptors.
func (h *hooks) invocation(ctx context.Context, run func(context.Context)) {
	if h == nil {
		run(ctx)
		return
	}
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapInvocation != nil {
			i.WrapInvocation(ctx, h.info, next)
		}
	}, run)
}

// ended reports the end of the invocation.
func (h *hooks) ended(ctx context.Context, o outcome) {
	if h == nil {
		return
	}
	h.flush()
	end := InvocationEnd{Status: string(o.status), Terminal: o.err == nil && o.status != checkpoint.OutcomePending, Err: o.err}
	if o.err != nil {
		end.Status = outcomeRetrying
	}
	if o.failure != nil {
		end.Err = errors.New(o.failure.Message)
	}
	info := h.info
	info.Operations = h.inv.log.Len()
	h.each(func(i *Interceptor) {
		if i.InvocationEnd != nil {
			i.InvocationEnd(ctx, info, end)
		}
	})
}

// attrs are what interceptors add to the records of a body's logger.
func (h *hooks) attrs(st *step, number int) []any {
	if h == nil {
		return nil
	}
	var attrs []any
	a := AttemptInfo{OperationInfo: h.operation(st.operation), Number: number}
	h.each(func(i *Interceptor) {
		if i.LogAttrs != nil {
			for _, attr := range i.LogAttrs(a) {
				attrs = append(attrs, attr)
			}
		}
	})
	return attrs
}

// reach tells the interceptors of an operation that was claimed. Called with the lock held.
func (s *scope) reach(h *node.Header, kind checkpoint.Kind, c claim) {
	if s.inv.hooks == nil {
		return
	}
	o := operation{s: s, head: h, kind: kind, id: c.id, nth: c.occurrence}
	s.inv.hooks.reached(o.info(), c.rec)
}
