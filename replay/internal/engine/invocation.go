package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/internal/stacks"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/internal/turn"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// Run is one invocation of a function.
type Run struct {
	ARN, Token string
	Client     checkpoint.Client
	Clock      checkpoint.Clock
	Log        *oplog.Log
	// Execution is the record of the execution, whose payload is its input.
	Execution *checkpoint.Operation
	// Updated are the operations that the service changed since the last invocation; nil if it does
	// not say.
	Updated []string
	// ForkedFrom are the ARNs of the executions that this one was forked from.
	ForkedFrom []string
	// TraceHeader is the X-Ray trace header of the invocation; empty without one.
	TraceHeader string
	// Attrs are added to log records.
	Attrs []slog.Attr
	// Substitute replaces operations; nil but in tests.
	Substitute substitute.Func
	// Quota is what the execution may have.
	Quota     quota.Quota
	Durations *Durations
	// Observer sees what happens; nil for none.
	Observer Observer
	// Rehearsal, if not nil, has the invocation send nothing and run no body, and takes in what was
	// found; see there.
	Rehearsal *Rehearsal
	// Input makes the input of the handler, which decode fills, given a pointer.
	Input func(decode func(v any) error) (any, error)
	// Handler runs the function's code with it.
	Handler func(ctx op.Context, input any) (any, error)
}

// Outcome is what an invocation answers with.
type Outcome struct {
	Status  checkpoint.OutcomeStatus
	Payload []byte
	Failure *checkpoint.Failure
	// Err ends the invocation with an error instead: the service invokes again.
	Err error

	// closed is Failure as the log keeps it, and closedErr what the service gets of Err, if errors
	// pass a codec.
	closed    *checkpoint.Failure
	closedErr error
	// cause is that of the contexts that end with the invocation; nil for the usual one.
	cause error

	// Operations is how many the log holds; zero if that is not known.
	Operations int
	// Held, unless nil, is why the invocation had the execution paused.
	Held error

	// from is what Failure was made from.
	from error
	// hold says that the execution is to be paused because of Err, repeat that the handler returned
	// Err to be invoked again.
	hold, repeat bool
	// Left says what had not ended when the invocation's grace was over; nil if everything has.
	Left error
}

// Answer encodes an outcome.
func (o *Outcome) Answer() ([]byte, error) {
	if o.Err != nil {
		return nil, cmp.Or(o.closedErr, o.Err)
	}
	failure := o.Failure
	if o.closed != nil {
		failure = o.closed
	}
	return checkpoint.EncodeOutcome(checkpoint.Outcome{Status: o.Status, Result: o.Payload, Failure: failure})
}

// facts are what an invocation knows from the beginning.
type facts struct {
	Run

	cfg *Config
	// fresh are the operations that the service changed since the last invocation; nil if it does
	// not say.
	fresh map[string]bool
}

// invocation is one run of a handler. What is not a fact is touched with the turn alone.
//
// Its methods are how it begins and ends and whom it wakes; more than a few, for everything is part
// of it. What happens when nothing can run is a [loop].
type invocation struct {
	facts

	contexts

	turn *turn.Turn
	log  *oplog.Log
	calls
	poll  poll
	usage usage
	waits waits
	// claims counts the operations that were claimed: bodies begin in this order.
	claims uint64
	// claimers is how many scopes have claimed something.
	claimers oplog.Claimer
	// reporter is the fiber that reports to the observer what events have brought; nil if there is
	// none.
	reporter *fiber
	// named are the registrations that recorded errors have named so far.
	named  map[string]bool
	warned bool // that handler code waits for something other than an operation
	end    ending
}

// contexts are those of an invocation.
type contexts struct {
	ctx    context.Context //nolint:containedctx // the invocation's own
	cancel context.CancelCauseFunc
	// callCtx is that of checkpoint calls: they end with the invocation, not with its outcome.
	callCtx context.Context //nolint:containedctx // see there
}

// calls is what goes to the service.
type calls struct {
	out  outbox.Queue
	send sender
	trip trip
	hold timer // of held updates
	// heldOver is called when the time of the first of them is over. It is made once, and not for
	// each update that is held.
	heldOver func()
	// relaxed is the number of the last update that no strict body may overtake.
	relaxed uint64
}

