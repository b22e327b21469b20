package engine

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// What is kept of an execution's quota, of each hundred. docs/limits.md says so.
const (
	percent = 100
	// keptForUndo is the least that is kept for compensations, as soon as there is something to
	// compensate.
	keptForUndo = 10 // percent
	// keptForRefusals is for records of what was refused; leastRefusals are kept of a small quota,
	// too.
	keptForRefusals = 1 // percent
	leastRefusals   = 3
	// keptUnseen is for what cannot be counted: invocations that failed, and what is hidden and not
	// noted.
	keptUnseen = 2 // percent
	// keptBytes is for each operation that an execution may have: for errors, the end of the
	// execution, and what is hidden and not noted.
	keptBytes = 1 << 10
)

// bytesKept is how many bytes are kept.
func (u *usage) bytesKept() int { return u.quota.Operations * keptBytes }

// mostUnnoted is how much of a quota may be hidden without a note.
func mostUnnoted(quota int) int { return quota * keptUnseen / percent / 2 } //nolint:mnd // half of what is kept

// countError is the error of an operation that an execution has no room for.
type countError struct {
	// Operation is the ID of the operation.
	Operation string `json:"operation"`
	text      string
}

func (e *countError) Error() string {
	if e.text == "" { // restored
		return op.ErrTooMany.Error()
	}
	return e.text
}

// fullError is a countError as the operation's own.
type fullError struct {
	own  *countError
	kind error
}

func (e *fullError) Error() string   { return e.own.text }
func (e *fullError) Unwrap() []error { return []error{e.kind, e.own} }

// sizeError is the error of an operation whose payload the service would refuse.
type sizeError struct{ text string }

func (e *sizeError) Error() string { return e.text }
func (e *sizeError) Unwrap() error { return op.ErrTooLarge }

// mostCounted is how many operations the execution may have of those that are counted.
func (u *usage) mostCounted() int { return u.quota.Operations - u.quota.Operations*keptUnseen/percent }

// mostIn is how many operations the execution may have when the scope claims another one.
func (u *usage) mostIn(s *scope) int {
	most := u.mostCounted()
	if s.kind == undoScope {
		return most
	}
	most -= max(leastRefusals, u.quota.Operations*keptForRefusals/percent)
	if u.any {
		most -= max(u.quota.Operations*keptForUndo/percent, u.open)
	}
	return most
}

// mostRecorded is how many operations the execution may have when a refusal is recorded: one is
// left to say that no more are.
func (u *usage) mostRecorded() int {
	most := u.mostCounted() - 1
	if u.any {
		most -= max(u.quota.Operations*keptForUndo/percent, u.open)
	}
	return most
}

// held is how many operations count.
func (u *usage) held() int { return u.operations + u.retries + u.promised }

// hasRoom reports whether the execution has room for an operation of the scope that takes this many
// operations and bytes.
func (s *scope) hasRoom(h *node.Header, takes, bytes int) bool {
	u := &s.inv.usage
	if h.Name == successorStep && h.SubType == subtype.Start && s.inv.end.continued != nil { // it is the way out
		return u.held()+takes <= u.mostCounted()
	}
	if u.full && s.kind != undoScope {
		return false
	}
	if h.Undo != nil && u.open >= u.quota.Operations*keptForUndo/percent {
		takes++
	}
	return u.held()+takes <= u.mostIn(s) && (bytes == 0 || s.inv.holds(bytes))
}

// mayRetry reports whether the execution has room for another attempt.
func (s *scope) mayRetry() bool {
	u := &s.inv.usage
	return u.held() < u.mostIn(s) && (!u.full || s.kind == undoScope)
}

// attemptError is the error of a step that has failed and would be tried again if there were room
// for that.
type attemptError struct{ err error }

func (e *attemptError) Error() string {
	return fmt.Sprintf("%v: there is no further attempt, for the execution has no room for one (docs/limits.md)", e.err)
}
func (e *attemptError) Unwrap() []error { return []error{e.err, op.ErrTooMany} }

