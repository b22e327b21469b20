package replay

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// The outcomes of bodies and invocations, as interceptors see them.
const (
	outcomeSucceeded  = "SUCCEEDED"
	outcomeFailed     = "FAILED"
	outcomeIncomplete = "INCOMPLETE"
	outcomeRetrying   = "RETRYING"
)

// hooks calls the interceptors of an invocation. What happens in events is queued, and reported in
// order when functions of the user's may be called.
type hooks struct {
	run  *engine.Run
	list []Interceptor
	log  *slog.Logger
	info InvocationInfo
	ctx  context.Context //nolint:containedctx // of the invocation: reports are made later than they are queued
	made context.Context //nolint:containedctx // what WrapInvocation has made of that

	fresh     map[string]bool // operations that the service changed since the last invocation
	reporting atomic.Bool     // reports are being made: the log can be read
	at        atomic.Pointer[place]
	calls     atomic.Int64 // checkpoint calls
	replayed  atomic.Int64 // operations that the code took from the log, whose ends were reported before

	mu      sync.Mutex
	reached map[string]time.Time // when the code reached an operation

	// With the turn.
	queue []func(context.Context)
	paths map[string]string
	begun map[string]bool // operations that are new in this invocation
	told  map[string]bool // ends that are known, from the beginning or by a report of a change
	due   map[string]bool // ends that the code has not seen yet
	over  map[string]bool // ends that have been reported
}

var _ engine.Observer = (*hooks)(nil)

// newHooks returns nil if there are no interceptors.
func newHooks(set *settings, run *engine.Run, requestID string) *hooks {
	if len(set.interceptors) == 0 {
		return nil
	}
	h := &hooks{
		run: run, list: set.interceptors, log: slog.New(set.handler().WithAttrs(run.Attrs)),
		paths: make(map[string]string), begun: make(map[string]bool), fresh: make(map[string]bool),
		reached: make(map[string]time.Time), told: make(map[string]bool), due: make(map[string]bool), over: make(map[string]bool),
		info: InvocationInfo{
			ExecutionARN: run.ARN, RequestID: requestID, TraceHeader: run.TraceHeader, First: run.Log.Len() == 0,
			StartedAt: run.Execution.Start, Input: run.Execution.Payload.String(), Operations: run.Log.Len(), Updated: len(run.Updated),
		},
	}
	for _, id := range run.Updated {
		h.fresh[id] = true
	}
	return h
}

// each calls f for every interceptor; a panic of one does not reach the others.
func (h *hooks) each(f func(i *Interceptor)) {
	for n := range h.list {
		if err := engine.Guard(func() { f(&h.list[n]) }); err != nil {
			h.panicked(n, err)
		}
	}
}

func (h *hooks) panicked(n int, err error) {
	h.log.LogAttrs(context.Background(), //nolint:forbidigo // it may be that of any of its calls
		slog.LevelWarn, "an interceptor panicked", append(engine.StackOf(err), slog.Int("interceptor", n), slog.Any("error", err))...)
}

// Pending reports whether reports are queued.
func (h *hooks) Pending() bool { return len(h.queue) > 0 }

// Flush makes the queued reports.
func (h *hooks) Flush() {
	h.reporting.Store(true)
	for len(h.queue) > 0 {
		queue := h.queue
		h.queue = nil
		for _, report := range queue {
			report(h.ctx)
		}
	}
	h.reporting.Store(false)
}

// Reached queues the report of an operation that the code has reached.
func (h *hooks) Reached(o engine.Sight) {
	_, again := h.paths[o.ID] // a compensation that was taken over
	h.paths[o.ID] = o.Path
	if !again {
		h.mu.Lock()
		h.reached[o.ID] = h.run.Clock.Now()
		h.mu.Unlock()
	}
	rec := o.Record
	switch {
	case rec != nil && rec.Status.Terminal():
		if h.due[rec.ID] {
			h.finished(rec)
		} else if !again {
			h.replayed.Add(1)
		}
		return
	case again:
		return
	case rec == nil:
		h.begun[o.ID] = true
	}
	info := h.see(o)
	h.queue = append(h.queue, func(ctx context.Context) {
		h.each(func(i *Interceptor) {
			if i.OperationStart != nil {
				i.OperationStart(ctx, info)
			}
		})
	})
}

// see describes an operation.
func (h *hooks) see(o engine.Sight) OperationInfo {
	if o.Record != nil {
		return h.describe(o.Record)
	}
	return OperationInfo{
		ExecutionARN: h.run.ARN, ID: o.ID, ParentID: o.ParentID, Name: o.Name, Path: o.Path,
		Kind: string(o.Kind), SubType: o.SubType, Status: string(checkpoint.StatusStarted), Reached: h.reachedAt(o.ID),
	}
}

