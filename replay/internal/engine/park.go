package engine

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
)

// why is what a fiber is parked for.
type why int

const (
	waitNone    why = iota
	waitAck         // an update that becomes durable
	waitEnd         // the same, of the end of a group, batch or branch: it goes on then by itself
	waitRecord      // a change of an operation's record
	waitID          // the ID of a callback
	waitDone        // the end of an operation that has a fiber of its own
	waitGate        // the claims of everything the log holds
	waitBody        // its turn to run a body
	waitChild       // a branch of a batch
	waitUndone      // to be abandoned: its scope was being compensated
	waitGone        // the end of a fiber that was ended
	waitCatchUp     // fibers that go as far as the log reaches
	waitStopped     // nothing: it has gone as far as the log reaches
	waitLook        // what the code of a declared change begins with
	waitRoom        // the end of one of several operations that have fibers of their own
	waitLeft        // to be left behind, as it was before
)

// String says it to people.
func (w why) String() string {
	return [...]string{
		"for nothing", "for a checkpoint", "for the checkpoint of its end", "for its record", "for its ID", "for its end",
		"for the operations before it", "for its body to begin", "for a branch", "for its scope to fail again",
		"for a running body to end", "for what it leaves behind", "for nothing more in the log",
		"for what a declared change begins with", "for room for another operation", "to be left behind as before",
	}[w]
}

// wait is what a fiber is parked for.
type wait struct {
	why   why
	s     *scope
	op    *operation // what it waits for; nil for an acknowledgement
	path  string     // if there is neither an operation nor a scope
	seq   uint64
	batch *batch
	// behind are the fibers that it leaves behind.
	behind []*fiber
	// any are the operations of which one must end.
	any []*operation
}

// String says who waits for what.
func (w *wait) String() string {
	path := w.path
	switch {
	case w.op != nil:
		path = w.op.path()
	case w.s != nil:
		path = w.s.path()
	}
	return quote(path) + " " + w.why.String()
}

// park gives the turn away until the fiber is woken. It ends the goroutine if the fiber was ended.
func (f *fiber) park(w wait) {
	if f.parked(w) {
		f.Exit()
	}
}

// parked is park for callers that return to user code at once if the fiber was ended, which is
// what ended says: see [Handle.Call].
func (f *fiber) parked(w wait) (ended bool) {
	f.wait = w
	if w.s != nil {
		w.s.publish()
	}
	f.setMoving(w.why == waitEnd || w.why == waitLook)
	joins, asks := w.why == waitDone || w.why == waitRoom, w.why == waitID
	if joins {
		f.inv.waits.joining++
	}
	if asks {
		f.inv.waits.naming++
	}
	if f.Parked(nil) {
		return true
	}
	if joins {
		f.inv.waits.joining--
	}
	if asks {
		f.inv.waits.naming--
	}
	f.setMoving(false)
	f.wait = wait{}
	return false
}

// stop parks for good: the fiber has gone as far as the log reaches.
func (f *fiber) stop(s *scope) {
	if f.look != nil {
		f.look.found(candidate{state: unrecorded})
	}
	for {
		f.park(wait{why: waitStopped, s: s})
	}
}

// waits is who waits for what that is not known by what it waits for.
type waits struct {
	// acks wait for an acknowledgement, in the order of their updates.
	acks []*fiber
	// records wait for a change of a record, by operation.
	records map[string][]*fiber
	// undoing are the fibers that run bodies of compensations, by operation.
	undoing map[string]*fiber
	// bodies wait for their turn to run, in the order of their claims.
	bodies []*bodyWait
	// catchUps wait until what they leave behind is at rest.
	catchUps []*fiber
	// left wait to be left behind.
	left []*fiber
	// asking are the batches with ends that they have not counted.
	uncounted []*batch
	// joining is how many wait for the end of an operation with a fiber of its own.
	joining int
	// naming is how many wait for the ID of a callback.
	naming int
	// outlasting is how many wait for the end of a fiber that was ended.
	outlasting int
}

// awaitAck parks until the service has accepted the update with this number.
func (f *fiber) awaitAck(s *scope, o *operation, seq uint64) { f.awaitSeq(waitAck, s, o, seq) }

