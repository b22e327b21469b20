package replay

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// settlementName is the name of the record that says how a batch ended whose losers are being
// compensated. Compensations end in "-undo", so it is none of them.
const settlementName = "outcome"

// settlementID is the ID of that record, in the virtual scope of the batch's compensations.
func (b *batch) settlementID() string {
	ids := oplog.NewScope(oplog.UndoScope(b.in.ids.ID()))
	return string(ids.AppendID(nil, settlementName, "", 0))
}

// settle queues the record of how the batch ended, which must be durable before anything is
// undone: from then on every invocation comes to this end and runs no branch again. It returns the
// number of the update. Called with the lock held.
func (b *batch) settle(e *envelope) uint64 {
	b.settled = true
	u := checkpoint.Update{
		ID: b.settlementID(), ParentID: b.in.real, Name: settlementName, SubType: subtype.Step,
		Kind: checkpoint.KindStep, Action: checkpoint.ActionStart,
	}
	b.s.inv.log.Claim([]byte(u.ID))
	w := b.s.inv.writer
	w.Add(u, w.RoundTrip())
	u.Action = checkpoint.ActionSucceed
	u.Payload = checkpoint.NewPayload(e.encode())
	if u.Payload.Size() > maxInline {
		u.Payload = checkpoint.NewPayload(e.short("").encode())
	}
	return w.AddWait(u)
}

// settlement returns how the batch ended if an earlier invocation has begun to compensate its
// losers; else nil. Called with the lock held.
func (b *batch) settlement() *envelope {
	if b.found == nil {
		return nil
	}
	id := b.settlementID()
	rec, ok := b.s.inv.log.Get(id)
	if !ok || rec.Status != checkpoint.StatusSucceeded {
		return nil
	}
	b.s.inv.log.Claim([]byte(id))
	e, ok := readEnvelope(rec.Payload.Bytes())
	if !ok || len(e.Status) > len(b.kids) {
		b.in.diverge(&DivergedError{
			Reason: "the recorded branches of a batch that is being compensated are not those of the code",
			Log:    recorded(rec),
			Code:   fmt.Sprintf("%d branches", len(b.kids)),
		})
	}
	return e
}

// resume goes on with the compensation of a batch. Called with the lock held.
func (b *batch) resume(e *envelope) node.Record {
	b.decided, b.settled = true, true
	b.progress.Total, b.next = max(b.n.Total, b.n.N), len(e.Status)
	if len(e.Items) != len(e.Status) {
		b.in.readOnly, b.decided = true, false
		e = b.again(e)
		b.in.readOnly, b.decided = false, true
		return b.record(e)
	}
	for i, it := range e.Items {
		k := b.kids[i]
		k.b = b
		switch node.ItemStatus(e.Status[i]) {
		case node.ItemStarted:
			continue
		case node.ItemFailed:
			k.failure = (*checkpoint.Failure)(it.Failure)
			if k.failure == nil {
				k.failure = &checkpoint.Failure{}
			}
		case node.ItemSucceeded:
			if it.Payload != nil {
				k.payload = checkpoint.TextPayload(*it.Payload)
			}
		}
		k.done, k.counted = true, true
	}
	return b.record(e)
}

// again takes the results of the branches that have ended from the branches: they were too large
// for the record. Called with the lock held.
func (b *batch) again(e *envelope) *envelope {
	for i := range e.Status {
		if k := b.kids[i]; node.ItemStatus(e.Status[i]) != node.ItemStarted {
			b.start(k)
		} else {
			k.b = b
		}
	}
	for b.open > 0 {
		b.asleep = &waiter{t: b.t, s: b.s, why: waitChild, op: b.operation}
		b.s.inv.park(b.asleep)
	}
	full := &envelope{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner}
	for _, k := range b.kids[:len(e.Status)] {
		k.counted = k.done
		full.add(k)
	}
	return full
}