// reachedAt is when the code reached an operation in this invocation; zero if it has not. It needs
// no turn.
func (h *hooks) reachedAt(id string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reached[id]
}

// Changed queues the report of records that have changed, and of the ends among them: those of the
// service first, then ours in the order in which they were sent, so that a batch ends after its
// branches. An end that that was reported before is none: the service may say it again, and more of
// it.
func (h *hooks) Changed(recs []*checkpoint.Operation, sent []checkpoint.Update) {
	recs = slices.DeleteFunc(slices.Clone(recs), func(rec *checkpoint.Operation) bool { return h.told[rec.ID] })
	if len(recs) == 0 {
		return
	}
	c := Change{ExecutionARN: h.run.ARN, First: h.info.First, Operations: h.run.Log.Len(), Lookup: h.lookup}
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

// finished queues the report of an operation's end, once.
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

// lookup finds an operation for the user of a Change, while that is being reported.
func (h *hooks) lookup(id string) (OperationInfo, bool) {
	if !h.reporting.Load() {
		return OperationInfo{}, false
	}
	rec, ok := h.run.Log.Get(id)
	if !ok {
		return OperationInfo{}, false
	}
	return h.describe(rec), true
}

// describe is a record as interceptors see it.
func (h *hooks) describe(rec *checkpoint.Operation) OperationInfo {
	o := describe(h.run.ARN, rec)
	o.Path, o.Replay, o.Reached = h.paths[rec.ID], !h.begun[rec.ID], h.reachedAt(rec.ID)
	return o
}

// describe is a record as interceptors see it, but for what the log does not say.
func describe(arn string, rec *checkpoint.Operation) OperationInfo {
	o := OperationInfo{
		ExecutionARN: arn, ID: rec.ID, ParentID: rec.ParentID, Name: rec.Name,
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

// began reports the beginning of the invocation.
func (h *hooks) began(ctx context.Context) {
	h.ctx = ctx
	h.report("InvocationStart", func(i *Interceptor) {
		if i.InvocationStart != nil {
			i.InvocationStart(ctx, h.info)
		}
	})
	var recs []*checkpoint.Operation
	for rec := range h.run.Log.Records() {
		switch {
		case h.fresh[rec.ID]:
			recs = append(recs, rec)
		case rec.Status.Terminal():
			h.told[rec.ID] = true
		}
	}
	h.Changed(recs, nil)
	h.Flush()
}

// invocation runs an invocation inside the interceptors. What happens in it is reported with the
// context that they have made.
func (h *hooks) invocation(ctx context.Context, run func(context.Context) *engine.Outcome) {
	own, n := ctx, -1
	wrap(h, ctx, func(i *Interceptor, ctx context.Context, next func(context.Context) InvocationEnd) {
		n++
		h.at.Store(&place{n, "WrapInvocation"})
		if i.WrapInvocation != nil {
			i.WrapInvocation(ctx, h.info, next)
		}
	}, func(ctx context.Context) InvocationEnd {
		h.made = ctx
		ctx, free := within(own, ctx)
		defer free()
		h.ctx = ctx
		if o := run(ctx); o != nil {
			return h.end(o)
		}
		return InvocationEnd{Status: outcomeRetrying, Err: context.Cause(own)} // its time was over before it began
	})
}

// ended reports the end of the invocation.
func (h *hooks) ended(ctx context.Context, o engine.Outcome) {
	if o.Left == nil {
		h.Flush()
	}
	if h.made != nil && h.made != ctx {
		in, free := within(ctx, context.WithoutCancel(h.made))
		defer free()
		ctx = in
	}
	end := h.end(&o)
	if o.Left == nil {
		h.reporting.Store(true)
		defer h.reporting.Store(false)
		end.hooks = h
	}
	info := h.info
	if o.Operations > 0 {
		info.Operations = o.Operations
	}
	h.report("InvocationEnd", func(i *Interceptor) {
		if i.InvocationEnd != nil {
			i.InvocationEnd(ctx, info, end)
		}
	})
}

// end is an outcome as interceptors see it.
func (h *hooks) end(o *engine.Outcome) InvocationEnd {
	end := InvocationEnd{
		Status: string(o.Status), Terminal: o.Err == nil && o.Status != checkpoint.OutcomePending, Err: o.Err,
		Calls: int(h.calls.Load()), Replayed: int(h.replayed.Load()),
	}
	if o.Err != nil {
		end.Status = outcomeRetrying
	} else if o.Status == checkpoint.OutcomeSucceeded {
		end.Result, end.HasResult = string(o.Payload), o.Payload != nil
	}
	if o.Held != nil {
		end.Err = o.Held
	}
	if f := o.Failure; f != nil {
		end.Err = &op.Error{
			Kind: string(checkpoint.KindExecution), Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack,
		}
	}
	return end
}
