package replay

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/op/node"
)

// batch is an unordered scope: branches that run concurrently until a rule ends them. Its fields
// are guarded by the invocation's lock.
type batch struct {
	*operation

	n    *node.Batch
	t    *task
	in   *scope
	kids []*branch
	// over are the branches that have ended and that the rule has not been asked about yet.
	over     []*branch
	progress node.Progress
	open     int
	looked   int  // how many branches the log was asked for an end of
	reading  int  // how many of those that it has an end of are still read
	unsorted bool // over is not in the order in which they count
	next     int  // the first branch that was not started, unless the log has its end
	counted  int  // how many branches the rule was asked about
	admitted int  // how many branches count as started: see wire.Started
	decided  bool
	settled  bool    // how it ended is in the log, for its losers are being compensated
	asleep   *waiter // the batch's own goroutine
}

// callBatch runs or starts a batch. A finished one is read from the log, unless its results were
// too large for it: then they are taken from the branches.
func (s *scope) callBatch(ctx context.Context, n *node.Batch, start bool) node.Record {
	var kids []*branch
	s.asks(n)
	if rec := s.peek(&n.Header); rec == nil || !rec.Status.Terminal() || rec.ReplayChildren {
		var err error
		if kids, err = prepare(n); err != nil {
			return s.given(node.Record{Err: err}, start)
		}
	}
	s.inv.mu.Lock()
	c, err := s.claim(n, checkpoint.KindContext)
	if err != nil {
		return node.Record{Err: err}
	}
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
		b.operation.n = n
		s.groups = append(s.groups, b.operation)
		b.spawn(b.run)
		s.inv.mu.Unlock()
		return node.Record{Target: b.operation}
	}
	if c.rec != nil {
		if err := s.owned(&n.Header); err != nil {
			return node.Record{Err: err}
		}
		if !c.rec.Status.Terminal() {
			s.frontier(b.operation)
		}
	}
	s.inv.mu.Unlock()
	return b.run(s.t)
}

// peek returns the record that the next operation of this name and key has, without claiming it.
func (s *scope) peek(h *node.Header) *checkpoint.Operation {
	s.inv.mu.Lock()
	defer s.inv.mu.Unlock()
	var buf [maxID]byte
	rec, _ := s.inv.log.Get(string(s.ids.AppendID(buf[:0], h.Name, h.Key, s.seen.of(identity{h.Name, h.Key}))))
	return rec
}

// prepare makes the operations of a batch and checks, before anything is claimed, that the log can
// tell them apart.
func prepare(n *node.Batch) (kids []*branch, err error) {
	kids = make([]*branch, n.N)
	seen := make(map[identity]int, n.N)
	_, err = guard(func() (any, error) {
		for i := range kids {
			k, err := newBranch(n, i)
			if err != nil {
				return nil, fmt.Errorf("replay: %s: %w", quote(n.Name), err)
			}
			if first, twice := seen[identity{k.name, k.key}]; twice && !k.indexed {
				return nil, fmt.Errorf("replay: %s: items %d and %d have the same key %s: "+
					"give each item the key that identifies it (Builder.Key)", quote(n.Name), first, i, quote(k.key))
			}
			seen[identity{k.name, k.key}] = i
			kids[i] = k
		}
		return nil, nil
	})
	return kids, err
}

// run carries the batch to its end. Called without the lock, on its goroutine.
func (b *batch) run(t *task) node.Record {
	inv := b.s.inv
	b.t = t
	b.in = b.s.newScope(t, b.operation, false)
	defer b.in.cancel(errEnded)
	if b.n.MaxRunning > 0 {
		b.in.slots = &slots{free: b.n.MaxRunning, up: b.in.slots}
	}
	inv.mu.Lock()
	b.declare()
	if b.found != nil && b.found.Status.Terminal() {
		b.in.readOnly = true
		return b.recompute()
	}
	if e := b.settlement(); e != nil {
		r := b.resume(e)
		inv.mu.Unlock()
		return r
	}
	b.progress.Total = max(b.n.Total, b.n.N)
	verdict, winner := b.ask(), -1
	for !verdict.Done {
		switch room := b.room(); {
		case b.looked < room:
			if k := b.kids[b.looked]; k.recordedEnd() != nil {
				b.start(k) // what has ended counts before anything begins
			}
			b.looked++
		case b.reading > 0:
			b.sleep()
		case len(b.over) > 0:
			k := b.earliest()
			b.judge(k)
			b.count(k)
			if verdict = b.ask(); verdict.Done {
				winner = k.index
			}
		case b.next < room:
			if k := b.kids[b.next]; k.b == nil {
				b.start(k)
			}
			b.next++
		default:
			b.sleep()
		}
	}
	r := b.conclude(verdict, winner)
	inv.mu.Unlock()
	return r
}

