package engine

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// addBatchOutcome completes the record of an operation with what its kind says of it: whether the
// payload comes from outside, and how it ended if it is, or passes on, a batch.
func addBatchOutcome(s *scope, n node.Node, path func() string, r node.Result) node.Result {
	return addOutcomeOf(s, n, path, r, nil)
}

// addOutcomeOf is addBatchOutcome for a batch that has just ended, whose branches these are: what
// they have come to may have been recorded by an earlier invocation.
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
	places, unfit := e.Places(marksOf(s, b, e), b.Fixed)
	if unfit != nil {
		labels := labelsOf(s, b)
		s.diverge(misfit(unfit, path(), e, labels))
	}
	r.Outcome = batchOutcome(s, b, path(), r, e, places, live)
	openItems(s, r.Outcome.Items)
	if b.Failure != nil {
		_, r.Err = s.inv.running().call(ofResult, b.Name, func() (any, error) { return nil, b.Failure(r) })
	}
	return r
}

// marksOf returns the marks of the branches that the code has, which an envelope without any does
// not ask for.
func marksOf(s *scope, n *node.Batch, e *wire.Envelope) []wire.Mark {
	marks := make([]wire.Mark, n.N)
	for i := range marks {
		if e.IDs == "" {
			break
		}
		id := newIdentity(n, childOf(s.inv.running(), n, i).Head(), i)
		marks[i] = id.mark()
	}
	return marks
}

// batchOutcome is how a batch ended, in the order of the code.
func batchOutcome(s *scope, n *node.Batch, path string, r node.Result, e *wire.Envelope, places []int, live []*branch) *node.Outcome {
	o := &node.Outcome{Reason: e.Reason, Failed: e.Failed, Winner: wire.Absent}
	if e.Winner >= 0 && e.Winner < len(places) {
		o.Winner = places[e.Winner]
	}
	recorded := make([]int, n.N) // the reverse of places
	for i := range recorded {
		recorded[i] = wire.Absent
	}
	for j := range len(e.Status) {
		recorded[places[j]] = j
	}
	o.Items = make([]node.Item, 0, len(e.Status))
	for i, j := range recorded {
		if j != wire.Absent {
			of := r
			of.Replayed = of.Replayed || i < len(live) && live[i].replayed
			o.Items = append(o.Items, itemOf(s, n, path, of, i, e.At(j)))
		}
	}
	return o
}

// itemOf is a branch as the code that decodes it sees it.
func itemOf(s *scope, n *node.Batch, path string, r node.Result, i int, end wire.Ending) node.Item {
	k, err := newBranch(s.inv.running(), n, i)
	if err != nil {
		return node.Item{Index: i, Status: node.ItemFailed, Result: node.Result{Err: err}}
	}
	it := node.Item{Index: i, Name: k.head.Name, Key: k.key, Status: node.ItemStatus(end.Status)}
	it.Result = branchResult(s, n, k, path, r, end)
	return it
}

// branchResult is what the code that decodes a branch gets of it. r is the record of the batch.
func branchResult(s *scope, n *node.Batch, k *branch, path string, r node.Result, end wire.Ending) node.Result {
	h := k.head
	id, path := originOf(k, r.Meta.OperationID, path)
	rec := node.Result{
		Meta:  codec.Meta{ExecutionARN: r.Meta.ExecutionARN, OperationID: id, OperationName: h.Name},
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

			Declare: declaredBatch,
		}
	}
	label := quote(labels[m.Added])
	return &Divergence{
		Reason: fmt.Sprintf("the operand %s was added to a batch that has completed, so it has no result and is not run; "+
			"run %s after the batch, as an operation of its own", label, label),
		Log:  fmt.Sprintf("the end of %s without %s", quote(path), label),
		Code: listOf(labels),

		Declare: declaredBatch,
	}
}

// labelsOf returns what the branches of the code are called in paths.
func labelsOf(s *scope, n *node.Batch) []string {
	labels := make([]string, n.N)
	for i := range labels {
		labels[i] = newIdentity(n, childOf(s.inv.running(), n, i).Head(), i).label
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
