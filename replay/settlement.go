package replay

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
)

// settlementName is the name of the record that says how a batch ended whose losers are being
// compensated. Compensations end in "-undo", so it is none of them.
const settlementName = "outcome"

// settlementID is the ID of that record, in the virtual scope of the batch's compensations.
func (b *batch) settlementID() string {
	ids := checkpoint.NewScope(checkpoint.UndoScope(b.in.ids.ID()))
	return string(ids.AppendID(nil, settlementName, "", 0))
}

// settle queues the record of how the batch ended, which must be durable before anything is
// undone: from then on every invocation comes to this end and runs no branch again. It returns the
// number of the update. Called with the lock held.
func (b *batch) settle(e *wire.Envelope) uint64 {
	b.settled = true
	u := checkpoint.Update{
		ID: b.settlementID(), ParentID: b.in.real, Name: settlementName, SubType: "Step",
		Kind: checkpoint.KindStep, Action: checkpoint.ActionStart,
	}
	b.s.inv.log.Claim([]byte(u.ID))
	w := b.s.inv.writer
	w.Add(u, w.RoundTrip())
	u.Action = checkpoint.ActionSucceed
	u.Payload = checkpoint.NewPayload(e.Encode())
	if u.Payload.Size() > maxInline {
		u.Payload = checkpoint.NewPayload(e.Short("").Encode())
	}
	return w.AddWait(u)
}

// settlement returns how the batch ended if an earlier invocation has begun to compensate its
// losers; else nil. Called with the lock held.
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

// resume goes on with the compensation of a batch. Called with the lock held.
func (b *batch) resume(e *wire.Envelope) node.Record {
	b.decided, b.settled = true, true
	places := b.places(e)
	if len(e.Items) != len(e.Status) {
		b.in.readOnly, b.decided = true, false
		e = b.again(e, places)
		b.in.readOnly, b.decided = false, true
		return b.record(e)
	}
	for j := range len(e.Status) {
		k := b.kids[places[j]]
		k.b = b
		k.take(e.At(j))
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

// again takes the results of the branches that have ended from the branches: they were too large
// for the record. Called with the lock held.
func (b *batch) again(e *wire.Envelope, places []int) *wire.Envelope {
	for j := range len(e.Status) {
		if k := b.kids[places[j]]; e.Status[j] != wire.BranchStarted {
			b.start(k)
		} else {
			k.b = b
		}
	}
	for b.open > 0 {
		b.sleep()
	}
	full := &wire.Envelope{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner, IDs: e.IDs}
	for j := range len(e.Status) {
		k := b.kids[places[j]]
		if k.counted = k.done; k.done {
			b.judge(k)
		}
		full.Add(k.ending())
	}
	return full
}