// sleep parks until a branch has ended. Called with the lock held.
func (b *batch) sleep() {
	b.asleep = &waiter{t: b.t, s: b.s, why: waitChild, op: b.operation}
	b.s.inv.park(b.asleep)
}

// declare claims all branches, and sees whether the log holds others: the code that wrote it then
// had other items. Called with the lock held.
func (b *batch) declare() {
	inv := b.s.inv
	tags := make(map[string]bool, len(b.kids))
	for i, k := range b.kids {
		var buf [maxID]byte
		occurrence := 0
		if k.indexed {
			occurrence = i
		}
		id := b.in.ids.AppendID(buf[:0], k.name, k.key, occurrence)
		if b.n.Flat {
			k.id = string(id)
			tags[checkpoint.NewScope(k.id).Tag()] = true
			tags[checkpoint.NewScope(checkpoint.UndoScope(k.id)).Tag()] = true
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
	tags[checkpoint.NewScope(checkpoint.UndoScope(b.in.ids.ID())).Tag()] = true
	for rec := range inv.log.Records() {
		if tag, ok := checkpoint.ScopeTag(rec.ID); ok && rec.ParentID == b.in.real && !tags[tag] {
			b.in.diverge(b.in.undeclared(recorded(rec)))
		}
	}
}

// undeclared describes a record of a branch that the code does not have.
func (s *scope) undeclared(what string) *DivergedError {
	return &DivergedError{
		Reason: "the log holds a branch that the code does not declare: an item was removed, its key or name changed, " +
			"or the batch is flat now or was",
		Log:  what,
		Code: "other branches in " + quote(s.path),
	}
}

// ask asks the rule, which may be user code: the lock is free meanwhile.
func (b *batch) ask() node.Verdict {
	inv, p := b.s.inv, b.progress
	inv.mu.Unlock()
	v, err := guard(func() (any, error) { return b.n.Rule(p), nil })
	inv.mu.Lock()
	b.t.check()
	if err != nil {
		b.in.fatal(fmt.Errorf("replay: %s: the completion rule: %w", quote(b.path()), err))
	}
	verdict, _ := v.(node.Verdict)
	return verdict
}

// fatal ends the execution and the goroutine. Called with the lock held.
func (s *scope) fatal(err error) {
	s.inv.fail(err)
	s.inv.mu.Unlock()
	exit()
}

// end notes that a branch has ended. Called with the lock held.
func (b *batch) end(k *branch) {
	b.open--
	if k.recordedEnd() != nil {
		b.reading--
		b.unsorted = true
	}
	k.done = true
	if b.decided {
		return
	}
	b.over = append(b.over, k)
	if b.asleep != nil {
		b.asleep.wake()
		b.asleep = nil
	}
}

// conclude records how the batch ended. The branches that are still open are abandoned: what they
// have queued is written, nothing else. Called with the lock held.
func (b *batch) conclude(verdict node.Verdict, winner int) node.Record {
	b.decided = true
	for _, k := range b.kids {
		k.abandon()
	}
	e := wire.Envelope{Reason: verdict.Reason, Failed: verdict.Failed, Winner: winner}
	for _, k := range b.kids[:b.admitted] {
		e.Add(k.ending())
	}
	e.IDs = b.marks()
	return b.record(&e)
}

// record compensates what the batch must take back, and records how it ended. Called with the
// lock held.
func (b *batch) record(e *wire.Envelope) node.Record {
	inv := b.s.inv
	inv.mu.Unlock()
	if err := b.compensate(e); err != nil {
		inv.mu.Lock()
		b.t.check()
		return b.failed(err)
	}
	full := e.Encode()
	r := b.s.dress(b.n, b.path(), b.large(full))
	u := b.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(full)
	whole, ok, err := b.whole(r)
	if err != nil {
		inv.mu.Lock()
		b.t.check()
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
	inv.mu.Lock()
	b.t.check()
	inv.awaitAck(b.t, b.s, b.operation, inv.writer.AddWait(u))
	if rec, found := inv.log.Get(b.id); found && !b.own {
		b.s.observe(rec)
	}
	b.cancelLosers()
	if ok {
		return b.large(whole)
	}
	return r
}

// whole encodes the result of a batch that has a codec of its own for it, and sees whether it can be
// read again. ok is false for a batch without such a result, because it failed.
func (b *batch) whole(r node.Record) (payload []byte, ok bool, err error) {
	if b.head.Codec == nil || r.Outcome == nil || r.Err != nil {
		return nil, false, nil //nolint:nilerr // the error is kept with the branches
	}
	v, failure := guard(func() (any, error) { return b.n.Whole(r) })
	if failure != nil {
		return nil, false, nil //nolint:nilerr // the branches are kept, and the failure is computed again
	}
	if payload, err = b.encode(b.ctx, v); err != nil {
		return nil, false, err
	}
	_, err = guard(func() (any, error) { return b.n.Whole(b.large(payload)) })
	return payload, true, err
}

// summaryOf describes the results of a batch that are too large for the log.
func (b *batch) summaryOf(r node.Record) string {
	if b.head.Summary == nil {
		return ""
	}
	v, err := guard(func() (any, error) { return b.n.Whole(r) })
	if err != nil {
		return ""
	}
	return b.summary(v)
}

// cancelLosers cancels the waits that the batch has left behind, if it is to. Each travels alone,
// and nobody waits for it: the service refuses it if the wait has just ended.
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
		id := checkpoint.NewScope(k.id).AppendID(nil, w.Name, "", 0)
		rec, ok := inv.log.Get(string(id))
		if !ok || rec.Status != checkpoint.StatusStarted || rec.ScheduledEnd.Sub(inv.clock.Now()) < cancelMargin {
			continue
		}
		inv.writer.AddAlone(checkpoint.Update{
			ID: rec.ID, ParentID: rec.ParentID, Name: rec.Name, SubType: rec.SubType, Kind: rec.Kind,
			Action: checkpoint.ActionCancel,
		})
	}
}

// failed records that a batch failed for another reason than its branches: their compensation.
// Called with the lock held.
func (b *batch) failed(err error) node.Record {
	inv := b.s.inv
	u := b.update(checkpoint.ActionFail)
	u.Failure = inv.set.failure(err, b.in.known)
	inv.awaitAck(b.t, b.s, b.operation, inv.writer.AddWait(u))
	rec, _ := inv.log.Get(b.id)
	return b.s.outcome(b.operation, rec)
}

// recompute takes the results of a finished batch from its branches, because they were too large
// for its record. Called with the lock held, which it gives back.
func (b *batch) recompute() node.Record {
	inv := b.s.inv
	rec, _ := inv.log.Get(b.id)
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
		k.b = b
		if node.ItemStatus(e.Status[j]) != node.ItemStarted && !b.n.Flat && k.recordedEnd() == nil {
			b.in.diverge(&DivergedError{
				Reason: "a branch was added to a batch that has completed",
				Log:    "no end of the branch",
				Code:   "the branch " + quote(k.path()),
			})
		}
	}
	full := b.again(e, places)
	if full.Status != e.Status {
		b.in.diverge(&DivergedError{
			Reason: "branches of a completed batch end otherwise when they are run again to compute their large results",
			Log:    "branches " + quote(e.Status),
			Code:   "branches " + quote(full.Status),
		})
	}
	inv.mu.Unlock()
	return b.s.dress(b.n, b.path(), b.large(full.Encode()))
}

// places finds the recorded branches among those of the code. Called with the lock held.
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
func unreadable(rec *checkpoint.Operation) *DivergedError {
	return &DivergedError{
		Reason: "the record of how a batch ended cannot be read",
		Log:    recorded(rec),
		Code:   "a batch without a codec of its own, or with another one",
	}
}
