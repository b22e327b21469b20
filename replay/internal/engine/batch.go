package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// batch is an unordered scope: branches that run concurrently until a rule ends them.
type batch struct {
	*operation

	n    *node.Batch
	f    *fiber
	in   *scope
	kids []*branch
	// over are the branches that have ended and are not counted, the first one first.
	over     []*branch
	progress node.Progress
	open     int // branches that were begun and are not counted
	next     int // the first branch that was not begun
	counted  int // how many branches the rule was asked about
	admitted int // how many branches count as started: see wire.Started
	// moving is how many fibers inside will go on by themselves; see [fiber.settle].
	moving int
	// asking says that the batch is in the invocation's list of those with ends to count, counting that
	// it is to count one.
	asking, counting bool
	// decided says that no further end counts; settled that how it ended is in the log, for its losers
	// are being compensated; again that branches run to compute large results, and are not counted.
	decided, settled, again bool
	// broken is why the batch failed if its rule did.
	broken error
	// last is the branch whose end decided, as long as that is not queued.
	last *branch
}

// callBatch runs or starts a batch. A finished one is read from the log, unless its results were
// too large for it: then they are taken from the branches.
func (s *scope) callBatch(ctx context.Context, n *node.Batch, start bool) node.Record {
	var kids []*branch
	s.asks(n)
	if rec := s.peek(&n.Header); rec == nil || !rec.Status.Terminal() || rec.ReplayChildren {
		var err error
		if kids, err = prepare(s.f, n); err != nil {
			return s.given(node.Record{Err: err}, start)
		}
	}
	c := s.claim(n, checkpoint.KindContext)
	if c.rec != nil && c.rec.Status.Terminal() && !c.rec.ReplayChildren {
		return s.finished(ctx, n, c, start)
	}
	b := &batch{operation: s.operation(ctx, &n.Header, checkpoint.KindContext, c), n: n, kids: kids}
	switch {
	case c.rec == nil:
		s.begin(b.operation)
	case c.rec.Status.Terminal():
	case s.readOnly:
		s.diverge(s.unfinished(b.operation))
	}
	if start {
		b.spawn(b.run)
		return node.Record{Target: b.operation}
	}
	if c.rec != nil && !c.rec.Status.Terminal() {
		s.frontier(b.operation)
	}
	return b.run(s.f)
}

// prepare makes the operations of a batch and checks, before anything is claimed, that the log can
// tell them apart.
func prepare(f *fiber, n *node.Batch) (kids []*branch, err error) {
	kids = make([]*branch, n.N)
	seen := make(map[identity]int, n.N)
	for i := range kids {
		k, err := newBranch(f, n, i)
		if err != nil {
			return kids, fmt.Errorf("replay: %s: %w", quote(n.Name), err)
		}
		if first, twice := seen[identity{k.name, k.key}]; twice && !k.indexed {
			return kids, fmt.Errorf("replay: %s: items %d and %d have the same key %s: "+
				"give each item the key that identifies it (Builder.Key)", quote(n.Name), first, i, quote(k.key))
		}
		seen[identity{k.name, k.key}] = i
		kids[i] = k
	}
	return kids, nil
}

// run carries the batch to its end.
func (b *batch) run(f *fiber) node.Record {
	b.f = f
	b.s.publish()
	b.in = b.inside(f, insideScope)
	inner := &b.s.saga.inner[len(b.s.saga.inner)-1]
	inner.b = b
	defer b.in.cancel(errEnded)
	if b.n.MaxRunning > 0 {
		b.in.slots = &slots{free: b.n.MaxRunning, up: b.in.slots}
	}
	b.declare()
	r := b.carry()
	b.s.saga.closes(b.in)
	return r
}

func (b *batch) carry() node.Record {
	if b.found != nil && b.found.Status.Terminal() {
		b.in.readOnly = true
		return b.recompute()
	}
	if e := b.settlement(); e != nil {
		return b.resume(e)
	}
	if b.f.look {
		b.lookInside()
		b.f.stop(b.s)
	}
	b.progress.Total = max(b.n.Total, b.n.N)
	verdict, winner := b.ask(), -1
	for !verdict.Done {
		for b.next < b.n.N && (b.n.MaxOpen == 0 || b.open < b.n.MaxOpen) {
			b.admit(b.kids[b.next])
		}
		k := b.awaitCount()
		b.count(k)
		if verdict = b.ask(); verdict.Done {
			winner, b.last = k.index, k
			break
		}
		k.record(false)
	}
	return b.conclude(verdict, winner)
}

// awaitCount parks until the batch is to count its earliest end, and returns that branch.
func (b *batch) awaitCount() *branch {
	for b.counting = false; !b.counting; {
		if b.f.look {
			b.f.stop(b.s)
		}
		b.f.park(wait{why: waitChild, s: b.s, op: b.operation, batch: b})
	}
	k := b.over[0]
	b.over = slices.Delete(b.over, 0, 1)
	b.open--
	return k
}

