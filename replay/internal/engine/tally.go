package engine

import (
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
)

// recordedEnd is the record of a branch that has ended in an earlier invocation; else nil.
func (k *branch) recordedEnd() *checkpoint.Operation {
	if k.rec == nil || !k.rec.Status.Terminal() {
		return nil
	}
	return k.rec
}

// judge finds out whether a branch that has ended counts as failed: functions of the user's that
// change its result or its error have their say before the rule is asked.
func (b *batch) judge(k *branch) {
	value := k.head.Value
	k.failed = k.failure != nil
	if value == nil {
		return
	}
	of := b.large(nil)
	of.Replayed = k.recordedEnd() != nil
	r := b.s.branchRecord(b.n, k, b.path(), of, k.endingAs(wire.BranchFailed))
	_, err := b.f.call(ofResult, k.head.Name, func() (any, error) { return nil, value.Check(r) })
	k.failed = err != nil
}

// count takes in how a branch ended.
func (b *batch) count(k *branch) {
	b.judge(k)
	k.counted = true
	b.counted++
	b.f.because(b.s.inv.known(k.cause))
	for n := wire.Started(b.n.N, b.n.MaxOpen, b.counted); b.admitted < n; b.admitted++ {
		b.progress.Started += b.weight(b.kids[b.admitted])
	}
	if k.failed {
		b.progress.Failed += b.weight(k)
		return
	}
	failed := b.failures(k)
	b.progress.Failed += failed
	b.progress.Succeeded += b.weight(k) - failed
}

// marks are those of the branches that a later replay must find again: of those that count as
// started, and of all operands of a combinator, which cannot be without a result.
func (b *batch) marks() string {
	kids := b.kids[:b.admitted]
	if b.n.Fixed {
		kids = b.kids
	}
	marks := make([]wire.Mark, len(kids))
	for i, k := range kids {
		marks[i] = k.mark()
	}
	return wire.JoinMarks(marks)
}
