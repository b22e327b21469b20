package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// batch is an unordered scope: branches that run concurrently until a rule ends them.
type batch struct {
	*operation

	n     *node.Batch
	f     *fiber
	inner *scope
	// branches are those that the code runs, in its order, and then those that it has no more.
	branches []*branch
	live     int // how many the code runs
	tally
	standing
	verdict
}

// tally is what a batch has counted.
type tally struct {
	// uncounted are the branches that have ended and are not counted, the first one first.
	uncounted []*branch
	progress  node.Progress
	open      int // branches that were begun and are not counted
	next      int // the first branch that was not begun
	counted   int // how many branches the rule was asked about
	admitted  int // how many branches count as started: see wire.Started
	promised  int // records of branches for which there is room, and that were not begun
}

// standing is whether a batch may count.
type standing struct {
	// movers is how many fibers inside will go on by themselves; see [fiber.setMoving].
	movers int
	// listed says that the batch is in the invocation's list of those with ends to count, counting
	// that it is to count one.
	listed, counting bool
}

// verdict is how a batch has ended.
type verdict struct {
	// decided says that no further end counts; leaving the same, for what is around it leaves it
	// behind; outcomeRecorded that how it ended is in the log, for its losers are being
	// compensated; recomputing that branches run to compute large results, and are not counted.
	decided, leaving, outcomeRecorded, recomputing bool
	// broken is why the batch failed if its rule did.
	broken error
	// last is the branch whose end decided, as long as that is not queued.
	last *branch
}

// callBatch runs or starts a batch. A finished one is read from the log, unless its results were
// too large for it: then they are taken from the branches.
func callBatch(ctx context.Context, s *scope, n *node.Batch, start bool) node.Result {
	var kids []*branch
	markOperandsRead(s, n)
	if rec := peek(s, &n.Header); rec == nil || !rec.Status.Terminal() || rec.ReplayChildren {
		var err error
		if kids, err = prepare(s, n, rec); err != nil {
			s.refused = err
			return givenResult(s, node.Result{Err: err}, start)
		}
	}
	c := s.claimFor(n, checkpoint.KindContext, refusal{takes: operationsOf(n, kids)})
	if c.refused != nil {
		return callRefused(ctx, s, n, c, start)
	}
	if c.rec != nil && c.rec.Status.Terminal() && !c.rec.ReplayChildren {
		return finishedResult(ctx, s, n, c, start)
	}
	b := newBatch(newOperation(ctx, s, &n.Header, checkpoint.KindContext, c), n, kids)
	switch {
	case c.rec == nil:
		if !n.Flat {
			b.promise(len(kids))
		}
		beginContext(s, b.operation)
	case c.rec.Status.Terminal():
	case s.readOnly:
		return unfinishedResult(s, b.operation, start)
	}
	if start {
		b.what = n
		b.spawn(b.run)
		return node.Result{Target: b.operation}
	}
	if c.rec != nil && !c.rec.Status.Terminal() {
		s.frontier(b.operation)
	}
	return b.run(s.f)
}

func newBatch(o *operation, n *node.Batch, kids []*branch) *batch {
	b := &batch{operation: o, n: n, branches: kids, live: len(kids)}
	for b.live > 0 && kids[b.live-1].left {
		b.live--
	}
	return b
}