// declare claims all branches, and sees whether the log holds others: the code that wrote it then
// had other items.
func (b *batch) declare() {
	inv := b.s.inv
	tags := make(map[string]bool, len(b.kids))
	for i, k := range b.kids {
		k.b = b
		var buf [maxID]byte
		occurrence := 0
		if k.indexed {
			occurrence = i
		}
		id := b.in.ids.AppendID(buf[:0], k.name, k.key, occurrence)
		if b.n.Flat {
			k.id = string(id)
			tags[oplog.NewScope(k.id).Tag()] = true
			tags[oplog.NewScope(oplog.UndoScope(k.id)).Tag()] = true
			continue
		}
		k.rec, k.id, _ = inv.log.Claim(id)
		if rec := k.rec; rec != nil && (rec.Kind != checkpoint.KindContext || rec.SubType != b.n.ItemSubType ||
			rec.Name != k.wire || rec.ParentID != b.in.real) {
			b.in.diverge(b.in.changed(&node.Header{Name: k.wire, SubType: b.n.ItemSubType}, checkpoint.KindContext, 0, rec))
		}
	}
	if b.in.unclaimed() > 0 {
		b.in.diverge(b.in.undeclared(b.in.unreached()))
	}
	if b.found == nil {
		return
	}
	tags[b.in.ids.Tag()] = true
	tags[oplog.NewScope(oplog.UndoScope(b.in.ids.ID())).Tag()] = true
	for rec := range inv.log.Records() {
		if tag, ok := oplog.ScopeTag(rec.ID); ok && rec.ParentID == b.in.real && !tags[tag] {
			b.in.diverge(b.in.undeclared(recorded(rec)))
		}
	}
}

// ruleBroken is the panic of a rule, as an earlier invocation has recorded it.
type ruleBroken struct{ text string } //nolint:errname // what it says

func (e *ruleBroken) Error() string { return e.text }

func (e *ruleBroken) Unwrap() error {
	_, value, _ := strings.Cut(e.text, "panic: ")
	return &op.PanicError{Value: value}
}

// brokenRule is the reason of a batch whose rule panicked.
const brokenRule = "COMPLETION_RULE_FAILED"

// ask asks the rule, which may be user code.
func (b *batch) ask() node.Verdict {
	p := b.progress
	v, err := b.f.call(ofRule, b.head.Name, func() (any, error) { return b.n.Rule(p), nil })
	if err != nil {
		b.broken = fmt.Errorf("replay: %s: the completion rule: %w", quote(b.path()), err)
		return node.Verdict{Done: true, Failed: true, Reason: brokenRule}
	}
	verdict, _ := v.(node.Verdict)
	return verdict
}

// end takes in that a branch has ended.
func (b *batch) end(k *branch) {
	k.done = true
	switch {
	case b.decided:
	case b.again:
		if b.open--; b.open == 0 {
			b.f.Wake()
		}
	default:
		i, _ := slices.BinarySearchFunc(b.over, k, func(a, k *branch) int {
			if b.s.inv.first(a, k) {
				return -1
			}
			return 1
		})
		b.over = slices.Insert(b.over, i, k)
		if !b.asking {
			b.asking = true
			b.s.inv.waits.asking = append(b.s.inv.waits.asking, b)
		}
	}
}

// first reports whether branch a of a batch ended before branch k: by their causes, at the same time
// by their places.
func (inv *invocation) first(a, k *branch) bool {
	x, y := inv.known(a.cause), inv.known(k.cause)
	if x == y {
		return a.index < k.index
	}
	return x.before(y)
}

// precedes reports whether the batch counts before another: the one with the earlier end; with ends at
// the same time the deeper one, and of two as deep the one that was claimed first.
func (b *batch) precedes(other *batch) bool {
	x, y := b.s.inv.known(b.over[0].cause), b.s.inv.known(other.over[0].cause)
	if x != y {
		return x.before(y)
	}
	if d, e := b.depth(), other.depth(); d != e {
		return d > e
	}
	return b.order < other.order
}

func (b *batch) depth() (n int) {
	for ; b != nil; b = b.f.in {
		n++
	}
	return n
}

// counts reports whether the batch, or one around it, has ends that it has not counted.
func (b *batch) counts() bool {
	for ; b != nil; b = b.f.in {
		if len(b.over) > 0 && !b.decided {
			return true
		}
	}
	return false
}

// moves reports whether something in the batch, or what it waits for, will go on by itself: then an end
// may still come that is earlier than those that are known.
func (b *batch) moves() bool {
	if b.moving > 0 {
		return true
	}
	if b.s.inv.waits.joining == 0 {
		return false
	}
	return slices.ContainsFunc(b.kids[:b.next], func(k *branch) bool { return k.f != nil && !k.done && k.f.moves() })
}

