package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

// chaos is a function that makes random calls, most of them wrong, and keeps the log as it was
// reported. Everything it does depends on the seed alone.
type chaos struct {
	t       *testing.T
	r       *rand.Rand
	store   *local.MemoryStore
	clock   *local.VirtualClock
	service *local.Service
	e       *local.Execution
	calls   int
	// accepted and refused count calls.
	accepted, refused int
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{t: t, r: rand.New(rand.NewPCG(seed, 1)), store: local.NewMemoryStore(), calls: 60}
	c.service, c.clock = newVirtual(t,
		local.WithStore(c.store),
		local.WithLimits(local.Limits{Operations: 40, PageItems: 1 + c.r.IntN(5)}),
		local.WithExecutionTimeout(time.Duration(1+c.r.IntN(200))*time.Second),
	)
	c.clock.Shuffle(seed)
	if err := c.service.Host("target", echo, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	c.e = begin(t, c.service, function(c.invoke), `{}`)
	return c
}

func (c *chaos) chance(percent int) bool { return c.r.IntN(100) < percent }

func pick[T any](c *chaos, values ...T) T { return values[c.r.IntN(len(values))] }

// invoke is one invocation.
func (c *chaos) invoke(k *talk) (string, error) {
	told := map[string]checkpoint.Operation{}
	merge := func(ops []checkpoint.Operation) {
		for _, op := range ops {
			told[op.ID] = op
		}
	}
	inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
	if err != nil {
		return "", err
	}
	ops, err := checkpoint.LoadState(k.ctx, k.client, inv)
	if err != nil {
		return "", err
	}
	merge(ops)
	for c.calls > 0 && !c.chance(10) {
		c.calls--
		if c.chance(30) {
			c.clock.Advance(time.Duration(c.r.IntN(4000)) * time.Millisecond)
		}
		if c.e.Status().Terminal() {
			return succeed(`"too late"`), nil
		}
		out, err := c.call(k)
		if err != nil {
			continue
		}
		merge(out.Operations)
		if k.token = out.Token; out.Token == "" {
			return `{"Status":"SUCCEEDED"}`, nil
		}
		for marker := out.NextMarker; marker != ""; {
			page, err := k.client.State(k.ctx, checkpoint.StateInput{ARN: inv.ARN, Token: k.token, Marker: marker})
			if err != nil {
				return "", err
			}
			merge(page.Operations)
			marker = page.NextMarker
		}
		c.checkTold(told)
	}
	switch {
	case c.calls == 0 && c.chance(50):
		return succeed(`"done"`), nil
	case c.chance(10):
		return "", errors.New("no")
	case c.chance(11):
		local.Kill(k.ctx)
		return "", nil
	case c.chance(5):
		return `{}`, nil
	}
	return pending, nil
}

// call makes a random call and checks that a refused one has changed nothing.
func (c *chaos) call(k *talk) (checkpoint.CheckpointOutput, error) {
	var updates []checkpoint.Update
	for range c.r.IntN(4) {
		updates = append(updates, c.update())
	}
	if c.chance(20) && len(updates) > 0 {
		updates = append(updates, updates[0])
		updates[len(updates)-1].Action = pick(c, checkpoint.ActionSucceed, checkpoint.ActionRetry)
	}
	ops, history := c.e.Operations(), c.e.History()
	next, _ := c.clock.Next()
	out, err := k.client.Checkpoint(k.ctx, checkpoint.CheckpointInput{
		ARN: k.event.DurableExecutionArn, Token: k.token, Updates: updates,
	})
	if err == nil {
		c.accepted++
		c.checkFinal(ops)
		return out, nil
	}
	c.refused++
	if message(err) == stale {
		c.t.Errorf("the token was refused: %v", err)
	}
	if after := c.e.Operations(); !slices.EqualFunc(ops, after, same) {
		c.t.Errorf("a refused call changed the log:\n%s", cmp.Diff(ops, after))
	}
	if len(c.e.History()) != len(history) {
		c.t.Error("a refused call made an event")
	}
	if after, _ := c.clock.Next(); !after.Equal(next) {
		c.t.Error("a refused call moved a timer")
	}
	return out, err
}

func (c *chaos) update() checkpoint.Update {
	id := pick(c, "a", "b", "c", "d", "e", "f", "g", "h")
	kinds := []checkpoint.Kind{
		checkpoint.KindStep, checkpoint.KindStep, checkpoint.KindContext, checkpoint.KindWait,
		checkpoint.KindCallback, checkpoint.KindChainedInvoke,
	}
	u := update(kinds[id[0]%6], pick(c, checkpoint.ActionStart, checkpoint.ActionStart,
		checkpoint.ActionSucceed, checkpoint.ActionFail, checkpoint.ActionRetry, checkpoint.ActionCancel), id)
	if u.Action == checkpoint.ActionStart || c.chance(5) {
		u.Wait, u.Timeout = time.Duration(c.r.IntN(5))*time.Second, time.Duration(c.r.IntN(5))*time.Second
		u.Heartbeat = time.Duration(c.r.IntN(5)) * time.Second
		u.Function = pick(c, "target", "absent", "")
	}
	if u.Action == checkpoint.ActionRetry || c.chance(5) {
		u.NextAttemptDelay = time.Duration(c.r.IntN(5)) * time.Second
	}
	if u.Action == checkpoint.ActionFail || c.chance(20) {
		u.Failure = &checkpoint.Failure{Message: "no"}
	} else if c.chance(50) {
		u.Payload = checkpoint.TextPayload("1")
	}
	if id >= "e" && c.chance(90) {
		u.ParentID = pick(c, "b", "h") // contexts have these IDs
	}
	if c.chance(2) {
		return checkpoint.Update{ID: pick(c, "x", "a"), Kind: checkpoint.KindExecution, Action: u.Action, Payload: u.Payload}
	}
	if c.chance(3) {
		u.Name = pick(c, "", "other", "\x00")
	}
	return u
}

// checkTold compares what the function was given with the log.
func (c *chaos) checkTold(told map[string]checkpoint.Operation) {
	for _, op := range c.e.Operations() {
		got, ok := told[op.ID]
		if !ok && op.ParentID != "" {
			continue // hidden in a finished context
		}
		if op.Kind != checkpoint.KindExecution && !same(op, got) {
			c.t.Errorf("the function has been sent something else (-log +sent):\n%s", cmp.Diff(op, got))
		}
	}
}

// checkFinal says that finished operations never change.
func (c *chaos) checkFinal(before []checkpoint.Operation) {
	after := c.e.Operations()
	for i, op := range before {
		if op.Status.Terminal() && !same(op, after[i]) {
			c.t.Errorf("a finished operation has changed from %+v to %+v", op, after[i])
		}
	}
}

// checkValid checks what holds of every log, and that the store holds the same.
func (c *chaos) checkValid() {
	ops := c.e.Operations()
	snapshot, err := c.store.Load(c.e.ARN())
	if err != nil {
		c.t.Fatal(err)
	}
	var due []local.Timer
	known := map[string]checkpoint.Operation{}
	for i, op := range ops {
		if stored := snapshot.Records[i].Operation; !same(op, stored) {
			c.t.Errorf("the store holds something else (-log +store):\n%s", cmp.Diff(op, stored))
		}
		if op.Status.Terminal() == op.End.IsZero() {
			c.t.Errorf("%s is %s and ended at %v", op.ID, op.Status, op.End)
		}
		if op.ParentID != "" && known[op.ParentID].Kind != checkpoint.KindContext {
			c.t.Errorf("%s has the parent %q, a %q", op.ID, op.ParentID, known[op.ParentID].Kind)
		}
		known[op.ID] = op
		switch {
		case op.Status == checkpoint.StatusPending:
			due = append(due, local.Timer{TimerKey: local.TimerKey{Operation: op.ID, Purpose: local.PurposeAttempt}, At: op.Due})
		case op.Kind == checkpoint.KindWait && op.Status == checkpoint.StatusStarted:
			due = append(due, local.Timer{TimerKey: local.TimerKey{Operation: op.ID, Purpose: local.PurposeWait}, At: op.Due})
		case op.Kind != checkpoint.KindWait && !op.Due.IsZero():
			c.t.Errorf("%s is %s and has a next attempt", op.ID, op.Status)
		}
	}
	if c.e.Status().Terminal() {
		due = nil
	}
	for _, timer := range snapshot.Timers {
		if op, ok := known[timer.Operation]; ok && op.Status.Terminal() {
			c.t.Errorf("the timer %+v is left of an operation that is %s", timer, op.Status)
		}
	}
	for _, timer := range due {
		if !slices.Contains(snapshot.Timers, timer) {
			c.t.Errorf("the timer %+v is not in the store: %+v", timer, snapshot.Timers)
		}
	}
	events, err := c.store.Events(c.e.ARN(), 0, 0)
	if err != nil || len(events) != len(c.e.History()) {
		c.t.Errorf("the store holds %d events of %d, %v", len(events), len(c.e.History()), err)
	}
	for i, ev := range events {
		if ev.ID != i+1 {
			c.t.Errorf("event %d has the ID %d", i+1, ev.ID)
		}
	}
}

// same is cmp.Equal, but fast.
func same(a, b checkpoint.Operation) bool {
	return reflect.DeepEqual(a, b) || cmp.Equal(a, b)
}

// run drives the execution to its end, answering callbacks at random.
func (c *chaos) run() {
	for range 1000 {
		if err := c.e.RunUntilSuspended(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
		c.checkValid()
		if c.e.Status().Terminal() {
			return
		}
		for _, op := range c.e.Operations() {
			if op.Kind == checkpoint.KindCallback && op.Status == checkpoint.StatusStarted && c.chance(30) {
				if err := c.service.CompleteCallback(op.CallbackID, []byte("1")); err != nil {
					c.t.Error(err)
				}
			}
		}
		if at, ok := c.clock.Next(); ok {
			c.clock.AdvanceTo(at)
		}
	}
	c.t.Errorf("the execution has not ended: %v", c.e.Operations())
}

// TestRandomCalls says that no sequence of calls brings an execution into a state that is not
// valid, that refused calls change nothing, and that the function is always given all of it.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	var accepted, refused, events int
	statuses := map[string]int{}
	for seed := range uint64(draws.Count(300)) {
		c := newChaos(t, seed)
		c.run()
		accepted, refused, events = accepted+c.accepted, refused+c.refused, events+len(c.e.History())
		statuses[string(c.e.Status())]++
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
	t.Logf("%d calls were accepted and %d refused, %d events; executions ended %v", accepted, refused, events, statuses)
	if accepted < refused/10 || refused < accepted/10 {
		t.Error("the calls are not random enough")
	}
}

// TestSameSeedMakesTheSameHistory says that under a virtual clock nothing is left to chance.
func TestSameSeedMakesTheSameHistory(t *testing.T) {
	t.Parallel()
	history := func(seed uint64) string {
		c := newChaos(t, seed)
		c.run()
		b, err := json.MarshalIndent(c.e.History(), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Appendln(nil, c.e.ARN(), string(b))
		for _, call := range c.e.CheckpointCalls() {
			text = fmt.Appendln(text, call.Invocation, call.Number, call.Token, len(call.Updates), shown(call.Operations), call.Err)
		}
		return string(text)
	}
	for seed := range uint64(draws.Count(30)) {
		if diff := cmp.Diff(history(seed), history(seed)); diff != "" {
			t.Fatalf("seed %d makes two histories:\n%s", seed, diff)
		}
	}
}

// FuzzRandomCalls is TestRandomCalls with seeds from the fuzzer.
func FuzzRandomCalls(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { newChaos(t, seed).run() })
}