// prepare makes the branches of a batch whose record is rec, nil if it has none, and checks, before
// anything is claimed, that the log can distinguish them. Those that the code has no more are the
// last ones.
func prepare(s *scope, n *node.Batch, rec *checkpoint.Operation) (kids []*branch, err error) {
	ev := evidenceOf(s, n, rec)
	list := operandsOf(s.f, n, ev)
	kids = make([]*branch, 0, len(list))
	var left []*branch
	seen := make(map[identity]int, len(list))
	if err := sharedBranch(n, list); err != nil {
		return kids, fmt.Errorf("replay: %s: %w", quote(n.Name), err)
	}
	for i := range list {
		o := &list[i]
		s.decided(n, o, ev.id, func() string { return nextPath(s, &n.Header) })
		switch {
		case o.err != nil:
			return kids, fmt.Errorf("replay: %s: %w", quote(n.Name), o.err)
		case o.n == nil:
			continue
		case o.left:
			left = append(left, newBranch(o))
		default:
			kids = append(kids, newBranch(o))
		}
		if first, twice := seen[identity{o.name, o.key}]; twice && !o.indexed {
			return kids, fmt.Errorf("replay: %s: items %d and %d have the same key %s: "+
				"give each item the key that identifies it (Builder.Key)", quote(n.Name), first, i, quote(o.key))
		}
		seen[identity{o.name, o.key}] = i
	}
	return append(kids, left...), nil
}

// run carries the batch to its end.
func (b *batch) run(f *fiber) node.Result {
	b.f = f
	b.s.publish()
	b.inner = b.inside(f, insideScope)
	inner := &b.s.saga.inner[len(b.s.saga.inner)-1]
	inner.b = b
	defer b.inner.cancel(errEnded)
	undos := undosDeclared(b.branches)
	b.s.inv.usage.open += undos
	defer func() {
		b.promise(-b.promised)
		b.s.inv.usage.open -= undos
	}()
	if b.n.MaxRunning > 0 {
		b.inner.slots = &slots{free: b.n.MaxRunning, outer: b.inner.slots}
	}
	b.declare()
	r := b.carry()
	b.s.saga.closes(b.inner)
	return r
}

// updatesEach is how many updates a branch queues at least before the batch waits: that it begins,
// and that its operation does.
const updatesEach = 2

func (b *batch) carry() node.Result {
	if b.found != nil && b.found.Status.Terminal() {
		b.inner.readOnly = true
		return recomputeBatch(b)
	}
	if e := recordedOutcome(b); e != nil {
		return resumeUndo(b, e)
	}
	if b.f.logOnly {
		b.enterLogged()
		b.f.stop(b.s)
	}
	b.progress.Total = max(b.n.Total, b.live)
	if b.n.MaxOpen == 0 && !b.n.Flat {
		b.s.inv.out.Reserve(updatesEach * b.live)
	}
	verdict, winner := b.askRule(), -1
	for !verdict.Done {
		for b.next < b.live && (b.n.MaxOpen == 0 || b.open < b.n.MaxOpen) {
			b.admit(b.branches[b.next])
		}
		k := b.awaitCount()
		countEnd(b, k)
		if verdict = b.askRule(); verdict.Done {
			winner, b.last = slices.Index(b.branches, k), k
			break
		}
		k.record(false)
	}
	return b.conclude(verdict, winner)
}

// awaitCount parks until the batch is to count its earliest end, and returns that branch.
func (b *batch) awaitCount() *branch {
	for b.counting = false; !b.counting; {
		if b.f.logOnly {
			b.f.stop(b.s)
		}
		b.f.park(wait{why: waitChild, s: b.s, op: b.operation, batch: b})
	}
	k := b.uncounted[0]
	b.uncounted = slices.Delete(b.uncounted, 0, 1)
	b.open--
	return k
}