// conclude records how the batch ended. The branches that are still open are ended: what they have
// queued is written, nothing else.
func (b *batch) conclude(verdict node.Verdict, winner int) node.Record {
	b.decided = true
	b.lookAtRest()
	for _, k := range b.kids {
		if k.f != nil && !k.done {
			k.f.End(true)
		}
	}
	e := wire.Envelope{Reason: verdict.Reason, Failed: verdict.Failed, Winner: winner}
	for _, k := range b.kids[:b.admitted] {
		e.Add(k.ending())
	}
	e.IDs = b.marks()
	return b.record(&e)
}

// lookAtRest goes into branches that were not admitted this time, although the log holds something of
// them: it is to be undone.
func (b *batch) lookAtRest() {
	if b.next == b.n.N || b.s.inv.log.AllClaimed() {
		return
	}
	next := b.next
	b.lookInside()
	b.next = next
}

// lookInside goes into the branches of which the log holds something, as far as it does.
func (b *batch) lookInside() {
	var fs []*fiber
	for _, k := range b.kids {
		if k.f == nil && !k.done && (k.rec != nil || b.n.Flat) {
			if b.begin(k, true); k.f != nil {
				fs = append(fs, k.f)
			}
		}
	}
	b.f.catchUp(b.s, fs)
}

// record compensates what the batch must take back, and records how it ended.
func (b *batch) record(e *wire.Envelope) node.Record {
	inv := b.s.inv
	if err := b.compensate(e); err != nil {
		return b.failed(err)
	}
	if b.broken != nil {
		return b.failed(b.broken)
	}
	full := e.Encode()
	r := b.s.dress(b.n, b.path(), b.large(full))
	u := b.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(full)
	whole, ok, err := b.whole(r)
	if err != nil {
		return b.failed(err)
	}
	if ok {
		u.Payload = checkpoint.NewPayload(whole)
	}
	if u.Payload.Size() > maxInline {
		u.ReplayChildren = true
		u.Payload = checkpoint.NewPayload(e.Short(b.summaryOf(r)).Encode())
		ok = false
	}
	b.awaitRecorded(u)
	if rec, found := inv.log.Get(b.id); found && !b.own {
		b.s.observe(rec)
	}
	b.cancelLosers()
	if ok {
		return b.large(whole)
	}
	return r
}

// awaitRecorded queues how the batch ended and waits until that is durable; then its losers unwind.
func (b *batch) awaitRecorded(u checkpoint.Update) {
	if b.f.look {
		b.f.stop(b.s)
	}
	b.recordLast()
	b.f.awaitEnd(b.s, b.operation, b.s.inv.out.Add(u, time.Time{}))
	b.release()
}

// recordLast queues the end of the branch that decided, so that it travels with what is added next.
func (b *batch) recordLast() {
	if b.last != nil {
		b.last.record(true)
		b.last = nil
	}
}

// release lets the losers unwind.
func (b *batch) release() {
	for _, k := range b.kids {
		if k.f != nil {
			k.f.Release()
		}
	}
}

// whole encodes the result of a batch that has a codec of its own for it, and sees whether it can be
// read again. ok is false for a batch without such a result, because it failed.
func (b *batch) whole(r node.Record) (payload []byte, ok bool, err error) {
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
	_, err = b.f.call(ofResult, b.head.Name, func() (any, error) { return b.n.Whole(b.large(payload)) })
	return payload, true, err
}

// summaryOf describes the results of a batch that are too large for the log.
func (b *batch) summaryOf(r node.Record) string {
	if b.head.Summary == nil {
		return ""
	}
	v, err := guarded(func() (any, error) { return b.n.Whole(r) })
	if err != nil {
		return ""
	}
	return b.summary(v)
}

// cancelLosers cancels the waits that the batch has left behind, if it is to. Each travels alone,
// and nothing waits for it: the service refuses it if the wait has just ended.
func (b *batch) cancelLosers() {
	if !b.n.CancelLosers {
		return
	}
	inv := b.s.inv
	for _, k := range b.kids {
		w, ok := k.n.(*node.Wait)
		if !ok || k.counted {
			continue
		}
		id := oplog.NewScope(k.id).AppendID(nil, w.Name, "", 0)
		rec, ok := inv.log.Get(string(id))
		if !ok || rec.Status != checkpoint.StatusStarted || rec.ScheduledEnd.Sub(inv.Clock.Now()) < cancelMargin {
			continue
		}
		inv.out.AddAlone(checkpoint.Update{
			ID: rec.ID, ParentID: rec.ParentID, Name: rec.Name, SubType: rec.SubType, Kind: rec.Kind,
			Action: checkpoint.ActionCancel,
		})
	}
}

// failed records that a batch failed for another reason than its branches: their compensation.
func (b *batch) failed(err error) node.Record {
	u := b.update(checkpoint.ActionFail)
	u.Failure = b.f.failure(err, b.in.known)
	b.awaitRecorded(u)
	rec, _ := b.s.inv.log.Get(b.id)
	return b.s.outcome(b.f, b.operation, rec)
}
