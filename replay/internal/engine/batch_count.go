package engine

import (
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
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
func judge(b *batch, k *branch) {
	value := k.head.Value
	k.failed = k.failure != nil
	if value == nil {
		return
	}
	of := b.largeResult(nil)
	of.Replayed = k.replayed
	r := branchResult(b.s, b.n, k, b.path(), of, k.endingAs(wire.BranchFailed))
	_, err := b.f.call(ofResult, k.head.Name, func() (any, error) { return nil, value.Check(r) })
	k.failed = err != nil
}

// countEnd takes in how a branch ended.
func countEnd(b *batch, k *branch) {
	judge(b, k)
	k.counted = true
	b.counted++
	b.f.because(knownCause(b.s.inv, k.cause))
	for n := wire.Started(b.live, b.n.MaxOpen, b.counted); b.admitted < n; b.admitted++ {
		b.progress.Started += weightOf(b, b.branches[b.admitted])
	}
	if k.failed {
		b.progress.Failed += weightOf(b, k)
		return
	}
	failed := failuresIn(b, k)
	b.progress.Failed += failed
	b.progress.Succeeded += weightOf(b, k) - failed
}

// started are the branches that count as started, and those that the code has no more: an operand
// that was left has begun if it is a branch.
func (b *batch) started() []*branch {
	if b.live == len(b.branches) {
		return b.branches[:b.admitted]
	}
	return slices.Concat(b.branches[:b.admitted], b.branches[b.live:])
}

// marksOfEnd are those of the branches that a later replay must find again: of those that count as
// started, and of all operands of a combinator, which cannot be without a result.
func marksOfEnd(b *batch) string {
	kids := b.started()
	if b.n.Fixed && b.admitted < b.live {
		kids = slices.Concat(kids, b.branches[b.admitted:b.live])
	}
	marks := make([]wire.Mark, len(kids))
	for i, k := range kids {
		marks[i] = k.mark()
	}
	return wire.JoinMarks(marks)
}

// endedBefore reports whether branch a of a batch ended before branch k: by their causes, at the
// same time by their places.
func endedBefore(inv *invocation, a, k *branch) bool {
	x, y := knownCause(inv, a.cause), knownCause(inv, k.cause)
	if x == y {
		return a.index < k.index
	}
	return x.before(y)
}

// countsBefore reports whether the batch counts before another: the one with the earlier end; with
// ends at the same time the deeper one, and of two as deep the one that was claimed first.
func countsBefore(b *batch, other *batch) bool {
	x, y := knownCause(b.s.inv, b.uncounted[0].cause), knownCause(b.s.inv, other.uncounted[0].cause)
	if x != y {
		return x.before(y)
	}
	if d, e := depthOf(b), depthOf(other); d != e {
		return d > e
	}
	return b.order < other.order
}

func depthOf(b *batch) (n int) {
	for ; b != nil; b = b.f.batch {
		n++
	}
	return n
}

// hasUncounted reports whether the batch, or one around it, has ends that it has not counted.
func hasUncounted(b *batch) bool {
	for ; b != nil; b = b.f.batch {
		if len(b.uncounted) > 0 && !b.decided && !b.leaving {
			return true
		}
	}
	return false
}

// mayEndEarlier reports whether something in the batch, or what it waits for, will go on by itself:
// then an end may still come that is earlier than those that are known.
func mayEndEarlier(b *batch) bool {
	if b.movers > 0 {
		return true
	}
	if b.s.inv.waits.joining == 0 {
		return false
	}
	return slices.ContainsFunc(b.branches[:b.next], func(k *branch) bool { return k.f != nil && !k.done && k.f.moves() })
}

// weightOf is how many items of the batch the branch counts as.
func weightOf(b *batch, k *branch) int {
	if inner, ok := k.n.(*node.Batch); ok && b.n.Total > 0 {
		return inner.N
	}
	return 1
}

// failuresIn is how many of these items failed in a branch that succeeded.
func failuresIn(b *batch, k *branch) int {
	if b.n.Total == 0 {
		return 0
	}
	e, _ := wire.ReadEnvelope(k.payload.Bytes())
	return strings.Count(e.Status, string(wire.BranchFailed))
}
