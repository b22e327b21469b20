package replaytest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op/node"
)

// functionTimeout is the deadline of invocations in schedules that let it pass.
const functionTimeout = 10 * time.Second

// mostInvocations is how many invocations the undisturbed execution may need before it counts as
// making no progress.
const mostInvocations = 1000

// lateness is how long, in real time, a body is held back that is to end after those beside it.
const lateness = 5 * time.Millisecond

// trial is one execution under a schedule.
type trial struct {
	k    *kit
	ctx  context.Context //nolint:containedctx // of the test: hooks of the service have none
	plan schedule
	err  error

	status  local.Status
	result  []byte
	failure string
	// diverged says that it failed because the code was not that of the log.
	diverged bool

	mu sync.Mutex // guards what follows
	// calls numbers the calls, by invocation and number in it.
	calls map[[2]int]int
	fired map[fault]bool
	// last is the interruption, of those that may have an invocation fail, that took place last.
	last fault
	// bodies are the runs of bodies, ended those that have ended, in order, crashes the calls of
	// Crash, as "path@run".
	bodies, ended, crashes []string
	crashed                map[string]int
	perAttempt             map[string]int
	strict                 map[string]bool // at most once per attempt, by path
	interrupted            bool
	states                 map[uint64]bool
	// tardy says that the reply that is on its way is slow.
	tardy bool
	// wrong is what was wrong with what happened; empty for nothing.
	wrong string
	// events are those that the function was given, whole, without the second copy of one.
	events []occasion
	// most is how many records the largest event has held.
	most int
	// stuck are the texts that invocations have failed with because nothing was left to wait for.
	// No interruption is a reason for that.
	stuck map[string]bool
	// asked is how many invocations have failed because the handler asked for that.
	asked int
	// failures are those that were recorded.
	failures []report
	started  starts
	// asleep says that the execution was paused when an invocation ended, so that time is to pass
	// before it is resumed, overslept that some has passed: what runs beside may have ended in
	// another order then.
	asleep, overslept bool
	// parents are those of the operations that the log has reached, over the groups among them that
	// have ended, and belated is an update below one of these; empty for none.
	parents map[string]string
	over    map[string]bool
	belated string
	// meeting collects bodies that can run at the same time; nil for none.
	meeting *meeting
	turns   *turns // nil if bodies may end in any order
}

// try runs the function under a schedule.
func (x *explorer) try(plan schedule) *trial { return x.run(plan, nil) }

func (x *explorer) run(plan schedule, m *meeting) *trial {
	if x.cfg.explore.reset != nil {
		x.cfg.explore.reset()
	}
	t := &trial{
		ctx: x.tb.Context(), plan: plan, calls: make(map[[2]int]int), fired: make(map[fault]bool), crashed: make(map[string]int),
		stuck: make(map[string]bool), perAttempt: make(map[string]int), strict: make(map[string]bool), states: x.states,
		parents: make(map[string]string), over: make(map[string]bool), started: make(starts),
		meeting: m, turns: newTurns(plan.order()),
	}
	cfg := *x.cfg
	cfg.most = mostInvocations
	if x.usual > 0 {
		cfg.most = 2*x.usual + 50 //nolint:mnd // far more than problem allows
	}
	cfg.service = slices.Clip(cfg.service)
	if plan.any(deadline) {
		cfg.service = append(cfg.service, local.WithFunctionTimeout(functionTimeout))
	}
	if n := plan.page(); n > 0 {
		cfg.service = append(cfg.service, local.WithLimits(local.Limits{PageItems: n}))
	}
	t.k, t.err = newKit(&cfg, local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		inner := substitute.From(ctx)
		ctx = substitute.With(ctx, func(path string, n node.Node) node.Node {
			if s, ok := n.(*node.Step); ok && (s.Config.Semantics == node.AtMostOnce || s.Config.CountCrashes) {
				t.note(func() { t.strict[path] = true })
			}
			return inner(path, n)
		})
		if c, ok := checkpoint.ClientFrom(ctx); ok {
			ctx = checkpoint.WithClient(ctx, &tardy{Client: c, t: t})
		}
		if !t.mine(event) {
			return nil, errNotExplored
		}
		t.given(event)
		out, err := x.f.Invoke(context.WithValue(ctx, crashKey{}, t.crash), event)
		t.answered(err)
		return out, err
	}), local.Faults{Fail: t.fail, Lose: t.lose, Duplicate: t.duplicate, Committed: t.committed})
	t.k.body, t.k.waits, t.k.rest, t.k.resume, t.k.effects = t.body, t.waits, t.rest, t.resume, newEffects()
	t.k.budgeted = t.budgeted
	if t.err == nil {
		t.err = t.k.start(x.tb.Context(), x.input)
	}
	if t.err == nil {
		t.err = t.k.within(x.tb.Context(), cfg.limitOf(x.tb), t.k.drive)
	}
	if t.k.exec != nil {
		known := x.restore
		t.status, t.result = t.k.exec.Status(), plainResult(known, t.k.exec.ARN(), t.k.exec.Result())
		if f := t.k.exec.Failure(); f != nil {
			t.failure, t.diverged = f.Type+": "+plainMessage(known, t.k.exec.ARN(), f), diverges(f)
		}
	}
	if t.k.exec != nil { // nothing has begun if what the kit was given is wrong
		t.interrupted = t.overslept && t.k.beside || x.interrupted(t)
		x.uses(t.k.idle())
	}
	t.err = errors.Join(t.err, t.k.svc.Close())
	return t
}