// refusal is why an operation was not claimed.
type refusal struct {
	takes, bytes int
}

// callRefused is what becomes of an operation that the execution has no room for, or had none for.
//
//  1. A refusal that the log has is read like any other failure.
//  2. If the execution has room for it, it is recorded, as a step that has failed: what the service
//     does not show is counted, but not to the last one, and each replay must refuse the same.
//  3. Otherwise it is recorded once that the execution is full. From then on whatever the log does
//     not hold is refused without a record.
//  4. Where the log holds what came later, it was refused without a record: earlier releases made
//     none.
func callRefused(ctx context.Context, s *scope, n node.Node, c claim, start bool) node.Result {
	if c.rec != nil && c.rec.Status.Terminal() {
		return finishedResult(ctx, s, n, c, start)
	}
	if c.rec != nil && s.readOnly {
		return unfinishedResult(s, newOperation(ctx, s, n.Head(), checkpoint.KindStep, c), start)
	}
	o := newOperation(ctx, s, n.Head(), checkpoint.KindStep, c)
	u := &s.inv.usage
	unrecorded := c.rec == nil && (u.full || s.readOnly || s.kind == undoScope || s.kind.ordered() && s.unclaimed() > 0)
	run := func(f *fiber) node.Result { return recordRefusal(o, f, c) }
	switch {
	case c.rec != nil:
	case unrecorded:
		run = func(f *fiber) node.Result { return unrecordedRefusal(o, f, c) }
	case u.held() < u.mostRecorded():
		u.operations++
		s.inv.out.Add(refusalUpdate(o, checkpoint.ActionStart), time.Time{})
	default:
		u.full = true
		first, last := newNote(s.inv)
		s.inv.out.AddTied(first, time.Time{})
		u.fullSeq = s.inv.out.Add(last, time.Time{})
		run = func(f *fiber) node.Result { return unrecordedRefusal(o, f, c) }
	}
	switch {
	case !start:
		return run(s.f)
	case unrecorded && s.inv.out.Acked() >= u.fullSeq: // there is nothing to wait for
		o.separate, o.done, o.rec = true, true, run(s.f)
		s.started = append(s.started, o)
	default:
		o.spawn(run)
	}
	return node.Result{Target: o}
}

// recordRefusal records that an operation was refused.
func recordRefusal(o *operation, f *fiber, c claim) node.Result {
	if f.logOnly {
		f.stop(o.s)
	}
	o.s.time.stale = false
	u := refusalUpdate(o, checkpoint.ActionFail)
	u.Failure = encodeFailure(f, o.meta(codec.PartFailure), noRoom(o, c.refused), o.s.known)
	f.awaitAck(o.s, o, o.s.inv.out.Add(u, time.Time{}))
	rec, _ := o.s.inv.log.Get(o.id)
	return outcomeOf(o.s, f, o, rec)
}

// unrecordedRefusal is the error of an operation whose refusal leaves no record, once it is known
// that it is the same on each replay.
func unrecordedRefusal(o *operation, f *fiber, c claim) node.Result {
	f.awaitAck(o.s, o, o.s.inv.usage.fullSeq)
	u := refusalUpdate(o, checkpoint.ActionFail)
	rec := checkpoint.Operation{
		ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Status: checkpoint.StatusFailed,
		Failure: o.s.inv.cfg.failure(noRoom(o, c.refused), o.s.known),
	}
	return resultOf(o.s, o.head, o.meta(codec.PartResult), o.nth, &rec, false)
}

// refusalUpdate is an update of the record of a refusal.
func refusalUpdate(o *operation, a checkpoint.Action) checkpoint.Update {
	u := o.update(a)
	u.SubType = subtype.Refused
	return u
}

// isRefusal reports whether a record, which may be nil, is that of an operation that was refused.
func isRefusal(rec *checkpoint.Operation) bool {
	return rec != nil && rec.Kind == checkpoint.KindStep && rec.SubType == subtype.Refused
}