// declare claims all branches, and sees whether the log holds others: the code that wrote it then
// had other items.
func (b *batch) declare() {
	inv := b.s.inv
	tags := make(map[string]bool, len(b.branches))
	for _, k := range b.branches {
		k.b = b
		var buf [maxID]byte
		id := k.appendID(buf[:0], b.inner.ids, k.index)
		if b.n.Flat {
			k.id = string(id)
			tags[oplog.NewScope(k.id).Tag()] = true
			tags[oplog.NewScope(oplog.UndoScope(k.id)).Tag()] = true
			continue
		}
		k.rec, k.id, _ = inv.log.Claim(id)
		if rec := k.rec; rec != nil && (rec.Kind != checkpoint.KindContext || rec.SubType != b.n.ItemSubType ||
			rec.Name != k.wire || rec.ParentID != b.inner.real) {
			b.inner.diverge(changedRecord(b.inner, &node.Group{Header: node.Header{Name: k.wire, SubType: b.n.ItemSubType}}, checkpoint.KindContext, 0, rec))
		}
		if k.rec == nil && !k.left && b.found != nil && !b.found.Status.Terminal() {
			b.promise(1)
		}
	}
	if b.inner.unclaimed() > 0 {
		b.inner.diverge(undeclaredBranch(b.inner, unreachedRecords(b.inner), &inv.log.UnclaimedRecords(b.inner.ids)[0]))
	}
	if b.found == nil {
		return
	}
	tags[b.inner.ids.Tag()] = true
	tags[oplog.NewScope(oplog.UndoScope(b.inner.ids.ID())).Tag()] = true
	for rec := range inv.log.Records() {
		if tag, ok := oplog.ScopeTag(rec.ID); ok && rec.ParentID == b.inner.real && !tags[tag] {
			b.inner.diverge(undeclaredBranch(b.inner, recorded(rec), nil))
		}
	}
}

// brokenRuleError is the panic of a rule, as an earlier invocation has recorded it.
type brokenRuleError struct{ text string }

func (e *brokenRuleError) Error() string { return e.text }

func (e *brokenRuleError) Unwrap() error {
	_, value, _ := strings.Cut(e.text, "panic: ")
	return &op.PanicError{Value: value}
}

// brokenRule is the reason of a batch whose rule panicked.
const brokenRule = "COMPLETION_RULE_FAILED"

// askRule asks the rule, which may be user code.
func (b *batch) askRule() node.Verdict {
	p := b.progress
	v, err := b.f.call(ofRule, b.head.Name, func() (any, error) { return b.n.Rule(p), nil })
	if err != nil {
		b.broken = fmt.Errorf("replay: %s: the completion rule: %w", quote(b.path()), err)
		return node.Verdict{Done: true, Failed: true, Reason: brokenRule}
	}
	verdict, _ := v.(node.Verdict)
	return verdict
}

// branchEnded takes in that a branch has ended.
func (b *batch) branchEnded(k *branch) {
	k.done = true
	switch {
	case b.decided, b.leaving, k.supposed, k.left && !b.recomputing:
	case b.recomputing:
		if b.open--; b.open == 0 {
			b.f.Wake()
		}
	default:
		i, _ := slices.BinarySearchFunc(b.uncounted, k, func(a, k *branch) int {
			if endedBefore(b.s.inv, a, k) {
				return -1
			}
			return 1
		})
		b.uncounted = slices.Insert(b.uncounted, i, k)
		if !b.listed {
			b.listed = true
			b.s.inv.waits.uncounted = append(b.s.inv.waits.uncounted, b)
		}
	}
}

// conclude records how the batch ended. The branches that are still open are ended: what they have
// queued is written, nothing else.
func (b *batch) conclude(verdict node.Verdict, winner int) node.Result {
	b.decided = true
	b.enterLoggedRest()
	for _, k := range b.branches {
		if k.f != nil && !k.done {
			k.f.End(true)
		}
	}
	e := wire.Envelope{Reason: verdict.Reason, Failed: verdict.Failed, Winner: winner}
	for _, k := range b.started() {
		e.Add(k.ending())
	}
	e.IDs = marksOfEnd(b)
	return b.record(&e)
}

// enterLoggedRest goes into branches that were not admitted this time, although the log holds
// something of them: it is to be undone. Those that the code has no more end as the log says. It
// does the same of batches inside that are left behind.
func (b *batch) enterLoggedRest() {
	if b.live < len(b.branches) || b.next < b.live && !b.s.inv.log.AllClaimed() {
		next := b.next
		b.enterLogged()
		b.next = next
	}
	if b.s.inv.log.AllClaimed() {
		return
	}
	var left []*fiber
	for _, k := range b.branches {
		if k.f == nil || k.done {
			continue
		}
		k.f.each(func(f *fiber) { f.logOnly = true })
		if k.s != nil {
			left = append(left, openIn(k.s)...)
		}
	}
	b.f.catchUp(b.s, left)
}

