package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/paste"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// addBatchOutcome completes the record of an operation with what its kind says of it: whether the
// payload comes from outside, and how it ended if it is, or passes on, a batch.
func addBatchOutcome(s *scope, n node.Node, path func() string, r node.Result) node.Result {
	return addOutcomeOf(s, n, path, r, nil)
}

// addOutcomeOf is addBatchOutcome for a batch that has just ended, whose branches these are: how
// they ended may have been recorded by an earlier invocation.
func addOutcomeOf(s *scope, n node.Node, path func() string, r node.Result, live []*branch) node.Result {
	r.Outside, r.Meta.Function = node.FromOutside(n), functionOf(n)
	b, ok := node.Origin(n).(*node.Batch)
	if !ok || r.Err != nil || r.Payload == nil || r.Outcome != nil {
		return r
	}
	if s.inv.Rehearsal != nil {
		stopIfWithheld(s, r.Payload, path)
	}
	e, ok := wire.ReadEnvelope(r.Payload.Bytes())
	if !ok {
		return r
	}
	ops := operandsOf(s.inv.running(), b, &evidence{s: s, n: b, id: r.Meta.OperationID, e: e})
	places, unfit := placesOf(b, e, ops)
	if unfit != nil {
		s.diverge(misfit(unfit, path(), e, labelsOf(ops)))
	}
	for i := range ops {
		s.decided(b, &ops[i], r.Meta.OperationID, path)
	}
	r.Outcome = batchOutcome(s, b, path(), r, e, ops, places, live)
	openItems(s, r.Outcome.Items)
	if b.Failure != nil {
		_, r.Err = s.inv.running().call(ofResult, b.Name, func() (any, error) { return nil, b.Failure(r) })
	}
	return r
}

// placesOf finds the recorded branches among the operands.
func placesOf(n *node.Batch, e *wire.Envelope, ops []operand) ([]int, *wire.Misfit) {
	marks, at := make([]wire.Mark, 0, len(ops)), make([]int, 0, len(ops))
	for i := range ops {
		if ops[i].n != nil || ops[i].err != nil {
			marks, at = append(marks, ops[i].mark()), append(at, i)
		}
	}
	places, unfit := e.Places(marks, n.Fixed)
	if unfit != nil && unfit.Added != wire.Absent {
		unfit.Added = at[unfit.Added]
	}
	for j, place := range places {
		if place == wire.Absent {
			continue
		}
		places[j] = at[place]
		if n.Fixed && e.Left(j) && !ops[at[place]].left {
			return nil, &wire.Misfit{Gone: wire.Absent, Added: at[place]}
		}
	}
	return places, unfit
}

// batchOutcome is how a batch ended, in the order of the code. A combinator has a place for each
// operand, one that claims nothing included.
func batchOutcome(
	s *scope, n *node.Batch, path string, r node.Result, e *wire.Envelope, ops []operand, places []int, live []*branch,
) *node.Outcome {
	o := &node.Outcome{Reason: e.Reason, Failed: e.Failed, Winner: wire.Absent}
	if e.Winner >= 0 && e.Winner < len(places) {
		o.Winner = places[e.Winner]
		if o.Winner != wire.Absent && ops[o.Winner].left {
			o.Gone = endedByGone(s, n, path, r, &ops[o.Winner], e)
		}
	}
	recorded := make([]int, len(ops)) // the reverse of places
	for i := range recorded {
		recorded[i] = wire.Absent
	}
	for j := range len(e.Status) {
		recorded[places[j]] = j
	}
	o.Items = make([]node.Item, 0, n.N)
	for i, j := range recorded[:n.N] {
		k := &ops[i]
		switch {
		case j != wire.Absent && !k.passed && (k.left || !e.Left(j)):
			of := r
			of.Replayed = of.Replayed || slices.ContainsFunc(live, func(b *branch) bool { return b.index == i && b.replayed })
			it := itemOf(s, n, path, of, k, e.At(j))
			it.Result.Sides = k.sides
			o.Items = append(o.Items, it)
		case n.Fixed && k.declared && (k.n == nil || k.passed):
			it := node.Item{Index: i, Name: k.shown.Name, Key: k.shown.Key, Status: node.ItemSucceeded}
			it.Result.Sides = k.sides
			o.Items = append(o.Items, it)
		}
	}
	return o
}

// endedByGone is why a batch failed that ended as a branch of it did which the code does not have
// any more; nil if it succeeded. The result of a race is that of its winner, so it has none.
func endedByGone(s *scope, n *node.Batch, path string, r node.Result, o *operand, e *wire.Envelope) error {
	switch {
	case e.Failed:
		return branchResult(s, n, newBranch(o), path, r, e.At(e.Winner)).Err
	case n.Fixed && e.Reason == string(op.ReasonMinSuccessful):
		s.diverge(wonByGone(o, path))
	}
	return nil
}

// wonByGone describes a race that has ended as an operand did which the code does not have any
// more.
func wonByGone(o *operand, path string) *Divergence {
	was := construction(kindOf(o.n), o.head.SubType, o.head.Name, o.head.Key)
	return &Divergence{
		Reason: "a batch has ended as an operand of it did, and its result is that operand's, which the code does not have any more",
		Log:    fmt.Sprintf("the end of %s, which %s was first to reach", quote(path), quote(o.label)),
		Code:   fmt.Sprintf("%s without %s", quote(path), quote(o.label)),

		Declare: paste.Replaces("new", was) + " as an operand, of what stands for it; or op.Replaces(new, old) around the batch, the new one " +
			"under another name",
	}
}