// uses keeps of what was never used what this execution has not used either.
func (x *explorer) uses(unused []idle) {
	if x.idle == nil {
		x.idle = append([]idle{}, unused...)
		return
	}
	x.idle = slices.DeleteFunc(x.idle, func(i idle) bool {
		return !slices.ContainsFunc(unused, func(u idle) bool { return u.what == i.what })
	})
}

func (t *trial) note(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// meets reports whether the schedule interrupts here, and notes that it does. Called with the lock.
func (t *trial) meets(place, at, how string) bool {
	if !t.plan.has(place, at, how) {
		return false
	}
	f := fault{place, at, how}
	if t.fired[f] = true; f.failing() {
		t.last = f
	}
	return true
}

// budgeted reports whether the invocations that have failed in a row count as they do on AWS: if
// nothing has interrupted any, or if the last interruption was at a checkpoint call. Calls with
// updates have them counted from the beginning, so that at most the one that was lost there is not
// the function's own. After one elsewhere the count may hold several that the kit has lost.
func (t *trial) budgeted() (counts bool) {
	t.note(func() { counts = t.last == fault{} || t.last.place == atCall })
	return counts
}

// ours reports whether a point is one of the function under test, and not of one that it invokes.
func (t *trial) ours(p local.Point) bool { return t.k.exec != nil && t.k.exec.ARN() == p.ARN }

// number is the number of a call in the execution. Called with the lock.
func (t *trial) number(p local.Point) string {
	key := [2]int{p.Invocation, p.Call}
	if t.calls[key] == 0 {
		t.calls[key] = len(t.calls) + 1
	}
	return strconv.Itoa(t.calls[key])
}

// lose says where the function is lost.
func (t *trial) lose(p local.Point) bool {
	if !t.ours(p) {
		return false
	}
	t.answers(early)
	if p.Moment == local.MomentAnswer {
		t.answers(during)
	}
	t.pauses(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch p.Moment {
	case local.MomentBegin:
		return t.meets(atInvocation, strconv.Itoa(p.Invocation), lostBefore)
	case local.MomentAnswer:
		return t.meets(atInvocation, strconv.Itoa(p.Invocation), lostAfter)
	case local.MomentBeforeCall:
		return t.meets(atCall, t.number(p), lostBefore)
	case local.MomentAfterCall:
		return t.meets(atCall, t.number(p), lostAfter)
	}
	return false
}

func (t *trial) duplicate(p local.Point) bool {
	if !t.ours(p) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.meets(atInvocation, strconv.Itoa(p.Invocation), duplicate)
}

// fail says which calls fail, and how.
func (t *trial) fail(p local.Point) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ours(p) || p.Moment != local.MomentBeforeCall && p.Moment != local.MomentAfterCall {
		return nil
	}
	n := t.number(p)
	busy := &checkpoint.APIError{Call: p.API, HTTPStatus: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
	switch {
	case p.Moment == local.MomentAfterCall && t.meets(atCall, n, replyLost):
		return errors.New("connection reset by peer")
	case p.Moment == local.MomentBeforeCall && t.meets(atCall, n, stale):
		return &checkpoint.APIError{
			Call: p.API, HTTPStatus: 400, Code: "InvalidParameterValueException", Message: "Invalid checkpoint token",
		}
	case p.Moment == local.MomentBeforeCall && t.meets(atCall, n, throttled):
		return busy
	case p.Moment == local.MomentBeforeCall && p.API == callState && t.once(atPage, strconv.Itoa(t.plan.page()), throttled):
		return busy
	case p.Moment == local.MomentBeforeCall && p.API == callState:
		t.meets(atPage, strconv.Itoa(t.plan.page()), split)
	case p.Moment == local.MomentAfterCall && p.API != callState && t.meets(atCall, n, slow):
		t.tardy = true
	}
	return nil
}

// callState is the call that reads a page of the state.
const callState = "GetDurableExecutionState"

// once is meets for what happens one time only. Called with the lock.
func (t *trial) once(place, at, how string) bool {
	return !t.fired[fault{place, at, how}] && t.meets(place, at, how)
}

// tardy is a client whose replies may be slow.
type tardy struct {
	checkpoint.Client

	t *trial
}

// Unwrap returns the client itself.
func (c *tardy) Unwrap() checkpoint.Client { return c.Client }

// Checkpoint implements checkpoint.Client.
func (c *tardy) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := c.Client.Checkpoint(ctx, in)
	var late bool
	c.t.note(func() { late, c.t.tardy = c.t.tardy, false })
	if late {
		wait()
	}
	return out, err
}