// awaitEnd is awaitAck for the update that ends a group, batch or branch: what becomes of the fiber
// is known but for that.
func (f *fiber) awaitEnd(s *scope, o *operation, seq uint64) { f.awaitSeq(waitEnd, s, o, seq) }

func (f *fiber) awaitSeq(why why, s *scope, o *operation, seq uint64) {
	inv := f.inv
	for inv.out.Acked() < seq {
		i, _ := slices.BinarySearchFunc(inv.waits.acks, seq, func(w *fiber, seq uint64) int {
			if w.wait.seq <= seq {
				return -1
			}
			return 1
		})
		inv.waits.acks = slices.Insert(inv.waits.acks, i, f)
		f.wait.seq = seq
		f.park(wait{why: why, s: s, op: o, seq: seq})
	}
}

// barrier parks until the results of all relaxed steps so far are durable.
func (f *fiber) barrier(s *scope, o *operation) {
	if f.inv.out.Acked() < f.inv.relaxed {
		f.inv.out.Flush()
		f.awaitAck(s, o, f.inv.relaxed)
	}
}

// drain parks until everything that is queued is durable.
func (f *fiber) drain(s *scope) {
	f.inv.out.Flush()
	f.awaitAck(s, nil, f.inv.out.Last())
}

// watch has the fiber woken when the record of o changes.
func (f *fiber) watch(o *operation) {
	f.inv.waits.records[o.id] = append(f.inv.waits.records[o.id], f)
	f.inv.poll.stale = true
}

// awaitDone parks until o has ended, which has a fiber of its own.
func (f *fiber) awaitDone(s *scope, o *operation) {
	for !o.done {
		o.joiners = append(o.joiners, f)
		f.park(wait{why: waitDone, s: s, op: o})
	}
}

// awaitLeaver parks where the record of a step, rec, says that it was left behind before its body
// began: what left it behind is in the log as well, and does so again. If nothing else can go on
// and it has not, for the code has changed, the record is an error like any other.
func (s *scope) awaitLeaver(rec *checkpoint.Operation, path func() string) {
	f := s.f
	if s.readOnly || s.kind == undoScope || s.kind.ordered() && s.unclaimed() > 0 || !wasLeftUnbegun(rec) {
		return
	}
	if f.logOnly {
		f.stop(s)
	}
	f.inv.waits.left = append(f.inv.waits.left, f)
	f.park(wait{why: waitLeft, s: s, path: path()})
}

// leaveNothing wakes who waits to be left behind, and reports whether anyone did.
func (inv *invocation) leaveNothing() (woken bool) {
	left := inv.waits.left
	inv.waits.left = nil
	for _, f := range left {
		if !f.Dead() && f.wait.why == waitLeft {
			f.Wake()
			woken = true
		}
	}
	return woken
}

// awaitRoom parks until the scope may start another operation. An invocation that has gone on from
// here had room: the log holds what it started then, or compensations of the scope.
func (s *scope) awaitRoom() {
	for s.most > 0 && !s.readOnly && !s.f.logOnly && s.unclaimed() == 0 && !s.compensated() {
		var open []*operation
		for _, o := range s.started {
			if o.separate && !o.done && !o.passed && !s.inv.recorded(o.id) {
				open = append(open, o)
			}
		}
		if len(open) < s.most {
			return
		}
		f := s.f
		for _, o := range open {
			o.joiners = append(o.joiners, f)
		}
		f.park(wait{why: waitRoom, s: s, any: open})
		for _, o := range open {
			o.joiners = slices.DeleteFunc(o.joiners, func(k *fiber) bool { return k == f })
		}
	}
}

// acknowledge wakes who waits for updates that are now durable.
func (inv *invocation) acknowledge() {
	n := 0
	for n < len(inv.waits.acks) && inv.waits.acks[n].wait.seq <= inv.out.Acked() {
		inv.waits.acks[n].Wake()
		n++
	}
	inv.waits.acks = slices.Delete(inv.waits.acks, 0, n)
}

// notify wakes who waits for a change of a record.
func (inv *invocation) notify(id string) {
	fs := inv.waits.records[id]
	if fs == nil {
		return
	}
	delete(inv.waits.records, id)
	for _, f := range fs {
		f.Wake()
	}
}
