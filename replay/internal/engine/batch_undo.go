package engine

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// outcomeName is the name of the record that says how a batch ended whose losers are being
// compensated. Compensations end in "-undo", so it is none of them.
const outcomeName = "outcome"

// outcomeID is the ID of that record, in the virtual scope of the batch's compensations.
func outcomeID(b *batch) string {
	return string(undoIDs(b.inner).AppendID(nil, outcomeName, "", 0))
}

// recordOutcome queues the record of how the batch ended, which must be durable before anything is
// undone: from then on every invocation reaches this end and runs no branch again. It returns the
// number of the update.
func recordOutcome(b *batch, e *wire.Envelope) uint64 {
	b.outcomeRecorded = true
	if b.broken != nil {
		e.Summary = closedText(b.f, b.meta(codec.PartFailure), b.broken.Error()) // an invocation that goes on from here does not ask the rule
	}
	u := checkpoint.Update{
		ID: outcomeID(b), ParentID: b.inner.real, Name: outcomeName, SubType: "Step",
		Kind: checkpoint.KindStep, Action: checkpoint.ActionStart,
	}
	b.s.inv.log.Claim([]byte(u.ID))
	b.s.inv.usage.operations++
	out := &b.s.inv.out
	recordLast(b)
	out.AddTied(u, time.Time{})
	u.Action = checkpoint.ActionSucceed
	u.Payload = checkpoint.NewPayload(e.Encode())
	if tooLargeInline(b.s.inv, u.Payload) {
		u.Payload = checkpoint.NewPayload(e.Short(e.Summary).Encode())
	}
	return out.Add(u, time.Time{})
}

// recordedOutcome returns how the batch ended if an earlier invocation has begun to compensate its
// losers; else nil.
func recordedOutcome(b *batch) *wire.Envelope {
	if b.found == nil {
		return nil
	}
	id := outcomeID(b)
	rec, ok := b.s.inv.log.Get(id)
	if !ok || rec.Status != checkpoint.StatusSucceeded {
		return nil
	}
	b.s.inv.log.Claim([]byte(id))
	e, ok := wire.ReadEnvelope(rec.Payload.Bytes())
	if !ok {
		b.inner.diverge(unreadable(rec))
	}
	recordedPlaces(b, e)
	return e
}

// resumeUndo goes on with the compensation of a batch.
func resumeUndo(b *batch, e *wire.Envelope) node.Result {
	b.outcomeRecorded = true
	if e.Reason == brokenRule {
		b.broken = &brokenRuleError{openedText(b.s, b.meta(codec.PartFailure), e.Summary)}
	}
	places := recordedPlaces(b, e)
	if len(e.Items) != len(e.Status) {
		b.inner.readOnly = true
		e = rerunBranches(b, e, places)
		b.inner.readOnly = false
	} else {
		for j := range len(e.Status) {
			b.branches[places[j]].adopt(e.At(j))
		}
	}
	b.decided = true
	b.enterLogged()
	for _, k := range b.branches {
		if k.f != nil && !k.f.Gone() {
			k.f.End(false)
		}
	}
	return b.record(e)
}