// ending is how an invocation ends.
type ending struct {
	// fixed is the outcome: the first one counts, whoever decides it.
	fixed atomic.Pointer[Outcome]
	// decided is closed when it is fixed, idle when, moreover, nothing of the invocation is left.
	answered, idle chan struct{}
	// fatal is set by goroutines without the turn that have fixed the outcome or are about to.
	fatal atomic.Bool
	// saying is how many records are being logged, or wait for the one before.
	saying atomic.Int64
	// words are what is logged in this order.
	words words
	// operations is how many the log held when the invocation was closed.
	operations atomic.Int64

	// With the turn.
	closing bool
	left    bool // idle is closed
	// handled is set when the handler is through, with result.
	handled bool
	result  Outcome
	root    *fiber
	// continued is what the handler has asked last to be continued with; nil if it has not.
	continued *Continuation
}

// Invoke runs an invocation until its outcome is known and everything of it has ended, or its grace
// is over.
func Invoke(ctx context.Context, cfg *Config, r Run) Outcome {
	inv := &invocation{facts: facts{Run: r, cfg: cfg}, log: r.Log}
	inv.ctx, inv.cancel = context.WithCancelCause(ctx)
	inv.callCtx = ctx
	inv.turn = turn.New(loop{inv})
	inv.waits.records, inv.waits.undoing = make(map[string][]*fiber), make(map[string]*fiber)
	inv.end.answered, inv.end.idle = make(chan struct{}), make(chan struct{})
	inv.heldOver = func() { inv.hold.disarm = nil }
	inv.send = sender{client: r.Client, clock: r.Clock, arn: r.ARN, token: r.Token, replied: inv.replied}
	if len(r.Updated) > 0 {
		inv.fresh = make(map[string]bool, len(r.Updated))
		for _, id := range r.Updated {
			inv.fresh[id] = true
		}
	}
	cut := context.AfterFunc(ctx, func() {
		inv.endWith(Outcome{Err: fmt.Errorf("replay: the invocation's time is over: %w", context.Cause(ctx))})
	})
	warned := watchDeadline(inv) // before anything runs, which may take until then
	inv.turn.Post(inv.begin)
	<-inv.end.answered
	warned()
	cut()
	o := *inv.end.fixed.Load()
	o.Left = inv.join()
	if o.hold {
		hold(ctx, inv, &o)
	}
	sayFailed(ctx, inv, &o)
	sayRepeated(ctx, inv, &o)
	sayCallFailed(ctx, inv, &o)
	closeOutcome(ctx, inv, &o)
	o.Operations = int(inv.end.operations.Load())
	return o
}

// begin begins the handler.
func (inv *invocation) begin() {
	inv.usage = usageOf(inv)
	warnOfUsage(inv)
	root := newRootScope(inv)
	h := funcs{func(*fiber) { inv.handle(root) }, func(err error) {
		if err != nil {
			inv.finish(Outcome{Status: checkpoint.OutcomeFailed, Failure: inv.cfg.endFailure(err), from: err})
		}
	}}
	inv.end.root = inv.spawn(nil, nil, "", h)
	root.sit(inv.end.root)
}

// handle runs the handler and notes how it ended. The invocation answers with it when nothing is
// queued any more.
func (inv *invocation) handle(root *scope) {
	f := root.f
	var v any
	in, err := decodeInput(inv, root)
	if err != nil && root.unclaimed() > 0 {
		root.diverge(unreadableInput(root, err))
	}
	if err == nil {
		v, err = runScope(f, scopeFunc(func(s node.Scope) (any, error) {
			return inv.Handler(op.NewContext(s), in)
		}), &Handle{s: root, ctx: root.ctx})
		if err = regained(f, err); asksForRepeat(err) {
			inv.finish(repeated(root, err))
			return
		}
	}
	o := Outcome{Status: checkpoint.OutcomeSucceeded}
	next, err := inv.continuation(err)
	if next != nil {
		o.Payload, err = startSuccessor(root, next)
	}
	err = root.close(err)
	if err == nil && next == nil {
		o.Payload, err = encodeResult(inv, root, v)
	}
	if _, large := o.Answer(); err == nil && errors.Is(large, checkpoint.ErrTooLarge) {
		err = inv.fits("result of the handler", o.Payload) // it would be stored
	}
	if err != nil {
		o = Outcome{
			Status: checkpoint.OutcomeFailed, from: err,
			Failure: withoutCallback(plainFailure(f, handlerMeta(inv, codec.PartFailure), err, nil)),
		}
	}
	if _, err = o.Answer(); errors.Is(err, checkpoint.ErrTooLarge) {
		u := checkpoint.Update{
			ID: inv.Execution.ID, Kind: checkpoint.KindExecution, Action: checkpoint.ActionSucceed,
			Payload: checkpoint.NewPayload(o.Payload),
		}
		f.awaitAck(root, nil, inv.out.Add(u, time.Time{}))
		o.Payload = []byte{}
	}
	inv.finish(o)
}

