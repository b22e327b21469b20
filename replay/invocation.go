package replay

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// invocation is one run of a handler: the state machine that decides when it suspends.
//
// busy counts the goroutines of ours that are in user code. Who starts a goroutine counts it
// before it runs; who parks looks at what it waits for and uncounts itself in one section; who
// satisfies a parked goroutine counts it before waking it. So busy is never zero while somebody
// can still go on, and at zero with no call in flight the invocation is at rest: see settle.
type invocation struct {
	set   *settings
	past  *durations
	arn   string
	exec  checkpoint.Operation
	begun time.Time
	clock checkpoint.Clock
	// fresh are the operations the service changed since the last invocation; nil if it does not say.
	fresh map[string]bool
	attrs []slog.Attr     // of log records
	hooks *hooks          // nil without interceptors
	swap  node.Substitute // nil but in tests

	ctx    context.Context //nolint:containedctx // the invocation's own
	cancel context.CancelCauseFunc

	mu     sync.Mutex // guards everything below, the log and the writer
	phase  phase
	log    *checkpoint.Log
	writer *checkpoint.Writer
	busy   int
	usage  usage
	// handler is the goroutine of the handler, from which all others stem.
	handler *task
	parked  map[*waiter]struct{}
	acks    []*waiter            // wait for an acknowledgement, in the order of their updates
	watch   map[string][]*waiter // wait for a change of a record
	// relaxed is the number of the last update that no strict body may overtake.
	relaxed uint64
	poll    poll
	// ended is set when the handler is through.
	ended  bool
	result outcome

	// closed is closed when the outcome is decided: whoever is parked ends.
	closed chan struct{}
	// tasks are the goroutines of ours that exist, and one more until the outcome is decided. Whoever
	// takes the last one away closes idle.
	tasks atomic.Int64
	idle  chan struct{}
}

// phase is how far an invocation has come.
type phase int

const (
	running phase = iota
	closing
)

// outcome is what an invocation answers with.
type outcome struct {
	status  checkpoint.OutcomeStatus
	payload []byte
	failure *checkpoint.Failure
	// err ends the invocation with an error instead: the service invokes again.
	err error
}

// settle decides what to do when nobody is in user code. Called with the lock held, whenever
// busy, the queue or the call in flight may have become zero.
func (inv *invocation) settle() {
	if inv.phase != running || inv.busy > 0 || inv.writer.InFlight() {
		return
	}
	switch {
	case inv.writer.Queued() > 0:
		inv.writer.Flush()
	case inv.ended:
		inv.close(inv.result)
	case inv.askID():
	case inv.suspendable():
		inv.close(outcome{status: checkpoint.OutcomePending})
	default:
		inv.halt()
	}
}

// halt ends an invocation in which nobody can go on.
func (inv *invocation) halt() {
	for w := range inv.parked {
		if w.why == waitUndone {
			err := notUndone(w.s.compensations())
			err.Scope = w.s.path
			inv.fail(err)
			return
		}
	}
	inv.close(outcome{err: inv.stuck()})
}

// suspendable reports whether somebody waits for something that the service will finish.
func (inv *invocation) suspendable() bool {
	for w := range inv.parked {
		if inv.served(w) {
			return true
		}
	}
	return false
}

// resting reports whether nobody can go on before the service has finished something.
func (inv *invocation) resting() bool {
	for w := range inv.parked {
		if w.why == waitAck || w.why == waitID || w.why == waitRecord && !inv.served(w) {
			return false
		}
	}
	return inv.busy == 0 && inv.suspendable()
}

// served reports whether the service will finish what w waits for.
func (inv *invocation) served(w *waiter) bool {
	if w.op == nil || w.why != waitRecord {
		return false
	}
	rec, ok := inv.log.Get(w.op.id)
	if !ok {
		return false
	}
	switch rec.Kind {
	case checkpoint.KindWait, checkpoint.KindCallback, checkpoint.KindChainedInvoke:
		return rec.Status == checkpoint.StatusStarted
	case checkpoint.KindStep:
		return rec.Status == checkpoint.StatusPending
	case checkpoint.KindExecution, checkpoint.KindContext:
	}
	return false
}