// itemOf is a branch as the code that decodes it sees it.
func itemOf(s *scope, n *node.Batch, path string, r node.Result, o *operand, end wire.Ending) node.Item {
	if o.err != nil {
		return node.Item{Index: o.index, Status: node.ItemFailed, Result: node.Result{Err: o.err}}
	}
	k := newBranch(o)
	it := node.Item{Index: o.index, Name: o.shown.Name, Key: o.shown.Key, Status: node.ItemStatus(end.Status)}
	if !o.left {
		it.Result = branchResult(s, n, k, path, r, end)
		return it
	}
	it.Status = node.ItemSucceeded // as such: it says what is left of the operation
	rec := node.Result{Err: fmt.Errorf("%s had begun and not ended when it was %w", quote(originPath(k, path)), op.ErrRemoved)}
	if end.Status != wire.BranchLeft && end.Status != wire.BranchStarted {
		rec = branchResult(s, n, k, path, r, end)
	}
	it.Result.Target = &operation{s: s, head: k.n.Head(), future: future{done: true, rec: rec}}
	return it
}

func originPath(k *branch, batch string) string {
	_, path := originOf(k, "", batch)
	return path
}

// branchResult is what the code that decodes a branch gets of it. r is the record of the batch.
func branchResult(s *scope, n *node.Batch, k *branch, path string, r node.Result, end wire.Ending) node.Result {
	h := k.head
	id, path := originOf(k, r.Meta.OperationID, path)
	rec := node.Result{
		Meta:  codec.Meta{ExecutionARN: r.Meta.ExecutionARN, ForkedFrom: r.Meta.ForkedFrom, OperationID: id, OperationName: h.Name},
		Codec: h.Codec, Source: s, Replayed: r.Replayed,
	}
	if end.Failure == nil && end.Status == wire.BranchFailed && h.Value == nil {
		end.Failure = &wire.Failure{}
	}
	if end.Failure != nil {
		e := &op.Error{ID: id, Name: h.Name, Path: path, Kind: string(kindOf(node.Origin(k.n)))}
		m := rec.Meta
		m.Function = functionOf(k.n)
		fillError(s.inv.cfg, e, openedIn(s, m, (*checkpoint.Failure)(end.Failure)), concat(h.Known, concat(n.Known, s.known)),
			fromOutside(checkpoint.Kind(e.Kind), h.SubType))
		rec.Err = e
		if r.Replayed {
			checkIdentities(s, checkpoint.Kind(e.Kind), concat(h.Known, concat(n.Known, s.known)), e)
		}
	}
	if end.Payload != nil {
		p := checkpoint.TextPayload(*end.Payload)
		rec.Payload = &p
	}
	return addBatchOutcome(s, k.n, func() string { return path }, rec)
}

// misfit describes a batch that ended with other branches than the code has, whose labels these
// are.
func misfit(m *wire.Misfit, path string, e *wire.Envelope, labels []string) *Divergence {
	if m.Gone != wire.Absent {
		return &Divergence{
			Reason: "a batch has completed with a branch that the code does not have: it was removed, or its name or key " +
				"changed; leave the branches of a batch as they are while executions go on that have completed it",
			Log:  fmt.Sprintf("%d branches of %s, of which number %d is none of the code's", len(e.Status), quote(path), m.Gone+1),
			Code: listOf(labels),

			Declare: declaredBranches,
		}
	}
	label := quote(labels[m.Added])
	return &Divergence{
		Reason: fmt.Sprintf("the operand %s was added to a batch that has completed, so it has no result and is not run; "+
			"run %s after the batch, as an operation of its own", label, label),
		Log:  fmt.Sprintf("the end of %s without %s", quote(path), label),
		Code: listOf(labels),

		Declare: fmt.Sprintf("op.Added(%s, v) as the operand, for executions that have ended the batch get v; or op.Replaces(%s, old) "+
			"if it stands for an operand that is gone", labels[m.Added], labels[m.Added]),
	}
}

// labelsOf returns what the branches of the code are called in paths.
func labelsOf(ops []operand) []string {
	labels := make([]string, len(ops))
	for i := range ops {
		labels[i] = ops[i].label
	}
	return labels
}

// listOf lists branches for people.
func listOf(labels []string) string {
	const most = 8
	var b strings.Builder
	fmt.Fprintf(&b, "%d branches", len(labels))
	separator := ": "
	for i, label := range labels {
		if i == most {
			b.WriteString(", …")
			break
		}
		b.WriteString(separator + quote(label))
		separator = ", "
	}
	return b.String()
}

// wholeResult encodes the result of a batch that has a codec of its own for it, and sees whether it
// can be read again. ok is false for a batch without such a result, because it failed.
func wholeResult(b *batch, r node.Result) (payload []byte, ok bool, err error) {
	if b.head.Codec == nil || r.Outcome == nil || r.Err != nil {
		return nil, false, nil //nolint:nilerr // the error is kept with the branches
	}
	v, failure := b.f.call(ofResult, b.head.Name, func() (any, error) { return b.n.Whole(r) })
	if failure != nil {
		return nil, false, nil //nolint:nilerr // the branches are kept, and the failure is computed again
	}
	if payload, err = b.encode(b.ctx, b.f, v); err != nil {
		return nil, false, err
	}
	_, err = b.f.call(ofResult, b.head.Name, func() (any, error) { return b.n.Whole(b.largeResult(payload)) })
	return payload, true, err
}

// batchSummary describes the results of a batch that are too large for the log.
func batchSummary(b *batch, r node.Result) string {
	if b.head.Summary == nil {
		return ""
	}
	v, err := guarded(func() (any, error) { return b.n.Whole(r) })
	if err != nil {
		return ""
	}
	return b.summary(v)
}
