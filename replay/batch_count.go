package replay

import (
	"cmp"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
)

// earliest takes the next branch out of those that have ended and do not count yet.
func (b *batch) earliest() *branch {
	if b.unsorted {
		slices.SortStableFunc(b.over, endedBefore)
		b.unsorted = false
	}
	k := b.over[0]
	b.over = b.over[1:]
	return k
}

// endedBefore orders branches that have ended: those whose end is in the log by when that was, then the others
// as they came.
func endedBefore(a, b *branch) int {
	x, y := a.recordedEnd(), b.recordedEnd()
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	return cmp.Or(x.End.Compare(y.End), cmp.Compare(a.index, b.index))
}

// recordedEnd is the record of a branch that has ended in an earlier invocation; else nil.
func (k *branch) recordedEnd() *checkpoint.Operation {
	if k.rec == nil || !k.rec.Status.Terminal() {
		return nil
	}
	return k.rec
}

// room is how many branches may have been started by now: each that was counted makes room for one.
func (b *batch) room() int { return wire.Started(b.n.N, b.n.MaxOpen, b.counted+1) }

// judge finds out whether a branch that has ended counts as failed: functions of the user's that
// change its result or its error have their say before the rule is asked. They run without the
// lock. Called with the lock held, by the batch's goroutine.
func (b *batch) judge(k *branch) {
	inv, value := b.s.inv, k.head.Value
	k.failed = k.failure != nil
	if value == nil {
		return
	}
	replayed := k.recordedEnd() != nil
	inv.mu.Unlock()
	of := b.large(nil)
	of.Replayed = replayed
	r := b.s.branchRecord(b.n, k, b.path(), of, k.endingAs(wire.BranchFailed))
	_, err := guard(func() (any, error) { return nil, value.Check(r) })
	inv.mu.Lock()
	b.t.check()
	k.failed = err != nil
}

// count takes in how a branch ended.
func (b *batch) count(k *branch) {
	k.counted = true
	b.counted++
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