// enterLogged goes into the branches of which the log holds something, as far as it does.
func (b *batch) enterLogged() { b.f.catchUp(b.s, b.look()) }

// look begins to go into them, and returns the fibers that do.
func (b *batch) look() (fs []*fiber) {
	for _, k := range b.branches {
		if k.f == nil && !k.done && (k.rec != nil || b.n.Flat) {
			if b.begin(k, true); k.f != nil {
				fs = append(fs, k.f)
			}
		}
	}
	return fs
}

// record compensates what the batch must take back, and records how it ended.
func (b *batch) record(e *wire.Envelope) node.Result {
	inv := b.s.inv
	if err := compensateBatch(b, e); err != nil {
		return b.failed(err)
	}
	if b.broken != nil {
		return b.failed(b.broken)
	}
	if b.s.inv.Rehearsal != nil {
		stopIfUnknown(b)
	}
	full := e.Encode()
	r := addOutcomeOf(b.s, b.n, b.path, b.largeResult(full), b.branches)
	u := b.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(full)
	whole, ok, err := wholeResult(b, r)
	if err != nil {
		return b.failed(err)
	}
	if ok {
		u.Payload = checkpoint.NewPayload(whole)
	}
	if tooLargeInline(inv, u.Payload) {
		u.ReplayChildren = true
		u.Payload = checkpoint.NewPayload(e.Short(batchSummary(b, r)).Encode())
		ok = false
	}
	b.awaitRecorded(u)
	if rec, found := inv.log.Get(b.id); found && !b.separate {
		b.s.observe(rec)
	}
	cancelLosers(b)
	if ok {
		return b.largeResult(whole)
	}
	return r
}

// awaitRecorded queues how the batch ended and waits until that is durable; then its losers unwind.
func (b *batch) awaitRecorded(u checkpoint.Update) {
	if b.f.logOnly {
		b.f.stop(b.s)
	}
	recordLast(b)
	b.f.awaitEnd(b.s, b.operation, b.s.inv.out.Add(u, time.Time{}))
	b.release()
}

// recordLast queues the end of the branch that decided, so that it travels with what is added next.
func recordLast(b *batch) {
	if b.last != nil {
		b.last.record(true)
		b.last = nil
	}
}

// release lets the losers unwind.
func (b *batch) release() {
	for _, k := range b.branches {
		if k.f != nil {
			k.f.Release()
		}
	}
}

// cancelLosers cancels the waits that the batch has left behind, if it is to. Each travels alone,
// and nothing waits for it: the service refuses it if the wait has just ended.
func cancelLosers(b *batch) {
	if !b.n.CancelLosers {
		return
	}
	inv := b.s.inv
	for _, k := range b.branches {
		w, ok := k.n.(*node.Wait)
		if !ok || k.counted {
			continue
		}
		id := oplog.NewScope(k.id).AppendID(nil, w.Name, "", 0)
		rec, ok := inv.log.Get(string(id))
		if !ok || rec.Status != checkpoint.StatusStarted || rec.Due.Sub(inv.Clock.Now()) < cancelMargin {
			continue
		}
		inv.out.AddAlone(checkpoint.Update{
			ID: rec.ID, ParentID: rec.ParentID, Name: rec.Name, SubType: rec.SubType, Kind: rec.Kind,
			Action: checkpoint.ActionCancel,
		})
	}
}

// failed records that a batch failed for another reason than its branches: their compensation.
func (b *batch) failed(err error) node.Result {
	u := b.update(checkpoint.ActionFail)
	u.Failure = encodeFailure(b.f, b.meta(codec.PartFailure), err, b.inner.known)
	b.awaitRecorded(u)
	rec, _ := b.s.inv.log.Get(b.id)
	return outcomeOf(b.s, b.f, b.operation, rec)
}
