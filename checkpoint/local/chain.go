package local

import (
	"cmp"
	"errors"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

func (d *draft) applyInvoke(r *Record, u *checkpoint.Update, isNew bool) error {
	switch u.Action {
	case checkpoint.ActionStart:
		if !isNew {
			return refuse("Cannot start an INVOKE that already exist.")
		}
		return d.startInvoke(r, u)
	case checkpoint.ActionCancel:
		if isNew || r.Status != checkpoint.StatusStarted {
			return refuse("Cannot cancel an INVOKE that does not exist or has already completed.")
		}
		r.Status, r.End = checkpoint.StatusCancelled, d.now // there is no event for it
		return nil
	case checkpoint.ActionSucceed, checkpoint.ActionFail, checkpoint.ActionRetry:
	}
	return refuse("Invalid CHAINED_INVOKE action.")
}

// startInvoke records a chained invocation. The target is started when the record is committed;
// if there is no such function, the invocation fails in the same call.
func (d *draft) startInvoke(r *Record, u *checkpoint.Update) error {
	if u.Function == "" {
		return refuse("Invalid ChainedInvokeOptions for the given action.")
	}
	if _, err := api.ParseFunction(u.Function); err != nil {
		return refusef("Invalid function name: %s", u.Function)
	}
	r.Status, r.Function, r.Tenant, r.Input = checkpoint.StatusStarted, u.Function, u.Tenant, u.Payload
	r.TraceHeader = cmp.Or(u.TraceHeader, d.rec.TraceHeader) // which it inherits
	ev := Event{Type: EventChainedInvokeStarted, Input: r.Input, Function: u.Function, Tenant: u.Tenant}

	name := targetName(d.rec.ARN, r.ID)
	h, ok := d.e.svc.target(u.Function)
	if !ok {
		d.logOf(r, ev)
		d.endInvoke(r, StatusFailed, checkpoint.Payload{}, notFound(u.Function))
		return nil
	}
	order := launchOrder{
		StartInput: StartInput{Function: u.Function, Name: name, Tenant: r.Tenant, TraceHeader: r.TraceHeader, Input: orEmptyObject(r.Input)},
		parentARN:  d.rec.ARN, parentOperation: r.ID,
	}
	ev.Version, ev.Target = h.Version(), d.e.svc.targetARN(h, name)
	r.Target = ev.Target
	d.logOf(r, ev)
	d.after = append(d.after, func() { d.e.launchTarget(order) })
	return nil
}

// targetName returns the name of the execution that a chained invocation starts.
func targetName(arn, operation string) string { return api.UniqueID(arn, operation) }

// endInvoke writes what came of a chained invocation.
func (d *draft) endInvoke(r *Record, status Status, result checkpoint.Payload, failure *checkpoint.Failure) {
	r.Status, r.End, r.Payload, r.Failure = status.operation(), d.now, result, failure
	d.put(r)
	d.logOf(r, Event{Type: status.invokeEvent(), Result: result, Failure: failure})
}

// launchTarget starts the target of a chained invocation, or fails the invocation.
func (e *Execution) launchTarget(o launchOrder) {
	_, err := e.svc.start(o)
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	e.finishInvoke(o.parentOperation, StatusFailed, checkpoint.Payload{}, &checkpoint.Failure{
		Type: typeName(err), Message: err.Error(),
	})
}

// tellParent ends the chained invocation that waits for this execution, if there is one.
func (e *Execution) tellParent() {
	rec := e.snapshot()
	if rec.ParentARN == "" {
		return
	}
	if parent, ok := e.svc.Execution(rec.ParentARN); ok {
		parent.finishInvoke(rec.ParentOperation, rec.Status, rec.Result, rec.Failure)
	}
}

// finishInvoke ends a chained invocation, unless no one waits for it any more.
func (e *Execution) finishInvoke(operation string, status Status, result checkpoint.Payload, failure *checkpoint.Failure) {
	err := e.transact(true, func(d *draft) error {
		r := d.record(operation)
		if r == nil || r.Status != checkpoint.StatusStarted || d.rec.Status.Terminal() {
			d.nothing = true
			return nil
		}
		d.endInvoke(r, status, result, failure)
		return nil
	})
	if err != nil {
		e.svc.breakDown(err)
	}
}
