package engine

import (
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/turn"
	"github.com/perdure/perdure/op"
)

// loop is the machine of the turn: what happens when the turn is given away. Of these the first
// that applies:
//
//  1. If what is queued fills a call, and none is in flight, it is handed over.
//  2. A strand that was ended unwinds.
//  3. A strand that is ready runs.
//  4. If reports are due, a strand makes them.
//  5. A strand goes on whose abandoned part is at rest.
//  6. Of the batches that know which of their branches ended first, one counts it.
//  7. Bodies begin.
//  8. If an update is due and no call is in flight, a call is made.
//  9. One event is taken.
//  10. If something is off the turn or in flight, the invocation sleeps until an event.
//  11. Otherwise it is at rest: see [loop.atRest].
type loop struct{ *invocation }

var _ turn.Machine = loop{}

// Output closes an invocation whose outcome is fixed, and hands over a full call.
func (inv loop) Output() {
	if inv.over() {
		if inv.end.fixed.Load() != nil {
			inv.close()
		}
		return
	}
	if inv.out.Full() && !inv.out.InFlight() && !inv.end.closing {
		inv.cut()
	}
}

// cut makes a call of what is at the front of the queue.
func (inv loop) cut() {
	inv.hold.stop()
	updates := withNote(inv.invocation, inv.out.Cut())
	if inv.Rehearsal != nil {
		inv.accept(updates)
		return
	}
	inv.send.begin(inv.callCtx, updates)
}

// Quiescent makes something able to run, or hands over what is due.
func (inv loop) Quiescent() bool {
	if inv.over() {
		return false
	}
	return inv.report() || inv.catchUp() || inv.countNext() || inv.beginBodies() || inv.flush()
}

// Waiting reports whether something could go on if the turn were given away.
func (inv loop) Waiting() bool {
	w := &inv.waits
	return len(w.bodies) > 0 || len(w.uncounted) > 0 || len(w.catchUps) > 0 || inv.out.Len() > 0 && !inv.out.InFlight()
}

// report begins a fiber that makes the reports that events have brought.
func (inv loop) report() bool {
	if inv.Observer == nil || !inv.Observer.Pending() || inv.reporter != nil && !inv.reporter.Gone() {
		return false
	}
	inv.reporter = inv.spawn(nil, nil, "", funcs{func(f *fiber) { f.observing(inv.Observer.Flush) }, func(error) {}})
	return true
}

// catchUp wakes fibers whose abandoned part has gone as far as the log reaches.
func (inv loop) catchUp() bool {
	woken := false
	inv.waits.catchUps = slices.DeleteFunc(inv.waits.catchUps, func(f *fiber) bool {
		if f.Dead() {
			return true
		}
		if slices.ContainsFunc(f.wait.behind, (*fiber).unsettled) {
			return false
		}
		f.Wake()
		woken = true
		return true
	})
	return woken
}

// countNext wakes the batch that counts the earliest end of all that may be counted: of batches
// with the same, the deeper one, then the one that was claimed first.
func (inv loop) countNext() bool {
	var first *batch
	asking := inv.waits.uncounted[:0]
	for _, b := range inv.waits.uncounted {
		if b.decided || b.leaving || b.f.Dead() || len(b.uncounted) == 0 {
			b.listed = false
			continue
		}
		asking = append(asking, b)
		if b.f.wait.why == waitChild && !mayEndEarlier(b) && (first == nil || countsBefore(b, first)) {
			first = b
		}
	}
	inv.waits.uncounted = asking
	if first == nil {
		return false
	}
	first.counting = true
	first.f.Wake()
	return true
}

// flush makes a call if an update is due, else it sets the timer of the first that will be.
func (inv loop) flush() bool {
	if inv.out.InFlight() || inv.out.Empty() {
		return false
	}
	next, due := inv.out.Due(inv.Clock.Now())
	if due {
		inv.cut()
		return true
	}
	if !next.IsZero() {
		inv.hold.set(inv.invocation, next, inv.heldOver)
	}
	return false
}