// adopt takes over how the branch ended from an envelope.
func (k *branch) adopt(end wire.Ending) {
	if end.Status == wire.BranchStarted || end.Status == wire.BranchLeft {
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

// compensateBatch undoes what a batch must take back before its end is recorded: all that completed
// if it failed, else what its losers did. How the batch has ended is recorded before: the next
// invocation must not find another winner when this one has begun to undo the losers.
//
// A batch that has nothing to undo takes nothing back, and its end travels with those of its last
// branches.
func compensateBatch(b *batch, e *wire.Envelope) error {
	lost := func(k *branch) bool { return e.Failed || k.leftBehind() }
	if !b.outcomeRecorded && len(undosOfBatch(b, lost)) == 0 {
		return nil
	}
	b.f.drain(b.s)
	list := undosOfBatch(b, lost)
	if !b.outcomeRecorded {
		if !slices.ContainsFunc(list, func(u undo) bool { return u.step() != nil || u.unknown() }) {
			return nil
		}
		if err := b.mayUndo(); err != nil {
			return &op.UndoError{Cause: causeOf(b, e), Failed: []error{err}}
		}
		b.f.awaitAck(b.s, b.operation, recordOutcome(b, e))
	}
	b.release()
	if slices.ContainsFunc(list, func(u undo) bool { return u.mayBeRunning() }) {
		for _, k := range b.branches {
			if k.f != nil {
				b.f.awaitGone(k.f)
			}
		}
	}
	rest := undosOfBatch(b, func(k *branch) bool { return !lost(k) })
	result := &op.UndoError{Cause: causeOf(b, e)}
	undoAll(b.inner, list, rest, result)
	if complete(result) {
		return nil
	}
	undoAll(b.inner, rest, nil, result) // now the batch has failed: nothing of it stays
	return result
}

// causeOf is why branches of the batch are compensated.
func causeOf(b *batch, e *wire.Envelope) error {
	switch {
	case !e.Failed:
		return errLosers
	case b.broken != nil:
		return b.broken
	}
	return batchCause(b, e)
}

// batchCause is the error that a failed batch gives its caller.
func batchCause(b *batch, e *wire.Envelope) error {
	r := addBatchOutcome(b.s, b.n, b.path, b.largeResult(e.Encode()))
	_, err := guarded(func() (any, error) { return b.n.Whole(r) })
	return err
}

// undosOfBatch lists what may be compensated in branches.
func undosOfBatch(b *batch, of func(k *branch) bool) []undo {
	var list []undo
	for _, k := range b.branches {
		if of(k) {
			list = append(list, undosOfBranch(k)...)
		}
	}
	return list
}

// undosOfBranch lists what a branch did that may be compensated: its operation, and, if it was left
// behind, what completed inside.
func undosOfBranch(k *branch) []undo {
	_, plain := k.plain()
	flat := k.b.n.Flat
	id := k.id
	if !plain || flat {
		id = string(oplog.NewScope(k.id).AppendID(nil, k.n.Head().Name, "", 0))
	}
	end := endRecord(k)
	own := undo{s: k.b.inner, head: k.head, n: k.n, id: id, path: k.path(), end: end, boundTo: originID(k)}
	if k.indexed {
		own.nth = k.index
	}
	switch {
	case k.head.Undo == nil:
	case end != nil:
		return []undo{own}
	case plain && flat && !k.b.decided && cameThrough(k):
		// A flat group has no record. The batch was left before it was decided, so what has done
		// all that it does counts, and its own Undo stands for it.
		own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded, Payload: k.payload}
		return []undo{own}
	case !plain || !flat:
		return append([]undo{own}, insideOf(k)...)
	case k.head.Undo.Attempted && k.s != nil: // a flat group has no record
		own.end = &checkpoint.Operation{ID: k.id, Kind: checkpoint.KindContext, Status: checkpoint.StatusStarted}
		return append([]undo{own}, insideOf(k)...)
	}
	if end != nil {
		return nil
	}
	return insideOf(k)
}

// insideOf lists what was claimed in a branch that has no end.
func insideOf(k *branch) []undo {
	if k.s == nil {
		return nil
	}
	return claimedIn(k.s)
}

// cameThrough reports whether the function of the branch ended without an error.
func cameThrough(k *branch) bool { return k.done && k.failure == nil || k.s != nil && k.s.through }

// endRecord is how the branch ended, as a record of its operation: the log does not show what is
// below a branch that has ended. It is nil for a branch that has not, or that the batch did not
// count.
func endRecord(k *branch) *checkpoint.Operation {
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
	case *node.Group, *node.Batch, *node.Await, *node.Choice, *node.Inline:
	}
	return checkpoint.KindContext
}