// stuck is the error of an invocation in which everybody waits for something that never comes.
func (inv *invocation) stuck() error {
	var paths []string
	for w := range inv.parked {
		paths = append(paths, w.String())
	}
	sort.Strings(paths)
	return fmt.Errorf("replay: nothing can go on and nothing is pending in the service; waiting: %s: "+
		"a goroutine, channel or lock of the handler's own may hold one of them up, or an abandoned operation is awaited",
		strings.Join(paths, ", "))
}

// close decides the outcome. Contexts end first, so that goroutines that listen to them are free
// when the parked ones go. Called with the lock held; only the first call counts.
func (inv *invocation) close(o outcome) {
	if inv.phase != running {
		return
	}
	inv.phase = closing
	inv.result = o
	inv.writer.Stop()
	inv.poll.stop()
	cause := errSuspended
	if o.err != nil || o.status != checkpoint.OutcomePending {
		cause = errEnded
	}
	inv.cancel(cause)
	close(inv.closed)
	inv.leave()
}

// leave takes away one of the tasks. Called with or without the lock.
func (inv *invocation) leave() {
	if inv.tasks.Add(-1) == 0 {
		close(inv.idle)
	}
}

// over reports whether the outcome is decided. Called without the lock, by goroutines that have
// nothing left to do then; it may come a moment too late.
func (inv *invocation) over() bool {
	select {
	case <-inv.closed:
		return true
	default:
		return false
	}
}

// fail ends the execution as FAILED, whatever user code does with errors it may still see.
func (inv *invocation) fail(err error) {
	if d, ok := err.(*DivergedError); ok && inv.set.divergence == Hold { //nolint:errorlint // ours, never wrapped
		inv.close(outcome{err: d})
		return
	}
	inv.close(outcome{status: checkpoint.OutcomeFailed, failure: inv.set.failure(err, nil)})
}

// onReply takes in the answer of the service. The writer calls it with the lock held.
func (inv *invocation) onReply(r checkpoint.Reply) {
	if r.Err != nil {
		if lone(r.Updates, checkpoint.ActionCancel) && refused(r.Err) {
			inv.writer.Resume() // a wait that ended before it could be cancelled
			inv.acknowledge()
			inv.settle()
			return
		}
		inv.close(callFailed(r.Err))
		return
	}
	changed := inv.log.Merge(r.Operations)
	for i := range r.Updates {
		if told(r.Operations, r.Updates[i].ID) {
			continue // and may be further than our update: a short pause can be over already
		}
		if op := inv.log.Apply(r.Updates[i], inv.clock.Now()); op != nil {
			changed = append(changed, op)
		}
	}
	inv.hooks.changed(changed, r.Updates)
	inv.usage.add(r.Updates)
	inv.warnOfUsage()
	if r.Ended && !lastIsExecution(r.Updates) {
		inv.orphaned() // before anybody is woken who waits for the service
		return
	}
	for _, op := range changed {
		inv.notify(op.ID)
	}
	inv.acknowledge()
	inv.arm()
	inv.settle()
}

// told reports whether a reply holds the operation.
func told(ops []checkpoint.Operation, id string) bool {
	return slices.ContainsFunc(ops, func(op checkpoint.Operation) bool { return op.ID == id })
}

// orphaned ends an invocation whose execution accepts no more checkpoints. It is suspended only if
// everybody waits for the service: what somebody would have gone on to do may be what the others
// wait for, and only another invocation does it.
func (inv *invocation) orphaned() {
	if inv.phase == running && inv.resting() {
		inv.say(func(l *slog.Logger) { l.Warn("the service gave no checkpoint token: suspending") })
		inv.close(outcome{status: checkpoint.OutcomePending})
		return
	}
	inv.close(outcome{err: errNoToken})
}

// acknowledge wakes who waits for updates that are now durable.
func (inv *invocation) acknowledge() {
	n := 0
	for n < len(inv.acks) && inv.acks[n].seq <= inv.writer.Acked() {
		inv.acks[n].wake()
		n++
	}
	inv.acks = inv.acks[n:]
}

// notify wakes who waits for a change of a record.
func (inv *invocation) notify(id string) {
	ws := inv.watch[id]
	if ws == nil {
		return
	}
	delete(inv.watch, id)
	for _, w := range ws {
		w.wake()
	}
}

func lone(us []checkpoint.Update, a checkpoint.Action) bool {
	return len(us) == 1 && us[0].Action == a
}

func lastIsExecution(us []checkpoint.Update) bool {
	return len(us) > 0 && us[len(us)-1].Kind == checkpoint.KindExecution
}
