package engine

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// settlementName is the name of the record that says how a batch ended whose losers are being
// compensated. Compensations end in "-undo", so it is none of them.
const settlementName = "outcome"

// settlementID is the ID of that record, in the virtual scope of the batch's compensations.
func (b *batch) settlementID() string {
	return string(b.in.undoIDs().AppendID(nil, settlementName, "", 0))
}

// settle queues the record of how the batch ended, which must be durable before anything is
// undone: from then on every invocation comes to this end and runs no branch again. It returns the
// number of the update.
func (b *batch) settle(e *wire.Envelope) uint64 {
	b.settled = true
	u := checkpoint.Update{
		ID: b.settlementID(), ParentID: b.in.real, Name: settlementName, SubType: "Step",
		Kind: checkpoint.KindStep, Action: checkpoint.ActionStart,
	}
	b.s.inv.log.Claim([]byte(u.ID))
	out := &b.s.inv.out
	b.recordLast()
	out.AddTied(u, time.Time{})
	if b.broken != nil {
		e.Summary = b.broken.Error() // an invocation that goes on from here does not ask the rule
	}
	u.Action = checkpoint.ActionSucceed
	u.Payload = checkpoint.NewPayload(e.Encode())
	if u.Payload.Size() > maxInline {
		u.Payload = checkpoint.NewPayload(e.Short(e.Summary).Encode())
	}
	return out.Add(u, time.Time{})
}

// settlement returns how the batch ended if an earlier invocation has begun to compensate its
// losers; else nil.
func (b *batch) settlement() *wire.Envelope {
	if b.found == nil {
		return nil
	}
	id := b.settlementID()
	rec, ok := b.s.inv.log.Get(id)
	if !ok || rec.Status != checkpoint.StatusSucceeded {
		return nil
	}
	b.s.inv.log.Claim([]byte(id))
	e, ok := wire.ReadEnvelope(rec.Payload.Bytes())
	if !ok {
		b.in.diverge(unreadable(rec))
	}
	b.places(e)
	return e
}

// resume goes on with the compensation of a batch.
func (b *batch) resume(e *wire.Envelope) node.Record {
	b.settled = true
	if e.Reason == brokenRule {
		b.broken = &ruleBroken{e.Summary}
	}
	places := b.places(e)
	if len(e.Items) != len(e.Status) {
		b.in.readOnly = true
		e = b.rerun(e, places)
		b.in.readOnly = false
	} else {
		for j := range len(e.Status) {
			b.kids[places[j]].take(e.At(j))
		}
	}
	b.decided = true
	b.lookInside()
	for _, k := range b.kids {
		if k.f != nil && !k.f.Gone() {
			k.f.End(false)
		}
	}
	return b.record(e)
}

// take takes over how the branch ended from an envelope.
func (k *branch) take(end wire.Ending) {
	if end.Status == wire.BranchStarted {
		return
	}
	k.done, k.counted = true, true
	k.failure = (*checkpoint.Failure)(end.Failure)
	if end.Payload != nil {
		k.payload = checkpoint.TextPayload(*end.Payload)
	}
	k.failed = end.Status == wire.BranchFailed
	if k.failed && k.failure == nil && k.head.Value == nil {
		k.failure = &checkpoint.Failure{}
	}
}

// compensate undoes what a batch must take back before its end is recorded: all that completed if
// it failed, else what its losers did. How the batch has ended is recorded before: the next
// invocation must not find another winner when this one has begun to undo the losers.
//
// A batch that has nothing to undo takes nothing back, and its end travels with those of its last
// branches.
func (b *batch) compensate(e *wire.Envelope) error {
	lost := func(k *branch) bool { return e.Failed || k.left() }
	if !b.settled && len(b.undos(lost)) == 0 {
		return nil
	}
	b.f.drain(b.s)
	list := b.undos(lost)
	if !b.settled {
		if !slices.ContainsFunc(list, func(u undo) bool { return u.step() != nil || u.unknown() }) {
			return nil
		}
		b.f.awaitAck(b.s, b.operation, b.settle(e))
	}
	b.release()
	if slices.ContainsFunc(list, func(u undo) bool { return u.open() }) {
		for _, k := range b.kids {
			if k.f != nil {
				b.f.outlast(k.f)
			}
		}
	}
	rest := b.undos(func(k *branch) bool { return !lost(k) })
	result := &op.UndoError{Cause: errLosers}
	if e.Failed {
		if result.Cause = b.broken; result.Cause == nil {
			result.Cause = b.cause(e)
		}
	}
	b.in.undoAll(list, rest, result)
	if complete(result) {
		return nil
	}
	b.in.undoAll(rest, nil, result) // now the batch has failed: nothing of it stays
	return result
}