// Idle is called when only an event can go on.
func (inv loop) Idle() bool {
	if inv.end.closing {
		if inv.turn.Strands() == 0 && !inv.out.InFlight() && inv.end.saying.Load() == 0 && !inv.end.left {
			inv.end.left = true
			close(inv.end.idle)
		}
		return false
	}
	if inv.end.fixed.Load() != nil {
		return false // the event that closes is under way
	}
	if inv.turn.LiveOff() > 0 || inv.out.InFlight() || inv.waits.outlasting > 0 {
		armPoll(inv.invocation)
		return false
	}
	return inv.atRest()
}

// atRest decides when nothing can go on.
//
//  1. If something is queued, it is sent: nothing is held back for the sake of what could follow.
//  2. Otherwise, if the handler is through, its outcome is the invocation's.
//  3. Otherwise, if something waits to be left behind as it was before, it goes on: nothing leaves
//     it behind any more.
//  4. Otherwise, if a callback has no ID, the service is asked for it.
//  5. Otherwise, if something is waited for that the service will finish, the invocation is
//     suspended.
//  6. Otherwise, if a scope waits to fail as it did before, the code is not deterministic.
//  7. Otherwise nothing will ever go on.
func (inv loop) atRest() bool {
	switch {
	case inv.out.Len() > 0:
		inv.out.Flush()
	case inv.end.root == nil:
		return false
	case inv.end.handled:
		inv.endWith(inv.end.result)
	case inv.Rehearsal != nil && inv.waitsForMore():
		inv.rehearsed()
	case inv.leaveNothing():
	case askCallbackID(inv.invocation):
	case inv.suspendable():
		inv.endWith(Outcome{Status: checkpoint.OutcomePending})
	default:
		inv.halt()
	}
	return true
}

// halt ends an invocation in which nothing can go on.
func (inv loop) halt() {
	var paths []string
	var undone *scope
	inv.end.root.each(func(f *fiber) {
		if f.Dead() || f.Gone() || f.wait.why == waitNone || f.wait.why == waitStopped {
			return
		}
		if f.wait.why == waitUndone && undone == nil {
			undone = f.wait.s
		}
		paths = append(paths, f.wait.String())
	})
	if undone != nil {
		err := notUndone(recordedUndo(undone))
		inv.fail(divergence(undone, err))
		return
	}
	sort.Strings(paths)
	inv.endWith(Outcome{Err: fmt.Errorf("%w; waiting: %s: "+
		"a goroutine, channel or lock of the handler's own may hold one of them up, or an abandoned operation is awaited",
		ErrNothingPending, strings.Join(paths, ", "))})
}

// each calls f for the fiber and all that it has begun.
func (f *fiber) each(do func(f *fiber)) {
	do(f)
	for _, k := range f.children {
		k.each(do)
	}
}

// suspendable reports whether something is waited for that the service will finish.
func (inv *invocation) suspendable() bool {
	for _, fs := range inv.waits.records {
		if slices.ContainsFunc(fs, inv.served) {
			return true
		}
	}
	return false
}

// served reports whether the service will finish what f waits for.
func (inv *invocation) served(f *fiber) bool {
	if f.Dead() || f.wait.why != waitRecord {
		return false
	}
	rec, ok := inv.log.Get(f.wait.op.id)
	if !ok {
		return false
	}
	switch rec.Kind {
	case checkpoint.KindWait, checkpoint.KindCallback, checkpoint.KindChainedInvoke:
		return !rec.Status.Terminal()
	case checkpoint.KindStep:
		return heldByService(rec)
	case checkpoint.KindExecution, checkpoint.KindContext:
	}
	return false
}

// Crashed ends an invocation whose engine has panicked: it must not keep it from answering.
func (inv *invocation) Crashed(v any, stack []byte) {
	inv.endWith(Outcome{Err: fmt.Errorf("replay: the engine panicked, which is a mistake in this library: panic: %v\n%s", v, stack)})
}

