package replaytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// functionTimeout is the deadline of invocations in schedules that let it pass.
const functionTimeout = 10 * time.Second

// patience is how long, in real time, an execution may take before it counts as hanging.
const patience = time.Minute

// mostInvocations is how many invocations the undisturbed execution may need before it counts as making no
// progress.
const mostInvocations = 1000

// lateness is how long, in real time, a body is held back that is to end after those beside it.
const lateness = 2 * time.Millisecond

// trial is one execution under a schedule.
type trial struct {
	k    *kit
	plan schedule
	err  error

	status  local.Status
	result  []byte
	failure string

	mu sync.Mutex // guards what follows
	// calls numbers the calls, by invocation and number in it.
	calls map[[2]int]int
	fired map[fault]bool
	// bodies are the runs of bodies, crashes the calls of Crash, as "path@run".
	bodies, crashes []string
	crashed         map[string]int
	perAttempt      map[string]int
	strict          map[string]bool // at most once, by path
	interrupted     bool
	states          map[uint64]bool
	// untoken says that the reply that is on its way loses its token, tardy that it is slow.
	untoken, tardy bool
	// most is how many records the largest event has held.
	most int
	// orphan says that the function got no token, hasty that one has suspended for that.
	orphan, hasty bool
	// parents are those of the operations that the log has come to, over the groups among them that have
	// ended, and belated is an update below one of these; empty for none.
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
		plan: plan, calls: make(map[[2]int]int), fired: make(map[fault]bool), crashed: make(map[string]int),
		perAttempt: make(map[string]int), strict: make(map[string]bool), states: x.states,
		parents: make(map[string]string), over: make(map[string]bool),
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
		inner := node.SubstituteFrom(ctx)
		ctx = node.WithSubstitute(ctx, func(path string, n node.Node) node.Node {
			if s, ok := n.(*node.Step); ok && s.Config.Semantics == node.AtMostOnce {
				t.note(func() { t.strict[path] = true })
			}
			return inner(path, n)
		})
		if c, ok := checkpoint.ClientFrom(ctx); ok {
			ctx = checkpoint.WithClient(ctx, &forgetful{Client: c, t: t})
		}
		t.given(event)
		out, err := x.f.Invoke(context.WithValue(ctx, crashKey{}, t.crash), event)
		t.answered(out, err)
		return out, err
	}), local.Faults{Fail: t.fail, Lose: t.lose, Duplicate: t.duplicate, Committed: t.committed})
	t.k.body, t.k.waits, t.k.rest = t.body, t.waits, t.rest
	ctx, cancel := context.WithTimeout(x.tb.Context(), patience)
	defer cancel()
	if t.err == nil {
		t.err = t.k.start(ctx, x.input)
	}
	if t.err == nil {
		t.err = t.k.drive(ctx)
	}
	if t.k.exec != nil {
		t.status, t.result = t.k.exec.Status(), t.k.exec.Result()
		if f := t.k.exec.Failure(); f != nil {
			t.failure = f.Type + ": " + f.Message
		}
	}
	t.interrupted = t.interrupted || t.hasty && t.k.beside
	t.err = errors.Join(t.err, t.k.svc.Close())
	for s := range t.k.used {
		x.used[s] = true
	}
	return t
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
	t.fired[fault{place, at, how}] = true
	return true
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
	if p.Moment == local.Answer {
		t.answers(during)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch p.Moment {
	case local.Begin:
		return t.meets(atInvocation, strconv.Itoa(p.Invocation), lostBefore)
	case local.Answer:
		return t.meets(atInvocation, strconv.Itoa(p.Invocation), lostAfter)
	case local.BeforeCall:
		return t.meets(atCall, t.number(p), lostBefore)
	case local.AfterCall:
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
	if !t.ours(p) || p.Moment != local.BeforeCall && p.Moment != local.AfterCall {
		return nil
	}
	n := t.number(p)
	busy := &checkpoint.APIError{Call: p.API, HTTPStatus: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
	switch {
	case p.Moment == local.AfterCall && t.meets(atCall, n, replyLost):
		return errors.New("connection reset by peer")
	case p.Moment == local.BeforeCall && t.meets(atCall, n, stale):
		return &checkpoint.APIError{
			Call: p.API, HTTPStatus: 400, Code: "InvalidParameterValueException", Message: "Invalid checkpoint token",
		}
	case p.Moment == local.BeforeCall && t.meets(atCall, n, throttled):
		return busy
	case p.Moment == local.BeforeCall && p.API == callState && t.once(atPage, strconv.Itoa(t.plan.page()), throttled):
		return busy
	case p.Moment == local.BeforeCall && p.API == callState:
		t.meets(atPage, strconv.Itoa(t.plan.page()), split)
	case p.Moment == local.AfterCall && p.API != callState && t.meets(atCall, n, tokenless):
		t.untoken = true
	case p.Moment == local.AfterCall && p.API != callState && t.meets(atCall, n, slow):
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

// forgetful is a client whose replies may be slow or lose their token.
type forgetful struct {
	checkpoint.Client

	t *trial
}

// Checkpoint implements checkpoint.Client.
func (c *forgetful) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := c.Client.Checkpoint(ctx, in)
	var tardy bool
	c.t.note(func() { tardy, c.t.tardy = c.t.tardy, false })
	if tardy {
		wait()
	}
	c.t.note(func() {
		if err == nil && c.t.untoken {
			c.t.untoken, c.t.orphan, out.Token, out.NextMarker = false, true, "", ""
		}
	})
	return out, err
}

// given notes how many records an event holds.
func (t *trial) given(event []byte) {
	if e, err := checkpoint.DecodeInvocation(event); err == nil {
		t.note(func() { t.most = max(t.most, len(e.Operations)) })
	}
}

// records is how many records the largest event or reply of an undisturbed execution has held, which is not
// split into pages.
func (t *trial) records() int {
	n := t.most
	for _, c := range t.k.exec.CheckpointCalls() {
		n = max(n, len(c.Operations))
	}
	return n
}

// answered notes that a function without a token has suspended. What ran beside goes on when a timer fires,
// which may win a race or change what depends on the time.
func (t *trial) answered(out []byte, err error) {
	t.note(func() {
		t.hasty = t.hasty || t.orphan && err == nil && bytes.Contains(out, []byte(`"`+checkpoint.OutcomePending+`"`))
		t.orphan = false
	})
}

// committed looks at what the log has come to.
func (t *trial) committed(p local.Point) {
	if !t.ours(p) {
		return
	}
	for _, u := range p.Updates {
		if u.Kind == checkpoint.KindStep && u.Action != checkpoint.ActionStart {
			t.turns.recorded(spelled(t.k.path(checkpoint.Operation{ID: u.ID, Name: u.Name})))
		}
	}
	h := fnv.New64a()
	for _, rec := range t.k.exec.Operations() {
		fmt.Fprintf(h, "%s %s %d\n", rec.ID, rec.Status, rec.Attempt)
	}
	t.note(func() {
		t.states[h.Sum64()] = true
		for _, u := range p.Updates {
			t.ends(u)
			if f := u.Failure; f != nil && (f.Type == "Interrupted" || strings.Contains(f.Data, `"name":"Interrupted"`)) {
				t.interrupted = true
			}
		}
	})
}

// ends notes what an update says of groups, branches and batches that have ended: what is below them
// was left behind then, and writes nothing more but the cancelling of waits. Called with the lock.
func (t *trial) ends(u checkpoint.Update) {
	t.parents[u.ID] = u.ParentID
	for id := u.ParentID; id != "" && u.Action != checkpoint.ActionCancel; id = t.parents[id] {
		if t.over[id] && t.belated == "" {
			t.belated = fmt.Sprintf("%s of %q was written after the end of what it was started in",
				u.Action, t.k.path(checkpoint.Operation{ID: u.ID, Name: u.Name}))
		}
	}
	if u.Kind == checkpoint.KindContext && u.Action != checkpoint.ActionStart {
		t.over[u.ID] = true
	}
}

// answers answers the callbacks that the schedule has answered at this moment.
func (t *trial) answers(how string) {
	if !t.plan.any(how) || t.k.exec == nil {
		return
	}
	for _, r := range t.k.cfg.replies {
		if !t.plan.has(atCallback, spelled(r.path), how) {
			continue
		}
		if done, _ := t.k.replyTo(r); done {
			t.note(func() { t.meets(atCallback, spelled(r.path), how) })
		}
	}
}

// waits reports whether a callback is to be answered later than when the function has suspended.
func (t *trial) waits(r reply) (held bool) {
	t.note(func() {
		held = t.plan.has(atCallback, spelled(r.path), after) && !t.fired[fault{atCallback, spelled(r.path), after}]
	})
	return held
}

// rest lets half of the time until the next timer pass if a callback is to be answered then.
func (t *trial) rest() (passed bool) {
	for _, r := range t.k.cfg.replies {
		if _, open := t.k.open(r); !open || !t.waits(r) {
			continue
		}
		t.note(func() { t.meets(atCallback, spelled(r.path), after) })
		now := t.k.clock.Now()
		at, ok := t.k.clock.Next()
		if !ok {
			at = now.Add(time.Hour)
		}
		t.k.clock.AdvanceTo(now.Add(at.Sub(now) / 2)) //nolint:mnd // half of it
		passed = true
	}
	return passed
}

// body runs a body, or not.
func (t *trial) body(ctx context.Context, path string, run int, next func(context.Context) (any, error)) (any, error) {
	t.answers(early)
	at := spelled(path) + "@" + strconv.Itoa(run)
	info, _ := op.InfoFrom(ctx)
	var never, begun, ends, over, slow bool
	t.note(func() {
		t.bodies = append(t.bodies, at)
		never, ends = t.meets(atBody, at, lostBefore), t.meets(atBody, at, lostAfter)
		begun = t.meets(atBody, at, lostBegun)
		over, slow = t.meets(atBody, at, deadline), t.meets(atBody, at, late)
		if !never && !begun {
			t.perAttempt[path+" attempt "+strconv.Itoa(info.Attempt)]++
		}
	})
	if begun {
		t.begin(info.ID)
	}
	if (never || begun) && local.Kill(ctx) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if d, ok := ctx.Deadline(); over && ok {
		t.k.clock.AdvanceTo(d)
		<-ctx.Done()
	}
	if slow {
		wait()
	}
	if t.plan.any(deadline) {
		ctx = timeless{ctx}
	}
	v, err := next(ctx)
	t.meeting.join(at)
	if t.turns.take(at) {
		t.note(func() { t.meets(atOrder, strings.Join(t.plan.order(), before), kept) })
	}
	if ends && local.Kill(ctx) {
		<-ctx.Done()
	}
	return v, err
}

// begin lets so much time pass that the START of a step is sent while its body runs.
func (t *trial) begin(id string) {
	t.k.clock.Advance(lateness)
	t.k.clock.Advance(10 * lateness)
	for range 10 {
		if rec, ok := t.k.exec.Operation(id); ok && rec.Status == checkpoint.StatusStarted {
			return
		}
		wait()
	}
}

// wait lets others go on for a little real time.
func wait() {
	over := make(chan struct{})
	time.AfterFunc(lateness, func() { close(over) })
	<-over
}

// timeless is a context without a deadline: that of an invocation is one of the virtual clock, which
// the network and others would take for one of the real clock.
type timeless struct{ context.Context } //nolint:containedctx // the one it is

// Deadline tells of none.
func (timeless) Deadline() (time.Time, bool) { return time.Time{}, false }

// crash is asked at each call of Crash.
func (t *trial) crash(ctx context.Context, path string) bool {
	var dies bool
	t.note(func() {
		t.crashed[path]++
		at := spelled(path) + "@" + strconv.Itoa(t.crashed[path])
		t.crashes = append(t.crashes, at)
		dies = t.meets(atCrash, at, lost)
	})
	return dies && local.Kill(ctx)
}

// problem says what is wrong with a trial compared with the undisturbed one; empty for nothing.
func (x *explorer) problem(want, t *trial) string {
	if t.err != nil {
		return t.err.Error()
	}
	if !t.interrupted && !x.same(want, t) {
		return fmt.Sprintf("the result is %s, undisturbed it is %s", t, want)
	}
	losses := t.losses()
	for _, what := range sortedKeys(t.perAttempt) {
		path := what[:strings.LastIndex(what, " attempt ")]
		allowed := 1 + losses
		if t.strict[path] {
			allowed = 1
		}
		if n := t.perAttempt[what]; n > allowed {
			return fmt.Sprintf("the body of %q ran %d times in one attempt, of at most %d (%s)", path, n, allowed, what)
		}
	}
	if t.belated != "" {
		return t.belated
	}
	failed, allowed := 0, losses
	for _, e := range t.k.exec.History() {
		if e.Type == local.EventInvocationCompleted && e.Failure != nil {
			if failed++; failed > allowed {
				return fmt.Sprintf("an invocation failed that nothing had interrupted: %s: %s", e.Failure.Type, e.Failure.Message)
			}
		}
	}
	if n, most := t.k.exec.Invocations(), want.k.exec.Invocations()+3*len(t.fired)+3; n > most && !t.interrupted {
		return fmt.Sprintf("%d invocations, of at most %d", n, most)
	}
	if path, was, is := t.k.changedInput(); path != "" {
		return fmt.Sprintf("the input of %q%s was %s, and %s when the code was replayed: %s", path, t.k.at(path), was, is, causes)
	}
	return ""
}

// losses is how many interruptions took place that lose something.
func (t *trial) losses() (n int) {
	for f := range t.fired {
		if !f.harmless() {
			n++
		}
	}
	return n
}

// String is how the execution ended.
func (t *trial) String() string {
	if t.failure != "" {
		return string(t.status) + " " + t.failure
	}
	return string(t.status) + " " + string(t.result)
}
