package local

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
)

// apply makes the changes of one checkpoint call, or says why the service refuses the call.
// The rules and their messages are those of AWS's emulator (checkpoint/validators).
func (d *draft) apply(updates []checkpoint.Update) error {
	limits := d.e.svc.limits
	if d.rec.Async {
		limits.ResultBytes = min(limits.ResultBytes, limits.PayloadBytes)
	}
	for i := range updates {
		if err := limits.checkFields(i, &updates[i]); err != nil {
			return err
		}
	}
	if err := checkCall(updates); err != nil {
		return err
	}
	for _, u := range updates {
		u.Payload, u.Failure = plain(u.Payload), clone(u.Failure)
		if err := d.applyOne(&u); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) applyOne(u *checkpoint.Update) error {
	if u.Kind == checkpoint.KindExecution {
		return d.applyExecution(u)
	}
	if u.ParentID != "" {
		if parent := d.record(u.ParentID); parent == nil || parent.Kind != checkpoint.KindContext {
			return refuse("Invalid parent operation id.")
		}
	}
	r := d.record(u.ID)
	if r != nil {
		if err := checkSame(r, u); err != nil {
			return err
		}
	}
	if err := d.weigh(u.Payload, u.Failure); err != nil {
		return err
	}
	isNew := r == nil
	if isNew {
		r = &Record{Operation: checkpoint.Operation{
			ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Start: d.now,
		}}
		if err := d.meter(); err != nil {
			return err
		}
	}
	if err := d.applyTo(r, u, isNew); err != nil {
		return err
	}
	d.put(r)
	return nil
}

// applyTo changes the record of an operation, which is empty if it is new.
func (d *draft) applyTo(r *Record, u *checkpoint.Update, isNew bool) error {
	switch u.Kind {
	case checkpoint.KindStep:
		return d.applyStep(r, u, isNew)
	case checkpoint.KindWait:
		return d.applyWait(r, u, isNew)
	case checkpoint.KindContext:
		return d.applyContext(r, u, isNew)
	case checkpoint.KindCallback:
		return d.applyCallback(r, u, isNew)
	case checkpoint.KindChainedInvoke:
		return d.applyInvoke(r, u, isNew)
	case checkpoint.KindExecution:
	}
	return refusef("Invalid operation type '%s'.", u.Kind)
}

// exclusive refuses a result with a failure, and a failure with a result.
func exclusive(u *checkpoint.Update) error {
	if u.Action == checkpoint.ActionSucceed && u.Failure != nil {
		return refuse("Cannot provide an Error for SUCCEED action.")
	}
	if u.Action == checkpoint.ActionFail && u.Payload.Present() {
		return refuse("Cannot provide a Payload for FAIL action.")
	}
	return nil
}

// applyExecution ends the execution. Its own ID and those that other SDKs make up are accepted.
func (d *draft) applyExecution(u *checkpoint.Update) error {
	if r := d.record(u.ID); r != nil && r.Kind != checkpoint.KindExecution {
		return refuse("Inconsistent operation type.")
	}
	if err := exclusive(u); err != nil {
		return err
	}
	if err := d.weigh(u.Payload, u.Failure); err != nil {
		return err
	}
	switch u.Action {
	case checkpoint.ActionSucceed:
		d.end(StatusSucceeded, u.Payload, nil, d.e.running)
	case checkpoint.ActionFail:
		d.end(StatusFailed, checkpoint.Payload{}, u.Failure, d.e.running)
	case checkpoint.ActionStart, checkpoint.ActionRetry, checkpoint.ActionCancel:
		return refuse("Invalid EXECUTION action.")
	default:
		return refuse("Invalid EXECUTION action.")
	}
	return nil
}

// plain returns p as plain text, so that a record does not keep alive what p was cut from.
func plain(p checkpoint.Payload) checkpoint.Payload {
	if !p.Present() {
		return p
	}
	return checkpoint.TextPayload(p.String())
}

// clone returns a copy of f that its maker cannot change.
func clone(f *checkpoint.Failure) *checkpoint.Failure {
	if f == nil {
		return nil
	}
	c := *f
	c.Stack = slices.Clone(f.Stack)
	return &c
}