// Revoked warns of a strand that waits for something other than an operation.
func (inv loop) Revoked(s *turn.Strand, stack []byte) {
	if inv.warned || inv.end.closing {
		return
	}
	inv.warned = true
	path := ""
	if f, ok := s.Task().(*fiber); ok {
		path = f.where()
	}
	warn(inv.invocation, "handler code waits for something other than an operation (a lock, a channel, another goroutine): "+
		"the others go on meanwhile; use operations to wait, and futures or batches to do several things at once",
		pathAttr(path), stackAttr(stack))
}

// replied is called by the sender with the answer of the service.
func (inv *invocation) replied(r *reply) { inv.turn.Post(func() { onReply(inv, r) }) }

// onReply takes in the answer of the service.
func onReply(inv *invocation, r *reply) {
	if inv.end.closing {
		inv.out.Answered(r.err == nil)
		return
	}
	if r.err != nil {
		if lone(r.updates, checkpoint.ActionCancel) && refused(r.err) {
			inv.out.Answered(true) // a wait that ended before it could be cancelled
			inv.acknowledge()
			return
		}
		inv.out.Answered(false)
		inv.endWith(CallFailed(r.err))
		return
	}
	inv.out.Answered(true)
	inv.trip.add(r.took)
	changed := inv.log.Merge(r.operations)
	now := inv.Clock.Now()
	for i := range r.updates {
		if inReply(r.operations, r.updates[i].ID) {
			continue // and may be further than our update: a short pause can be over already
		}
		if inv.Observer == nil && startsAndEnds(r.updates[i:]) {
			continue // no one sees the record that the next update replaces
		}
		if op := inv.log.Apply(r.updates[i], now); op != nil {
			inv.Rehearsal.complete(op, now)
			changed = append(changed, op)
		}
	}
	if inv.Observer != nil {
		inv.Observer.Changed(changed, r.updates)
	}
	inv.usage.addResults(changed)
	warnOfUsage(inv)
	if r.ended && !lastIsExecution(r.updates) {
		stopped(inv) // before anybody is woken who waits for the service
		return
	}
	byEnd := changed
	if len(changed) > 1 {
		byEnd = slices.Clone(changed)
	}
	slices.SortStableFunc(byEnd, func(a, b *checkpoint.Operation) int { return a.End.Compare(b.End) })
	for _, op := range byEnd {
		inv.notify(op.ID)
	}
	inv.acknowledge()
	inv.poll.stale = true
}

// startsAndEnds reports whether updates begin with the START of a step and the end of the same
// attempt.
func startsAndEnds(us []checkpoint.Update) bool {
	return len(us) > 1 && us[0].ID == us[1].ID && us[0].Kind == checkpoint.KindStep &&
		us[0].Action == checkpoint.ActionStart && us[1].Action != checkpoint.ActionStart
}

// inReply reports whether a reply holds the operation.
func inReply(ops []checkpoint.Operation, id string) bool {
	return slices.ContainsFunc(ops, func(op checkpoint.Operation) bool { return op.ID == id })
}

// stopped ends an invocation that the service has stopped: it has saved the updates of the
// call and gives no token for another one, as it does when the execution is paused. Whatever could
// go on does so in a later invocation, which the service begins; what bodies return now is recorded
// nowhere.
func stopped(inv *invocation) {
	say(inv, func(l *slog.Logger) {
		l.Info("the service has taken the checkpoint and gives no token for another one, as when the execution is paused: " +
			"the invocation answers PENDING")
	})
	inv.endWith(Outcome{Status: checkpoint.OutcomePending, cause: op.ErrPaused})
}

func lone(us []checkpoint.Update, a checkpoint.Action) bool {
	return len(us) == 1 && us[0].Action == a
}

func lastIsExecution(us []checkpoint.Update) bool {
	return len(us) > 0 && us[len(us)-1].Kind == checkpoint.KindExecution
}