// finish notes how the handler ended.
func (inv *invocation) finish(o Outcome) { inv.end.handled, inv.end.result = true, o }

// endWith fixes the outcome, unless it is fixed. It needs no turn.
func (inv *invocation) endWith(o Outcome) {
	inv.end.fatal.Store(true)
	if inv.end.fixed.CompareAndSwap(nil, &o) {
		inv.turn.Post(inv.close)
		close(inv.end.answered)
	}
}

// fail ends the execution as FAILED, whatever user code does with errors it may still see.
func (inv *invocation) fail(err error) {
	if d, ok := err.(*diverged); ok { //nolint:errorlint // ours, never wrapped
		err = inv.cfg.Diverged(inv.advised(d.Divergence))
		if inv.cfg.Hold {
			inv.endWith(Outcome{Err: err, hold: true})
			return
		}
		failure := inv.cfg.endFailure(err)
		failure.Type = nonDeterministic
		inv.endWith(Outcome{Status: checkpoint.OutcomeFailed, Failure: failure, from: err})
		return
	}
	inv.endWith(Outcome{Status: checkpoint.OutcomeFailed, Failure: inv.cfg.endFailure(err), from: err})
}

// close ends everything that is left once the outcome is fixed. Contexts end first, so that
// goroutines that listen to them are free when the parked ones go.
func (inv *invocation) close() {
	if inv.end.closing {
		return
	}
	inv.end.closing = true
	inv.end.operations.Store(int64(inv.log.Len()))
	inv.out.Clear()
	inv.hold.stop()
	inv.poll.stop()
	o := inv.end.fixed.Load()
	cause := o.cause
	switch {
	case cause != nil:
	case o.Err == nil && o.Status == checkpoint.OutcomePending:
		cause = errSuspended
	default:
		cause = errEnded
	}
	inv.cancel(cause)
	if inv.end.root != nil {
		inv.end.root.End(false)
		inv.end.root.Release()
	}
	if inv.reporter != nil {
		inv.reporter.End(false)
	}
	inv.send.close()
}

// join waits until nothing of the invocation is left, at most the grace, and reports what is.
func (inv *invocation) join() error {
	select {
	case <-inv.end.idle:
		return nil
	default:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(inv.ctx), inv.cfg.Grace)
	defer cancel()
	select {
	case <-inv.end.idle:
		return nil
	case <-grace.Done():
		_, left := stacks.OfUsers(ownGoroutines(inv))
		sayLast(inv, func(l *slog.Logger) {
			l.Warn("goroutines of the handler did not end with the invocation", stackAttr([]byte(stacks.Text(left, mostStack))))
		})
		return errLeft
	}
}

// sayLast has write log when the invocation is over, and waits a moment for it: the handler of log
// records is the user's and may block.
func sayLast(inv *invocation, write func(l *slog.Logger)) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		_ = Guard(func() { write(loggerOf(inv)) })
	}()
	last, over := context.WithTimeout(context.WithoutCancel(inv.ctx), lastWords)
	defer over()
	select {
	case <-said:
	case <-last.Done():
	}
}

// over reports whether the outcome is fixed.
func (inv *invocation) over() bool { return inv.end.fatal.Load() }

// due returns when an update that is held back is due; zero is now.
func (inv *invocation) due(hold time.Duration) time.Time {
	if hold <= 0 {
		return time.Time{}
	}
	return inv.Clock.Now().Add(hold)
}

// timer is a timer of the invocation's clock.
type timer struct {
	at     time.Time
	disarm func() bool
}

// set has the event posted at a time, and not at the one it was set to before.
func (t *timer) set(inv *invocation, at time.Time, event func()) {
	if t.disarm != nil && t.at.Equal(at) {
		return
	}
	t.stop()
	t.at = at
	t.disarm = inv.Clock.AfterFunc(at.Sub(inv.Clock.Now()), func() { inv.turn.Post(event) })
}

func (t *timer) stop() {
	if t.disarm != nil {
		t.disarm()
		t.disarm = nil
	}
}
