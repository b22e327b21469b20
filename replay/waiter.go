package replay

import (
	"runtime"
	"slices"
)

// why is what a goroutine waits for.
type why int

const (
	waitAck    why = iota // updates that become durable
	waitRecord            // a change of an operation's record
	waitID                // the ID of a callback
	waitDone              // the end of an operation that runs here
	waitGate              // the claims of everything the log holds
	waitChild             // a branch of a batch
	waitUndone            // to be abandoned: its scope was being compensated
	waitSlot              // a free place among the running bodies of a batch
)

// String says it to people.
func (w why) String() string {
	return [...]string{
		"for a checkpoint", "for its record", "for its ID", "for its end", "for the operations before it",
		"for a branch", "for its scope to fail again", "for a running body to end",
	}[w]
}

// waiter is a parked goroutine.
type waiter struct {
	t     *task
	s     *scope
	why   why
	op    *operation // what it waits for; nil for an acknowledgement
	path  string
	seq   uint64
	ch    chan struct{}
	woken bool
}

// String says who waits for what.
func (w *waiter) String() string {
	path := w.path
	if w.op != nil {
		path = w.op.path()
	}
	return quote(path) + " " + w.why.String()
}

// park blocks until somebody wakes the waiter. It is called with the lock held, after the
// waiter was put where it will be found, and returns with the lock held, unless the goroutine
// is to end: one that nobody waits for any more, or that begins when all others have been woken,
// would not be woken by anybody. All that are parked when the invocation closes are woken at once,
// and end without the lock.
func (inv *invocation) park(w *waiter) {
	w.ch = make(chan struct{})
	w.t.check()
	inv.parked[w] = struct{}{}
	w.t.asleep = w
	w.t.uncount()
	inv.armFor(w)
	inv.settle()
	inv.mu.Unlock()
	select {
	case <-w.ch:
	case <-inv.closed:
		exit()
	}
	inv.mu.Lock()
	w.t.check()
}

// wake counts the goroutine and lets it go on.
func (w *waiter) wake() {
	if w.woken {
		return
	}
	delete(w.t.inv.parked, w)
	w.t.asleep = nil
	w.t.count()
	w.release()
}

// release lets the goroutine go on uncounted, to its end.
func (w *waiter) release() {
	if !w.woken {
		w.woken = true
		close(w.ch)
	}
}

// awaitAck parks until the service has accepted the update with this number.
func (inv *invocation) awaitAck(t *task, s *scope, op *operation, seq uint64) {
	for inv.writer.Acked() < seq {
		w := &waiter{t: t, s: s, why: waitAck, op: op, path: s.path, seq: seq}
		i, _ := slices.BinarySearchFunc(inv.acks, seq, func(w *waiter, seq uint64) int {
			if w.seq <= seq {
				return -1
			}
			return 1
		})
		inv.acks = slices.Insert(inv.acks, i, w)
		inv.park(w)
	}
}

// barrier parks until the results of all relaxed steps so far are durable.
func (inv *invocation) barrier(t *task, s *scope, op *operation) {
	if inv.writer.Acked() < inv.relaxed {
		inv.writer.Flush()
		inv.awaitAck(t, s, op, inv.relaxed)
	}
}

// awaitChange parks until the record of op changes.
func (inv *invocation) awaitChange(t *task, s *scope, op *operation) {
	inv.awaitRecord(&waiter{t: t, s: s, why: waitRecord, op: op})
}

// awaitID parks until a callback has its ID, which it is given by the reply to its START.
func (inv *invocation) awaitID(t *task, s *scope, op *operation) {
	inv.awaitRecord(&waiter{t: t, s: s, why: waitID, op: op})
}

func (inv *invocation) awaitRecord(w *waiter) {
	inv.watch[w.op.id] = append(inv.watch[w.op.id], w)
	inv.park(w)
}

// awaitDone parks until op has ended.
func (inv *invocation) awaitDone(t *task, s *scope, op *operation) {
	for !op.done {
		w := &waiter{t: t, s: s, why: waitDone, op: op}
		op.joiners = append(op.joiners, w)
		inv.park(w)
	}
}

// exit ends the goroutine. Deferred functions run, nothing else does.
func exit() { runtime.Goexit() }