// noRoom is the error of an operation that was refused. It does not say what else the execution
// holds, so that it says the same where it leaves no record.
func noRoom(o *operation, r *refusal) error {
	q := o.s.inv.usage.quota
	own := &countError{Operation: o.id}
	if r.bytes > 0 {
		own.text = fmt.Sprintf("replay: %s: the execution has no room for it: its input has %s bytes, and an execution may store %s in all "+
			"(AWS quotas for durable functions); store it elsewhere and pass where it is", quote(o.path()), thousands(r.bytes), thousands(q.Bytes))
		return &fullError{own, op.ErrTooLarge}
	}
	fewer := ""
	if r.takes > 1 { // a batch
		fewer = "a batch takes fewer with op.WithFlat or, of a map, with op.WithChunks; or "
	}
	own.text = fmt.Sprintf("replay: %s: the execution has no room for it: it takes %s operations, and an execution may have %s with "+
		"all retries (AWS quotas for durable functions), of which the last are kept for compensations and for what is refused; "+
		"%slet parts of it be executions of their own (op.Invoke)", quote(o.path()), thousands(r.takes), thousands(q.Operations), fewer)
	return &fullError{own, op.ErrTooMany}
}

// operationsOf is how many operations a batch takes that has these branches: itself, a record of
// each branch, that of what runs in it, and what compensates that.
func operationsOf(n *node.Batch, branches []*branch) int {
	takes := 1
	for _, k := range branches {
		if !n.Flat {
			takes++
		}
		if _, plain := k.plain(); !plain || n.Flat {
			takes++
		}
		if k.head.Undo != nil {
			takes++
		}
		if _, awaits := k.n.(*node.Await); awaits {
			takes--
		}
	}
	return takes
}

// undosDeclared is how many operations it takes to compensate the branches: for each that has a
// compensation of its own one, and one that says how the batch ended.
func undosDeclared(branches []*branch) (n int) {
	for _, k := range branches {
		if k.head.Undo == nil {
			continue
		}
		if n++; n == 1 {
			n++
		}
	}
	return n
}

// mayUndo reports as an error whether there is no room to begin to compensate the batch.
func (b *batch) mayUndo() error {
	if u := &b.s.inv.usage; u.held() < u.mostCounted() {
		return nil
	}
	return noRoom(b.operation, &refusal{takes: 1})
}

// promise keeps room for the records of the branches that the batch has yet to begin.
func (b *batch) promise(n int) {
	b.promised += n
	b.s.inv.usage.promised += n
}

// holds reports whether the execution has room for a payload of this many bytes, beside all that is
// queued.
func (inv *invocation) holds(bytes int) bool {
	u := &inv.usage
	return u.bytes+inv.out.Size()+bytes <= u.quota.Bytes-u.bytesKept()
}

// fits reports as an error whether the service would refuse the result of a step.
func (st *step) fits(payload []byte) error {
	if n := len(payload); n > limits.Payload {
		return &sizeError{fmt.Sprintf("the result has %s bytes, and the service takes at most %s of a step (Lambda API, "+
			"OperationUpdate.Payload); store it elsewhere and return where it is", thousands(n), thousands(limits.Payload))}
	}
	return st.s.inv.fits("result", payload)
}

// fits reports as an error whether an execution has no room for a payload: what is "result" or
// "state".
func (inv *invocation) fits(what string, payload []byte) error {
	u, n := &inv.usage, len(payload)
	if inv.holds(n) {
		return nil
	}
	return &sizeError{fmt.Sprintf("the %s has %s bytes, and the execution holds %s of the %s that it may (AWS quotas for durable "+
		"functions), of which %s are kept for its end; store what is large elsewhere and keep where it is",
		what, thousands(n), thousands(u.bytes), thousands(u.quota.Bytes), thousands(u.bytesKept()))}
}

// nextPath is the path of the operation that is claimed next under this name and key.
func nextPath(s *scope, h *node.Header) string {
	return s.pathOf(h, s.next(h))
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
