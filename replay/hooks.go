package replay

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
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
	begun map[string]bool // operations that are new in this invocation
	told  map[string]bool // ends that are known, from the beginning or by a report of a change
	due   map[string]bool // ends that the code has not come to yet
	over  map[string]bool // ends that have been reported
}

func newHooks(inv *invocation, requestID string) *hooks {
	if len(inv.set.interceptors) == 0 {
		return nil
	}
	return &hooks{
		inv: inv, list: inv.set.interceptors, paths: make(map[string]string), begun: make(map[string]bool),
		told: make(map[string]bool), due: make(map[string]bool), over: make(map[string]bool),
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
			h.panicked(n, err)
		}
	}
}

func (h *hooks) panicked(n int, err error) {
	h.inv.logger().Warn("an interceptor panicked", slog.Int("interceptor", n), errorAttr(err))
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
	_, again := h.paths[o.ID] // a compensation that was taken over
	h.paths[o.ID] = o.Path
	switch {
	case rec != nil && rec.Status.Terminal():
		if h.due[rec.ID] {
			h.finished(rec)
		}
		return
	case again:
		return
	case rec != nil:
		o = h.describe(rec)
	default:
		h.begun[o.ID] = true
	}
	h.queue = append(h.queue, func(ctx context.Context) {
		h.each(func(i *Interceptor) {
			if i.OperationStart != nil {
				i.OperationStart(ctx, o)
			}
		})
	})
}

// changed queues the report of records that have changed, and of the ends among them: those of the service
// first, then ours in the order in which they were sent, so that a batch ends after its branches. An end that
// was told before is none: the service may tell it again, and more of it. Called with the lock held.
func (h *hooks) changed(recs []*checkpoint.Operation, sent []checkpoint.Update) {
	if h == nil {
		return
	}
	recs = slices.DeleteFunc(slices.Clone(recs), func(rec *checkpoint.Operation) bool { return h.told[rec.ID] })
	if len(recs) == 0 {
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
	place := make(map[string]int, len(sent))
	for i := range sent {
		place[sent[i].ID] = i + 1
	}
	ends := slices.SortedStableFunc(slices.Values(recs), func(a, b *checkpoint.Operation) int {
		return place[a.ID] - place[b.ID]
	})
	for _, rec := range ends {
		if !rec.Status.Terminal() {
			continue
		}
		h.told[rec.ID] = true
		if _, reached := h.paths[rec.ID]; reached {
			h.finished(rec)
		} else {
			h.due[rec.ID] = true
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
		Start: rec.Start, End: rec.End, Replay: !h.begun[rec.ID],
	}
	if rec.Status == checkpoint.StatusSucceeded && rec.Payload.Present() {
		o.Result, o.HasResult = rec.Payload.String(), true
	}
	if f := rec.Failure; f != nil {
		o.ErrorType, o.ErrorMessage = f.Type, f.Message
	}
	return o
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
		switch {
		case h.inv.fresh[rec.ID]:
			recs = append(recs, rec)
		case rec.Status.Terminal():
			h.told[rec.ID] = true
		}
	}
	h.changed(recs, nil)
	h.inv.mu.Unlock()
	h.flush()
}

// invocation runs an invocation inside the interceptors. What happens in it is reported with the
// context that they have made.
func (h *hooks) invocation(ctx context.Context, run func(context.Context)) {
	if h == nil {
		run(ctx)
		return
	}
	own := ctx
	h.wrap(ctx, func(i *Interceptor, ctx context.Context, next func(context.Context)) {
		if i.WrapInvocation != nil {
			i.WrapInvocation(ctx, h.info, next)
		}
	}, func(ctx context.Context) {
		ctx, free := within(own, ctx)
		defer free()
		h.ctx = ctx
		run(ctx)
		h.flush() // what came last belongs to the invocation, too
	})
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
	if f := o.failure; f != nil {
		end.Err = &op.Error{
			Kind: string(checkpoint.KindExecution), Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack,
		}
	}
	info := h.info
	h.inv.mu.Lock()
	info.Operations = h.inv.log.Len()
	h.inv.mu.Unlock()
	h.each(func(i *Interceptor) {
		if i.InvocationEnd != nil {
			i.InvocationEnd(ctx, info, end)
		}
	})
}

// reach tells the interceptors of an operation that was claimed. Called with the lock held.
func (s *scope) reach(h *node.Header, kind checkpoint.Kind, c claim) {
	if s.inv.hooks == nil {
		return
	}
	o := operation{s: s, head: h, kind: kind, id: c.id, nth: c.occurrence}
	s.inv.hooks.reached(o.info(), c.rec)
}