// cause is the error that a failed batch gives its caller.
func (b *batch) cause(e *wire.Envelope) error {
	r := b.s.dress(b.n, b.path(), b.large(e.Encode()))
	_, err := guarded(func() (any, error) { return b.n.Whole(r) })
	return err
}

// undos lists what may be compensated in branches.
func (b *batch) undos(of func(k *branch) bool) []undo {
	var list []undo
	for _, k := range b.kids {
		if of(k) {
			list = append(list, k.undos()...)
		}
	}
	return list
}

// undos lists what a branch did that may be compensated: its operation, and, if it was left behind,
// what completed inside.
func (k *branch) undos() []undo {
	_, plain := k.plain()
	flat := k.b.n.Flat
	id := k.id
	if !plain || flat {
		id = string(oplog.NewScope(k.id).AppendID(nil, k.n.Head().Name, "", 0))
	}
	end := k.over()
	own := undo{s: k.b.in, head: k.head, n: k.n, id: id, path: k.path(), end: end}
	if k.indexed {
		own.nth = k.index
	}
	switch {
	case k.head.Undo == nil:
	case end != nil:
		return []undo{own}
	case plain && flat && !k.b.decided && k.through():
		// A flat group has no record. The batch was left before it was decided, so what has done all that it
		// does counts, and its own Undo stands for it.
		own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded, Payload: k.payload}
		return []undo{own}
	case !plain || !flat:
		return append([]undo{own}, k.inside()...)
	case k.head.Undo.Attempted && k.s != nil: // a flat group has no record
		own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusStarted}
		return append([]undo{own}, k.inside()...)
	}
	if end != nil {
		return nil
	}
	return k.inside()
}

// inside lists what was claimed in a branch that has no end.
func (k *branch) inside() []undo {
	if k.s == nil {
		return nil
	}
	return k.s.claimed()
}

// through reports whether the function of the branch came to its end without an error.
func (k *branch) through() bool { return k.done && k.failure == nil || k.s != nil && k.s.through }

// over is how the branch ended, as a record of its operation: the log does not show what is below
// a branch that has ended. It is nil for a branch that has not, or that the batch did not count.
func (k *branch) over() *checkpoint.Operation {
	end := &checkpoint.Operation{ID: k.id, Kind: kindOf(k.n), Status: checkpoint.StatusSucceeded}
	rec, ok := k.b.s.inv.log.Get(k.id)
	switch {
	case k.counted, k.done && ok && rec.Status.Terminal():
		end.Payload, end.Failure = k.payload, k.failure
	case ok && rec.Status.Terminal():
		end.Payload, end.Failure, end.ReplayChildren = rec.Payload, rec.Failure, rec.ReplayChildren
		if rec.Status != checkpoint.StatusSucceeded && end.Failure == nil {
			end.Failure = &checkpoint.Failure{}
		}
	default:
		return nil
	}
	if end.Failure != nil {
		end.Status = checkpoint.StatusFailed
	}
	return end
}

// kindOf is the kind of record that an operation has.
func kindOf(n node.Node) checkpoint.Kind {
	switch n.(type) {
	case *node.Step:
		return checkpoint.KindStep
	case *node.Wait:
		return checkpoint.KindWait
	case *node.Callback:
		return checkpoint.KindCallback
	case *node.Invoke:
		return checkpoint.KindChainedInvoke
	case *node.Group, *node.Batch, *node.Await:
	}
	return checkpoint.KindContext
}
