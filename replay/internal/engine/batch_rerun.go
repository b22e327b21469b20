package engine

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
)

// recomputeBatch takes the results of a finished batch from its branches, because they were too
// large for its record.
func recomputeBatch(b *batch) node.Result {
	rec, _ := b.s.inv.log.Get(b.id)
	b.f.becauseOf(rec, b.found)
	if !b.separate {
		b.s.observe(rec)
	}
	e, ok := wire.ReadEnvelope(rec.Payload.Bytes())
	if !ok {
		b.inner.diverge(unreadable(rec))
	}
	places := recordedPlaces(b, e)
	for j := range len(e.Status) {
		k := b.branches[places[j]]
		if hasEnded(e, j) && !b.n.Flat && k.recordedEnd() == nil {
			b.inner.diverge(&Divergence{
				Reason: "a branch was added to a batch that has completed",
				Log:    "no end of the branch",
				Code:   "the branch " + quote(k.path()),
			})
		}
	}
	full := rerunBranches(b, e, places)
	if full.Status != e.Status {
		b.inner.diverge(&Divergence{
			Reason: "branches of a completed batch end otherwise when they are run again to compute their large results",
			Log:    "branches " + quote(e.Status),
			Code:   "branches " + quote(full.Status),
		})
	}
	return addOutcomeOf(b.s, b.n, b.path, b.largeResult(full.Encode()), b.branches)
}

// rerunBranches takes the results of the branches that have ended from the branches: they were too
// large for the record.
func rerunBranches(b *batch, e *wire.Envelope, places []int) *wire.Envelope {
	b.recomputing = true
	for j := range len(e.Status) {
		if hasEnded(e, j) {
			b.open++
			b.begin(b.branches[places[j]], b.f.logOnly)
		}
	}
	for b.open > 0 {
		b.f.park(wait{why: waitChild, s: b.s, op: b.operation, batch: b})
	}
	b.recomputing = false
	full := &wire.Envelope{Reason: e.Reason, Failed: e.Failed, Winner: e.Winner, IDs: e.IDs}
	for j := range len(e.Status) {
		k := b.branches[places[j]]
		if e.Left(j) || k.left && !hasEnded(e, j) { // it is as it was, also if the code has it again
			full.Add(e.At(j))
			continue
		}
		if k.counted = k.done && !k.left; k.counted {
			judge(b, k)
		}
		end := k.ending()
		if k.left && k.done {
			end.Status = e.Status[j] // what would judge it went with the code that had it
		}
		full.Add(end)
	}
	return full
}

// hasEnded reports whether the j-th branch of a batch that has ended had a result.
func hasEnded(e *wire.Envelope, j int) bool {
	return e.Status[j] != wire.BranchStarted && e.Status[j] != wire.BranchLeft
}

// recordedPlaces finds the recorded branches among those of the code.
func recordedPlaces(b *batch, e *wire.Envelope) []int {
	marks := make([]wire.Mark, len(b.branches))
	for i, k := range b.branches {
		marks[i] = k.mark()
	}
	places, unfit := e.Places(marks, b.n.Fixed)
	if unfit != nil {
		labels := make([]string, len(b.branches))
		for i, k := range b.branches {
			labels[i] = k.label
		}
		b.inner.diverge(misfit(unfit, b.path(), e, labels))
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
