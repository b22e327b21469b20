package engine

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
)

// recompute takes the results of a finished batch from its branches, because they were too large
// for its record.
func (b *batch) recompute() node.Record {
	rec, _ := b.s.inv.log.Get(b.id)
	b.f.becauseOf(rec, b.found)
	if !b.own {
		b.s.observe(rec)
	}
	e, ok := wire.ReadEnvelope(rec.Payload.Bytes())
	if !ok {
		b.in.diverge(unreadable(rec))
	}
	places := b.places(e)
	for j := range len(e.Status) {
		k := b.kids[places[j]]
		if e.Status[j] != wire.BranchStarted && !b.n.Flat && k.recordedEnd() == nil {
			b.in.diverge(&Divergence{
				Reason: "a branch was added to a batch that has completed",
				Log:    "no end of the branch",
				Code:   "the branch " + quote(k.path()),
			})
		}
	}
	full := b.rerun(e, places)
	if full.Status != e.Status {
		b.in.diverge(&Divergence{
			Reason: "branches of a completed batch end otherwise when they are run again to compute their large results",
			Log:    "branches " + quote(e.Status),
			Code:   "branches " + quote(full.Status),
		})
	}
	return b.s.dress(b.n, b.path(), b.large(full.Encode()))
}

// rerun takes the results of the branches that have ended from the branches: they were too large
// for the record.
func (b *batch) rerun(e *wire.Envelope, places []int) *wire.Envelope {
	b.again = true
	for j := range len(e.Status) {
		if e.Status[j] != wire.BranchStarted {
			b.open++
			b.begin(b.kids[places[j]], b.f.look)
		}
	}
	for b.open > 0 {
		b.f.park(wait{why: waitChild, s: b.s, op: b.operation, batch: b})
	}
	b.again = false
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

// places finds the recorded branches among those of the code.
func (b *batch) places(e *wire.Envelope) []int {
	marks := make([]wire.Mark, len(b.kids))
	for i, k := range b.kids {
		marks[i] = k.mark()
	}
	places, unfit := e.Places(marks, b.n.Fixed)
	if unfit != nil {
		labels := make([]string, len(b.kids))
		for i, k := range b.kids {
			labels[i] = k.label
		}
		b.in.diverge(misfit(unfit, b.path(), e, labels))
	}
	return places
}

// unreadable describes the record of how a batch ended that does not say it.
func unreadable(rec *checkpoint.Operation) *Divergence {
	return &Divergence{
		Reason: "the record of how a batch ended cannot be read",
		Log:    recorded(rec),
		Code:   "a batch without a codec of its own, or with another one",
	}
}
